"""Decides when to look a record up once more before its creation.

When a process is killed, its last creates can still arrive after the next run has read the existing records. They
arrive soon or never, so a record is looked up before the first creates of a run, and before all of its first minute. If
the data source was empty, the first creates are enough, as no others were running and they come first again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_CREATES = 20
FIRST_SECONDS = 60.0


class CreateGuard:
    """Decides before each create of a run whether to look the record up. Several threads may use it.

    Args:
        started: the time at which the run began.
        clock: returns a monotonic time in seconds.
    """

    def __init__(self, started: float, clock: Callable[[], float]) -> None:
        self._started, self._clock = started, clock
        self._creates = 0
        self._lock = threading.Lock()
        self.source_is_new = False  #: whether this run created the data source, so that no other run wrote into it
        self.source_is_empty = False  #: whether nothing was found in the data source

    def must_look_up(self) -> bool:
        """Count a create, and return whether its record may already exist."""
        with self._lock:
            self._creates += 1
            is_first = self._creates <= FIRST_CREATES
        is_early = not self.source_is_empty and self._clock() - self._started < FIRST_SECONDS
        return (is_first or is_early) and not self.source_is_new
