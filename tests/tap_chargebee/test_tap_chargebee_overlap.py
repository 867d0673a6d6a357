"""Bookmarks of tap-chargebee: what they hold, when a later run can use them, and records that two runs both read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_chargebee.state import bookmarks
from tap_chargebee.state.sent_records import MAX_REMEMBERED, SentRecords
from tap_chargebee.streams.events import find_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Records = dict[str, list[dict[str, Any]]]

KEY = {"replication_key": "updated_at", "replication_key_value": 1_768_000_000}


@pytest.mark.parametrize(
    ("bookmark", "usable"),
    [
        (KEY | {"scope": "acme with deleted"}, True),
        (KEY | {"scope": "acme"}, False),
        (KEY | {"scope": "acme with deleted from 1704067200"}, False),
        (KEY, True),
        (KEY | {"site": "acme", "deleted": 1}, True),
        (KEY | {"site": "acme", "deleted": 0}, False),
        (KEY | {"replication_key": "created_at"}, False),
        ({}, False),
    ],
    ids=[
        "the same",
        "without deleted",
        "from a date",
        "of another tap",
        "of an older form",
        "older, without deleted",
        "by another key",
        "none",
    ],
)
def test_what_a_bookmark_is_worth(bookmark: dict[str, Any], usable: bool) -> None:  # noqa: FBT001 a column of the table
    """A bookmark is used only by a run with the same site, start date and include_deleted."""
    now = bookmarks.describe_scope("Acme", include_deleted=True, start_date=None)
    assert now == "acme with deleted"
    assert bookmarks.is_usable(bookmark, "updated_at", now) is usable


def test_a_bookmark_holds_integers_and_texts() -> None:
    """A bookmark has only integers and strings, because taps of the SDK fail on lists and floats.

    Unknown values are left out.
    """
    assert bookmarks.build_bookmark("updated_at", 5, read_at=7, scope="acme", seen="a b") == {
        "replication_key": "updated_at",
        "replication_key_value": 5,
        "read_at": 7,
        "scope": "acme",
        "seen": "a b",
    }
    assert bookmarks.build_bookmark(None, None, read_at=7, scope="acme", seen="") == {"read_at": 7, "scope": "acme"}
    assert bookmarks.build_bookmark("updated_at", None, read_at=7, scope="acme", seen="") == {}


def test_the_same_record_is_told_and_another_version_is_not() -> None:
    """A record counts as repeated only when its whole text is the same."""
    first = SentRecords()
    assert [first.is_repeated(text, at) for text, at in [(b"a1", 100), (b"b1", 200), (b"old", None)]] == [False] * 3
    second = SentRecords(first.encode_since(since=150))
    assert [second.is_repeated(text, 200) for text in (b"a1", b"b1", b"b2")] == [False, True, False]


@given(times=st.lists(st.integers(0, 1000), max_size=3 * MAX_REMEMBERED))
def test_the_newest_are_remembered(times: list[int]) -> None:
    """The bookmark remembers the hundred newest records of the lookback, in whatever order they were read."""
    first = SentRecords()
    for place, at in enumerate(times):
        first.is_repeated(b"%d" % place, at)
    second = SentRecords(first.encode_since(since=500))
    told = [at for place, at in enumerate(times) if second.is_repeated(b"%d" % place, None)]
    assert sorted(told, reverse=True) == sorted((at for at in times if at >= 500), reverse=True)[:MAX_REMEMBERED]


def test_nothing_is_sent_when_nothing_changed(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Later runs without changes send no record again, although the lookback reads some; bookmarks stay the same."""
    runs = [run_tap()]
    for _ in range(3):
        sandbox.world.clock.advance(20)
        runs.append(run_tap(state=runs[-1].state))
        assert runs[-1].records == {}
    seen = [[run.state["bookmarks"][name]["seen"] for name in ("customers", "invoices")] for run in runs]
    assert seen == [seen[0]] * 4


