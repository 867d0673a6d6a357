"""Searches read from several places at once and written in their order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_intercom import windows
from tap_intercom.client import Call
from tap_intercom.errors import Refusal, StaleCursor
from tap_intercom.windows import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom.client import IntercomClient
    from tap_intercom.resource import Resource
    from tap_intercom.shape import Item, Shape


RESTARTS = 3
"""How often a stretch is begun again at the same record."""


@dataclass
class Segment:
    """A stretch of a search, read by one cursor."""

    key: Key
    span: Span
    cursor: str | None = None
    cursors: set[str] = field(default_factory=set)
    """Those that were followed."""
    reached: int | None = None
    """The time of the last record that came."""
    seen: int = 0
    """How many records came."""
    restarted_at: int | None = None
    """The time from which it was begun again."""
    stuck: int = 0
    """How often it was begun again there before."""
    pages: deque[list[Item]] = field(default_factory=deque)
    """What came and was not written yet."""
    asked: bool = False
    """Whether its next page is on its way."""
    complete: bool = False
    error: BaseException | None = None
    following: Segment | None = None

    @property
    def is_past_its_end(self) -> bool:
        """Whether the last record that came is none of this stretch any more."""
        return self.span.end is not None and self.reached is not None and self.reached >= self.span.end

    def restart(self) -> None:
        """Begin again at the last record that came.

        Raises:
            Refusal: it was begun again there too often, so it would never end.
        """
        at = max(self.span.start, self.reached or 0)
        self.stuck = self.stuck + 1 if at == self.restarted_at else 0
        if self.stuck > RESTARTS:
            raise Refusal("Intercom's pages go round in circles: run again later.")
        self.restarted_at = at
        self.span = Span(at, self.span.end)
        self.cursor, self.seen = None, 0
        self.cursors.clear()


class Reading:
    """The items that a search finds, to be gone through once.

    The first page is asked for at once, and nothing more until it is wanted: one page is all that a small workspace
    has. When it tells that there is much more, what is left is cut into stretches of time of creation that are fetched
    side by side. All of it arrives in the order of creation.

    Args:
        pool: who fetches.
        client: the workspace.
        resource: the row of the table.
        shape: what the items look like.
        since: the earliest change that is wanted, unix seconds; None for everything.
        page_size: records a page.
        key: where in the output the items belong.
        now: the server's clock when the run began.
    """

    def __init__(  # noqa: PLR0913 what to read, with what, and from when on
        self,
        pool: FetchPool,
        client: IntercomClient,
        resource: Resource,
        shape: Shape,
        *,
        since: int | None,
        page_size: int,
        key: Key,
        now: int,
    ) -> None:
        self._crew = pool
        self._client = client
        self._resource = resource
        self._shape = shape
        self._since = since
        self._page_size = page_size
        self._now = now
        self._begun = False
        self._closed = False
        self._head: Segment | None = Segment(key, Span(0))
        self._first = self._head
        with pool.changed:
            self._send(self._head)

    def wait(self) -> None:
        """Return when the first page is there.

        Raises:
            Refusal: Intercom refused it, or gave no answer in ten tries.
        """
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
                self._crew.hold(-len(self._head.pages))
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
            self._crew.hold(-1)
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
        try:
            items, page = self._page(segment)
            with self._crew.changed:
                self._take(segment, items, page)
        except BaseException as error:  # noqa: BLE001 whoever waits for the page raises it
            segment.error = error
        with self._crew.changed:
            self._crew.changed.notify_all()

    def _page(self, segment: Segment) -> tuple[list[Item], Any]:
        """The next page of a stretch, from its last record on when its cursor is not taken any more."""
        try:
            return self._answer(segment)
        except StaleCursor:
            segment.restart()
            return self._answer(segment)

    def _answer(self, segment: Segment) -> tuple[list[Item], Any]:
        body = windows.search(segment.span, self._since, page_size=self._page_size, cursor=segment.cursor)
        text, page = self._client.page(Call(self._resource.path, body=body), self._shape.page)
        return self._shape.items(text, page), page

    def _take(self, segment: Segment, items: list[Item], page: Any) -> None:
        """Keep what belongs to the stretch, and go on with it; the lock is taken."""
        if self._closed:
            return
        segment.asked = False
        segment.seen += len(items)
        segment.reached = items[-1].head.created_at if items else segment.reached
        cursor = page.pages.cursor if page.pages and items else None
        if cursor is None or segment.is_past_its_end:
            segment.complete = True
        else:
            self._cut(segment, max((page.total_count or 0) - segment.seen, 0))
        segment.pages.append([item for item in items if segment.span.holds(item.head.created_at)])
        self._crew.hold(1)
        if cursor is not None and not segment.complete:
            self._follow(segment, cursor)

    def _follow(self, segment: Segment, cursor: str) -> None:
        segment.cursor = cursor
        if cursor in segment.cursors:
            segment.restart()
        else:
            segment.cursors.add(cursor)
        if self._begun:
            self._send(segment)

    def _cut(self, segment: Segment, left: int) -> None:
        """Leave what is left of a long stretch to others, beginning with the second in which the page ended."""
        reached = segment.reached or 0
        spans = windows.cut(segment.span, reached, left, page_size=self._page_size, now=self._now)
        if not spans:
            return
        segment.span = Span(segment.span.start, reached)
        segment.complete = True
        before = segment
        for place, span in enumerate(spans):
            piece = Segment((*segment.key, place), span, following=before.following)
            before.following = piece
            before = piece
            if self._begun:
                self._send(piece)
