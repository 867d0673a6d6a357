"""Which records a run asks for, and where the next run starts; nothing else decides either."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_intercom._kit.clock import is_believable, is_recent

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 86_400
REACH = DAY + 14 * 3600
"""How far a filter by time may be off, seconds.

Intercom cuts the times in a search of contacts to days of the workspace's time zone: `>` begins with the midnight that
follows, `<` ends with the one before. No zone is further from UTC than fourteen hours.
"""
_PIECE = 10
_PIECES = 16
_SHORTEST = 10 * DAY


@dataclass(frozen=True)
class Span:
    """A stretch of a list's own order in unix seconds: from its start until before its end; one without is open."""

    start: int
    end: int | None = None

    def holds(self, at: int) -> bool:
        """Whether a record of that time is of this stretch."""
        return self.start <= at and (self.end is None or at < self.end)


def cut(span: Span, reached: int, left: int, *, page_size: int, now: int) -> list[Span]:
    """How what is left of a stretch is shared out: the spans from ``reached`` on, none when one reader is enough.

    An answer tells how many records a query finds, so how much is left is known, and only where it lies is guessed. A
    span that turns out to be long is cut again. A span costs half a page more on the average, and what its filter
    reaches back, so none is shorter than ten days.

    Args:
        span: what is read.
        reached: the time of the last record that came.
        left: how many records follow it.
        page_size: records a page.
        now: the latest time that an open stretch is likely to hold.
    """
    end = max(now, reached) if span.end is None else span.end
    pages = left / page_size
    pieces = min(round(pages / _PIECE), _PIECES, (end - reached) // _SHORTEST)
    if pages < 1.5 * _PIECE or pieces < 2 or reached <= span.start:  # noqa: PLR2004 two readers at least
        return []
    bounds = [reached + (end - reached) * piece // pieces for piece in range(pieces + 1)]
    spans = [Span(start, stop) for start, stop in pairwise(bounds)]
    return [*spans[:-1], Span(spans[-1].start, span.end)]


def query(span: Span, since: int | None) -> dict[str, Any]:
    """The query of a search for what was created within a span and changed since a time, and some more.

    Args:
        span: a span of ``created_at``.
        since: the earliest ``updated_at`` that is wanted, unix seconds; None for any.
    """
    filters = [_filter("created_at", ">", max(span.start - REACH, 0))]
    if span.end is not None:
        filters.append(_filter("created_at", "<", span.end + REACH))
    if since is not None:
        filters.append(_filter("updated_at", ">", max(since - REACH, 0)))
    return filters[0] if len(filters) == 1 else {"operator": "AND", "value": filters}


def _filter(field: str, operator: str, value: int) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def search(
    span: Span, since: int | None, *, page_size: int, cursor: str | None, newest_first: bool = False
) -> dict[str, Any]:
    """The body of a search, in an order that does not move while it is read: a creation never changes.

    With ``newest_first`` it begins with what was changed last instead. The cursor stands in the body, with the size of
    the page: in the query string neither has an effect.
    """
    pagination: dict[str, Any] = {"per_page": page_size}
    if cursor is not None:
        pagination["starting_after"] = cursor
    sort = {"field": "created_at", "order": "ascending"}
    if newest_first:
        sort = {"field": "updated_at", "order": "descending"}
    return {"query": query(span, since), "pagination": pagination, "sort": sort}


def since(
    bookmark: Mapping[str, Any], *, lookback: int, start_date: int | None, run_start: int, reread_every: int | None
) -> int | None:
    """The earliest change that a run passes on, unix seconds; None for everything.

    What had changed when the last run began, that run has seen, but for what its searches did not show yet: they lag
    behind. So it is the start of that run, less the lookback; a record comes again only if it changed within that.

    A bookmark later than Intercom's own clock allows was made by another clock, and what it stands for is unknown:
    everything is read again. So it is after an earlier start date was set, or none: what the last one passed by never
    came.

    Args:
        bookmark: what the last run left for the stream; empty when there was none.
        lookback: how far searches may lag, seconds.
        start_date: the earliest change that is wanted at all, unix seconds.
        run_start: the server's clock when this run began, unix seconds.
        reread_every: after how many seconds everything is read again; None for never.
    """
    reached: int | None = bookmark.get("read_at", bookmark.get("replication_key_value"))
    if reached is None or not is_believable(reached, run_start) or (bookmark.get("from") or 0) > (start_date or 0):
        return start_date
    if _stale(bookmark, run_start, reread_every):
        return start_date
    return max(min(reached, run_start) - lookback, start_date or 0)


def _stale(bookmark: Mapping[str, Any], run_start: int, reread_every: int | None) -> bool:
    whole_at = bookmark.get("whole_at")
    return reread_every is not None and (whole_at is None or not is_recent(whole_at, run_start, reread_every))
