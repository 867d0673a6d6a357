"""The business clock: it moves only when it is advanced."""

from __future__ import annotations

from email.utils import formatdate

START = 1_768_478_400
"""2026-01-15T12:00:00Z, the time at which every business starts."""
DAY = 86_400


class Clock:
    """Unix seconds of the simulated business, shared by all APIs of one world."""

    def __init__(self, start: int = START) -> None:
        self._now = start
        self._date = _format_http_date(start)

    def now(self) -> int:
        """Return the business's present, in unix seconds."""
        return self._now

    def advance(self, seconds: int) -> None:
        """Move on by ``seconds``; time does not run backwards."""
        if seconds < 0:
            raise ValueError(f"The clock cannot go back by {-seconds} seconds.")
        self._now += seconds
        self._date = _format_http_date(self._now)

    def http_date(self) -> bytes:
        """Return the present time in the format of the HTTP ``Date`` header."""
        return self._date


def _format_http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()
