"""When calls fail at random in any thread, a reader gets all records or an error, and never hangs."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_chargebee._kit.fetch_pool import FetchPool
from tap_chargebee._kit.parallel_map import OrderedParallelMap
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_chargebee._kit.page_decoder import Page, PageDecoder

PATIENCE = 20.0
NOW = 100_000
PARENTS = Resource("customers", "/customers", "customer", sort_by="created_at")


class Site:
    """A list of records in pages of ten, whose calls fail at random."""

    def __init__(self, size: int, *, share: float, seed: int) -> None:
        self._size = size
        self._share = share
        self._random = Random(seed)  # noqa: S311 faults are not secret
        self._lock = threading.Lock()
        self.held = 0
        self.most_held = 0

    def is_full(self, _: str, page: Page) -> bool:
        """Return whether a page has ten records."""
        return len(page.items) == 10

    def fetch_page(self, _: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool, entity: str) -> Page:
        """Return one page, or fail like a call that fails."""
        assert (limited, entity) == (True, "")
        self._fail()
        low, high = bounds(query)
        rows = [row for row in range(self._size) if low <= at(row) <= high]
        rows = rows[-1:] if "sort_by[desc]" in query else rows
        start = int(query.get("offset", 0))
        listed = [{"customer": {"id": str(row), "created_at": at(row)}} for row in rows[start : start + 10]]
        more = {"next_offset": str(start + 10)} if start + 10 < len(rows) else {}
        text = msgspec.json.encode({"list": listed, **more})
        with self._lock:
            self.held += 1
            self.most_held = max(self.most_held, self.held)
        return decoder.decode_page(text)

    def part(self, parent: str) -> list[str]:
        """Return the child records of a record, or fail."""
        self._fail()
        return [f"{parent}/{place}" for place in range(int(parent) % 3)]

    def _fail(self) -> None:
        with self._lock:
            drawn = self._random.random()
        if drawn < self._share:
            raise ValueError("a call failed")


def at(row: int) -> int:
    """Return the time of a record."""
    return row * 97


def bounds(query: Mapping[str, str]) -> tuple[int, int]:
    """Return the first and last time that a query asks for."""
    if "created_at[between]" in query:
        low, high = map(int, query["created_at[between]"].strip("[]").split(","))
        return low, high
    return int(query.get("created_at[after]", -1)) + 1, 1 << 40


def within_time(work: Callable[[], Any]) -> Any:
    """Return the result or the error of `work`, and fail the test when it hangs."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except ValueError as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        pytest.fail("the reader hangs")
    return outcome[0]


@given(
    size=st.integers(0, 900),
    share=st.sampled_from([0.0, 0.002, 0.02, 0.3]),
    seed=st.integers(0, 1 << 16),
    threads=st.integers(1, 8),
    room=st.integers(1, 12),
)
def test_a_list_and_what_hangs_on_it(size: int, share: float, seed: int, threads: int, room: int) -> None:
    """A list and its child records arrive complete and in order, or the reader gets the error of a call."""
    site = Site(size, share=share, seed=seed)

    def work() -> list[str]:
        pool = FetchPool(threads, room)
        reading = ListReader(pool, site, PARENTS, [{"sort_by[asc]": "created_at"}], key=(0, 0), now=NOW)  # type: ignore[arg-type]
        other = ListReader(pool, site, PARENTS, [{"sort_by[asc]": "created_at"}], key=(1, 0), now=NOW)  # type: ignore[arg-type]
        for one in (reading, other):
            one.wait()
        for one in (reading, other):
            one.begin()
        parents = (item.members.id for page in reading for item in page)
        found = [
            one
            for _, items in OrderedParallelMap(pool, parents, site.part, key=(0, -1), ahead=2 * threads)
            if items is not None
            for one in items
        ]
        assert [item.members.id for page in other for item in page] == [str(row) for row in range(size)]
        return found

    outcome = within_time(work)
    if isinstance(outcome, ValueError):
        assert share
        assert str(outcome) == "a call failed"
    else:
        assert outcome == [f"{row}/{place}" for row in range(size) for place in range(row % 3)]


@pytest.mark.parametrize("threads", [1, 4, 16])
def test_the_parents_are_not_read_far_ahead_of_what_hangs_on_them(threads: int) -> None:
    """While child records are awaited, parents are fetched only as far as the buffer has room, so memory stays flat."""
    site = Site(2000, share=0.0, seed=0)

    def work() -> int:
        room = 8
        pool = FetchPool(threads, room)
        reading = ListReader(pool, site, PARENTS, [{"sort_by[asc]": "created_at"}], key=(0, 0), now=NOW)  # type: ignore[arg-type]
        reading.wait()
        reading.begin()
        parents = (item.members.id for page in taken(reading) for item in page)
        return len(list(OrderedParallelMap(pool, parents, site.part, key=(0, -1), ahead=2 * threads)))

    def taken(reading: ListReader) -> Any:
        for page in reading:
            site.held -= 1
            yield page

    assert within_time(work) == 2000
    # Besides the buffer, there is the first page, and one page per thread that is being added.
    assert site.most_held <= 8 + 1 + threads
