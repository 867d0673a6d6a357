"""What a long read says of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

EVERY = 30.0


class Progress:
    """Logs, every thirty seconds, how far a stream is: records, pages, rate, and the share of its time that is behind.

    Args:
        logger: where to.
        until: the end of the stream's time, unix seconds; None when it is in no order of time.
        clock: seconds, from any start, that only grow.
    """

    def __init__(self, logger: Logger, *, until: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._until = until
        self._clock = clock
        self._begun = self._told = clock()
        self._records = self._pages = 0
        self._since: int | None = None

    def count_page(self, records: int, at: int | None) -> None:
        """Count a page; ``at`` is the time of its last record."""
        self._records += records
        self._pages += 1
        if self._since is None:
            self._since = at
        now = self._clock()
        if now - self._told >= EVERY:
            self._told = now
            rate = self._records / (now - self._begun)
            share = ""
            # A list in no order of time, or one whose end is not known, has no share that could be told.
            if self._until is not None and self._since is not None and at is not None and self._until > self._since:
                part = (at - self._since) / (self._until - self._since)
                share = f", {min(max(part, 0.0), 1.0):.0%} of the time window"
            self._logger.info("%d records in %d pages, %.0f records/s%s", self._records, self._pages, rate, share)
