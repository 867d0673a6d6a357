"""Singer lines in: https://hub.meltano.com/singer/spec."""

from __future__ import annotations

from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecReader, decoder
from singer_sdk.singerlib.exceptions import InvalidInputLine

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

#: By type of message, what it must have, and of which type that is.
PARTS: Mapping[str, Mapping[str, type]] = MappingProxyType(
    {
        "SCHEMA": {"stream": str, "schema": dict},
        "RECORD": {"stream": str, "record": dict},
        "STATE": {"value": dict},
        "ACTIVATE_VERSION": {},
        "BATCH": {"stream": str},
    }
)


class LineReader(MsgSpecReader):
    """Reads Singer lines. One that is none ends the run, named by its number: it may hold a person's data."""

    _number = 0

    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Give every message to the callback of its type.

        Raises:
            InvalidInputLine: a line is no Singer message.
        """
        try:
            return super().process_lines(file_input, callbacks)
        except UnicodeDecodeError:
            raise InvalidInputLine(f"The input is no UTF-8 after line {self._number}: check the tap.") from None

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Give the message on a line.

        Raises:
            InvalidInputLine: it is none.
        """
        self._number += 1
        try:
            message = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError):  # bytes that are no UTF-8 come as half characters in some locales
            message = None
        if not isinstance(message, dict) or not _is_whole(message):
            raise InvalidInputLine(
                f"Line {self._number} of the input is no Singer message: the tap's output was cut, or mixed with text."
            )
        return message


def _is_whole(message: Mapping[str, Any]) -> bool:
    parts = PARTS.get(str(message.get("type")))
    return parts is not None and all(isinstance(message.get(name), kind) for name, kind in parts.items())
