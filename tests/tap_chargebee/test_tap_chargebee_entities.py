"""A run of tap-chargebee over one business entity of a site that has several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox.business.entities import transfer_customer
from tap_chargebee.streams.entities import Moves

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Records = dict[str, list[dict[str, Any]]]

STREAMS = ("customers", "invoices", "subscriptions")


def list_ids(records: Records) -> dict[str, list[str]]:
    """Return the ids of each stream's records, sorted."""
    return {name: sorted(one["id"] for one in found) for name, found in records.items()}


def choose(records: Records, entity: str) -> dict[str, list[str]]:
    """Return the ids of the records of a business entity."""
    return list_ids(
        {name: [one for one in found if one["business_entity_id"] == entity] for name, found in records.items()}
    )


@pytest.fixture
def site(sandbox: RunningSandbox) -> RunningSandbox:
    """Return a site with two business entities."""
    sandbox.reset(customers=40, seed=7, business_entities=2)
    return sandbox


@pytest.mark.parametrize("is_obeyed", [True, False], ids=["header obeyed", "header ignored"])
def test_only_the_records_of_the_business_entity_are_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, *, is_obeyed: bool
) -> None:
    """The marker counts them, and claims of no stream that what is missing does not exist."""
    sandbox.reset(customers=40, seed=7, business_entities=2, chargebee_entity_header=is_obeyed)
    everything = run_tap().records
    run = run_tap(business_entity_id="be_2")
    assert list_ids(run.records) == choose(everything, "be_2")
    assert all(run.records[name] and len(run.records[name]) < len(everything[name]) for name in STREAMS)
    marker = run.states[-1]["_sync"]
    assert marker["rows"] == ",".join(f"{name}:{len(run.records[name])}" for name in STREAMS)
    assert marker["whole"] == ""


def test_the_header_saves_the_calls_for_other_business_entities(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], dict[str, int]]
) -> None:
    """130 customers are two pages, and those of one of two business entities are one."""
    sandbox.reset(customers=130, seed=7, business_entities=2)
    run_tap(business_entity_id="be_1", page_size=100)
    assert calls()["/customers"] == 1


def test_the_two_business_entities_are_the_whole_site(run_tap: Callable[..., Any], site: RunningSandbox) -> None:
    """No record is read by both, and none by neither."""
    assert site
    everything = list_ids(run_tap().records)
    parts = [list_ids(run_tap(business_entity_id=entity).records) for entity in ("be_1", "be_2")]
    assert {name: sorted(parts[0][name] + parts[1][name]) for name in STREAMS} == everything


def test_events_of_other_business_entities_are_not_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, catalog_of: Callable[..., Any]
) -> None:
    """An event belongs to the business entity of the records that it shows."""
    sandbox.reset(customers=40, seed=7, business_entities=2, chargebee_entity_header=False)
    catalog = catalog_of("events")
    everything, own = (
        run_tap(catalog=catalog, **settings).records["events"] for settings in ({}, {"business_entity_id": "be_1"})
    )

    def list_entities(event: dict[str, Any]) -> set[str]:
        return {one["business_entity_id"] for one in event["content"].values() if "business_entity_id" in one}

    assert [one["id"] for one in own] == [one["id"] for one in everything if "be_1" in list_entities(one)]
    assert 0 < len(own) < len(everything)


def test_an_unchanged_business_entity_costs_one_call_per_list_and_one_for_moves(
    run_tap: Callable[..., Any], site: RunningSandbox, calls: Callable[[], dict[str, int]]
) -> None:
    """The second run sends nothing."""
    first = run_tap(business_entity_id="be_1")
    site.clear_calls()
    again = run_tap(state=first.state, business_entity_id="be_1")
    assert (again.refusal, again.records) == (None, {})
    assert calls() == {
        "/configurations": 1,
        "/customers": 1,
        "/events": 1,
        "/invoices": 1,
        "/subscriptions": 1,
        "/business_entities/transfers": 1,
    }


