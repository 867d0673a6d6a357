"""Records that tap-chargebee reads from the sandbox in first and later runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sandbox.testing import RunningSandbox

    Records = dict[str, list[dict[str, Any]]]

NOW = 1_768_478_400
STREAMS = ("customers", "invoices", "subscriptions")


def marker(run: Any, whole: str = "customers,invoices,subscriptions", **changes: Any) -> dict[str, Any]:
    """Return the marker of a run over the three streams."""
    rows = ",".join(f"{name}:{len(run.records.get(name, ()))}" for name in STREAMS)
    found = {"completed_at": "set", "streams": ",".join(STREAMS), "from": None, "subset": 0}
    return {**found, "whole": whole, "rows": rows, **changes}


def versions(records: Records) -> dict[tuple[str, str, int], int | None]:
    """Return the last version of each record; a deleted record and a live one may share an id."""
    return {
        (name, record["id"], record.get("created_at", 0)): record.get("resource_version")
        for name, stream in records.items()
        for record in stream
    }


def greatest(records: list[dict[str, Any]], read_at: int = NOW) -> dict[str, Any]:
    """Return the expected bookmark of a stream with these records, for a run that began at `read_at`."""
    newest = max(record["updated_at"] for record in records if "updated_at" in record)
    bookmark = {"replication_key": "updated_at", "replication_key_value": newest, "read_at": read_at}
    return bookmark | {"scope": "sandbox with deleted", "seen": "set"}


def test_the_first_run_reads_everything(
    run_tap: Callable[..., Any], truth: Callable[..., Records], calls: Callable[[], dict[str, int]]
) -> None:
    """The first run reads every record once and in order, with one call per page and one for the clock."""
    run = run_tap()
    assert run.records == truth()
    assert calls() == {"/configurations": 1, "/customers": 1, "/invoices": 3, "/subscriptions": 1}


def test_the_first_run_reads_what_a_filter_would_hide(run_tap: Callable[..., Any]) -> None:
    """The first run reads records without `updated_at` and deleted ones, and adds no time to them."""
    records = run_tap().records
    assert all(any("updated_at" not in record for record in stream) for stream in records.values())
    assert any(record["deleted"] for record in records["customers"])


def test_a_customer_keeps_its_card_and_its_own_fields(run_tap: Callable[..., Any]) -> None:
    """A customer has its card, or null, as `card`; `cf_*` and `cs_*` fields are kept as they are."""
    customers = run_tap().records["customers"]
    cards = [customer["card"] for customer in customers]
    assert None in cards
    assert {card["object"] for card in cards if card} == {"card"}
    assert {"cf_tier", "cf_Account_Manager", "cs_newsletter", "meta_data"} <= customers[0].keys()


def test_a_subscription_does_not_carry_its_customer(run_tap: Callable[..., Any]) -> None:
    """A subscription has no customer and no card, because those come with their own stream."""
    subscriptions = run_tap().records["subscriptions"]
    assert not any({"customer", "card"} & subscription.keys() for subscription in subscriptions)


def test_the_state_of_a_complete_run(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """Each stream's bookmark appears when the stream is complete, and the marker when all are."""
    run = run_tap()
    expected = truth()
    customers = {"customers": greatest(expected["customers"])}
    invoices = customers | {"invoices": greatest(expected["invoices"])}
    subscriptions = invoices | {"subscriptions": greatest(expected["subscriptions"])}
    assert run.states == [customers, invoices, subscriptions, subscriptions | {"_sync": marker(run)}]
    assert run.messages[-1]["type"] == "STATE"


def test_state_between_records_tells_nothing(run_tap: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """STATE messages in the middle of a stream never contain that stream's new bookmark."""
    monkeypatch.setattr("tap_chargebee.streams.stream.ChargebeeStream.STATE_MSG_FREQUENCY", 7)
    messages = run_tap().messages
    last = {message["stream"]: index for index, message in enumerate(messages) if message["type"] == "RECORD"}
    for index, message in enumerate(messages):
        if message["type"] == "STATE":
            told = [name for name, bookmark in message["value"]["bookmarks"].items() if bookmark and name in last]
            assert all(index > last[name] for name in told)


def test_a_run_without_a_change_costs_one_call_a_stream(
    run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]
) -> None:
    """Without changes, a run makes one call per stream, one for the clock and one for events. Bookmarks stay."""
    first = run_tap()
    calls()
    second = run_tap(state=first.state)
    assert calls() == {"/configurations": 1, "/customers": 1, "/events": 1, "/invoices": 1, "/subscriptions": 1}
    before = {name: bookmark for name, bookmark in first.states[-1].items() if name != "_sync"}
    assert second.states == [before, before | {"_sync": marker(second, whole="")}]


def test_a_later_run_reads_what_changed(
    run_tap: Callable[..., Any], truth: Callable[..., Records], sandbox: RunningSandbox
) -> None:
    """A run a month later sends exactly the changed records; repeats from the lookback are dropped."""
    first = run_tap()
    sandbox.advance(days=30)
    second = run_tap(state=first.state, follow_events=False)
    everything = truth()
    for name, records in second.records.items():
        since = first.states[-1][name]["replication_key_value"] - 300
        assert records == [one for one in truth(since)[name] if one not in first.records[name]]
        assert 0 < len(records) < len(everything[name])
    assert second.records.keys() == everything.keys()
    # `read_at` stays, because this run did not read events.
    bookmarks = {name: greatest(records, NOW) for name, records in everything.items()}
    assert second.states[-1] == bookmarks | {"_sync": marker(second, whole="")}