def test_a_change_without_a_new_version_is_sent(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A record within the lookback whose text changed is sent, even when neither updated_at nor an event reports it."""
    newest = max(sandbox.world.business.subscriptions.records, key=lambda one: one.updated_at or 0)
    first = run_tap()
    sandbox.world.clock.advance(60)
    sandbox.world.business.subscriptions.change_unnoted(newest, sandbox.world.clock.now(), po_number="4711")
    second = run_tap(state=first.state, follow_events=False)
    assert [(one["id"], one["po_number"]) for one in second.records["subscriptions"]] == [(newest.id, "4711")]


def test_what_lies_before_a_start_date_comes_when_it_is_taken_away(
    run_tap: Callable[..., Any], truth: Callable[..., Records]
) -> None:
    """A run without start_date does not use the bookmarks of a run with one, and reads everything."""
    bound = run_tap(start_date="2025-06-01")
    assert bound.states[-1]["customers"]["scope"] == "sandbox with deleted since 1748736000"
    assert len(bound.records["customers"]) < 60
    assert run_tap(state=bound.state).records == truth()
    assert run_tap(state=bound.state, start_date="2025-06-01").records == {}


def test_what_changed_unheard_since_a_start_date_comes(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A record that an event names is sent, even when its `updated_at` is before the start date."""
    first = run_tap(start_date="2025-06-01")
    sandbox.world.clock.advance(1000)
    business, now = sandbox.world.business, sandbox.world.clock.now()
    ends = business.subscriptions.records[0], business.subscriptions.records[-1]
    for one in ends:
        business.subscriptions.change_unnoted(one, now, mrr=77)
        business.events.tell("mrr_updated", now, [("subscription", one)], "system")
    second = run_tap(state=first.state, start_date="2025-06-01")
    assert {one["id"] for one in second.records["subscriptions"]} == {one.id for one in ends}


def test_a_run_without_events_does_not_claim_to_have_seen_them(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """Changes that events reported while `follow_events` was off are sent once it is on again."""
    sandbox.reset(customers=60, seed=7, mrr_lag=86_400)
    runs = [run_tap()]
    for following in (False, True):
        sandbox.advance(days=20)
        runs.append(run_tap(state=runs[-1].state, follow_events=following))
    held: dict[tuple[str, str, int], dict[str, Any]] = {}
    for records in [*(run.records for run in runs), truth()]:
        before = dict(held)
        for name, stream in records.items():
            held |= {(name, record["id"], record.get("created_at", 0)): record for record in stream}
    assert held == before


def test_the_state_of_an_older_form_is_read(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Bookmarks of an earlier version, with `site` and `deleted`, are used and replaced by ones with `scope`."""
    first = run_tap()
    for bookmark in first.state["bookmarks"].values():
        if "scope" in bookmark:
            del bookmark["scope"], bookmark["seen"]
            bookmark |= {"site": "sandbox", "deleted": 1}
    sandbox.world.clock.advance(60)
    second = run_tap(state=first.state)
    assert 0 < len(second.records["customers"]) < 5
    assert "site" not in second.states[-1]["customers"]
    assert second.states[-1]["customers"]["scope"] == "sandbox with deleted"


@pytest.mark.parametrize(
    ("content", "kind", "ids"),
    [
        ({"customer": {"id": "c1"}, "card": {"customer_id": "c1"}}, "customer", {"c1"}),
        ({"invoice": {"id": "i1", "customer_id": "c1", "lines": [{"subscription_id": "s1"}]}}, "subscription", {"s1"}),
        ({"subscriptions": [{"id": "s1"}, {"id": "s2"}]}, "subscription", {"s1", "s2"}),
        ({"attached_item": {"id": "a1", "parent_item_id": "p1", "item_id": "p2"}}, "item", {"p1", "p2"}),
        ({"feature": {"id": "f"}, "impacted_item": {"count": 2, "items": ["p1", "p2"]}}, "item", {"p1", "p2"}),
        ({"item_price": {"id": "x", "item_id": "p1", "item_price_id": "y"}}, "item", {"p1"}),
        ({"customer": {}, "quote": None, "coupons": [1]}, "quote", set()),
    ],
    ids=["itself", "within a list", "several", "as a parent", "many", "by a part", "nobody"],
)
def test_whom_an_event_names(content: dict[str, Any], kind: str, ids: set[str]) -> None:
    """All ids of a kind anywhere in an event's content are found."""
    assert set(find_ids(content, kind)) == ids
