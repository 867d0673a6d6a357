"""How tap-intercom reads a long search with several workers and writes it in order."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_intercom._kit.fetch_pool import FetchPool
from tap_intercom._kit.page_decoder import UnprovenError
from tap_intercom.api.client import IntercomClient
from tap_intercom.api.errors import StaleCursorError, UserError
from tap_intercom.api.lists import NumberedReader
from tap_intercom.api.pages import ResourceDecoder
from tap_intercom.streams.reader import SearchReader
from tap_intercom.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from sandbox.testing import RunningSandbox
    from tap_intercom._kit.page_decoder import Page, PageDecoder
    from tap_intercom.api.client import Call

DAY = 86_400
NOW = 1000 * DAY
(CONTACTS,) = (row for row in STREAMS if row.name == "contacts")


class Workspace:
    """Contacts created at such times, searched as Intercom does: filters are cut to the days of a zone.

    Args:
        times: when each was created.
        zone: hours from UTC.
        stale: the call whose cursor is refused.
        circles: the calls whose answers lead back to themselves.
    """

    def __init__(self, times: Sequence[int], *, zone: int = 0, stale: int = 0, circles: Container[int] = ()) -> None:
        self._rows = sorted((at, str(row)) for row, at in enumerate(times))
        self._zone = zone * 3600
        self._stale = stale
        self._circles = circles
        self.calls = 0
        self._lock = threading.Lock()

    def fetch_page(self, call: Call, decoder: PageDecoder, check: Callable[[Page], None] = lambda _: None) -> Page:
        """Return one page, as the client would."""
        with self._lock:
            self.calls += 1
            calls = self.calls
        body: Any = call.body
        cursor = body["pagination"].get("starting_after")
        if cursor and calls == self._stale:
            raise StaleCursorError("Invalid starting_after")
        page = decoder.decode_page(msgspec.json.encode(self._answer(body, cursor, calls)))
        check(page)
        return page

    def _answer(self, body: dict[str, Any], cursor: str | None, calls: int) -> dict[str, Any]:
        query = body["query"]
        rows = self._found([query] if "field" in query else query["value"])
        start, size = int(cursor or 0), body["pagination"]["per_page"]
        after = start + size if start + size < len(rows) else None
        if cursor and calls in self._circles:
            after = int(cursor)
        data = [
            {"id": key, "created_at": at, "updated_at": at, "companies": None} for at, key in rows[start : start + size]
        ]
        following = {"next": {"starting_after": str(after)}} if after else {}
        return {"data": data, "total_count": len(rows), "pages": {"type": "pages", **following}}

    def _found(self, filters: list[dict[str, Any]]) -> list[tuple[int, str]]:
        start, stop = 0, len(self._rows)
        for one in filters:
            day = self._day(one["value"])
            if one["operator"] == ">":
                start = bisect_right(self._rows, day, key=lambda row: self._day(row[0]))
            else:
                stop = bisect_left(self._rows, day, key=lambda row: self._day(row[0]))
        return self._rows[start:stop]

    def _day(self, second: int) -> int:
        return (second + self._zone) // DAY


def opened(workspace: Workspace, *, size: int = 4, room: int = 24, page_size: int = 10) -> SearchReader:
    """Return a reader that has begun to read everything."""
    pool, shape = FetchPool(size, room), ResourceDecoder(CONTACTS)
    reading = SearchReader(pool, workspace, CONTACTS, shape, since=None, page_size=page_size, key=(0,), now=lambda: NOW)  # type: ignore[arg-type]
    reading.wait()
    reading.begin()
    return reading


def read(workspace: Workspace, **how: int) -> list[str]:
    """Return the ids of all records read, in their order."""
    return [item.members.id for page in opened(workspace, **how) for item in page]


# The first days of 1970 are left out: the filter begins a day after 0, and no contact is that old.
TIMES = st.one_of(
    st.lists(st.integers(2 * DAY, NOW), max_size=700),
    st.lists(st.integers(700 * DAY, 700 * DAY + 50), max_size=400),
    st.lists(st.integers(700, 760).map(lambda day: day * DAY), max_size=700),
    st.lists(st.integers(0, 900).map(lambda number: NOW - number * number * 90), min_size=300, max_size=700),
)


@given(times=TIMES, zone=st.integers(-11, 14), size=st.integers(1, 6), room=st.integers(1, 12))
def test_every_record_comes_once_and_in_order(times: list[int], zone: int, size: int, room: int) -> None:
    """Every record is read once and in order, with any times, time zone, workers and buffer size."""
    ids = read(Workspace(times, zone=zone), size=size, room=room)
    assert sorted(ids, key=int) == [str(row) for row in range(len(times))]
    assert [times[int(one)] for one in ids] == sorted(times)


@given(times=TIMES, stale=st.integers(2, 40))
def test_a_cursor_that_is_not_taken_is_no_loss(times: list[int], stale: int) -> None:
    """After a refused cursor the read goes on from the last record; only records of that second repeat."""
    ids = read(Workspace(times, stale=stale))
    assert set(ids) == {str(row) for row in range(len(times))}
    assert len(ids) <= len(times) + max((times.count(at) for at in times), default=0)


def test_cursors_that_go_round_in_circles_are_left() -> None:
    """After a repeated cursor the read goes on from the last record."""
    times = [500 * DAY + 60 * row for row in range(100)]
    ids = read(Workspace(times, circles={4, 9}), size=1)
    assert list(dict.fromkeys(ids)) == [str(row) for row in range(100)]


def test_a_circle_without_a_way_out_ends_the_run() -> None:
    """When pages repeat without end, the run ends with a sentence."""
    with pytest.raises(UserError) as told:
        read(Workspace([500 * DAY] * 100, circles=range(3, 100)), size=1)
    assert told.value.message == "Intercom's pages repeat without end: run again later."


def test_one_page_costs_one_call() -> None:
    """A search of one page is read with one call."""
    workspace = Workspace(list(range(2 * DAY, 12 * DAY, DAY)))
    assert len(read(workspace)) == 10
    assert workspace.calls == 1


def test_pages_stay_full() -> None:
    """Splitting a search of 134 pages costs at most ten more calls."""
    workspace = Workspace([2 * DAY + row * 998 * DAY // 20_000 for row in range(20_000)])
    assert len(read(workspace, size=16, room=96, page_size=150)) == 20_000
    assert workspace.calls <= 144


def test_what_goes_wrong_with_a_page_reaches_who_waits_for_it() -> None:
    """An error while a page is decoded ends the read; no thread waits for the page without end."""
    workspace = Workspace(list(range(2 * DAY, 990 * DAY, DAY)))
    workspace._rows[500] = (None, "no time")  # type: ignore[assignment] # noqa: SLF001 what no list holds
    with pytest.raises(UnprovenError, match=r"Expected `int`, got `null` - at `\$\.created_at` of item"):
        read(workspace)


def test_numbered_pages_come_side_by_side_and_in_order(
    sandbox: RunningSandbox, calls: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbered pages are fetched a few at a time, and read in order with one call each."""
    monkeypatch.setattr("tap_intercom.api.lists.AHEAD", 3)
    (row,) = (row for row in STREAMS if row.name == "external_pages")
    row = replace(row, per_page=7)
    client = IntercomClient(access_token="sandbox_token", api_url=sandbox.intercom_url)
    listing = NumberedReader(FetchPool(4, 24), client, row, ResourceDecoder(row), {}, key=(0,))
    listing.wait()
    ids = [item.members.id for page in listing for item in page]
    assert ids == sandbox.world.intercom.library.list_ids("external_pages")
    assert calls() == {"/ai/external_pages": 9}


def test_a_list_that_grows_while_it_is_read_loses_nothing() -> None:
    """A record added to the first page during the read moves the last record to a new page, which is read as well."""
    (row,) = (row for row in STREAMS if row.name == "external_pages")
    ids = list(range(20))

    class Growing:
        def fetch_page(self, call: Call, decoder: PageDecoder, _: Callable[[Page], None]) -> Page:
            """Return ten records, newest first; the list has one more from the second page on."""
            number = int(call.query["page"])
            held = ids if number == 1 else [-1, *ids]
            data = [{"id": one, "updated_at": 1} for one in held[10 * (number - 1) : 10 * number]]
            return decoder.decode_page(
                msgspec.json.encode({"data": data, "pages": {"total_pages": -(-len(held) // 10)}})
            )

    listing = NumberedReader(FetchPool(1, 24), Growing(), row, ResourceDecoder(row), {}, key=(0,))  # type: ignore[arg-type]
    assert {item.members.id for page in listing for item in page} >= set(ids)
