"""Changes that tap-chargebee reads from events: those that leave `updated_at` alone, and deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee.streams.events import EVENT_RETENTION, EventChanges, build_event_query, list_event_types
from tap_chargebee.streams.resources import STREAMS
from tap_chargebee.streams.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Catalog = Callable[..., dict[str, Any]]
    Records = dict[str, list[dict[str, Any]]]

ROWS = {resource.name: resource for resource in STREAMS}


def newest(*runs: Any) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Return the last version of each record that these runs sent."""
    return {
        (name, record["id"], record.get("created_at", 0)): record
        for run in runs
        for name, records in run.records.items()
        for record in records
    }


def test_after_every_run_a_target_holds_the_truth(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """The next run sends dunning steps, late MRR and expired cards, although none of them moves `updated_at`."""
    sandbox.reset(customers=60, seed=7, mrr_lag=86_400)
    runs = [run_tap()]
    for days in (9, 20, 40):
        sandbox.advance(days=days)
        runs.append(run_tap(state=runs[-1].state))
    held = newest(*runs)
    expected = {
        (name, record["id"], record.get("created_at", 0)): record
        for name, records in truth().items()
        for record in records
    }
    assert held == expected


def test_without_events_such_changes_are_missed(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """With `follow_events: false`, changes that do not move `updated_at` are missed."""
    sandbox.reset(customers=60, seed=7, mrr_lag=86_400)
    first = run_tap(follow_events=False)
    sandbox.advance(days=9)
    second = run_tap(state=first.state, follow_events=False)
    expected = {
        (name, record["id"], record.get("created_at", 0)): record
        for name, records in truth().items()
        for record in records
    }
    assert newest(first, second) != expected


def test_a_run_without_a_change_asks_for_events_once(
    run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]
) -> None:
    """A later run makes one call for the events of all streams; a first run makes none, because it reads everything."""
    first = run_tap()
    assert "/events" not in calls()
    run_tap(state=first.state)
    assert calls() == {"/configurations": 1, "/customers": 1, "/events": 1, "/invoices": 1, "/subscriptions": 1}


@pytest.mark.parametrize("stream", [row.name for row in STREAMS if row.deleted_on])
def test_a_deletion_that_the_list_hides_comes_from_events(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, stream: str
) -> None:
    """A deleted record that its list no longer shows is sent once, from the event, in its last form."""
    catalog = catalog_of(stream)
    first = run_tap(catalog=catalog)
    sandbox.world.clock.advance(1000)
    victim = first.records[stream][1]
    sandbox.world.business.edit(stream, victim["id"], deleted=True)
    sandbox.world.clock.advance(10)
    second = run_tap(catalog=catalog, state=first.state)
    (record,) = [record for record in second.records[stream] if record["id"] == victim["id"]]
    stamps = {"deleted": True} | {name: record[name] for name in ("updated_at", "resource_version") if name in victim}
    assert record == victim | stamps
    third = run_tap(catalog=catalog, state=second.state)
    assert victim["id"] not in [record["id"] for record in third.records.get(stream, [])]


@pytest.mark.parametrize("stream", ["coupon_sets", "coupons", "attached_items"], ids=["whole", "by time", "by parent"])
def test_a_deletion_is_final_though_the_list_lags_behind_the_events(
    catalog_of: Catalog,
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    stream: str,
) -> None:
    """A record stays deleted even when a lagging list shows it again after the event."""
    sandbox.reset(customers=12, seed=7, list_lag=120)
    business = sandbox.world.business
    monkeypatch.setattr(business.events, "seen", lambda _: business.events.records)
    catalog = catalog_of(stream)
    first = run_tap(catalog=catalog)
    victim = first.records[stream][1]["id"]
    sandbox.world.clock.advance(1000)
    business.edit(stream, victim, note="edited")
    sandbox.world.clock.advance(150)
    business.edit(stream, victim, deleted=True)
    sandbox.world.clock.advance(10)
    second = run_tap(catalog=catalog, state=first.state)
    sandbox.world.clock.advance(200)
    third = run_tap(catalog=catalog, state=second.state)
    told = [record for run in (second, third) for record in run.records.get(stream, []) if record["id"] == victim]
    assert told[-1]["deleted"] is True


def test_a_record_that_was_made_anew_after_its_deletion_stands(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """When an id is deleted and used again, the new record is sent last, also when a later lookback covers both."""
    catalog = catalog_of("coupons")
    first = run_tap(catalog=catalog)
    victim = first.records["coupons"][1]["id"]
    runs = [first]
    for deleted in (True, None):
        sandbox.world.clock.advance(100)
        sandbox.world.business.edit("coupons", victim, deleted=deleted)
        runs.append(run_tap(catalog=catalog, state=runs[-1].state))
    runs.append(run_tap(catalog=catalog, state=runs[-1].state))
    told = [[record.get("deleted") for record in run.records.get("coupons", [])] for run in runs[1:]]
    assert told == [[True], [None], []]


def test_a_gap_longer_than_events_live_forces_a_full_read(
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    truth: Callable[..., Records],
    caplog: pytest.LogCaptureFixture,
    calls: Callable[[], dict[str, int]],
) -> None:
    """More than 80 days after the last run, everything is read again, and the log says why."""
    first = run_tap()
    sandbox.advance(days=81)
    calls()
    second = run_tap(state=first.state)
    assert second.records == truth()
    assert "/events" not in calls()
    told = "The last run was more than 80 days ago, longer than Chargebee keeps events: reading everything"
    assert caplog.messages.count(told) == 3


@pytest.mark.parametrize(
    "bookmark", [{"read_at": 1_768_478_400 + 86_400}, {"replication_key_value": 1_700_000_000}], ids=["future", "none"]
)
def test_a_bookmark_that_does_not_tell_since_when_events_are_wanted_forces_a_full_read(
    run_tap: Callable[..., Any], truth: Callable[..., Records], bookmark: dict[str, int]
) -> None:
    """A bookmark without a plausible `read_at` causes a full read, because it is unknown which events were missed."""
    held = {"replication_key": "updated_at", "replication_key_value": 1_768_400_000} | bookmark
    assert run_tap(state={"bookmarks": dict.fromkeys(truth(), held)}).records == truth()


def test_events_are_asked_for_by_type() -> None:
    """The event query has only the types that the streams need, and the time since the last run."""
    types = list_event_types([ROWS["invoices"], ROWS["subscriptions"], ROWS["coupons"], ROWS["transactions"]])
    assert types == ["coupon_deleted", "dunning_updated", "mrr_updated"]
    assert build_event_query(["dunning_updated", "mrr_updated"], Window(1_768_000_000, 1_768_478_400)) == {
        "sort_by[asc]": "occurred_at",
        "occurred_at[between]": "[1768000000,1768478400]",
        "event_type[in]": '["dunning_updated","mrr_updated"]',
    }
    assert EVENT_RETENTION == 6_912_000


@pytest.mark.parametrize(
    ("event", "changed", "deleted"),
    [
        ({"event_type": "dunning_updated", "content": {"invoice": {"id": "i1"}}}, ["i1"], []),
        ({"event_type": "invoice_updated", "content": {"invoice": {"id": "i1"}}}, [], []),
        ({"event_type": "dunning_updated", "content": {}}, [], []),
        ({"event_type": "dunning_updated"}, [], []),
        ({"event_type": "coupon_deleted", "content": {"coupon": {"id": "c1"}}}, [], [{"id": "c1", "deleted": True}]),
    ],
    ids=["a change", "another event", "empty", "no content", "a deletion"],
)
def test_what_an_event_tells(event: dict[str, Any], changed: list[str], deleted: list[dict[str, Any]]) -> None:
    """The event's type says whether a record changed or was deleted; its content says which record."""
    news = EventChanges([ROWS["invoices"], ROWS["coupons"]])
    news.add_event(event)
    assert (news.list_updated("invoices")) == changed
    assert news.list_deleted("coupons") == deleted
