"""OrderedParallelMap fetches something for each item and yields the results in the order of the items."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from singer_kit.fetch_pool import FetchPool
from singer_kit.parallel_map import OrderedParallelMap


@given(count=st.integers(0, 60), needing=st.integers(1, 9), threads=st.integers(1, 5), ahead=st.integers(0, 9))
def test_each_item_comes_with_what_was_fetched_for_it(count: int, needing: int, threads: int, ahead: int) -> None:
    """Each item is yielded in order with its result, or with None when it needs nothing."""
    pairs = OrderedParallelMap(
        FetchPool(threads, 8),
        range(count),
        lambda item: f"of {item}",
        needs=lambda item: item % needing == 0,
        key=(0,),
        ahead=ahead,
    )
    assert list(pairs) == [(item, f"of {item}" if item % needing == 0 else None) for item in range(count)]


def test_no_more_is_fetched_ahead_than_asked_for() -> None:
    """No more than `ahead` results are fetched before the reader takes the next pair."""
    fetched: list[int] = []
    pairs = iter(OrderedParallelMap(FetchPool(4, 8), range(50), fetched.append, key=(0,), ahead=8))
    assert next(pairs) == (0, None)
    assert len(fetched) <= 9
    assert [item for item, _ in pairs] == list(range(1, 50))


@given(count=st.integers(0, 20), needing=st.integers(1, 4), ahead=st.integers(1, 9))
def test_fetches_can_be_requested_before_the_reader_comes(count: int, needing: int, ahead: int) -> None:
    """Results can be requested before the reader starts, at most `ahead` of them; the pairs stay the same."""
    fetched: list[int] = []
    pool = FetchPool(1, 99)
    pairs = OrderedParallelMap(
        pool, range(count), fetched.append, needs=lambda item: item % needing == 0, key=(0,), ahead=ahead
    )
    pairs.request_ahead()
    pool.submit_call((1,), lambda: None).result(10)
    assert fetched == list(range(0, count, needing))[:ahead]
    assert [item for item, _ in pairs] == list(range(count))


def test_fetches_do_not_wait_for_pages_that_others_buffer() -> None:
    """Fetches run concurrently even while the buffer is full of later pages."""
    pool = FetchPool(4, 2)
    with pool.changed:
        pool.count_buffered(2)
    together = threading.Barrier(4, timeout=10)
    pairs = OrderedParallelMap(pool, range(8), lambda item: together.wait() >= 0 and item, key=(0,), ahead=4)
    assert [found for _, found in pairs] == list(range(8))


def test_nothing_is_fetched_after_the_map_was_closed() -> None:
    """After the map is closed, calls that are still queued fetch nothing."""
    fetched: list[int] = []
    go_on = threading.Event()

    def fetch(item: int) -> None:
        if item == 1:
            assert go_on.wait(10)
        fetched.append(item)

    pool = FetchPool(1, 8)
    pairs = iter(OrderedParallelMap(pool, range(20), fetch, key=(0,), ahead=8))
    assert next(pairs) == (0, None)
    pairs.close()  # type: ignore[attr-defined] # an iterator made by a generator
    go_on.set()
    pool.submit_call((1,), lambda: None).result(10)
    assert fetched in ([0], [0, 1])
