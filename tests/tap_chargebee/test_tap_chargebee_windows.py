"""The time window that a run of tap-chargebee reads, and the bookmark that it leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_chargebee.streams.resource import Resource
from tap_chargebee.streams.windows import Window, advance_bookmark, build_list_query, choose_window

NOW = 1_768_478_400


@pytest.mark.parametrize(
    ("bookmark", "lookback", "window"),
    [
        (None, 300, None),
        (1_768_000_000, 300, Window(start=1_767_999_700, end=NOW)),
        (1_768_000_000, 0, Window(start=1_768_000_000, end=NOW)),
        (NOW, 300, Window(start=NOW - 300, end=NOW)),
        (NOW + 200, 300, Window(start=NOW - 300, end=NOW)),
        (NOW + 301, 300, None),
        (100, 300, None),
        (-5, 300, None),
    ],
    ids=[
        "first run",
        "later run",
        "no lookback",
        "just read",
        "clock a little behind",
        "clock far behind",
        "ages ago",
        "no time at all",
    ],
)
def test_what_a_run_reads(bookmark: int | None, lookback: int, window: Window | None) -> None:
    """A run reads from the bookmark minus the lookback to its own start, or everything without a usable bookmark."""
    assert choose_window(bookmark, lookback=lookback, run_start=NOW) == window


@pytest.mark.parametrize(
    ("bookmark", "greatest", "reached"),
    [
        (None, 1_768_000_000, 1_768_000_000),
        (None, None, None),
        (1_768_000_000, None, 1_768_000_000),
        (1_768_000_000, 1_768_000_500, 1_768_000_500),
        (1_768_000_000, 1_767_999_800, 1_768_000_000),
        (None, NOW + 40, NOW),
    ],
    ids=["first run", "nothing has a time", "nothing new", "something new", "only the overlap", "changed while read"],
)
def test_what_the_bookmark_becomes(bookmark: int | None, greatest: int | None, reached: int | None) -> None:
    """The bookmark is the latest time read. It never goes back and never passes the start of the run."""
    assert advance_bookmark(bookmark, greatest, run_start=NOW) == reached


CUSTOMERS = Resource("customers", "/customers", "customer", sort_by="created_at", include_deleted=True)
COUPONS = Resource("coupons", "/coupons", "coupon", sort_by="created_at")
INVOICES = Resource("invoices", "/invoices", "invoice", sort_by="date")
EVENTS = Resource("events", "/events", "event", sort_by="occurred_at", replication_key="occurred_at")
GIFTS = Resource("gifts", "/gifts", "gift", replication_key=None)
CREDITS = Resource("promotional_credits", "/promotional_credits", "promotional_credit", replication_key="created_at")


@pytest.mark.parametrize(
    ("resource", "window", "start_date", "include_deleted", "query"),
    [
        (CUSTOMERS, None, None, True, {"sort_by[asc]": "created_at", "include_deleted": "true"}),
        (CUSTOMERS, None, None, False, {"sort_by[asc]": "created_at"}),
        (COUPONS, None, None, True, {"sort_by[asc]": "created_at"}),
        (
            INVOICES,
            Window(1_768_000_000, NOW),
            None,
            False,
            {"sort_by[asc]": "date", "updated_at[between]": "[1768000000,1768478400]"},
        ),
        (
            INVOICES,
            Window(1_000_000_000, NOW),
            1_704_067_200,
            False,
            {
                "sort_by[asc]": "date",
                "updated_at[between]": "[1704067200,1768478400]",
            },
        ),
        (INVOICES, None, 1_704_067_200, False, {"sort_by[asc]": "date", "updated_at[after]": "1704067199"}),
        (INVOICES, None, 1_420_070_400, False, {"sort_by[asc]": "date"}),
        (GIFTS, None, 1_704_067_200, False, {}),
        (EVENTS, None, 1_704_067_200, False, {"sort_by[asc]": "occurred_at", "occurred_at[after]": "1704067199"}),
        (
            EVENTS,
            Window(1_768_000_000, NOW),
            1_704_067_200,
            False,
            {"sort_by[asc]": "occurred_at", "occurred_at[between]": "[1768000000,1768478400]"},
        ),
        (CREDITS, None, 1_704_067_200, False, {"created_at[after]": "1704067199"}),
    ],
    ids=[
        "everything",
        "live only",
        "a list that hides deletions",
        "a window",
        "a window and a start date",
        "a start date",
        "a start date before the first updated_at",
        "a start date of a list without any time",
        "a start date of what is read on by its creation",
        "a window of it",
        "a start date of a list without an order",
    ],
)
def test_the_parameters_of_a_list(
    resource: Resource,
    window: Window | None,
    start_date: int | None,
    include_deleted: bool,  # noqa: FBT001 a column of the table
    query: dict[str, str],
) -> None:
    """A list is sorted by a time that does not change, and gets only the parameters that it has."""
    assert build_list_query(resource, window, start_date=start_date, include_deleted=include_deleted) == query


LOOKBACK = 5
BASE = 1_700_000_000


@given(
    changes=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 100), st.integers(0, LOOKBACK)), max_size=30),
    runs=st.lists(st.integers(0, 100), max_size=5).map(sorted),
)
def test_no_change_is_ever_skipped(changes: list[tuple[str, int, int]], runs: list[int]) -> None:
    """One run after the last change makes the target complete, whenever runs happen and however lists lag.

    A change is (record, when it happened, how long the list hid it).
    """
    read: dict[str, int] = {}
    bookmark = None
    for now in [BASE + run for run in [*runs, 100 + LOOKBACK]]:
        window = choose_window(bookmark, lookback=LOOKBACK, run_start=now)
        visible: dict[str, int] = {}
        for name, at, lag in changes:
            if BASE + at + lag <= now:
                visible[name] = max(visible.get(name, 0), BASE + at)
        got = {name: at for name, at in visible.items() if window is None or window.start <= at <= window.end}
        read |= {name: max(at, read.get(name, 0)) for name, at in got.items()}
        bookmark = advance_bookmark(bookmark, max(got.values(), default=None), run_start=now)
    newest: dict[str, int] = {}
    for name, at, _ in changes:
        newest[name] = max(newest.get(name, 0), BASE + at)
    assert read == newest
