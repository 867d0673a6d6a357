"""Reads one search from several places at once and returns its pages in order."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_intercom._kit.page_decoder import UnprovenError
from tap_intercom._kit.segments import Segment, SegmentReader
from tap_intercom._kit.whole_list import ItemCount, NotWholeError, WholeList
from tap_intercom.api.client import Call
from tap_intercom.api.errors import StaleCursorError, UserError
from tap_intercom.api.pages import Item
from tap_intercom.streams import windows
from tap_intercom.streams.windows import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom._kit.page_decoder import Page
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import ResourceDecoder
    from tap_intercom.streams.resource import Resource


LOGGER = logging.getLogger("tap-intercom")
MAX_RESTARTS = 3
"""How often a segment is restarted at the same record."""


@dataclass(kw_only=True, eq=False)
class SearchSegment(Segment[Item]):
    """A part of a search, limited by the time of creation."""

    span: Span
    cursor: str | None = None
    cursors: set[str] = field(default_factory=set)
    """The cursors that were followed."""
    reached: int | None = None
    """The time of the last record that came."""
    seen: int = 0
    """How many records came."""
    restarted_at: int | None = None
    """The time from which it was restarted."""
    restarts: int = 0
    """How often it was restarted at this time before."""

    @property
    def is_past_its_end(self) -> bool:
        """Whether the last record that came belongs to a later segment."""
        return self.span.end is not None and self.reached is not None and self.reached >= self.span.end

    def restart(self) -> None:
        """Read again from the time of the last record that came.

        Raises:
            UserError: it was restarted at this time too often, so it would never end.
        """
        at = max(self.span.start, self.reached or 0)
        self.restarts = self.restarts + 1 if at == self.restarted_at else 0
        if self.restarts > MAX_RESTARTS:
            raise UserError("Intercom's pages repeat without end: run again later.")
        self.restarted_at = at
        self.span = Span(at, self.span.end)
        self.cursor, self.seen = None, 0
        self.cursors.clear()


class SearchReader(SegmentReader[SearchSegment, Item]):
    """Reads the items that a search finds, in the order of their creation.

    Args:
        pool: the threads that fetch pages.
        client: the connection to the workspace.
        resource: the row of the table.
        decoder: decodes the pages.
        since: the earliest change to read, unix seconds; None for everything.
        page_size: records per page.
        key: where in the output the items belong.
        now: returns the server's clock when the run began, and waits until it is known.
        max_missing: the share of the announced items that may be missing.
    """

    def __init__(  # noqa: PLR0913 what to read, with what, and from when on
        self,
        pool: FetchPool,
        client: IntercomClient,
        resource: Resource,
        decoder: ResourceDecoder,
        *,
        since: int | None,
        page_size: int,
        key: Key,
        now: Callable[[], int],
        max_missing: float = 0.0,
    ) -> None:
        self._client = client
        self._resource = resource
        self._decoder = decoder
        self._since = since
        self._page_size = page_size
        self._get_now = now
        self._now = 0
        self._max_missing = max_missing
        self._count = ItemCount()
        self.shortage: Shortage | None = None
        """What is missing of the list within the permitted share; known after the last page."""
        super().__init__(pool, [SearchSegment(key=key, span=Span(0))])

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield the pages. If items are missing, read the list once more for them.

        Raises:
            UserError: the list is incomplete.
        """
        for page in super().__iter__():
            yield page
            self._count.add(map(self._decoder.find_key, page))
        if not self._count.is_enough:
            # Records that were created or changed meanwhile may have moved past the reading.
            probed = list(self._fetch_newest())
            for newest in probed:
                yield self._take_new(newest.items)
            self.shortage = self._count.find_shortage(self._decoder.shape.name, probed, self._max_missing)
        if self.shortage and not self.shortage.is_bearable:
            LOGGER.warning("%s: reading them again from the start", self.shortage)
            again = WholeList(
                self._decoder.shape.name,
                self._fetch_in_turn,
                probe=self._fetch_newest,
                key=self._decoder.find_key,
                max_missing=self._max_missing,
            )
            try:
                for items in again:
                    yield self._take_new(items)
            except NotWholeError as error:
                raise UserError(str(error)) from None
            self.shortage = again.shortage
        if self.shortage:
            LOGGER.warning("%s: the run goes on, as `max_missing` permits", self.shortage)

    def _take_new(self, items: list[Item]) -> list[Item]:
        """Return the items that did not come before, and count them."""
        seen = self._count.get_distinct()
        new = [item for item in items if hash(self._decoder.find_key(item)) not in seen]
        self._count.add(map(self._decoder.find_key, new))
        return new

    def _fetch_newest(self) -> Iterator[Page]:
        """Yield the pages of records that changed since the run began, newest first, with the newest total."""
        cursor: str | None = None
        while True:
            body = windows.build_search(
                Span(0), self._since, page_size=self._page_size, cursor=cursor, newest_first=True
            )
            page = self._client.fetch_page(Call(self._resource.path, body=body), self._decoder)
            yield page
            cursor = page.cursor
            if cursor is None or not page.items or (page.items[-1].members.updated_at or 0) < self._now:
                return

    def _fetch_in_turn(self, cursor: str | None, check: Callable[[Page], None]) -> Page:
        """Return the page at a cursor of the whole search, without segments."""
        body = windows.build_search(Span(0), self._since, page_size=self._page_size, cursor=cursor)
        return self._client.fetch_page(Call(self._resource.path, body=body), self._decoder, check)

    def fetch_answer(self, segment: SearchSegment) -> Page:
        """Return the next page of a segment. If Intercom no longer accepts its cursor, read on from its last record."""
        try:
            page = self._fetch_at_cursor(segment)
        except StaleCursorError:
            segment.restart()
            page = self._fetch_at_cursor(segment)
        # The first call of the run may still be running. Waiting for it in this thread blocks no other work.
        self._now = self._get_now()
        return page

    def _fetch_at_cursor(self, segment: SearchSegment) -> Page:
        def check(page: Page) -> None:
            if page.cursor and not page.items and (page.total or 0) > segment.seen:
                raise UnprovenError(f"none of the {page.total} announced items")

        body = windows.build_search(segment.span, self._since, page_size=self._page_size, cursor=segment.cursor)
        return self._client.fetch_page(Call(self._resource.path, body=body), self._decoder, check)

    def accept_answer(self, segment: SearchSegment, answer: Page) -> list[Item]:
        """Return the items that belong to the segment, and split off its later part when it is long."""
        items = answer.items
        if self._count.announced is None:
            self._count.announced = answer.total
        segment.seen += len(items)
        segment.reached = items[-1].members.created_at if items else segment.reached
        # An empty page with a cursor is the end, as `fetch` checked that all announced items came.
        cursor = answer.cursor if items else None
        if cursor is None or segment.is_past_its_end:
            segment.complete = True
        else:
            self._split_segment(segment, max((answer.total or 0) - segment.seen, 0))
        # A split changes the span for these items too, while a restart changes it only for the next page.
        own = [item for item in items if segment.span.contains(item.members.created_at)]
        if cursor is not None and not segment.complete:
            segment.cursor = cursor
            # A repeated cursor would lead in a circle.
            if cursor in segment.cursors:
                segment.restart()
            else:
                segment.cursors.add(cursor)
        return own

    def _split_segment(self, segment: SearchSegment, left: int) -> None:
        """Move the rest of a long segment to new ones, from the second in which the page ended."""
        reached = segment.reached or 0
        spans = windows.split_rest(segment.span, reached, left, page_size=self._page_size, now=self._now)
        if not spans:
            return
        segment.span = Span(segment.span.start, reached)
        segment.complete = True
        self.insert_segments(
            segment, [SearchSegment(key=(*segment.key, place), span=span) for place, span in enumerate(spans)]
        )
