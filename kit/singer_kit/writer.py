"""Output of messages, many records at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder
from singer_sdk.singerlib import RecordMessage

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

FULL = 1 << 16


class Writer(MsgSpecWriter):
    """Writes records when 64 KiB of them are buffered, before the tap waits, and before any other message."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = bytearray()

    def write_message(self, message: Message) -> None:
        """Buffer a record, or write any other message at once."""
        encoder.encode_into(message.to_dict(), self._lines, -1)
        self._lines += b"\n"
        # Other messages are written at once, with the records before them, so that the next program gets them.
        if len(self._lines) >= FULL or not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Write the buffered records."""
        sys.stdout.buffer.write(self._lines)
        sys.stdout.buffer.flush()
        self._lines.clear()
