"""Which customers are sent: all, or those that changed or were not confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines, Mapper

DAY = 24 * 3600 * 1000
ANN = {"id": "ann", "email": "ann@x.io", "created_at": 100, "resource_version": 1}
BOB = {"id": "bob", "email": "bob@x.io", "created_at": 100, "resource_version": 1}
EVE = {"id": "eve", "email": "eve@x.io", "created_at": 100, "resource_version": 1}
EVERYBODY = [("customers", row) for row in (ANN, BOB, EVE)]
SUBSCRIPTION = {"id": "s1", "customer_id": "bob", "status": "active", "resource_version": 1}
INVOICE = {"id": "i1", "customer_id": "bob", "status": "paid", "resource_version": 1}


def test_all_sends_everybody_each_run(mapper: Mapper) -> None:
    """By default every run sends every customer, and the target decides what to write."""
    mapper.run(*EVERYBODY)
    assert mapper.run().customers == {"ann", "bob", "eve"}


TOUCHES = [
    ("nothing", [], set()),
    ("a customer", [("customers", {**BOB, "resource_version": 2})], {"bob"}),
    ("a subscription", [("subscriptions", SUBSCRIPTION)], {"bob"}),
    ("an invoice", [("invoices", INVOICE)], {"bob"}),
    ("an older version", [("customers", {**BOB, "resource_version": 0})], set()),
    ("the same again", [("customers", BOB)], {"bob"}),
    ("somebody new", [("customers", {**ANN, "id": "joe", "email": "joe@x.io"})], {"joe"}),
    ("one who shares an e-mail now", [("customers", {**BOB, "email": "ANN@x.io", "resource_version": 2})], {"bob"}),
]


@pytest.mark.parametrize(("rows", "expected"), [row[1:] for row in TOUCHES], ids=[row[0] for row in TOUCHES])
def test_changed_sends_whom_the_input_touched(rows: list[Any], expected: set[str], mapper: Mapper) -> None:
    """With `resend: changed`, one row sends one customer."""
    mapper.run(*EVERYBODY, resend="changed")
    assert mapper.run(*rows, resend="changed").customers == expected


def test_changed_sends_whom_a_subscription_left(mapper: Mapper) -> None:
    """A subscription that moves to another customer sends both."""
    mapper.run(*EVERYBODY, ("subscriptions", SUBSCRIPTION), resend="changed")
    moved = {**SUBSCRIPTION, "customer_id": "eve", "resource_version": 2}
    sent = mapper.run(("subscriptions", moved), resend="changed")
    assert {one["customer_id"]: one["custom_attributes"]["cb_sub_status"] for one in sent.records} == {
        "bob": None,
        "eve": "active",
    }


def test_changed_sends_who_stands_in_for_one_who_left(mapper: Mapper) -> None:
    """When the winner of a shared e-mail changes it, the customer behind it is sent as well."""
    shared = {**BOB, "email": "ann@x.io", "created_at": 200}
    assert mapper.run(("customers", ANN), ("customers", shared), resend="changed").customers == {"bob"}
    sent = mapper.run(("customers", {**shared, "email": "bob@x.io", "resource_version": 2}), resend="changed")
    assert sent.customers == {"ann", "bob"}


def test_changed_sends_again_what_was_not_confirmed(mapper: Mapper) -> None:
    """Customers of an unconfirmed run are sent again by the next run, and not by the one after it."""
    mapper.run(*EVERYBODY, resend="changed")
    confirmed = mapper.confirmed
    mapper.run(("customers", {**BOB, "resource_version": 2}), resend="changed")
    mapper.confirmed = confirmed
    assert mapper.run(("invoices", {**INVOICE, "customer_id": "eve"}), resend="changed").customers == {"bob", "eve"}
    assert mapper.run(resend="changed").customers == set()


def test_changed_sends_everybody_again_when_that_was_not_confirmed(mapper: Mapper) -> None:
    """After changed settings, everybody is sent until a run is confirmed."""
    mapper.run(*EVERYBODY, resend="changed")
    confirmed = mapper.confirmed
    assert len(mapper.run(resend="changed", attribute_prefix="x_").records) == 3
    mapper.confirmed = confirmed
    assert len(mapper.run(resend="changed", attribute_prefix="x_").records) == 3
    assert len(mapper.run(resend="changed", attribute_prefix="x_").records) == 0


@pytest.mark.parametrize(("later", "every", "sent"), [(DAY - 1000, 24, 0), (DAY, 24, 3), (DAY, 48, 0), (-DAY, 24, 3)])
def test_changed_sends_everybody_every_so_often(
    later: int, every: int, sent: int, mapper: Mapper, lines: Lines
) -> None:
    """Everybody is sent after `reconcile_every` hours by the tap's clock, or when that clock went back."""
    mapper.run(*EVERYBODY, resend="changed", reconcile_every=every)
    marker = {**lines.marker, "completed_at": lines.marker["completed_at"] + later}
    assert len(mapper.run(marker=marker, resend="changed", reconcile_every=every).records) == sent
    assert len(mapper.run(marker=marker, resend="changed", reconcile_every=every).records) == 0


