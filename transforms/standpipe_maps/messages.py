"""Reads and writes Singer messages: records stay bytes, and a file holds the output until the commit."""

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
from standpipe_maps._kit.json_types import JsonObject
from standpipe_maps._kit.messages import UNREADABLE, NumberedReader

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from standpipe_maps._kit.messages import Callbacks


class SingerLine(msgspec.Struct):
    """A Singer message. Its record stays JSON, because each map decodes only the members that it needs."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    schema: JsonObject | None = None
    value: JsonObject | None = None


LINES = msgspec.json.Decoder(SingerLine, float_hook=Decimal)


class RawReader(NumberedReader[bytes]):
    """A reader of bytes that leaves every record undecoded."""

    on_failure: Callable[[], None]
    """Called before ``process_lines`` raises an error."""

    @property
    def default_input(self) -> IO[bytes]:
        """The bytes of standard input."""
        return sys.stdin.buffer

    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Pass every message to the callback of its type.

        Raises:
            UserError: a line is not a Singer message.
        """
        try:
            return super().process_lines(file_input, callbacks)
        except BaseException:
            self.on_failure()
            raise

    def deserialize_json(self, line: bytes) -> JsonObject:
        """Return the message on a line, or an empty one for an empty line. Numbers with a fraction become Decimal."""
        try:
            message = LINES.decode(line)
        except UNREADABLE:
            return {}
        found = msgspec.structs.asdict(message)
        return found | {"record": bytes(message.record) or None}


@contextmanager
def open_spool(folder: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file for the messages to send. Closing it deletes it.

    Raises:
        UserError: the folder has no room for it.
    """
    try:
        # Closing the file writes its remaining buffer and may fail too, so the error is caught here.
        with tempfile.TemporaryFile(dir=folder) as spool:
            yield spool
    except OSError as error:
        raise UserError(
            f"The disk has no space for the records to send, next to the store ({error.strerror}): free some space."
        ) from error


def write_spool(spool: IO[bytes], output: IO[bytes]) -> None:
    """Write the spooled messages to the output.

    Raises:
        UserError: the target has stopped reading, or the output has no room.
    """
    spool.seek(0)
    try:
        shutil.copyfileobj(spool, output)
        output.flush()
    except OSError as error:
        # Python flushes the output again at exit, which would show a second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        reason = f"The output cannot be written ({error.strerror})"
        if isinstance(error, BrokenPipeError):
            reason = "The target stopped reading before the end"
        raise UserError(f"{reason}: no STATE was written, run again.") from error
