"""Singer messages in and out, https://sdk.meltano.com/en/latest/ (the SDK's own encoding, with what a join needs)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec

from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.messages import UNREADABLE, NumberedReader

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from standpipe_maps._kit.messages import Callbacks


class Line(msgspec.Struct):
    """A Singer message; what a record holds is read later, by who knows how much of it matters."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    schema: dict[str, Any] | None = None
    value: dict[str, Any] | None = None


LINES = msgspec.json.Decoder(Line, float_hook=Decimal)


class RawReader(NumberedReader[bytes]):
    """Reads bytes, and leaves every record as the bytes that it is."""

    on_failure: Callable[[], None]
    """Called before an error leaves ``process_lines``."""

    @property
    def default_input(self) -> IO[bytes]:
        """The bytes of standard input."""
        return sys.stdin.buffer

    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Give every message to the callback of its type.

        Raises:
            UserError: a line is no Singer message.
        """
        try:
            return super().process_lines(file_input, callbacks)
        except BaseException:
            self.on_failure()
            raise

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Return the message on a line, an empty one when there is none; numbers with a fraction as Decimal."""
        try:
            message = LINES.decode(line)
        except UNREADABLE:
            return {}
        found = msgspec.structs.asdict(message)
        return found | {"record": bytes(message.record) or None}


@contextmanager
def room(folder: Path) -> Iterator[IO[bytes]]:
    """A file to hold back in what is to be sent; it is gone when it is closed.

    Raises:
        UserError: the folder has no room for it.
    """
    try:
        # Closing it writes what is left, so that may fail once more: the refusal is made outside.
        with tempfile.TemporaryFile(dir=folder) as held:
            yield held
    except OSError as error:
        raise UserError(f"What is to be sent does not fit beside the store ({error.strerror}): make room.") from error


def release(held: IO[bytes], output: IO[bytes]) -> None:
    """Write all that was held back, from its beginning.

    Raises:
        UserError: nobody reads the output any more, or it has no room.
    """
    held.seek(0)
    try:
        shutil.copyfileobj(held, output)
        output.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        raise UserError(f"{_unsent(error)} no STATE was written, run again.") from error


def _unsent(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return "The target stopped reading before the end:"
    return f"What is sent cannot be written ({error.strerror}):"
