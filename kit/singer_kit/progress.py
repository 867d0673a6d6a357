"""Progress messages of a long read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

EVERY = 30.0


class Progress:
    """Logs the progress of a stream every thirty seconds: records, pages, rate, and the share of its time window.

    Args:
        logger: the logger.
        until: the end of the stream's time window in Unix seconds; None for a list that is not in order of time.
        clock: returns a monotonic time in seconds.
    """

    def __init__(self, logger: Logger, *, until: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._until = until
        self._clock = clock
        self._begun = self._told = clock()
        self._records = self._pages = 0
        self._since: int | None = None

    def count_page(self, records: int, at: int | None) -> None:
        """Count a page. ``at`` is the time of its last record."""
        self._records += records
        self._pages += 1
        if self._since is None:
            self._since = at
        now = self._clock()
        if now - self._told >= EVERY:
            self._told = now
            rate = self._records / (now - self._begun)
            share = ""
            # Without an order of time or a known end, there is no share to log.
            if self._until is not None and self._since is not None and at is not None and self._until > self._since:
                part = (at - self._since) / (self._until - self._since)
                share = f", {min(max(part, 0.0), 1.0):.0%} of the time window"
            self._logger.info("%d records in %d pages, %.0f records/s%s", self._records, self._pages, rate, share)
