"""Reads Singer messages, https://hub.meltano.com/singer/spec/.

The SDK's reader would log a line that it cannot read.
"""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, AnyStr

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .json_types import JsonObject

    Callbacks = dict[str, Callable[[JsonObject], None]]

DECODER = msgspec.json.Decoder(float_hook=Decimal)
# msgspec's errors for text that is not JSON, for incomplete characters and for too deeply nested messages.
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_PARTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "RECORD": {"stream": str, "record": (dict, bytes)},
    "SCHEMA": {"stream": str, "schema": dict},
    "STATE": {"value": dict},
    "ACTIVATE_VERSION": {"stream": str},
    "BATCH": {"stream": str},
}


class NumberedReader(GenericSingerReader[AnyStr]):
    """Reads Singer lines. A wrong line ends the run with its number only, as its text may contain personal data."""

    def process_lines(self, file_input: IO[AnyStr] | None, callbacks: Callbacks) -> Counter[str]:
        """Pass every message to the callback of its type.

        Raises:
            UserError: a line is not a Singer message.
        """
        stats: Counter[str] = Counter()
        for number, line in _number_lines(self.default_input if file_input is None else file_input):
            # An empty line contains no message, so it does not end the run.
            if message := self.deserialize_json(line):
                if not _has_all_parts(message) or message["type"] not in callbacks:
                    raise _build_line_error(number)
                callbacks[message["type"]](message)
                stats[message["type"]] += 1
            elif not line.isspace():
                raise _build_line_error(number)
        return stats


class LineReader(NumberedReader[str]):
    """Reads text."""

    @property
    def default_input(self) -> IO[str]:
        """Standard input."""
        return sys.stdin

    def deserialize_json(self, line: str) -> JsonObject:
        """Return the object on a line, or an empty object for an empty line. Numbers with a fraction become Decimal."""
        try:
            message = DECODER.decode(line)
        except UNREADABLE:
            return {}
        return message if isinstance(message, dict) else {}


def _number_lines(lines: Iterable[AnyStr]) -> Iterator[tuple[int, AnyStr]]:
    # The error comes before its line is counted, so the wrong line is the next one.
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            yield number, line
    except UnicodeDecodeError:
        raise _build_line_error(number + 1) from None


def _has_all_parts(message: JsonObject) -> bool:
    parts = _PARTS.get(str(message.get("type")), {})
    return "type" in message and all(isinstance(message.get(name), type_) for name, type_ in parts.items())


def _build_line_error(number: int) -> UserError:
    return UserError(
        f"Line {number} of the input is not a Singer message (cut off, mixed with text, or with NaN for a number): "
        "no STATE was written, check the tap."
    )
