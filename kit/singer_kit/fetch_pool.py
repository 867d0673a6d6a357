"""The threads that fetch: so many at a time, the earliest page first, and not far ahead of what is written."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Key = tuple[int, ...]
"""Where in the output a page belongs; the order of keys is the order in which pages are written."""


class FetchPool:
    """Runs calls in threads, by the order of their keys.

    What was fetched and not yet written is held in memory, so nothing is begun while ``room`` pages are held or on
    their way, but for the page that is waited for. A thread ends when there is nothing to do, and none holds the
    process back when it is told to end.

    Args:
        size: how many calls run at the same time.
        room: how many pages may be held or on their way.
    """

    def __init__(self, size: int, room: int) -> None:
        self._size = size
        self._room = room
        self._waiting: list[tuple[Key, int, Callable[[], None]]] = []
        self._turn = count()
        self._working = 0
        self._held = 0
        self._wanted: Key | None = None
        self.changed = threading.Condition()
        """Guards this pool, and the pages of those who work with it; notified whenever something was fetched."""

    def submit(self, key: Key, call: Callable[[], None]) -> None:
        """Have a call run, which raises nothing; the lock is taken."""
        heappush(self._waiting, (key, next(self._turn), call))
        self._hire()

    def future(self, key: Key, call: Callable[[], T]) -> Future[T]:
        """Have a call run, and keep its outcome."""
        outcome: Future[T] = Future()

        def run() -> None:
            try:
                outcome.set_result(call())
            except BaseException as error:  # noqa: BLE001 whoever asks for the result raises it
                outcome.set_exception(error)
            with self.changed:
                self.changed.notify_all()

        with self.changed:
            self.submit(key, run)
        return outcome

    def want(self, key: Key) -> None:
        """Say which page is waited for, and wait for whatever comes next; the lock is taken."""
        self._wanted = key
        self._hire()
        self.changed.wait()
        self._wanted = None

    def hold(self, pages: int) -> None:
        """Count pages that are kept (or, below 0, that were let go); the lock is taken."""
        self._held += pages
        self._hire()

    def _hire(self) -> None:
        while self._working < self._size and self._may_begin():
            self._working += 1
            threading.Thread(target=self._work, args=(heappop(self._waiting)[2],), daemon=True).start()

    def _may_begin(self) -> bool:
        if not self._waiting:
            return False
        wanted = self._wanted is not None and self._waiting[0][0] <= self._wanted
        return wanted or self._held + self._working < self._room

    def _work(self, call: Callable[[], None]) -> None:
        while True:
            call()
            with self.changed:
                self._working -= 1
                if not self._may_begin():
                    return
                self._working += 1
                call = heappop(self._waiting)[2]
