"""Plugins that run in the test's own process."""

from __future__ import annotations

import io
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.contrib.msgspec import MsgSpecWriter

if TYPE_CHECKING:
    from collections.abc import Iterator


class LineCollector(MsgSpecWriter):
    """Collects a tap's messages as lines of text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write_message(self, message: Any) -> None:
        """Append a message as a line."""
        self.lines.append(bytes(self.format_message(message)).decode().rstrip("\n") + "\n")


@contextmanager
def keep_signal_handlers() -> Iterator[None]:
    """Restore the signal handlers that the SDK replaces."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)


@contextmanager
def swap_streams(text: str) -> Iterator[io.BytesIO]:
    """Give a plugin this standard input; yield what takes its standard output."""
    output = io.BytesIO()
    written = io.TextIOWrapper(output, encoding="utf-8")
    stdin, stdout = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO(text.encode())), written
    try:
        with keep_signal_handlers():
            yield output
    finally:
        # Without it, the end of the wrapper would close what the test reads.
        written.detach()
        sys.stdin, sys.stdout = stdin, stdout
