"""A run of tap-chargebee over a few customers, for a trial or for single customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sandbox.testing import RunningSandbox

    Catalog = Callable[..., dict[str, Any]]
    Records = dict[str, list[dict[str, Any]]]

OLD = {"replication_key": "updated_at", "replication_key_value": 1_768_400_000, "read_at": 1_768_400_000}
STREAMS = ("customers", "invoices", "subscriptions")


def marker(run: Any) -> dict[str, Any]:
    """Return the marker of a run over some customers."""
    rows = ",".join(f"{name}:{len(run.records.get(name, ()))}" for name in STREAMS)
    return {"completed_at": "set", "streams": ",".join(STREAMS), "from": None, "subset": 1, "whole": "", "rows": rows}


def part(everything: Records, ids: set[str]) -> Records:
    """Return the records that belong to these customers."""
    found = {
        name: [one for one in records if one["id" if name == "customers" else "customer_id"] in ids]
        for name, records in everything.items()
    }
    return {name: records for name, records in found.items() if records}


def by_id(records: Records) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each stream, sorted by id."""
    return {name: sorted(stream, key=lambda one: one["id"]) for name, stream in records.items()}


def test_the_first_customers(
    run_tap: Callable[..., Any], truth: Callable[..., Records], calls: Callable[[], dict[str, int]]
) -> None:
    """`customer_limit: 10` reads the ten oldest live customers and their records, and nothing else."""
    everything = truth()
    live = [one["id"] for one in everything["customers"] if not one["deleted"]][:10]
    run = run_tap(customer_limit=10)
    expected = part(everything, set(live))
    expected["customers"] = [one for one in expected["customers"] if not one["deleted"]]
    assert by_id(run.records) == by_id(expected)
    assert calls() == {"/configurations": 1, "/customers": 2, "/invoices": 1, "/subscriptions": 1}


def test_given_customers(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """`customer_ids` reads exactly these customers, including deleted ones."""
    everything = truth()
    ids = [one["id"] for one in everything["customers"]][5:9]
    (deleted, *_) = [one["id"] for one in everything["customers"] if one["deleted"]]
    run = run_tap(customer_ids=[*ids, deleted, *ids])
    assert by_id(run.records) == by_id(part(everything, {*ids, deleted}))


def test_many_customers_take_several_filters(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records]
) -> None:
    """More than fifty customer ids are split over several filters."""
    sandbox.reset(customers=130, seed=7)
    everything = truth()
    ids = {one["id"] for one in everything["customers"]}
    run = run_tap(customer_ids=sorted(ids))
    assert by_id(run.records) == by_id(everything)


def test_no_bookmark_is_used_or_moved(run_tap: Callable[..., Any]) -> None:
    """The state is returned unchanged, with a marker that says that the run was a subset."""
    run = run_tap(customer_limit=3, state={"bookmarks": {"customers": OLD, "_map": {"gen": 2}}})
    assert len(run.records["customers"]) == 3
    assert run.states == [
        {"customers": OLD, "_map": {"gen": 2}},
        {"customers": OLD, "_map": {"gen": 2}, "_sync": marker(run)},
    ]


def test_a_first_run_over_a_part_leaves_no_bookmark(run_tap: Callable[..., Any]) -> None:
    """A first run over a few customers writes only the marker as STATE."""
    run = run_tap(customer_limit=3)
    assert run.states == [{"_sync": marker(run)}]
    assert run.messages[0]["type"] == "SCHEMA"


def test_other_streams_do_not_belong_to_a_part(
    catalog_of: Catalog, run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]
) -> None:
    """Streams other than customers, subscriptions and invoices are not read, and the marker does not name them."""
    run = run_tap(customer_limit=3, catalog=catalog_of("customers", "transactions", "coupons"))
    assert run.records.keys() == {"customers"}
    assert run.states[-1]["_sync"]["streams"] == "customers"
    assert calls() == {"/configurations": 1, "/customers": 2}


def test_nobody(run_tap: Callable[..., Any], truth: Callable[..., Records], caplog: pytest.LogCaptureFixture) -> None:
    """Unknown customer ids are listed in the log and cause no error."""
    run = run_tap(customer_ids=["nobody", truth()["customers"][0]["id"], "naught"])
    assert len(run.records["customers"]) == 1
    assert caplog.messages.count("The site has no such customers: nobody, naught") == 1
    run = run_tap(customer_ids=["nobody"])
    assert run.records == {}
    assert run.states == [{"_sync": marker(run)}]


def test_events_of_some_customers(
    catalog_of: Catalog, run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]], sandbox: RunningSandbox
) -> None:
    """`event_ids` reads exactly these events beside the customers, or alone; without it the stream is empty."""
    events = [one.id for one in sandbox.world.business.events.records[:3]]
    run = run_tap(customer_ids=["nobody"], event_ids=events[1:], catalog=catalog_of("customers", "events"))
    assert [one["id"] for one in run.records["events"]] == events[1:]
    assert run.states[-1]["_sync"]["rows"] == "customers:0,events:2"
    assert calls() == {"/configurations": 1, "/customers": 1, "/events": 1}
    run = run_tap(customer_ids=["nobody"], catalog=catalog_of("customers", "events"))
    assert run.states[-1]["_sync"]["rows"] == "customers:0,events:0"
    run = run_tap(event_ids=events[:1], catalog=catalog_of("customers", "events"))
    assert run.states[-1]["_sync"] | {"completed_at": 0} == {
        "completed_at": 0,
        "streams": "customers,events",
        "from": None,
        "subset": 1,
        "whole": "",
        "rows": "customers:0,events:1",
    }
