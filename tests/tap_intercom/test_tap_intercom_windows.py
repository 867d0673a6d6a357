"""Which records a run of tap-intercom requests, and which of them it sends."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_intercom.streams import windows
from tap_intercom.streams.windows import DAY, REACH, Span

NOW = 1_768_478_400
YEAR = 365 * DAY
BOOKMARK = {"replication_key": "updated_at", "replication_key_value": NOW - 500, "read_at": NOW - 100, "whole_at": 7}


@pytest.mark.parametrize(
    ("bookmark", "change", "expected"),
    [
        ({}, {}, None),
        ({}, {"start_date": NOW - YEAR}, NOW - YEAR),
        (BOOKMARK, {}, NOW - 700),
        (BOOKMARK, {"lookback": 0}, NOW - 100),
        (BOOKMARK, {"start_date": NOW - YEAR}, NOW - 700),
        (BOOKMARK, {"start_date": NOW - 300}, NOW - 300),
        ({"replication_key_value": NOW - 500}, {}, NOW - 1100),
        ({"read_at": NOW + 301}, {}, None),
        ({"read_at": NOW + 300}, {}, NOW - 600),
        (BOOKMARK | {"whole_at": NOW - 99}, {"reread_every": 100}, NOW - 700),
        (BOOKMARK | {"whole_at": NOW - 100}, {"reread_every": 100}, None),
        (BOOKMARK | {"whole_at": NOW - 100}, {"reread_every": 100, "start_date": 5}, 5),
        (BOOKMARK | {"whole_at": NOW + 301}, {"reread_every": 100}, None),
        ({"read_at": NOW}, {"reread_every": 100}, None),
        (BOOKMARK | {"from": NOW - YEAR}, {}, None),
        (BOOKMARK | {"from": NOW - YEAR}, {"start_date": NOW - YEAR - 1}, NOW - YEAR - 1),
        (BOOKMARK | {"from": NOW - YEAR}, {"start_date": NOW - YEAR}, NOW - 700),
        (BOOKMARK | {"from": NOW - YEAR}, {"start_date": NOW - YEAR + 1}, NOW - 700),
        (BOOKMARK | {"from": None}, {"start_date": NOW - YEAR}, NOW - 700),
    ],
    ids=[
        "first run",
        "first run, bounded",
        "from the last run's start less the lookback",
        "no lookback",
        "bound passed by",
        "bound ahead",
        "a bookmark of another tap",
        "a clock that was ahead",
        "a clock ahead by less than five minutes",
        "whole not long ago",
        "whole long ago",
        "whole long ago, bounded",
        "whole in the future",
        "never known to be whole",
        "a bound taken away",
        "an earlier bound",
        "the same bound",
        "a later bound",
        "a bound where there was none",
    ],
)
def test_the_earliest_change_that_is_passed_on(
    bookmark: dict[str, Any], change: dict[str, Any], expected: int | None
) -> None:
    """A run sends changes that the last run may have missed, or everything without a bookmark."""
    rest = {"lookback": 600, "start_date": None, "run_start": NOW, "reread_every": None}
    assert windows.choose_since(bookmark, **(rest | change)) == expected


def test_what_a_search_is_asked_with() -> None:
    """A search is sorted by creation; its filters reach 38 hours further, and the page is part of the body."""
    assert windows.build_search(Span(0), None, page_size=150, cursor=None) == {
        "query": {"field": "created_at", "operator": ">", "value": 0},
        "pagination": {"per_page": 150},
        "sort": {"field": "created_at", "order": "ascending"},
    }
    assert windows.build_search(Span(NOW, NOW + DAY), NOW + 5, page_size=2, cursor="abc") == {
        "query": {
            "operator": "AND",
            "value": [
                {"field": "created_at", "operator": ">", "value": NOW - 136_800},
                {"field": "created_at", "operator": "<", "value": NOW + DAY + 136_800},
                {"field": "updated_at", "operator": ">", "value": NOW + 5 - 136_800},
            ],
        },
        "pagination": {"per_page": 2, "starting_after": "abc"},
        "sort": {"field": "created_at", "order": "ascending"},
    }


@pytest.mark.parametrize(
    ("span", "left", "expected"),
    [
        (Span(0), 0, 0),
        (Span(0), 2249, 0),
        (Span(0), 2250, 2),
        (Span(0), 9850, 7),
        (Span(0), 19850, 13),
        (Span(0), 199850, 16),
        (Span(0, NOW - YEAR + 35 * DAY), 19850, 3),
        (Span(0, NOW - YEAR + 19 * DAY), 19850, 0),
        (Span(NOW - YEAR), 19850, 0),
    ],
    ids=["nothing", "15 pages less one", "15 pages", "ten thousand", "twenty", "200", "35 days", "19", "tie"],
)
def test_into_how_many_stretches_the_rest_is_cut(span: Span, left: int, expected: int) -> None:
    """The rest is split into spans of about ten pages and at least ten days, at most sixteen."""
    assert len(windows.split_rest(span, NOW - YEAR, left, page_size=150, now=NOW)) == expected


@given(
    start=st.integers(0, NOW),
    length=st.none() | st.integers(0, 20 * YEAR),
    reached=st.integers(0, NOW + YEAR),
    left=st.integers(0, 10**6),
)
def test_a_cut_loses_no_second(start: int, length: int | None, reached: int, left: int) -> None:
    """The spans follow one another without a gap from the time already read to the end."""
    span = Span(start, None if length is None else start + length)
    spans = windows.split_rest(span, reached, left, page_size=150, now=NOW)
    if spans:
        assert (spans[0].start, spans[-1].end) == (reached, span.end)
        assert all(before.end == after.start for before, after in pairwise(spans))
        assert all(one.end is None or one.start < one.end for one in spans)
        assert reached > start


@given(at=st.integers(0, 2 * NOW), wanted=st.integers(0, 2 * NOW), zone=st.integers(-12 * 60, 14 * 60))
def test_a_filter_that_is_cut_to_days_hides_nothing(at: int, wanted: int, zone: int) -> None:
    """In any time zone, a filter that Intercom cuts to whole days hides no record that the query needs."""

    def day(second: int) -> int:
        return (second + zone * 60) // DAY

    if at >= wanted:
        assert day(at) > day(max(wanted - REACH, 0)) or wanted < REACH
    if at < wanted:
        assert day(at) < day(wanted + REACH)