def test_a_customer_that_moved_is_deleted_here_and_new_there(run_tap: Callable[..., Any], site: RunningSandbox) -> None:
    """Neither list shows the move by `updated_at`: Chargebee's list of transfers does."""
    firsts = {entity: run_tap(business_entity_id=entity) for entity in ("be_1", "be_2")}
    moved = next(one["id"] for one in firsts["be_1"].records["customers"] if not one["deleted"])
    subscriptions = sorted(one["id"] for one in firsts["be_1"].records["subscriptions"] if one["customer_id"] == moved)
    site.advance(seconds=600)
    transfer_customer(site.world.business, moved, "be_2")
    left, entered = (
        run_tap(state=firsts[entity].state, business_entity_id=entity).records for entity in ("be_1", "be_2")
    )
    assert [(one["id"], one["deleted"]) for one in left["customers"]] == [(moved, True)]
    assert [(one["id"], one["deleted"]) for one in entered["customers"]] == [(moved, False)]
    for records, is_deleted in ((left, True), (entered, False)):
        found = records.get("subscriptions", [])
        assert sorted(one["id"] for one in found) == subscriptions
        assert all(one["deleted"] is is_deleted for one in found)


@pytest.mark.parametrize(
    ("days", "settings"),
    [(81, {}), (81, {"follow_events": False}), (0, {"include_deleted": False})],
    ids=["longer than events are kept", "without events", "another setting"],
)
def test_a_run_that_reads_everything_again_knows_who_left(
    run_tap: Callable[..., Any], site: RunningSandbox, days: int, settings: dict[str, Any]
) -> None:
    """Otherwise the customer would stay in the map's store for good."""
    first = run_tap(business_entity_id="be_1")
    moved = next(one["id"] for one in first.records["customers"] if not one["deleted"])
    site.advance(seconds=600)
    transfer_customer(site.world.business, moved, "be_2")
    site.advance(seconds=days * 86_400)
    again = run_tap(state=first.state, business_entity_id="be_1", **settings).records["customers"]
    assert [one["deleted"] for one in again if one["id"] == moved] == [True]


def test_each_move_is_a_newer_version(run_tap: Callable[..., Any], site: RunningSandbox) -> None:
    """The greatest version of a customer who left is deleted, and that of one who came back is not."""
    run = run_tap(business_entity_id="be_1")
    moved = next(one["id"] for one in run.records["customers"] if not one["deleted"])
    versions = [next(one["resource_version"] for one in run.records["customers"] if one["id"] == moved)]
    for entity, is_deleted in (("be_2", True), ("be_1", False)):
        site.advance(seconds=600)
        transfer_customer(site.world.business, moved, entity)
        run = run_tap(state=run.state, business_entity_id="be_1")
        (record,) = run.records["customers"]
        assert (record["id"], record["deleted"]) == (moved, is_deleted)
        versions.append(record["resource_version"])
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("record", "version"),
    [
        ({"resource_version": 1_000_000}, 1_700_000_000_999),
        ({"resource_version": 1_800_000_000_000}, 1_800_000_000_000),
        ({}, 1_700_000_000_999),
        ({"resource_version": "odd"}, 1_700_000_000_999),
    ],
    ids=["changed before", "changed after", "no version", "odd version"],
)
def test_the_version_of_a_record_that_moved(record: dict[str, Any], version: int) -> None:
    """It is the record's own, or the end of the second of its newest move."""
    transfers: list[dict[str, Any]] = [
        {
            "resource_type": "customer",
            "resource_id": "old",
            "active_resource_id": "c1",
            "source_business_entity_id": source,
            "destination_business_entity_id": destination,
            "created_at": at,
        }
        for source, destination, at in (("be_2", "be_1", 1_700_000_000), ("be_1", "be_2", 1_600_000_000))
    ]
    moved = Moves(transfers, "be_1").build_record("customer", {"id": "c1", "business_entity_id": "be_1", **record})
    assert moved == {"id": "c1", "business_entity_id": "be_1", "resource_version": version}


