"""How messages go out: many records at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder
from singer_sdk.singerlib import RecordMessage

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

FULL = 1 << 16


class Writer(MsgSpecWriter):
    """Writes records when there are 64 KiB of them, when the tap is about to wait, and before any other message."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = bytearray()

    def write_message(self, message: Message) -> None:
        """Put a message in the row."""
        encoder.encode_into(message.to_dict(), self._lines, -1)
        self._lines += b"\n"
        # Other messages go out at once: a STATE must not wait behind records that the next program needs.
        if len(self._lines) >= FULL or not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Write the values of the row."""
        sys.stdout.buffer.write(self._lines)
        sys.stdout.buffer.flush()
        self._lines.clear()
