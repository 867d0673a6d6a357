"""Lists that are read from several places at once and returned in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .fetch_pool import FetchPool, Key

T = TypeVar("T")


@dataclass(kw_only=True, eq=False)
class Segment(Generic[T]):
    """A part of a list that one cursor reads."""

    key: Key
    pages: deque[list[T]] = field(default_factory=deque)
    """Pages that arrived but are not written yet."""
    requested: bool = False
    """Whether its next page is being fetched."""
    complete: bool = False
    error: BaseException | None = None
    following: Any = None
    """The next segment of the list."""

    @property
    def is_ready(self) -> bool:
        """Whether a page, the end or an error has arrived."""
        return bool(self.pages) or self.complete or self.error is not None


S = TypeVar("S", bound=Segment[Any])


class SegmentReader(ABC, Generic[S, T]):
    """Reads a list once, page by page, in its order.

    The first page is requested at once, and nothing more until it is used: a small list is one page. When that page
    shows that much more follows, a subclass cuts the rest into segments that are fetched side by side.

    A subclass sets its own attributes first, because the first page may come before its constructor ends.

    Args:
        pool: the threads that fetch.
        segments: the parts of the list that are known so far, in order.
    """

    def __init__(self, pool: FetchPool, segments: Sequence[S]) -> None:
        self._pool = pool
        self._started = False
        self._closed = False
        self._has_first_page = False
        self._uncounted_pages = 0
        for before, after in pairwise(segments):
            before.following = after
        self._first: S | None = segments[0] if segments else None
        self._current = self._first
        if self._first is not None:
            with pool.changed:
                self._request_page(self._first)

    @abstractmethod
    def fetch_answer(self, segment: S) -> Any:
        """Return the next answer of a segment. It runs in a thread without the lock."""

    @abstractmethod
    def accept_answer(self, segment: S, answer: Any) -> list[T]:
        """Return the items of an answer that belong to the segment; move its cursor, or mark it complete.

        The lock is held. What is left of the list may be cut off with :meth:`insert_segments`.
        """

    def wait(self) -> None:
        """Wait for the first page.

        Raises:
            BaseException: the first request failed.
        """
        if self._first is not None:
            with self._pool.changed:
                self._wait_for_page(self._first)

    @property
    def first_page(self) -> list[T]:
        """The items of the first page, between :meth:`wait` and the first use of the list."""
        return list(self._first.pages[0]) if self._first is not None and self._first.pages else []

    def begin(self) -> None:
        """Start to fetch ahead of the reader."""
        with self._pool.changed:
            if self._started:
                return
            # A list that is being read asks for the next page of every segment at once.
            self._started = True
            segment = self._current
            while segment is not None:
                if not (segment.requested or segment.complete):
                    self._request_page(segment)
                segment = segment.following

    def close(self) -> None:
        """Stop fetching. The garbage collector calls it at any point, so it takes no lock."""
        # A flag is enough, as running calls check it before they store a page.
        self._closed = True
        self._pool.defer_action(self._release_all)

    def insert_segments(self, segment: S, others: Iterable[S]) -> None:
        """Insert segments after one that is being read; the lock is held."""
        for other in others:
            # In a linked list, a reader finds the new segments without an index that would have to be corrected.
            other.following = segment.following
            segment.following = other
            segment = other
            if self._started:
                self._request_page(other)

    def __iter__(self) -> Iterator[list[T]]:
        try:
            while (segment := self._current) is not None:
                while (page := self._next_page(segment)) is not None:
                    yield page
                    self.begin()
                self._current = segment.following
        finally:
            self.close()

    def _next_page(self, segment: S) -> list[T] | None:
        with self._pool.changed:
            self._wait_for_page(segment)
            # An empty segment has ended: its last page was read, or the list was closed during the wait.
            if self._closed or not segment.pages:
                return None
            page: list[T] = segment.pages.popleft()
            self._release_pages(1)
            return page

    def _wait_for_page(self, segment: S) -> None:
        self._pool.wait_for(segment.key, lambda: segment.is_ready or self._closed)
        # Pages from before the error are still returned in order.
        if segment.error is not None and not segment.pages:
            raise segment.error

    def _request_page(self, segment: S) -> None:
        segment.requested = True
        self._pool.queue_call(segment.key, lambda: self._fetch_page(segment))

    def _fetch_page(self, segment: S) -> None:
        if self._closed:
            return
        try:
            answer = self.fetch_answer(segment)
            with self._pool.changed:
                if not self._closed:
                    self._store_page(segment, answer)
        except BaseException as error:  # noqa: BLE001 raised in the thread that waits for the page
            # The reader may be far behind this page, so the segment keeps the error until then.
            segment.error = error

    def _store_page(self, segment: S, answer: Any) -> None:
        segment.requested = False
        segment.pages.append(self.accept_answer(segment, answer))
        # The first page is not counted, as every list of a run has its own from the start, long before it is read.
        if segment is self._first and not self._has_first_page:
            self._has_first_page = True
            self._uncounted_pages = 1
        else:
            self._pool.count_buffered(1)
        if self._closed:
            # The list was closed during this call, so the release there did not include this page.
            self._pool.defer_action(self._release_all)
        elif self._started and not segment.complete:
            self._request_page(segment)

    def _release_pages(self, pages: int) -> None:
        uncounted = min(self._uncounted_pages, pages)
        self._uncounted_pages -= uncounted
        self._pool.count_buffered(uncounted - pages)

    def _release_all(self) -> None:
        """Release all buffered pages. The pool runs it with the lock held."""
        segment, self._current = self._first, None
        while segment is not None:
            pages = len(segment.pages)
            segment.pages.clear()
            uncounted = min(self._uncounted_pages, pages)
            self._uncounted_pages -= uncounted
            self._pool.buffered_pages -= pages - uncounted
            segment = segment.following
