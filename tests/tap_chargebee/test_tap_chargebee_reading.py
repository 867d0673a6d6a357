"""How tap-chargebee reads a long list with several workers and writes it in order."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tap_chargebee._kit.fetch_pool import FetchPool
from tap_chargebee._kit.page_decoder import UnprovenError
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resource import Resource
from tap_chargebee.streams.windows import Span, build_span_query, split_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.testing import RunningSandbox
    from tap_chargebee._kit.page_decoder import Page, PageDecoder

    Records = dict[str, list[dict[str, Any]]]

NOW = 100_000
CUSTOMERS = Resource("customers", "/customers", "customer", sort_by="created_at")


class Site:
    """A list of records with these times, in pages of ten; records without a time are at one end of the list."""

    def __init__(self, times: list[int | None], *, undated_first: bool = False) -> None:
        dated = sorted((at, row) for row, at in enumerate(times) if at is not None)
        undated = [(None, row) for row, at in enumerate(times) if at is None]
        self._rows: list[tuple[int | None, int]] = [*undated, *dated] if undated_first else [*dated, *undated]
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def is_full(self, _: str, page: Page) -> bool:
        """Return whether a page has ten records."""
        return len(page.items) == 10

    def fetch_page(self, _: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool, entity: str) -> Page:
        """Return one page, as the client would."""
        assert (limited, entity) == (True, "")
        with self._lock:
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        rows = [row for row in self._rows if fits(row[0], query)]
        if "sort_by[desc]" in query:
            rows.reverse()
        start = int(query.get("offset", 0))
        listed = [{"customer": {"id": str(row), "created_at": at}} for at, row in rows[start : start + 10]]
        more = {"next_offset": str(start + 10)} if start + 10 < len(rows) else {}
        with self._lock:
            self.at_once -= 1
        return decoder.decode_page(msgspec.json.encode({"list": listed, **more}))


def fits(at: int | None, query: Mapping[str, str]) -> bool:
    """Return whether a record with this time passes the query's filters, read as strictly as possible."""
    if "created_at[between]" in query:
        low, high = map(int, query["created_at[between]"].strip("[]").split(","))
        return at is not None and low <= at <= high
    if "created_at[after]" in query:
        return at is not None and at > int(query["created_at[after]"])
    return True


def read(site: Site, *, size: int = 4, room: int = 24) -> list[str]:
    """Return the ids of all records read, in their order."""
    reading = ListReader(FetchPool(size, room), site, CUSTOMERS, [{"sort_by[asc]": "created_at"}], key=(0,), now=NOW)  # type: ignore[arg-type]
    reading.wait()
    reading.begin()
    return [item.members.id for page in reading for item in page]


@example(times=[None] + [0] * 10, undated_first=False, size=1, room=1)
@given(
    times=st.one_of(
        st.lists(st.integers(0, NOW), max_size=600),
        st.lists(st.integers(0, 50), max_size=600),
        st.lists(st.one_of(st.none(), st.integers(0, NOW)), max_size=300),
        st.lists(st.integers(0, 300).map(lambda number: number * number), min_size=200, max_size=600),
    ),
    undated_first=st.booleans(),
    size=st.integers(1, 6),
    room=st.integers(1, 12),
)
def test_every_record_comes_once_and_in_order(
    times: list[int | None],
    undated_first: bool,  # noqa: FBT001 either end of the list
    size: int,
    room: int,
) -> None:
    """Every record is read once and in order, with any times, workers and buffer size."""
    site = Site(times, undated_first=undated_first)
    ids = read(site, size=size, room=room)
    read_times = [times[int(one)] for one in ids]
    dated = [at for at in read_times if at is not None]
    assert sorted(ids, key=int) == [str(row) for row in range(len(times))]
    assert dated == sorted(dated)


def test_a_page_on_which_the_times_end() -> None:
    """Records without a time are read even when they begin in the middle of a page."""
    assert read(Site([*range(0, 50, 10), *[None] * 20])) == [str(row) for row in range(25)]


@pytest.mark.parametrize("undated_first", [True, False], ids=["at the beginning", "at the end"])
def test_a_long_list_has_its_records_without_a_time(undated_first: bool) -> None:  # noqa: FBT001 either end of the list
    """Records without a time are read in a long list as well, although the filters of its spans hide them."""
    times: list[int | None] = [*range(0, 90_000, 100), *[None] * 25]
    ids = read(Site(times, undated_first=undated_first))
    assert sorted(ids, key=int) == [str(row) for row in range(len(times))]


def test_what_goes_wrong_with_a_page_reaches_who_waits_for_it() -> None:
    """An error while a page is decoded ends the read; no thread waits for the page without end."""
    site = Site(list(range(0, 90_000, 30)))
    site._rows[12] = ("no time", 12)  # type: ignore[assignment] # noqa: SLF001 what no list holds
    with pytest.raises(UnprovenError):
        read(site)


def test_one_page_costs_one_call() -> None:
    """A list of one page is read with one call."""
    site = Site(list(range(0, 90, 10)))
    assert len(read(site)) == 9
    assert site.calls == 1


