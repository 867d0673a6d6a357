"""Lists read from several places at once and written in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.segments import Segment, SegmentReader
from tap_chargebee.api.errors import UserError
from tap_chargebee.api.pages import Item, Shape
from tap_chargebee.streams import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_chargebee._kit.fetch_pool import FetchPool, Key
    from tap_chargebee._kit.page_decoder import Page
    from tap_chargebee.api.client import ChargebeeClient
    from tap_chargebee.streams.resource import Resource


@dataclass(kw_only=True, eq=False)
class ListSegment(Segment[Item]):
    """A stretch of time of a list."""

    query: Mapping[str, str]
    end: int | None = None
    """The last time that belongs to it; None for no end."""
    undated: bool = False
    """Whether only records without a time belong to it."""
    offset: str | None = None
    """The cursor of its next page."""
    known: frozenset[object] = frozenset()
    """The keys of records that came at the end of the segment before it."""
    last: int | None = None
    """The time of its last record."""
    tied: set[object] = field(default_factory=set)
    """The keys of its records of that time."""
    cuts: int = 0
    """How often its later part was cut off."""

    def holds(self, at: int | None) -> bool:
        """Return whether a record of that time belongs to the segment."""
        if at is None:
            return True
        return not self.undated and (self.end is None or at <= self.end)


class ListReader(SegmentReader[ListSegment, Item]):
    """Reads the items of one resource.

    Args:
        pool: the threads that fetch.
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
        self._client = client
        self._resource = resource
        self._shape = Shape(resource)
        self._now = now
        self._is_cuttable = resource.time is not None and len(queries) == 1
        self._looks_at_far_end = False
        super().__init__(
            pool, [ListSegment(key=(*key, place), query=query, end=end) for place, query in enumerate(queries)]
        )

    def fetch(self, segment: ListSegment) -> Page:
        """Return the next page of a segment.

        Raises:
            UserError: it holds nothing, though more follows: what is missing cannot be told, for no total is announced.
        """
        query = {**segment.query, **({"offset": segment.offset} if segment.offset else {})}
        is_list = self._resource.answer == "list"
        page = self._client.page(self._resource.path, query, self._shape, limited=is_list)
        if page.cursor and not page.items:
            raise UserError(
                f"A page of Chargebee's list {self._resource.path} holds nothing and says that more follows: no STATE "
                "was written, so the next run starts from the same point."
            )
        return page

    def accept(self, segment: ListSegment, answer: Page) -> list[Item]:
        """Return the items that belong to the segment, and cut off its later part when it is long."""
        items = answer.items
        times = [self._shape.time(item) for item in items]
        if segment is self._first and segment.offset is None:
            # A list of one page has no far end, and one that begins with records without a time has none there.
            self._looks_at_far_end = bool(times) and times[0] is not None
        kept = next((place for place, at in enumerate(times) if not segment.holds(at)), len(times))
        segment.complete = kept < len(times) or not answer.cursor
        segment.offset = answer.cursor
        self._note_ties(segment, items, times)
        new = [item for item in items[:kept] if self._shape.identify(item) not in segment.known]
        if not segment.complete:
            self._cut(segment, times)
        elif kept == len(times) and new and self._client.is_full(self._resource.path, answer):
            self._read_on(segment)
        return new

    def _note_ties(self, segment: ListSegment, items: list[Item], times: list[Any]) -> None:
        if times and times[-1] != segment.last:
            segment.last = times[-1]
            segment.tied.clear()
        for item, at in zip(reversed(items), reversed(times), strict=True):
            if at != segment.last:
                return
            segment.tied.add(self._shape.identify(item))

    def _read_on(self, segment: ListSegment) -> None:
        """Ask what follows a full page without a cursor: whether nothing does, only another call can prove."""
        time, last = self._resource.time, segment.last
        if time is None or last is None or segment.undated or self._resource.answer != "list":
            return
        query = windows.span_query(segment.query, time, windows.Span(last, segment.end))
        self.insert(
            segment,
            [ListSegment(key=(*segment.key, 1), query=query, end=segment.end, known=segment.known | segment.tied)],
        )

    def _cut(self, segment: ListSegment, times: list[Any]) -> None:
        """Leave the later part of a long segment to others."""
        first, last = times[0], times[-1]
        # Where times end, nothing with a time follows: there is no later part.
        if not self._is_cuttable or segment.undated or first is None or last is None:
            return
        kept, spans = windows.cut(first, last, segment.end, now=self._now)
        if not spans:
            return
        segment.end = kept
        segment.cuts += 1
        pieces = [
            ListSegment(
                key=(*segment.key, -segment.cuts, place),
                query=windows.span_query(segment.query, str(self._resource.time), span),
                end=span.end,
            )
            for place, span in enumerate(spans)
        ]
        self.insert(segment, [*pieces, *self._undated(segment)])

    def _undated(self, segment: ListSegment) -> list[ListSegment]:
        """Return the segment of records without a time, once and when the list did not begin with them.

        Chargebee does not say at which end of a list it puts them. A filter by time hides them, so the list is looked
        at from its other end, where one page tells whether there are any.
        """
        if not self._looks_at_far_end:
            return []
        self._looks_at_far_end = False
        query = {name: value for name, value in segment.query.items() if not name.startswith("sort_by")}
        from_far_end = query | {"sort_by[desc]": str(self._resource.time)}
        return [ListSegment(key=(*segment.key, 0), query=from_far_end, undated=True)]
