"""Decides which records a run reads, and where the next run starts."""

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
"""The first time with ten digits, in 2001. Times in answers have ten digits, and no record is older."""
FIRST_UPDATED_AT = 1_475_107_200
"""2016-09-29. Chargebee has stored ``updated_at`` since the day before."""
PAGES_PER_READER = 10
MAX_READERS = 16


@dataclass(frozen=True)
class Window:
    """A range of a replication key in unix seconds, both ends included."""

    start: int
    end: int

    def __str__(self) -> str:
        start, end = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (self.start, self.end))
        return f"changes from {start} to {end}"


@dataclass(frozen=True)
class Span:
    """A range of the time by which a list is sorted, in unix seconds, both ends included; ``end`` None is open."""

    start: int
    end: int | None


def split_rest(first: int, last: int, end: int | None, *, now: int) -> tuple[int | None, list[Span]]:
    """Divide the rest of a list after one of its pages: return the new end of this reader, and the other spans.

    The page shows how dense the records are, so the number of remaining pages can be guessed. A reader keeps about ten
    pages. A rest that is not much longer is not divided, since every further reader costs half a page on average. The
    guess need not be good, as a span that turns out to be long is divided again.

    Args:
        first: the time of the first record of the page.
        last: the time of its last record.
        end: the end of this reader's span; None when it is open.
        now: the latest time that an open span is likely to contain.
    """
    seconds_per_page = max(last - first, 1)
    seconds_left = (now if end is None else end) - last
    pages = seconds_left / seconds_per_page
    if pages < 1.5 * PAGES_PER_READER:
        return end, []
    own_end = last + seconds_per_page * (PAGES_PER_READER - 1)
    readers = min(round(pages / PAGES_PER_READER), MAX_READERS)
    seconds_shared = seconds_left - seconds_per_page * (PAGES_PER_READER - 1)
    bounds = [own_end + seconds_shared * number // readers for number in range(readers + 1)]
    spans = [Span(start + 1, stop) for start, stop in pairwise(bounds) if start < stop]
    # The last span keeps the original end, which may be open.
    return own_end, [*spans[:-1], Span(spans[-1].start, end)] if spans else []


def build_span_query(query: Mapping[str, str], time: str, span: Span) -> dict[str, str]:
    """Return the parameters of a list for one span.

    Args:
        query: the parameters of the whole list.
        time: the time by which the list is sorted.
        span: the span.
    """
    rest = {name: value for name, value in query.items() if name not in {f"{time}[after]", f"{time}[between]"}}
    if span.end is None:
        return {**rest, f"{time}[after]": f"{span.start - 1}"}
    return {**rest, f"{time}[between]": f"[{span.start},{span.end}]"}


def choose_window(bookmark: int | None, *, lookback: int, run_start: int) -> Window | None:
    """Return the range of ``updated_at`` that a run reads; None for everything.

    Without a bookmark nothing may be filtered by ``updated_at``: records that were last changed before 2016-09-28 have
    none, and every such filter hides them. With a bookmark the window reaches back by ``lookback``, because Chargebee's
    lists are eventually consistent. It ends where the run began: a record that changes while the list is read moves
    out of the window and into the next run's.

    A bookmark that is later than Chargebee's own clock was made by another clock or on another site. Nobody knows what
    was read before it, so everything is read again.

    Args:
        bookmark: the greatest ``updated_at`` of the last run, unix seconds.
        lookback: how far to read back, seconds.
        run_start: the server's clock when the run began, unix seconds.
    """
    if bookmark is None or not is_believable(bookmark, run_start):
        return None
    start = min(bookmark, run_start) - lookback
    return Window(start, end=run_start) if start >= TEN_DIGITS else None


def list_days(start: int, end: int) -> list[str]:
    """Return the days in UTC between two times in Unix seconds, such as ``["2026-01-14", "2026-01-15"]``."""
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (start, end))
    return [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]


def advance_bookmark(bookmark: int | None, greatest: int | None, *, run_start: int) -> int | None:
    """Return the bookmark of a stream that was read to its end.

    It is the greatest ``updated_at`` of the records, so an empty answer does not move it. It never passes the start of
    the run: a read without a filter has no upper end, so it may show a record that changed after the run began and miss
    another one that changed before that, behind the cursor.

    Args:
        bookmark: the bookmark that this run started from; None when it read everything.
        greatest: the greatest ``updated_at`` of the records; None when no record had one.
        run_start: the server's clock when the run began, unix seconds.
    """
    if greatest is None:
        return bookmark
    reached = min(greatest, run_start)
    return reached if bookmark is None else max(bookmark, reached)


def build_list_query(
    resource: Resource, window: Window | None, *, start_date: int | None, include_deleted: bool
) -> dict[str, str]:
    """Return the parameters of a list, without its paging.

    Args:
        resource: the list.
        window: the range of its replication key to read; None for everything.
        start_date: the earliest replication key to read, unix seconds; where a list has none, the earliest creation.
        include_deleted: whether to read deleted records, where the list has them.
    """
    query = {"sort_by[asc]": resource.sort_by} if resource.sort_by else {}
    if window is not None and resource.replication_key:
        start = max(window.start, start_date or 0)
        query[f"{resource.replication_key}[between]"] = f"[{start},{window.end}]"
    elif start_date is not None and (bound := find_start_date_filter(resource, start_date)):
        query[f"{bound}[after]"] = str(max(start_date - 1, TEN_DIGITS))
    if include_deleted and resource.include_deleted:
        query["include_deleted"] = "true"
    return query


def find_start_date_filter(resource: Resource, start_date: int) -> str | None:
    """Return the time by which a start date filters a list; None if the whole list is read.

    Records that were last changed before 2016-09-28 have no ``updated_at``, and any filter by it hides them. All other
    records changed later, so an earlier start date needs no filter.
    """
    if resource.replication_key == "updated_at":
        return "updated_at" if start_date >= FIRST_UPDATED_AT else None
    return resource.creation
