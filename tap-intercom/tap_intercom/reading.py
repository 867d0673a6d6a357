"""Searches read from several places at once and written in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_intercom import windows
from tap_intercom._kit.segments import Segment, SegmentReader
from tap_intercom.client import Call
from tap_intercom.errors import Refusal, StaleCursor
from tap_intercom.shape import Item
from tap_intercom.windows import Span

if TYPE_CHECKING:
    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom.client import IntercomClient
    from tap_intercom.resource import Resource
    from tap_intercom.shape import Shape


MAX_RESTARTS = 3
"""How often a segment is restarted at the same record."""


@dataclass(kw_only=True, eq=False)
class SearchSegment(Segment[Item]):
    """A stretch of time of a search."""

    span: Span
    cursor: str | None = None
    cursors: set[str] = field(default_factory=set)
    """Those that were followed."""
    reached: int | None = None
    """The time of the last record that came."""
    seen: int = 0
    """How many records came."""
    restarted_at: int | None = None
    """The time from which it was restarted."""
    restarts: int = 0
    """How often it was restarted there before."""

    @property
    def is_past_its_end(self) -> bool:
        """Whether the last record that came belongs to a later segment."""
        return self.span.end is not None and self.reached is not None and self.reached >= self.span.end

    def restart(self) -> None:
        """Read again from the last record that came.

        Raises:
            Refusal: it was restarted there too often, so it would never end.
        """
        at = max(self.span.start, self.reached or 0)
        self.restarts = self.restarts + 1 if at == self.restarted_at else 0
        if self.restarts > MAX_RESTARTS:
            raise Refusal("Intercom's pages go round in circles: run again later.")
        self.restarted_at = at
        self.span = Span(at, self.span.end)
        self.cursor, self.seen = None, 0
        self.cursors.clear()


class SearchReader(SegmentReader[SearchSegment, Item]):
    """Reads the items that a search finds, in the order of their creation.

    Args:
        pool: the threads that fetch.
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
        self._client = client
        self._resource = resource
        self._shape = shape
        self._since = since
        self._page_size = page_size
        self._now = now
        super().__init__(pool, [SearchSegment(key=key, span=Span(0))])

    def fetch(self, segment: SearchSegment) -> tuple[list[Item], Any]:
        """Return the next page of a segment, from its last record on when Intercom no longer takes its cursor."""
        try:
            return self._fetch_at_cursor(segment)
        except StaleCursor:
            segment.restart()
            return self._fetch_at_cursor(segment)

    def _fetch_at_cursor(self, segment: SearchSegment) -> tuple[list[Item], Any]:
        body = windows.search(segment.span, self._since, page_size=self._page_size, cursor=segment.cursor)
        text, page = self._client.page(Call(self._resource.path, body=body), self._shape.page)
        return self._shape.items(text, page), page

    def accept(self, segment: SearchSegment, answer: tuple[list[Item], Any]) -> list[Item]:
        """Return the items that belong to the segment, and leave what follows to others when it is long."""
        items, page = answer
        segment.seen += len(items)
        segment.reached = items[-1].head.created_at if items else segment.reached
        cursor = page.pages.cursor if page.pages and items else None
        if cursor is None or segment.is_past_its_end:
            segment.complete = True
        else:
            self._cut(segment, max((page.total_count or 0) - segment.seen, 0))
        # The span is the one after the cut, but not yet the one after a restart.
        kept = [item for item in items if segment.span.holds(item.head.created_at)]
        if cursor is not None and not segment.complete:
            _follow(segment, cursor)
        return kept

    def _cut(self, segment: SearchSegment, left: int) -> None:
        """Leave what is left of a long segment to others, beginning with the second in which the page ended."""
        reached = segment.reached or 0
        spans = windows.cut(segment.span, reached, left, page_size=self._page_size, now=self._now)
        if not spans:
            return
        segment.span = Span(segment.span.start, reached)
        segment.complete = True
        self.insert(segment, [SearchSegment(key=(*segment.key, place), span=span) for place, span in enumerate(spans)])


def _follow(segment: SearchSegment, cursor: str) -> None:
    segment.cursor = cursor
    if cursor in segment.cursors:
        segment.restart()
    else:
        segment.cursors.add(cursor)
