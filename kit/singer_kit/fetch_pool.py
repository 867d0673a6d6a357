"""Threads for calls to an API: a limited number at a time, the earliest page first, not far ahead of the writer."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Key = tuple[int, ...]
"""The position of a page in the output. Pages are written in the order of their keys."""


class ThreadLimitError(UserError):
    """The machine allows no further thread."""


class FetchPool:
    """Runs calls in threads, in the order of their keys.

    Pages that are fetched but not yet written stay in memory. So no call starts while ``max_buffered_pages`` are
    buffered or being fetched, except for the page that the reader waits for. A thread ends when it has nothing to do,
    and no thread keeps the process alive.

    The lock is not re-entrant, and the garbage collector can close a half-read list at any point, even in a thread that
    holds the lock. So a finalizer never takes the lock but calls :meth:`defer_action`.

    Args:
        threads: how many calls run at the same time.
        max_buffered_pages: how many pages may be buffered or being fetched.
    """

    def __init__(self, threads: int, max_buffered_pages: int) -> None:
        self._threads = threads
        self._max_buffered_pages = max_buffered_pages
        self._queue: list[tuple[Key, int, Callable[[], None]]] = []
        self._sequence = count()
        self.running = 0
        self._awaited: tuple[Key, Callable[[], bool]] | None = None
        self._failure: BaseException | None = None
        self._deferred: deque[Callable[[], None]] = deque()
        self.buffered_pages = 0
        self.changed = threading.Condition(threading.Lock())
        """Guards the pool and the pages of its readers; notified after every call."""

    def queue_call(self, key: Key, call: Callable[[], None]) -> None:
        """Queue a call that reports its own errors; the lock is held."""
        heappush(self._queue, (key, next(self._sequence), call))
        self.start_workers()

    def submit_call(self, key: Key, call: Callable[[], T]) -> Future[T]:
        """Queue a call and return the future of its result."""
        future: Future[T] = Future()

        def resolve() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 raised where the result is asked for
                future.set_exception(error)

        with self.changed:
            self.queue_call(key, resolve)
        return future

    def wait_for(self, key: Key, is_ready: Callable[[], bool]) -> None:
        """Wait until the page at ``key`` is ready, and fetch it before all queued pages after it; the lock is held.

        Raises:
            BaseException: a call failed without reporting it, so the page may never come.
        """
        while not is_ready():
            if self._failure is not None:
                raise self._failure
            self._awaited = key, is_ready
            try:
                self.start_workers()
                # A list that was closed meanwhile counts as ready, as no running call might notify this thread.
                if not is_ready():
                    self.changed.wait()
            finally:
                self._awaited = None

    def count_buffered(self, pages: int) -> None:
        """Add the number of newly buffered pages, or subtract released ones with a negative number.

        The lock is held.
        """
        self.buffered_pages += pages
        self.start_workers()

    def defer_action(self, action: Callable[[], None]) -> None:
        """Leave an action to the next thread with the lock. It takes no lock, so finalizers may call it."""
        self._deferred.append(action)

    def start_workers(self) -> None:
        """Start threads for the calls that may start now; the lock is held.

        Raises:
            ThreadLimitError: the machine allows no further thread.
        """
        while self.running < self._threads and (call := self._next_call()) is not None:
            try:
                threading.Thread(target=self._run_calls, args=(call,), daemon=True).start()
            except (RuntimeError, MemoryError) as error:
                self.running -= 1
                self._failure = ThreadLimitError(
                    f"The machine permits no more than {self.running} of the {self._threads} threads that "
                    "`max_concurrency` asks for: lower that setting, or raise the limit on threads or memory."
                )
                self.changed.notify_all()
                raise self._failure from error

    def _next_call(self) -> Callable[[], None] | None:
        """Take the first queued call and count it as running; None when no call may start."""
        while self._deferred:
            self._deferred.popleft()()
        if not self._queue:
            return None
        if not self._is_awaited(self._queue[0][0]) and self.buffered_pages + self.running >= self._max_buffered_pages:
            return None
        self.running += 1
        return heappop(self._queue)[2]

    def _is_awaited(self, key: Key) -> bool:
        """Return whether the reader still waits for that page or a later one."""
        if self._awaited is None:
            return False
        awaited, is_ready = self._awaited
        return key <= awaited and not is_ready()

    def _run_calls(self, call: Callable[[], None] | None) -> None:
        while call is not None:
            failure: BaseException | None = None
            try:
                call()
            except BaseException as error:  # noqa: BLE001 raised in the thread that waits
                failure = error
            with self.changed:
                self.running -= 1
                self._failure = self._failure or failure
                self.changed.notify_all()
                call = self._next_call()
