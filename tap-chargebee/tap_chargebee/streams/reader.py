"""Reads one list from several places at once and returns its pages in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_chargebee._kit.segments import Segment, SegmentReader
from tap_chargebee.api.errors import UserError
from tap_chargebee.api.pages import Item, ResourceDecoder
from tap_chargebee.streams import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_chargebee._kit.fetch_pool import FetchPool, Key
    from tap_chargebee._kit.json_types import JsonValue
    from tap_chargebee._kit.page_decoder import Page
    from tap_chargebee.api.client import ChargebeeClient
    from tap_chargebee.streams.resource import Resource


@dataclass(kw_only=True, eq=False)
class ListSegment(Segment[Item]):
    """A part of a list, limited by the time by which the list is sorted."""

    query: Mapping[str, str]
    end: int | None = None
    """The last time that belongs to it; None without an end."""
    only_undated: bool = False
    """Whether it contains only the records without a time."""
    offset: str | None = None
    """The cursor of its next page."""
    skipped_keys: frozenset[object] = frozenset()
    """The keys of the records in its first second that the previous segment already returned."""
    last_time: int | None = None
    """The time of its last record."""
    last_keys: set[object] = field(default_factory=set)
    """The keys of its records of that time."""
    splits: int = 0
    """How often its later part was moved to other segments."""

    def contains(self, at: int | None) -> bool:
        """Return whether a record of that time belongs to the segment."""
        if at is None:
            # Of a list that was divided, a segment of its own reads the records without a time at the far end.
            return self.only_undated or not self.splits
        return not self.only_undated and (self.end is None or at <= self.end)


class ListReader(SegmentReader[ListSegment, Item]):
    """Reads the items of one resource.

    Args:
        pool: the threads that fetch pages.
        client: the connection to the site.
        resource: the row of the table.
        queries: the parameters of each list to read, one after the other.
        key: where in the output the items belong.
        now: the server's clock when the run began.
        end: the last time that the list can hold; None when it is open.
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
        self._client = client
        self._resource = resource
        self._decoder = ResourceDecoder(resource)
        self._now = now
        self._can_split = resource.time is not None and len(queries) == 1
        self._checks_far_end = False
        super().__init__(
            pool, [ListSegment(key=(*key, place), query=query, end=end) for place, query in enumerate(queries)]
        )

    def fetch_answer(self, segment: ListSegment) -> Page:
        """Return the next page of a segment.

        Raises:
            UserError: the page is empty but has a cursor. Chargebee announces no total, so it is unknown what is
                missing.
        """
        query = {**segment.query, **({"offset": segment.offset} if segment.offset else {})}
        is_list = self._resource.answer == "list"
        page = self._client.fetch_page(
            self._resource.path, query, self._decoder, limited=is_list, entity=self._resource.entity
        )
        if page.cursor and not page.items:
            raise UserError(
                f"A page of Chargebee's list {self._resource.path} is empty, although it says that more follows: no "
                "STATE was written, so the next run starts from the same point."
            )
        return page

    def accept_answer(self, segment: ListSegment, answer: Page) -> list[Item]:
        """Return the items that belong to the segment, and split off its later part when it is long."""
        items = answer.items
        times = [self._decoder.read_sort_value(item) for item in items]
        if segment is self._first and segment.offset is None:
            # A list of one page has no other end, and a list that begins with undated records has none at its end.
            self._checks_far_end = bool(times) and times[0] is not None
        count = next((place for place, at in enumerate(times) if not segment.contains(at)), len(times))
        segment.complete = count < len(times) or not answer.cursor
        segment.offset = answer.cursor
        self._remember_last_keys(segment, items, times)
        new = [item for item in items[:count] if self._decoder.find_key(item) not in segment.skipped_keys]
        if not segment.complete:
            self._split_segment(segment, times)
        elif count == len(times) and new and self._client.is_full(self._resource.path, answer):
            self._read_past_full_page(segment)
        return new

    def _remember_last_keys(self, segment: ListSegment, items: list[Item], times: list[JsonValue]) -> None:
        if times and times[-1] != segment.last_time:
            segment.last_time = times[-1]
            segment.last_keys.clear()
        for item, at in zip(reversed(items), reversed(times), strict=True):
            if at != segment.last_time:
                return
            segment.last_keys.add(self._decoder.find_key(item))

    def _read_past_full_page(self, segment: ListSegment) -> None:
        """Read on after a full page without a cursor. Only another call can prove that nothing follows."""
        time, last = self._resource.time, segment.last_time
        if time is None or last is None or segment.only_undated or self._resource.answer != "list":
            return
        query = windows.build_span_query(segment.query, time, windows.Span(last, segment.end))
        skipped = segment.skipped_keys | segment.last_keys
        self.insert_segments(
            segment, [ListSegment(key=(*segment.key, 1), query=query, end=segment.end, skipped_keys=skipped)]
        )

    def _split_segment(self, segment: ListSegment, times: list[JsonValue]) -> None:
        """Move the later part of a long segment to new segments."""
        first, last = times[0], times[-1]
        # Undated records come first or last in a list, so after the last time there is no later part.
        if not self._can_split or segment.only_undated or first is None or last is None:
            return
        own_end, spans = windows.split_rest(first, last, segment.end, now=self._now)
        if not spans:
            return
        segment.end = own_end
        segment.splits += 1
        time = str(self._resource.time)
        pieces = [
            ListSegment(
                key=(*segment.key, -segment.splits, place),
                query=windows.build_span_query(segment.query, time, span),
                end=span.end,
            )
            for place, span in enumerate(spans)
        ]
        if self._checks_far_end:
            # Chargebee does not say at which end of a list it puts records without a time, and a filter by time hides
            # them. The list did not begin with them, so one page from its far end tells whether there are any.
            self._checks_far_end = False
            query = {name: value for name, value in segment.query.items() if not name.startswith("sort_by")}
            from_far_end = query | {"sort_by[desc]": time}
            pieces.append(ListSegment(key=(*segment.key, 0), query=from_far_end, only_undated=True))
        self.insert_segments(segment, pieces)
