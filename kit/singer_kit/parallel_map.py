"""Applies a function to a stream of items in many threads, and yields the results in the order of the items."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from .fetch_pool import FetchPool, Key

I = TypeVar("I")  # noqa: E741 an item
R = TypeVar("R")
MAX_WAITING = 1000
"""The most items that wait behind one that is still being fetched."""


class OrderedParallelMap(Generic[I, R]):
    """Pairs each item with the result of its fetch, or with None if it needs no fetch.

    Args:
        pool: the threads that fetch.
        items: the items.
        fetch: returns the result for one item.
        needs: returns whether an item needs a fetch; by default every item does.
        key: the position of the items in the output.
        ahead: how many fetches are requested ahead of the reader.
    """

    def __init__(  # noqa: PLR0913 what to fetch, for what, and by whom
        self,
        pool: FetchPool,
        items: Iterable[I],
        fetch: Callable[[I], R],
        *,
        needs: Callable[[I], bool] = lambda _: True,
        key: Key,
        ahead: int,
    ) -> None:
        self._pool = pool
        self._fetch = fetch
        self._needs = needs
        self._key = key
        self._ahead = ahead
        self._last_requested = key
        self._closed = False
        self._unread = enumerate(items)
        self._waiting: deque[tuple[I, Future[R | None] | None]] = deque()
        self._requested = 0

    def request_ahead(self) -> None:
        """Request the fetches of the first items before the reader needs them, without waiting for answers."""
        for place, item in self._unread:
            self._queue_item(place, item, needed=self._needs(item))
            if self._requested >= self._ahead or len(self._waiting) >= MAX_WAITING:
                return

    def __iter__(self) -> Iterator[tuple[I, R | None]]:
        try:
            yield from self._generate_pairs()
        finally:
            # Only a flag is set, as the garbage collector may close this generator in a thread with the pool's lock.
            self._closed = True

    def _generate_pairs(self) -> Iterator[tuple[I, R | None]]:
        waiting = self._waiting
        for place, item in self._unread:
            needed = self._needs(item)
            # No earlier item waits, so an item without a fetch can be returned at once.
            if not waiting and not needed:
                yield item, None
                continue
            self._queue_item(place, item, needed=needed)
            while waiting and (_is_done(waiting[0][1]) or self._requested > self._ahead or len(waiting) > MAX_WAITING):
                self._requested -= waiting[0][1] is not None
                yield self._wait_for_result(*waiting.popleft())
        while waiting:
            yield self._wait_for_result(*waiting.popleft())

    def _queue_item(self, place: int, item: I, *, needed: bool) -> None:
        self._waiting.append((item, self._request_fetch((*self._key, place), item) if needed else None))
        self._requested += needed

    def _request_fetch(self, key: Key, item: I) -> Future[R | None]:
        self._last_requested = key
        return self._pool.submit_call(key, lambda: None if self._closed else self._fetch(item))

    def _wait_for_result(self, item: I, future: Future[R | None] | None) -> tuple[I, R | None]:
        if future is None:
            return item, None
        with self._pool.changed:
            # Wait for the last one, so that all fetches requested ahead come before pages that other lists buffer.
            self._pool.wait_for(self._last_requested, future.done)
        return item, future.result()


def _is_done(future: Future[R | None] | None) -> bool:
    return future is None or future.done()
