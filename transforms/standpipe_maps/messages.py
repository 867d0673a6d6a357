"""Singer messages in and out, https://sdk.meltano.com/en/latest/ (the SDK's own encoding, with what a join needs)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from standpipe_maps.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DECODER = msgspec.json.Decoder(float_hook=Decimal)


class Line(msgspec.Struct):
    """A Singer message; what a record holds is read later, by who knows how much of it matters."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    schema: dict[str, Any] | None = None
    value: dict[str, Any] | None = None


LINES = msgspec.json.Decoder(Line, float_hook=Decimal)
PARTS = {"RECORD": ("stream", "record"), "SCHEMA": ("stream", "schema"), "STATE": ("value",)}


class LineReader(GenericSingerReader[bytes]):
    """Reads Singer lines. A line that is none ends the run, named by its number: it may hold a person's data."""

    on_failure: Callable[[], None]
    """Called before an error leaves ``process_lines``."""

    @property
    def default_input(self) -> IO[bytes]:
        """The bytes of standard input."""
        return sys.stdin.buffer

    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Give every message to the callback of its type; a record comes as the bytes that it is.

        Raises:
            Refusal: a line is no JSON, no Singer message, or of a type that maps do not take.
        """
        try:
            return self._process(self.default_input if file_input is None else file_input, callbacks)
        except BaseException:
            self.on_failure()
            raise

    def _process(self, lines: IO[Any], callbacks: dict[str, Callable[[dict[str, Any]], None]]) -> Counter[str]:
        stats: Counter[str] = Counter()
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            message = self.deserialize_json(line, number)
            kind = message["type"]
            if kind not in callbacks or any(message[part] is None for part in PARTS.get(kind, ())):
                raise Refusal(f"Line {number} of the input is no Singer message that a map takes: check the tap.")
            callbacks[kind](message)
            stats[kind] += 1
        return stats

    def deserialize_json(self, line: bytes, number: int = 0) -> dict[str, Any]:
        """The message on a line; numbers with a fraction as Decimal.

        Raises:
            Refusal: it is none.
        """
        try:
            message = LINES.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(
                f"Line {number} of the input is no Singer message: the tap's output was cut, or mixed with text."
            ) from error
        return {
            "type": message.type,
            "stream": message.stream,
            "record": bytes(message.record) or None,
            "schema": message.schema,
            "value": message.value,
        }


@contextmanager
def room(folder: Path) -> Iterator[IO[bytes]]:
    """A file to hold back in what is to be sent; it is gone when it is closed.

    Raises:
        Refusal: the folder has no room for it.
    """
    try:
        # Closing it writes what is left, so that may fail once more: the refusal is made outside.
        with tempfile.TemporaryFile(dir=folder) as held:
            yield held
    except OSError as error:
        raise Refusal(f"What is to be sent does not fit beside the store ({error.strerror}): make room.") from error


def release(held: IO[bytes], output: IO[bytes]) -> None:
    """Write all that was held back, from its beginning.

    Raises:
        Refusal: nobody reads the output any more, or it has no room.
    """
    held.seek(0)
    try:
        shutil.copyfileobj(held, output)
        output.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        raise Refusal(f"{_unsent(error)} nothing is acknowledged, run again.") from error


def _unsent(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return "The target stopped reading before the end:"
    return f"What is sent cannot be written ({error.strerror}):"