def test_a_move_between_two_others_is_none_of_ours(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A customer of which this business entity never knew is not sent as deleted."""
    sandbox.reset(customers=40, seed=7, business_entities=3)
    first = run_tap(business_entity_id="be_1")
    other = next(one["id"] for one in run_tap(business_entity_id="be_2").records["customers"] if not one["deleted"])
    sandbox.advance(seconds=600)
    transfer_customer(sandbox.world.business, other, "be_3")
    assert run_tap(state=first.state, business_entity_id="be_1").records == {}


@pytest.mark.parametrize("is_obeyed", [True, False], ids=["header obeyed", "header ignored"])
def test_child_records_are_those_of_the_business_entity(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, catalog_of: Callable[..., Any], *, is_obeyed: bool
) -> None:
    """A contact has no business entity of its own: it follows its customer."""
    sandbox.reset(customers=40, seed=7, business_entities=2, chargebee_entity_header=is_obeyed)
    everything, own = (
        run_tap(catalog=catalog_of("contacts", "customers"), **settings).records
        for settings in ({}, {"business_entity_id": "be_1"})
    )
    customers = {one["id"] for one in own["customers"]}
    expected = [one["id"] for one in everything["contacts"] if one["customer_id"] in customers]
    assert [one["id"] for one in own["contacts"]] == expected
    assert 0 < len(expected) < len(everything["contacts"])


@pytest.mark.parametrize("is_obeyed", [True, False], ids=["header obeyed", "header ignored"])
def test_the_first_customers_are_those_of_the_business_entity(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, *, is_obeyed: bool
) -> None:
    """`customer_limit` counts only them."""
    sandbox.reset(customers=40, seed=7, business_entities=2, chargebee_entity_header=is_obeyed)
    own = [one["id"] for one in run_tap(business_entity_id="be_2").records["customers"] if not one["deleted"]]
    assert [one["id"] for one in run_tap(business_entity_id="be_2", customer_limit=3).records["customers"]] == own[:3]


def test_a_chosen_customer_of_another_business_entity_is_not_read(
    run_tap: Callable[..., Any], site: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names it."""
    assert site
    other = run_tap(business_entity_id="be_1").records["customers"][0]["id"]
    assert run_tap(business_entity_id="be_2", customer_ids=[other]).records == {}
    assert f"The business entity has no such customers: {other}" in caplog.text


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"business_entity_id": "be_1"}, ("the whole site", "`be_1`")),
        ({"business_entity_id": "be_2"}, {"business_entity_id": "be_1"}, ("the business entity `be_2`", "`be_1`")),
        ({"business_entity_id": "be_1"}, {}, ("the business entity `be_1`", "not set")),
    ],
    ids=["from the whole site", "from another one", "to the whole site"],
)
def test_a_state_belongs_to_its_business_entity(
    run_tap: Callable[..., Any],
    site: RunningSandbox,
    before: dict[str, str],
    now: dict[str, str],
    told: tuple[str, str],
) -> None:
    """What follows it would keep customers of others, or take those who moved to others for deleted."""
    assert site
    again = run_tap(state=run_tap(**before).state, **now)
    assert again.records == {}
    assert again.refusal == (
        f"The state belongs to {told[0]}, and the setting `business_entity_id` is {told[1]} now: start with a full "
        "refresh (--full-refresh), or set it back."
    )


@pytest.mark.parametrize(
    ("customers", "streams"),
    [(1, STREAMS), (40, ("coupon_codes", "customers", "gifts"))],
    ids=["no record yet", "read whole each time"],
)
def test_a_stream_without_a_bookmark_belongs_to_no_other_business_entity(
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    catalog_of: Callable[..., Any],
    customers: int,
    streams: tuple[str, ...],
) -> None:
    """The run after it goes on."""
    sandbox.reset(customers=customers, seed=7, business_entities=2)
    settings = {"business_entity_id": "be_2", "catalog": catalog_of(*streams)}
    first = run_tap(**settings)
    assert {} in first.state["bookmarks"].values()
    assert (first.refusal, run_tap(state=first.state, **settings).refusal) == (None, None)


def test_a_site_without_business_entities(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Where nothing is known of them, the run ends before its first message, whether or not the header is refused."""
    sandbox.reset(customers=20, seed=7)
    refused = run_tap(business_entity_id="be_1")
    sandbox.reset(customers=20, seed=7, chargebee_entity_header=False)
    ignored = run_tap(business_entity_id="be_1")
    assert refused.refusal == (
        "Chargebee refused to list /customers of the business entity `be_1` of the site `sandbox` (400 "
        "param_wrong_value): check the setting `business_entity_id`."
    )
    assert ignored.refusal == (
        "No customer of the site `sandbox` names a business entity: remove the setting `business_entity_id`."
    )
    assert (refused.messages, ignored.messages) == ([], [])


def test_the_name_of_a_business_entity_is_not_its_id(run_tap: Callable[..., Any]) -> None:
    """It would be a header's value that Chargebee does not know, or that is none."""
    assert run_tap(business_entity_id="Acme Europe").refusal == (
        "The setting `business_entity_id` takes the id of a business entity, not its name: the stream "
        "`business_entities` shows both."
    )


def test_a_row_that_does_not_come_again_is_kept(run_tap: Callable[..., Any], site: RunningSandbox) -> None:
    """A table may hold the rows of other business entities, so no ACTIVATE_VERSION is sent."""
    assert site
    run = run_tap(business_entity_id="be_1", activate_version=True)
    assert "ACTIVATE_VERSION" not in {message["type"] for message in run.messages}
