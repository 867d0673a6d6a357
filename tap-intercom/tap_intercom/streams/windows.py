"""Decides which records a run reads and sends."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tap_intercom._kit.clock import is_believable, is_recent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom._kit.json_types import JsonObject, JsonValue

DAY = 86_400
REACH = DAY + 14 * 3600
"""How far a filter by time may be off, seconds.

Intercom rounds the times in a search of contacts to days in the workspace's time zone: `>` begins with the following
midnight, `<` ends with the one before. No time zone is further from UTC than fourteen hours.
"""
PAGES_PER_READER = 10
MAX_READERS = 16
SHORTEST_SPAN = 10 * DAY


@dataclass(frozen=True)
class Span:
    """A range of creation times in unix seconds: the start is included, the end is not; ``end`` None is open."""

    start: int
    end: int | None = None

    def contains(self, at: int) -> bool:
        """Return whether a record of that time belongs to the span."""
        return self.start <= at and (self.end is None or at < self.end)


def split_rest(span: Span, reached: int, left: int, *, page_size: int, now: int) -> list[Span]:
    """Share out the rest of a search after one of its pages: return the spans from ``reached`` on; none for one reader.

    An answer says how many records the query finds, so the number of pages that are left is known, and only their times
    are guessed. A span that turns out to be long is split again. Each further span costs half a page on average, and
    the days that its filter adds, so no span is shorter than ten days.

    Args:
        span: the span of the reader.
        reached: the time of the last record that came.
        left: how many records follow it.
        page_size: records per page.
        now: the latest time that an open span is likely to hold.
    """
    end = max(now, reached) if span.end is None else span.end
    pages = left / page_size
    readers = min(round(pages / PAGES_PER_READER), MAX_READERS, (end - reached) // SHORTEST_SPAN)
    if pages < 1.5 * PAGES_PER_READER or readers < 2 or reached <= span.start:  # noqa: PLR2004 two readers at least
        return []
    bounds = [reached + (end - reached) * number // readers for number in range(readers + 1)]
    spans = [Span(start, stop) for start, stop in pairwise(bounds)]
    # The last span keeps the original end, which may be open.
    return [*spans[:-1], Span(spans[-1].start, span.end)]


def build_query(span: Span, since: int | None) -> JsonObject:
    """Return the query for the records of a span that changed since a time. It also finds some others.

    Args:
        span: a range of ``created_at``.
        since: the earliest ``updated_at`` in Unix seconds; None for any.
    """
    bounds = [("created_at", ">", max(span.start - REACH, 0))]
    if span.end is not None:
        bounds.append(("created_at", "<", span.end + REACH))
    if since is not None:
        bounds.append(("updated_at", ">", max(since - REACH, 0)))
    filters: list[JsonObject] = [
        {"field": field, "operator": operator, "value": value} for field, operator, value in bounds
    ]
    return filters[0] if len(filters) == 1 else {"operator": "AND", "value": filters}


def build_search(
    span: Span, since: int | None, *, page_size: int, cursor: str | None, newest_first: bool = False
) -> JsonObject:
    """Return the body of a search, sorted by the time of creation, which does not change while the list is read.

    With ``newest_first`` it is sorted by the time of the last change. The cursor and the size of the page are in the
    body: in the query string they have no effect.
    """
    pagination: JsonObject = {"per_page": page_size}
    if cursor is not None:
        pagination["starting_after"] = cursor
    sort = {"field": "created_at", "order": "ascending"}
    if newest_first:
        sort = {"field": "updated_at", "order": "descending"}
    return {"query": build_query(span, since), "pagination": pagination, "sort": sort}


def choose_since(
    bookmark: Mapping[str, JsonValue],
    *,
    lookback: int,
    start_date: int | None,
    run_start: int,
    reread_every: int | None,
) -> int | None:
    """Return the earliest change that a run sends, unix seconds; None for everything.

    The last run saw everything that had changed when it began, except what its searches did not show yet: they lag
    behind the writes. So the answer is the start of that run less the lookback. Records that changed within the
    lookback are sent again.

    A bookmark that is later than Intercom's own clock was made by another clock, so nobody knows what was read before
    it: everything is read again. The same holds when the start date is earlier than in the last run, or was removed:
    the last run skipped the older records.

    Args:
        bookmark: the bookmark of the last run; empty when there was none.
        lookback: how far searches may lag, seconds.
        start_date: the setting, in unix seconds.
        run_start: the server's clock when this run began, unix seconds.
        reread_every: the seconds after which everything is read again; None for never.
    """
    reached: int | None = bookmark.get("read_at", bookmark.get("replication_key_value"))
    if reached is None or not is_believable(reached, run_start) or (bookmark.get("from") or 0) > (start_date or 0):
        return start_date
    whole_at = bookmark.get("whole_at")
    if reread_every is not None and (whole_at is None or not is_recent(whole_at, run_start, reread_every)):
        return start_date
    return max(min(reached, run_start) - lookback, start_date or 0)
