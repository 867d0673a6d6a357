"""Work that ChartMogul accepts now and does later: merges, imports, the release of a source's name."""

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
        """Run a function after the wait; at once when there is none."""
        if self._wait:
            self._waiting.append((self._calls + self._wait, work))
        else:
            work()

    def count_call(self) -> None:
        """Count a call, and first run what is due."""
        self._calls += 1
        while self._waiting and self._waiting[0][0] < self._calls:
            self._waiting.pop(0)[1]()

    def run_all(self) -> None:
        """Run all pending work, because time has passed."""
        while self._waiting:
            self._waiting.pop(0)[1]()