def test_a_full_page_without_a_cursor_is_proved_by_one_more_call() -> None:
    """A full page without a cursor is checked by one more call from its last record on."""
    site = Site(list(range(0, 100, 10)))
    assert len(read(site)) == 10
    assert site.calls == 2


def test_a_cursor_that_is_left_out_loses_nothing() -> None:
    """When cursors are missing, the list is read on from the last record, and repeated records are dropped."""

    class Forgetful(Site):
        def fetch_page(
            self, path: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool, entity: str
        ) -> Page:
            """Return the page, every second time without a cursor."""
            page = super().fetch_page(path, query, decoder, limited=limited, entity=entity)
            return replace(page, cursor=None) if self.calls % 2 else page

    ids = read(Forgetful([at // 3 for at in range(95)]))
    assert ids == [str(row) for row in range(95)]


def test_a_long_list_costs_little_more_than_its_pages() -> None:
    """Splitting a list of 300 pages costs at most a tenth more calls."""
    site = Site(list(range(0, 90_000, 30)))
    assert len(read(site, size=1)) == 3000
    assert 300 < site.calls <= 331


def test_no_more_calls_at_once_than_allowed() -> None:
    """With four workers, at most four calls run at the same time."""
    site = Site(list(range(0, 90_000, 30)))
    read(site, size=4)
    assert site.most_at_once <= 4


def test_what_is_not_written_is_not_read_on() -> None:
    """While no page is consumed, only as many pages are fetched as the buffer holds."""
    site = Site(list(range(0, 90_000, 30)))
    pool = FetchPool(4, 24)
    reading = ListReader(pool, site, CUSTOMERS, [{"sort_by[asc]": "created_at"}], key=(0,), now=NOW)  # type: ignore[arg-type]
    reading.wait()
    reading.begin()
    for _ in range(200):
        with pool.changed:
            if site.calls >= 25:
                break
            pool.changed.wait(0.05)
    with pool.changed:
        pool.changed.wait(0.05)
    assert site.calls == 25
    reading.close()


def test_a_failure_is_told_in_its_place() -> None:
    """An error is raised in order, after the pages before it."""

    class Broken(Site):
        def fetch_page(
            self, path: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool, entity: str
        ) -> Page:
            if query.get("offset") == "20":
                raise ValueError("third page")
            return super().fetch_page(path, query, decoder, limited=limited, entity=entity)

    site = Broken([5] * 40)
    reading = ListReader(FetchPool(4, 24), site, CUSTOMERS, [{"sort_by[asc]": "created_at"}], key=(0,), now=NOW)  # type: ignore[arg-type]
    pages = iter(reading)
    assert [len(next(pages)), len(next(pages))] == [10, 10]
    with pytest.raises(ValueError, match="third page"):
        next(pages)


@pytest.mark.parametrize(
    ("first", "last", "end", "kept", "spans"),
    [
        (0, 10_000, None, None, []),
        (0, 5_000, None, 50_000, [Span(50_001, 75_000), Span(75_001, None)]),
        (0, 5_000, 99_999, 50_000, [Span(50_001, 74_999), Span(75_000, 99_999)]),
        (0, 50_000, 60_000, 60_000, []),
    ],
    ids=["ten pages", "twenty pages", "twenty pages of a stretch", "nearly done"],
)
def test_how_a_list_is_cut(first: int, last: int, end: int | None, kept: int | None, spans: list[Span]) -> None:
    """The first reader keeps about ten pages; the rest is split evenly, and the last span has no end."""
    assert split_rest(first, last, end, now=NOW) == (kept, spans)


def test_a_dense_list_is_cut_into_sixteen_at_once() -> None:
    """A list that is estimated at thousands of pages is split into at most sixteen spans."""
    kept, spans = split_rest(0, 10, None, now=NOW)
    assert kept == 100
    assert (len(spans), spans[0].start, spans[-1].end) == (16, 101, None)
    assert all(before.end is not None and before.end + 1 == after.start for before, after in pairwise(spans))


def test_the_parameters_of_a_stretch() -> None:
    """The filter of a span replaces the time filter of the whole list."""
    query = {"sort_by[asc]": "date", "date[after]": "1704067199", "updated_at[between]": "[1,2]"}
    rest = {"sort_by[asc]": "date", "updated_at[between]": "[1,2]"}
    assert build_span_query(query, "date", Span(1_710_000_000, 1_720_000_000)) == rest | {
        "date[between]": "[1710000000,1720000000]"
    }
    assert build_span_query(query, "date", Span(1_710_000_000, None)) == rest | {"date[after]": "1709999999"}


def test_a_whole_site_in_small_pages(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Six hundred customers are read whole and in order with at most 15 % more calls than pages."""
    sandbox.reset(customers=600, seed=7)
    run = run_tap(page_size=10)
    counts = {call["path"]: call["count"] for call in sandbox.calls()["calls"]}
    rows = {name: len(records) for name, records in run.records.items()}
    assert rows == sandbox.world.business.counts()
    assert all(counts[f"/{name}"] <= 1.15 * size / 10 + 3 for name, size in rows.items())
