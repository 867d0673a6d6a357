"""When a record is looked up once more before it is created.

A create that was under way when its process was killed can arrive after the next run has read what there is. It arrives
soon or never, so the first creates of a run, and all of its first minute, are looked up directly before. In a data
source that was found empty the first ones are enough: no more than these were under way, and they come first again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_CREATES = 20
FIRST_SECONDS = 60.0


class CreateGuard:
    """Says before each create of a run whether the record is to be looked up. Used from several threads.

    Args:
        started: when the run began.
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, started: float, clock: Callable[[], float]) -> None:
        self._started, self._clock = started, clock
        self._creates = 0
        self._lock = threading.Lock()
        self.source_is_new = False  #: this run has made the data source, so that no other run has written into it
        self.source_is_empty = False  #: nothing was found in the data source

    def must_look_up(self) -> bool:
        """Count a create, and return whether its record may be there by now."""
        with self._lock:
            self._creates += 1
            is_first = self._creates <= FIRST_CREATES
        is_early = not self.source_is_empty and self._clock() - self._started < FIRST_SECONDS
        return (is_first or is_early) and not self.source_is_new
