"""Which records a run asks for, and where the next run starts; nothing else decides either."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_chargebee.streams import Resource

_NEIGHBOURS = 10_000


@dataclass(frozen=True)
class Window:
    """A span of a replication key in unix seconds, both ends included."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"what changed from {self.start} to {self.end}"


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
    if bookmark is None or bookmark > run_start + lookback:
        return None
    return Window(start=max(min(bookmark, run_start) - lookback, 0), end=run_start)


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
    """The parameters of a list, without its paging.

    The order is one that does not move while the list is read: sorting on ``updated_at`` makes records jump over the
    cursor. Chargebee does not say whether ``after`` includes its second, so it is given the second before.

    Args:
        resource: the row of the table.
        window: the span of the replication key, None for everything.
        start_date: the earliest creation to read, unix seconds.
        include_deleted: whether deleted records are wanted, where the list has them.
    """
    query = {"sort_by[asc]": resource.sort_by}
    if window is not None:
        query[f"{resource.replication_key}[between]"] = f"[{window.start:010},{window.end:010}]"
    if start_date is not None:
        query[f"{resource.sort_by}[after]"] = f"{start_date - 1:010}"
    if include_deleted and resource.include_deleted:
        query["include_deleted"] = "true"
    return query


class Repeats:
    """Tells the versions of records that came before.

    A list repeats a record only near where it was: at the edge of two pages or of two windows. So the last ten thousand
    versions are remembered, and memory stays flat however long the list is.
    """

    def __init__(self) -> None:
        self._versions: OrderedDict[tuple[str, int], None] = OrderedDict()

    def repeats(self, record: dict[str, Any]) -> bool:
        """Whether this very version was seen; a record without a ``resource_version`` is never taken for a repeat."""
        if (version := record.get("resource_version")) is None:
            return False
        key = (record["id"], version)
        if key in self._versions:
            return True
        self._versions[key] = None
        if len(self._versions) > _NEIGHBOURS:
            self._versions.popitem(last=False)
        return False
