"""Which records a run asks for, and where the next run starts; nothing else decides either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from tap_chargebee._kit.clock import is_believable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_chargebee.streams.resource import Resource

TEN_DIGITS = 1_000_000_000
"""A time on the wire has ten digits; Chargebee has no record that is older than the first of them, in 2001."""
FIRST_UPDATED_AT = 1_475_107_200
"""2016-09-29: Chargebee keeps ``updated_at`` since the day before."""
_PAGES = 10
_PIECES = 16


@dataclass(frozen=True)
class Window:
    """A span of a replication key in unix seconds, both ends included."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"what changed from {self.start} to {self.end}"


@dataclass(frozen=True)
class Span:
    """A stretch of a list's own order in unix seconds, both ends included; one without an end is open."""

    start: int
    end: int | None


def cut(first: int, last: int, end: int | None, *, now: int) -> tuple[int | None, list[Span]]:
    """How a stretch of a list is shared out after one of its pages: the end of what the reader keeps, and the others.

    The page tells how dense the records are, so how much is left can be guessed. A reader keeps about ten pages; a
    stretch that is not much longer stays whole, since every further one costs half a page more on the average. The
    guess need not be good: a stretch that turns out to be long is cut again.

    Args:
        first: the time of the first record of the page.
        last: the time of its last record.
        end: the end of the stretch, None when it is open.
        now: the latest time that an open stretch is likely to hold.
    """
    page = max(last - first, 1)
    left = (now if end is None else end) - last
    pages = left / page
    if pages < 1.5 * _PAGES:
        return end, []
    kept = last + page * (_PAGES - 1)
    pieces = min(round(pages / _PAGES), _PIECES)
    return kept, _spans(kept, end, kept + (left - page * (_PAGES - 1)), pieces)


def _spans(after: int, end: int | None, likely_end: int, pieces: int) -> list[Span]:
    bounds = [after + (likely_end - after) * piece // pieces for piece in range(pieces + 1)]
    spans = [Span(start + 1, stop) for start, stop in pairwise(bounds) if start < stop]
    return [*spans[:-1], Span(spans[-1].start, end)] if spans else []


def span_query(query: Mapping[str, str], time: str, span: Span) -> dict[str, str]:
    """The parameters of a list, bounded to a stretch of its order.

    Args:
        query: the parameters of the whole list.
        time: the field that the list is in the order of.
        span: the stretch.
    """
    rest = {name: value for name, value in query.items() if name not in {f"{time}[after]", f"{time}[between]"}}
    if span.end is None:
        return {**rest, f"{time}[after]": f"{span.start - 1}"}
    return {**rest, f"{time}[between]": f"[{span.start},{span.end}]"}


def read_window(bookmark: int | None, *, lookback: int, run_start: int) -> Window | None:
    """The span of ``updated_at`` that a run reads; None reads everything.

    Without a bookmark nothing may be filtered on ``updated_at``: records that were last changed before 2016-09-28 have
    none, and every such filter hides them. With one, the span reaches back by ``lookback``, because Chargebee's lists
    are eventually consistent, and ends where the run began: a record changed while the list is being paged moves out
    of the span, whether or not it was read before, and into the next run's.

    A bookmark later than Chargebee's own clock allows was made by another clock or on another site, and what it stands
    for is unknown: everything is read again.

    Args:
        bookmark: the greatest ``updated_at`` known to be read, unix seconds.
        lookback: how far to read back, seconds.
        run_start: the server's clock when the run began, unix seconds.
    """
    if bookmark is None or not is_believable(bookmark, run_start):
        return None
    start = min(bookmark, run_start) - lookback
    return Window(start, end=run_start) if start >= TEN_DIGITS else None


def days(start: int, end: int) -> list[str]:
    """The days of UTC from one instant to another, both in unix seconds: ``["2026-01-14", "2026-01-15"]``."""
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (start, end))
    return [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]


def next_bookmark(bookmark: int | None, greatest: int | None, *, run_start: int) -> int | None:
    """The bookmark after a stream was read to its end.

    It is the greatest ``updated_at`` that was read, so an empty answer moves nothing. It never passes the start of the
    run: an unfiltered read has no upper end, and a record changed behind the cursor while a later one was changed ahead
    of it would otherwise be lost.

    Args:
        bookmark: the bookmark that this run read from, None when it read everything.
        greatest: the greatest ``updated_at`` among the records, None when no record had one.
        run_start: the server's clock when the run began, unix seconds.
    """
    if greatest is None:
        return bookmark
    reached = min(greatest, run_start)
    return reached if bookmark is None else max(bookmark, reached)


def list_query(
    resource: Resource, window: Window | None, *, start_date: int | None, include_deleted: bool
) -> dict[str, str]:
    """Return the parameters of a list, without its paging.

    Args:
        resource: the list.
        window: the span of its replication key to read, None for everything.
        start_date: the earliest replication key to read, unix seconds; where a list has none, the earliest creation.
        include_deleted: whether deleted records are wanted, where the list has them.
    """
    query = {"sort_by[asc]": resource.sort_by} if resource.sort_by else {}
    if window is not None and resource.replication_key:
        start = max(window.start, start_date or 0)
        query[f"{resource.replication_key}[between]"] = f"[{start},{window.end}]"
    elif start_date is not None and (bound := bounded_by(resource, start_date)):
        query[f"{bound}[after]"] = str(max(start_date - 1, TEN_DIGITS))
    if include_deleted and resource.include_deleted:
        query["include_deleted"] = "true"
    return query


def bounded_by(resource: Resource, start_date: int) -> str | None:
    """Return the time by which a start date bounds a list; None when it is read whole.

    A record that was last changed before 2016-09-28 has no ``updated_at``, and any filter on it hides the record. All
    the others were changed later, so an earlier date bounds nothing.
    """
    if resource.replication_key == "updated_at":
        return "updated_at" if start_date >= FIRST_UPDATED_AT else None
    return resource.creation
