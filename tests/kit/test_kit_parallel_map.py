"""What is fetched for each item of a stream, in the order of the items."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from singer_kit.fetch_pool import FetchPool
from singer_kit.parallel_map import OrderedParallelMap


@given(count=st.integers(0, 60), needing=st.integers(1, 9), threads=st.integers(1, 5), ahead=st.integers(0, 9))
def test_each_item_comes_with_what_was_fetched_for_it(count: int, needing: int, threads: int, ahead: int) -> None:
    """In the order of the items, with None for those that need nothing."""
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
    """Before the second pair is taken, the first and eight more at most were fetched."""
    fetched: list[int] = []
    pairs = iter(OrderedParallelMap(FetchPool(4, 8), range(50), fetched.append, key=(0,), ahead=8))
    assert next(pairs) == (0, None)
    assert len(fetched) <= 9
    assert [item for item, _ in pairs] == list(range(1, 50))


@given(count=st.integers(0, 20), needing=st.integers(1, 4), ahead=st.integers(1, 9))
def test_fetches_can_be_requested_before_the_reader_comes(count: int, needing: int, ahead: int) -> None:
    """As many as are ahead of it, and the pairs are the same."""
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
    """With the buffer full of later pages, four calls still run at the same time."""
    pool = FetchPool(4, 2)
    with pool.changed:
        pool.count_buffered(2)
    together = threading.Barrier(4, timeout=10)
    pairs = OrderedParallelMap(pool, range(8), lambda item: together.wait() >= 0 and item, key=(0,), ahead=4)
    assert [found for _, found in pairs] == list(range(8))


def test_nothing_is_fetched_after_the_map_was_closed() -> None:
    """The calls that are still queued then return at once."""
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