def test_a_change_of_housekeeping_sends_nobody(mapper: Mapper) -> None:
    """A setting that does not affect records sends nobody."""
    mapper.run(*EVERYBODY, resend="all")
    assert mapper.run(resend="changed", reconcile_every=48).customers == set()


SETTINGS: list[tuple[dict[str, Any], str, Any]] = [
    ({"match_on": "user_id", "user_id_field": "cf_user"}, "external_id", "u1"),
    ({"match_on": "company_name"}, "name", "Example"),
    ({"match_on": "company_id", "company_id_field": "cf_user"}, "company_id", "u1"),
]


@pytest.mark.parametrize("resend", ["all", "changed"])
@pytest.mark.parametrize(("settings", "name", "value"), SETTINGS, ids=[str(row[0]["match_on"]) for row in SETTINGS])
def test_a_changed_setting_is_applied_to_everybody(
    settings: dict[str, Any], name: str, value: str, resend: str, mapper: Mapper
) -> None:
    """A changed setting is applied to everybody from the store."""
    mapper.run(("customers", {**ANN, "cf_user": "u1", "company": "Example"}), resend=resend)
    sent = mapper.run(resend=resend, **settings)
    assert [one[name] for one in sent.records] == [value]
    assert mapper.summary()["without_match_value"] == 0


def test_changed_names_of_plans_send_everybody(mapper: Mapper, lines: Lines) -> None:
    """A plan's changed name sends customers even without rows of their own."""
    marker = {**lines.marker, "streams": "customers,invoices,item_prices,subscriptions"}
    item = {"item_type": "plan", "item_price_id": "p1", "amount": 1}
    price = {"id": "p1", "name": "Basic", "resource_version": 1}

    def run(*rows: tuple[str, dict[str, Any]]) -> list[Any]:
        echo = [lines.state(None, _map=mapper.confirmed)] if mapper.confirmed else []
        body = [lines.schema("item_prices"), *(lines.record(*row) for row in rows), lines.state(marker)]
        sent = mapper.feed([*echo, *lines.schemas, *body], resend="changed", plan_name="name")
        mapper.confirmed = sent.bookmarks["_map"]
        return [one["custom_attributes"]["cb_sub_plan_name"] for one in sent.records]

    rows = [("customers", BOB), ("subscriptions", {**SUBSCRIPTION, "subscription_items": [item]})]
    assert run(*rows) == ["p1"]
    assert run(("item_prices", price)) == ["Basic"]
    assert run() == []
    assert run(("item_prices", {**price, "name": "Starter", "resource_version": 2})) == ["Starter"]


def test_full_refresh_opens_a_new_store(mapper: Mapper) -> None:
    """A full refresh opens a new store, and keeps the old one for the STATE that names it."""
    mapper.run(*EVERYBODY)
    first = mapper.confirmed
    mapper.confirmed = {}
    assert mapper.run(("customers", ANN)).customers == {"ann"}
    assert len(mapper.stores) == 2
    mapper.confirmed = first
    assert mapper.run().customers == {"ann", "bob", "eve"}


def test_full_refresh_empties_a_named_store(mapper: Mapper) -> None:
    """A full refresh empties a named store, whose generation continues."""
    mapper.run(*EVERYBODY, store_name="main")
    mapper.confirmed = {}
    assert mapper.run(("customers", ANN), store_name="main").customers == {"ann"}
    assert mapper.confirmed == {"store": "main", "gen": 2}


def test_a_refused_full_refresh_leaves_a_named_store(mapper: Mapper) -> None:
    """A refused full refresh leaves the named store unchanged."""
    mapper.run(*EVERYBODY, store_name="main")
    confirmed, mapper.confirmed = mapper.confirmed, {}
    with pytest.raises(Exception, match="without saying that it read everything"):
        mapper.run(("customers", ANN), store_name="main", marker=None)
    mapper.confirmed = confirmed
    assert mapper.run().customers == {"ann", "bob", "eve"}


def test_what_leaves_the_mapper(mapper: Mapper) -> None:
    """The output is SCHEMA, records and the tap's STATE with the store's name and generation."""
    first = mapper.run(*EVERYBODY)
    assert first.kinds == ["SCHEMA", "RECORD", "RECORD", "RECORD", "STATE"]
    (store,) = mapper.stores
    assert first.bookmarks["_map"] == {"store": store.stem, "gen": 1}
    assert first.bookmarks["customers"] == {"replication_key": "updated_at", "replication_key_value": 1700000000}
    assert mapper.run().bookmarks["_map"] == {"store": store.stem, "gen": 2}
