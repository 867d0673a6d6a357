"""Lists read from several places at once and written in their order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tap_chargebee import windows
from tap_chargebee.shape import Item, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from tap_chargebee._kit.fetch_pool import FetchPool, Key
    from tap_chargebee.client import ChargebeeClient
    from tap_chargebee.resource import Resource

T = TypeVar("T")


@dataclass
class Segment:
    """A stretch of a list, read by one cursor."""

    key: Key
    query: Mapping[str, str]
    end: int | None = None
    """The last time that belongs to it; None for no end."""
    undated: bool = False
    """Whether only records without a time belong to it."""
    offset: str | None = None
    pages: deque[list[Item]] = field(default_factory=deque)
    """What came and was not written yet."""
    asked: bool = False
    """Whether its next page is on its way."""
    complete: bool = False
    error: BaseException | None = None
    cuts: int = 0
    following: Segment | None = None

    def belongs(self, at: int | None) -> bool:
        """Whether a record of that time is of this stretch."""
        if at is None:
            return True
        return not self.undated and (self.end is None or at <= self.end)


class Reading:
    """The items of one resource for a run, to be gone through once.

    The first page is asked for at once, and nothing more until it is wanted: one page is all that a small site has.
    When it shows that there is much more, what is left is cut into stretches of time that are fetched side by side. All
    of it arrives in the order of the list.

    Args:
        pool: who fetches.
        client: the site.
        resource: the row of the table.
        queries: the parameters of each list to read, one after the other.
        key: where in the output the items belong.
        now: the server's clock when the run began.
        end: the last time that the list can hold, None when it is open.
    """

    def __init__(  # noqa: PLR0913 what to read, with what, and between which bounds
        self,
        pool: FetchPool,
        client: ChargebeeClient,
        resource: Resource,
        queries: Sequence[Mapping[str, str]],
        *,
        key: Key,
        now: int,
        end: int | None = None,
    ) -> None:
        self._crew = pool
        self._client = client
        self._resource = resource
        self._shape = Shape(resource)
        self._now = now
        self._begun = False
        self._closed = False
        self._free = 0
        self._cuttable = resource.time is not None and len(queries) == 1
        self._looks_at_far_end = False
        segments = [Segment((*key, place), query, end) for place, query in enumerate(queries)]
        for before, after in pairwise(segments):
            before.following = after
        self._head: Segment | None = segments[0] if segments else None
        self._first = self._head
        if self._head is not None:
            with pool.changed:
                self._send(self._head)

    def wait(self) -> None:
        """Return when the first page is there.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        if self._first is not None:
            with self._crew.changed:
                self._await(self._first)

    def begin(self) -> None:
        """Read on, ahead of whoever goes through the items."""
        with self._crew.changed:
            if self._begun:
                return
            self._begun = True
            segment = self._head
            while segment is not None:
                if not (segment.asked or segment.complete):
                    self._send(segment)
                segment = segment.following

    def close(self) -> None:
        """Ask for nothing more."""
        with self._crew.changed:
            self._closed = True
            while self._head is not None:
                self._let_go(len(self._head.pages))
                self._head = self._head.following

    def __iter__(self) -> Iterator[list[Item]]:
        try:
            while (segment := self._head) is not None:
                yield from self._pages(segment)
                self._head = segment.following
        finally:
            self.close()

    def _pages(self, segment: Segment) -> Iterator[list[Item]]:
        while (page := self._next(segment)) is not None:
            yield page
            self.begin()

    def _next(self, segment: Segment) -> list[Item] | None:
        with self._crew.changed:
            self._await(segment)
            if not segment.pages:
                return None
            self._let_go(1)
            return segment.pages.popleft()

    def _await(self, segment: Segment) -> None:
        """Wait for a page of a stretch, or for its end; the lock is taken."""
        while not (segment.pages or segment.complete or segment.error):
            self._crew.want(segment.key)
        if segment.error is not None and not segment.pages:
            raise segment.error

    def _send(self, segment: Segment) -> None:
        """Have the next page of a stretch fetched; the lock is taken."""
        segment.asked = True
        self._crew.submit(segment.key, lambda: self._fetch(segment))

    def _fetch(self, segment: Segment) -> None:
        if self._closed:
            return
        query = {**segment.query, **({"offset": segment.offset} if segment.offset else {})}
        limited = self._resource.answer == "list"
        try:
            text, page = self._client.page(self._resource.path, query, self._shape.page, limited=limited)
            items = self._shape.items(text, page)
            with self._crew.changed:
                self._take(segment, items, page.next_offset)
        except BaseException as error:  # noqa: BLE001 whoever waits for the page raises it
            segment.error = error
        with self._crew.changed:
            self._crew.changed.notify_all()

    def _take(self, segment: Segment, items: list[Item], next_offset: str | None) -> None:
        """Keep what belongs to the stretch, and go on with it; the lock is taken."""
        if self._closed:
            return
        times = [self._shape.time(item) for item in items]
        if segment is self._first and segment.offset is None:
            # A list of one page has no far end, and one that begins with records without a time has none there.
            self._looks_at_far_end = bool(times) and times[0] is not None
        kept = next((place for place, at in enumerate(times) if not segment.belongs(at)), len(times))
        segment.asked = False
        segment.pages.append(items[:kept])
        segment.complete = kept < len(times) or not next_offset
        self._keep(first=segment is self._first and segment.offset is None)
        segment.offset = next_offset
        if not segment.complete:
            self._cut(segment, times)
            if self._begun:
                self._send(segment)

    def _keep(self, *, first: bool) -> None:
        """Count a page, but not the first: every reading holds its own from the start, long before its turn."""
        if first:
            self._free = 1
        else:
            self._crew.hold(1)

    def _let_go(self, pages: int) -> None:
        self._crew.hold(min(self._free, pages) - pages)
        self._free -= min(self._free, pages)

    def _cut(self, segment: Segment, times: list[Any]) -> None:
        """Leave the later part of a long stretch to others."""
        first, last = times[0], times[-1]
        # Where times end, nothing with a time follows: there is no later part.
        if not self._cuttable or segment.undated or first is None or last is None:
            return
        kept, spans = windows.cut(first, last, segment.end, now=self._now)
        if not spans:
            return
        segment.end = kept
        segment.cuts += 1
        pieces = [
            Segment(
                (*segment.key, -segment.cuts, place),
                windows.span_query(segment.query, str(self._resource.time), span),
                span.end,
            )
            for place, span in enumerate(spans)
        ]
        self._insert(segment, [*pieces, *self._undated(segment)])

    def _insert(self, before: Segment, pieces: Iterable[Segment]) -> None:
        for piece in pieces:
            piece.following = before.following
            before.following = piece
            before = piece
            if self._begun:
                self._send(piece)

    def _undated(self, segment: Segment) -> list[Segment]:
        """The stretch of records without a time, once and when they are not those that the list began with.

        Chargebee does not say at which end of a list it puts them. A filter by time hides them, so the list is looked
        at from its other end, where one page tells whether there are any.
        """
        if not self._looks_at_far_end:
            return []
        self._looks_at_far_end = False
        query = {name: value for name, value in segment.query.items() if not name.startswith("sort_by")}
        return [Segment((*segment.key, 0), query | {"sort_by[desc]": str(self._resource.time)}, undated=True)]


class Family(Generic[T]):
    """What is asked for part by part, a call each, many at a time, in the order of the parts.

    Args:
        pool: who fetches.
        parts: what to ask for.
        fetch: the answer to one of them.
        key: where in the output the answers belong.
        ahead: for how many parts to ask ahead.
    """

    def __init__(
        self, pool: FetchPool, parts: Iterable[str], fetch: Callable[[str], T], *, key: Key, ahead: int
    ) -> None:
        self._crew = pool
        self._parts = parts
        self._fetch = fetch
        self._key = key
        self._ahead = ahead

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Each part, and its answer."""
        asked: deque[tuple[Key, str, Future[T]]] = deque()
        for place, part in enumerate(self._parts):
            key = (*self._key, place)
            asked.append((key, part, self._crew.future(key, partial(self._fetch, part))))
            if len(asked) > self._ahead:
                yield self._outcome(*asked.popleft())
        while asked:
            yield self._outcome(*asked.popleft())

    def _outcome(self, key: Key, part: str, future: Future[T]) -> tuple[str, T]:
        with self._crew.changed:
            while not future.done():
                self._crew.want(key)
        return part, future.result()
