"""What ChartMogul accepts now and does later: merges, imports, the release of a deleted source's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Jobs:
    """Work that waits for a number of further calls, so that a caller who polls sees it done.

    Args:
        wait: how many further calls see the work undone.
    """

    def __init__(self, wait: int) -> None:
        self._wait = wait
        self._calls = 0
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def run_later(self, work: Callable[[], None]) -> None:
        """Do this after a while; at once when there is nothing to wait for."""
        if self._wait:
            self._waiting.append((self._calls + self._wait, work))
        else:
            work()

    def count_call(self) -> None:
        """Count a call; what is due by now is done before it."""
        self._calls += 1
        while self._waiting and self._waiting[0][0] < self._calls:
            self._waiting.pop(0)[1]()

    def run_all(self) -> None:
        """Do all that waits: time has passed."""
        while self._waiting:
            self._waiting.pop(0)[1]()