def test_the_lookback_reaches_back(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """A change that a lagging list hid is read by the next run, whose lookback is five minutes."""
    sandbox.reset(customers=20, seed=7, list_lag=120)
    first = run_tap()
    sandbox.advance(seconds=1000)
    newest, other = truth()["customers"][-2:]
    sandbox.world.business.edit("customers", newest["id"], first_name="Hidden")
    sandbox.advance(seconds=60)
    sandbox.world.business.edit("customers", other["id"], first_name="Hidden too")
    second = run_tap(state=first.state)
    sandbox.advance(seconds=120)
    third = run_tap(state=second.state)
    read = {record["id"]: record for run in (first, second, third) for record in run.records.get("customers", [])}
    assert list(read.values()) == truth()["customers"]


def test_records_that_change_while_they_are_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """A record that changes after it was read is sent by the next run, even when a later change moved the clock on."""
    behind, *_, ahead = truth()["customers"]
    business = sandbox.world.business
    seen: list[str] = []

    def change(message: dict[str, Any]) -> None:
        seen.append(message["type"])
        if len(seen) == 20:
            sandbox.advance(seconds=10)
            business.edit("customers", behind["id"], company="Changed early")
            sandbox.advance(seconds=4000)
            business.edit("customers", ahead["id"], company="Changed late")

    first = run_tap(on_message=change, page_size=2, max_concurrency=1)
    companies = {record["id"]: record.get("company") for record in first.records["customers"]}
    assert companies[behind["id"]] == behind.get("company")
    assert companies[ahead["id"]] == "Changed late"
    assert first.states[-1]["customers"]["replication_key_value"] == NOW

    second = run_tap(state=first.state)
    assert versions(first.records) | versions(second.records) == versions(truth())


def test_a_bookmark_from_the_future_is_not_believed(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """A bookmark later than Chargebee's clock is ignored: everything is read, and the bookmark goes back."""
    ahead = {"replication_key": "updated_at", "replication_key_value": NOW + 86_400}
    run = run_tap(state={"bookmarks": {"customers": ahead}})
    assert run.records == truth()
    assert run.states[-1]["customers"] == greatest(truth()["customers"])


def test_bookmarks_of_others_come_first_and_last(run_tap: Callable[..., Any]) -> None:
    """The first message is the incoming state without the old marker, so that a map sees what was confirmed."""
    theirs = {"store": "a1b2", "gen": 3}
    old = {"completed_at": 1, "streams": "customers", "from": None, "subset": 0}
    run = run_tap(state={"bookmarks": {"_map": theirs, "_sync": old}})
    assert run.messages[0] == {"type": "STATE", "value": {"bookmarks": {"_map": theirs}}}
    assert run.states[-1]["_map"] == theirs
    assert run.states[-1]["_sync"] == marker(run)


def test_a_first_run_says_nothing_before_its_first_schema(run_tap: Callable[..., Any]) -> None:
    """A run without a state sends no STATE before its first SCHEMA."""
    assert run_tap().messages[0]["type"] == "SCHEMA"


def test_live_records_only(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """`include_deleted: false` leaves out deleted records."""
    live = {name: [one for one in records if not one["deleted"]] for name, records in truth().items()}
    run = run_tap(include_deleted=False)
    assert run.records == live
    assert run.states[-1]["_sync"] == marker(run, whole="")


def test_small_pages(
    run_tap: Callable[..., Any], truth: Callable[..., Records], calls: Callable[[], dict[str, int]]
) -> None:
    """Smaller pages give the same records with more calls."""
    assert run_tap(page_size=7).records == truth()
    assert calls()["/customers"] == 9


def test_a_start_date_bounds_what_changed(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """With start_date, records that changed at or after it are read, however old they are; the marker says so."""
    changes = sorted(one.get("updated_at", 0) for one in truth()["customers"])
    middle = changes[30]
    run = run_tap(start_date=datetime.fromtimestamp(middle, UTC).isoformat())
    assert run.records == {
        name: [one for one in records if one.get("updated_at", 0) >= middle] for name, records in truth().items()
    }
    assert any(one["created_at"] < middle for one in run.records["customers"])
    assert run.states[-1]["_sync"] == marker(run, whole="", **{"from": middle})


def test_a_start_date_before_the_first_updated_at_bounds_nothing(
    run_tap: Callable[..., Any], truth: Callable[..., Records]
) -> None:
    """A start date up to 2016-09-28 reads everything, because older records have no `updated_at`."""
    assert run_tap(start_date="2016-09-28").records == truth()


def test_the_state_of_another_site_is_refused(run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]) -> None:
    """The state of another site is refused before any call or message."""
    state = run_tap().state
    for name in ("customers", "invoices", "subscriptions"):
        state["bookmarks"][name]["scope"] = "acme-test with deleted"
    calls()
    refused = run_tap(state=state)
    assert refused.refusal == (
        "The state belongs to the site `acme-test`, and the setting `site` is `sandbox` now: "
        "start with a full refresh (--full-refresh), or set it back."
    )
    assert (refused.messages, calls()) == ([], {})


def test_deletions_passed_by_come_when_they_are_wanted_again(
    run_tap: Callable[..., Any], truth: Callable[..., Records], sandbox: RunningSandbox
) -> None:
    """After a run without deleted records, the next run with them reads everything again."""
    first = run_tap()
    sandbox.advance(days=30)
    without = run_tap(state=first.state, include_deleted=False)
    again = run_tap(state=without.state)
    assert again.records["customers"] == truth()["customers"]
    assert run_tap(state=again.state).records == {}
