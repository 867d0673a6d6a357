"""Singer messages in, https://hub.meltano.com/singer/spec/ (the SDK's reader logs a line that it cannot read)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecReader
from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_PARTS: dict[str, dict[str, type]] = {
    "RECORD": {"stream": str, "record": dict},
    "SCHEMA": {"stream": str, "schema": dict},
    "STATE": {"value": dict},
}


class LineReader(MsgSpecReader):
    """Reads Singer lines. A line that is none ends the run, named by its number: it may hold a person's data."""

    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Give every message to the callback of its type.

        Raises:
            FatalAPIError: a line is no Singer message.
        """
        stats: Counter[str] = Counter()
        for number, line in _numbered(self.default_input if file_input is None else file_input):
            if message := self.deserialize_json(line):
                if not _is_whole(message) or message["type"] not in callbacks:
                    raise _refusal(number)
                callbacks[message["type"]](message)
                stats[message["type"]] += 1
            elif not line.isspace():
                raise _refusal(number)
        return stats

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Give the object on a line, an empty one when there is none."""
        try:
            message = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return {}
        return message if isinstance(message, dict) else {}


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            yield number, line
    except UnicodeDecodeError:
        raise _refusal(number + 1) from None


def _is_whole(message: dict[str, Any]) -> bool:
    parts = _PARTS.get(str(message.get("type")), {})
    return "type" in message and all(isinstance(message.get(name), type_) for name, type_ in parts.items())


def _refusal(number: int) -> FatalAPIError:
    return FatalAPIError(
        f"Line {number} of the input is no Singer message (cut off, mixed with text, or with NaN for a number): "
        "nothing is acknowledged, check the tap."
    )
