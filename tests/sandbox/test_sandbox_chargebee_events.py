"""Chargebee's events: which change writes which event, their content, how long they are kept, and late MRR."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

START = 1768478400
DAY = 86_400


class Site:
    """Calls Chargebee's API with the right key."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.business = sandbox.world.business

    def reset(self, **settings: Any) -> None:
        """Start again with sixty customers and the settings of the test."""
        self.sandbox.reset(customers=60, seed=7, **settings)
        self.business = self.sandbox.world.business

    def get(self, path: str, **params: str) -> Any:
        """Send a GET request that must be answered with 200, and return the JSON."""
        url = f"{self.sandbox.chargebee_url}/{path}"
        reply = requests.get(
            url, params={"limit": "100", **params} if params else None, auth=("sandbox_key", ""), timeout=10
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def events(self, **params: str) -> list[dict[str, Any]]:
        """Return all events that match the parameters, from all pages."""
        page = self.get("events", **{"sort_by[asc]": "occurred_at", **params})
        found = page["list"]
        while "next_offset" in page:
            page = self.get("events", **{"sort_by[asc]": "occurred_at", **params, "offset": page["next_offset"]})
            found += page["list"]
        return [item["event"] for item in found]


@pytest.fixture
def site(sandbox: RunningSandbox) -> Site:
    """Return a site of sixty customers."""
    return Site(sandbox)


def since_start(**rest: str) -> dict[str, str]:
    """Return the parameters that select the events written after the business began."""
    return {"occurred_at[after]": str(START), **rest}


def test_an_edit_is_told_with_the_record_as_it_was_then(site: Site) -> None:
    """Each edit writes one event with the record as it was after that edit; a customer's event includes the card."""
    customer = next(one for one in site.business.customers.records if one.card and not one.deleted)
    for name in ("First", "Second"):
        site.sandbox.advance(seconds=60)
        site.business.edit("customers", customer.id, company=name)
    told = site.events(**since_start(**{"event_type[is]": "customer_changed"}))
    assert [event["content"]["customer"]["company"] for event in told] == ["First", "Second"]
    assert [event["occurred_at"] for event in told] == [START + 60, START + 120]
    assert {(*event["content"],) for event in told} == {("customer", "card")}
    assert {(event["object"], event["api_version"], event["source"]) for event in told} == {
        ("event", "v2", "admin_console")
    }


CONTENT = {
    "subscription_renewed": {"subscription", "customer", "invoice"},
    "subscription_cancelled": {"subscription", "customer"},
    "customer_changed": {"customer"},
    "invoice_generated": {"invoice"},
    "dunning_updated": {"invoice"},
    "mrr_updated": {"subscription"},
    "payment_succeeded": {"transaction", "invoice", "customer", "subscription"},
    "payment_failed": {"transaction", "invoice", "customer", "subscription"},
    "payment_source_expired": {"customer", "payment_source"},
    "card_expired": {"customer"},
}


def test_a_business_that_lives_tells_of_it(site: Site) -> None:
    """Each event type carries the records that the vendor sends, with the card when the customer has one."""
    site.sandbox.advance(days=80)
    told = site.events(**since_start())
    types = Counter(event["event_type"] for event in told)
    assert CONTENT.keys() <= types.keys()
    for event in told:
        expected = CONTENT.get(event["event_type"])
        if expected:
            assert set(event["content"]) - {"card", "invoice", "subscription"} == expected - {"invoice", "subscription"}
    happened = sum(1 for one in site.business.customers.records if one.created_at > START)
    assert types["customer_created"] == happened > 0
    new = [one for one in site.business.invoices.records if one.date > START and one.created_at > START]
    assert types["invoice_generated"] + types["pending_invoice_created"] == len(new)
    assert [event["occurred_at"] for event in told] == sorted(event["occurred_at"] for event in told)
    assert len({event["id"] for event in told}) == len(told)


def test_every_record_that_changed_was_told_of(site: Site) -> None:
    """For every record that changed, the last event that shows it shows its present state."""
    before = {id(one): dict(body) for one, body in _bodies(site)}
    site.sandbox.advance(days=45)
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for event in site.events(**since_start()):
        for name, body in event["content"].items():
            last[name, body.get("id", "")] = body
    for record, body in _bodies(site):
        if before.get(id(record)) != body and not record.deleted:
            assert last[body["object"], record.id] == body


def _bodies(site: Site) -> list[tuple[Any, dict[str, Any]]]:
    tables = site.business.tables().values()
    return [(record, table.body(record)) for table in tables for record in table.records]


@pytest.mark.parametrize(
    ("kind", "key", "holder", "event_type"),
    [
        ("contacts", "customer_id", "customer", "customer_changed"),
        ("discounts", "subscription_id", "subscription", "subscription_changed"),
        ("quote_line_groups", "quote_id", "quote", "quote_updated"),
        ("item_entitlements", "item_id", "item", "item_updated"),
    ],
    ids=str,
)
def test_what_has_no_event_of_its_own_is_told_by_what_it_hangs_on(
    site: Site, kind: str, key: str, holder: str, event_type: str
) -> None:
    """A change of a record without an event type of its own writes the event of its parent record."""
    table = site.business.table(kind)
    record = table.records[0]
    site.sandbox.world.clock.advance(1)
    site.business.edit(kind, record.id, name="Edited")
    (event,) = site.events(**since_start())
    assert event["event_type"] == event_type
    assert event["content"][holder]["id"] == table.value(record, key)


def test_events_last_ninety_days(site: Site) -> None:
    """Events older than ninety days are neither listed nor found by id."""
    first = site.events()[0]
    assert START - 90 * DAY < first["occurred_at"] < START
    site.sandbox.advance(days=91)
    times = [event["occurred_at"] for event in site.events()]
    assert min(times) > START + DAY
    reply = requests.get(f"{site.sandbox.chargebee_url}/events/{first['id']}", auth=("sandbox_key", ""), timeout=10)
    assert reply.status_code == 404


def test_events_are_filtered_by_type_source_and_time(site: Site) -> None:
    """Events are filtered by type, source and time, also with the older parameters start_time and end_time."""
    site.sandbox.advance(days=20)
    everything = site.events()
    some = site.events(**{"event_type[in]": '["mrr_updated","customer_created"]'})
    assert {event["event_type"] for event in some} == {"mrr_updated", "customer_created"}
    assert len(some) == sum(event["event_type"] in ("mrr_updated", "customer_created") for event in everything)
    assert {event["source"] for event in site.events(**{"source[is]": "scheduled_job"})} == {"scheduled_job"}
    bounded = site.events(start_time=str(START), end_time=str(START + 5 * DAY))
    assert bounded == [event for event in everything if START < event["occurred_at"] < START + 5 * DAY]


def test_events_lag_as_lists_do(site: Site) -> None:
    """With list_lag, an event is listed late but can be retrieved by its id at once."""
    site.reset(list_lag=300)
    customer = next(one for one in site.business.customers.records if not one.deleted)
    site.business.edit("customers", customer.id, company="Late")
    (row,) = [one for one in site.business.events.records if one.created_at == START]
    asked = since_start() | {"occurred_at[after]": str(START - 1)}
    assert site.events(**asked) == []
    assert site.get(f"events/{row.id}")["event"]["content"]["customer"]["company"] == "Late"
    site.sandbox.advance(seconds=300)
    assert [event["id"] for event in site.events(**asked)] == [row.id]


@pytest.mark.parametrize(("moves", "stamped"), [(False, False), (True, True)], ids=["quiet", "stamped"])
def test_revenue_arrives_late(site: Site, *, moves: bool, stamped: bool) -> None:
    """A change of plan shows at once; its MRR follows after mrr_lag seconds, with an mrr_updated event."""
    site.reset(mrr_lag=90, mrr_moves_updated_at=moves)
    subscription = next(
        one for one in site.business.subscriptions.records if one.status == "active" and not one.deleted
    )
    path, old = f"subscriptions/{subscription.id}", subscription.mrr
    site.business.edit("subscriptions", subscription.id, quantity=subscription.quantity + 3)
    changed = site.get(path)["subscription"]
    site.sandbox.advance(seconds=89)
    assert site.get(path)["subscription"] == changed
    assert changed["mrr"] == old
    site.sandbox.advance(seconds=1)
    arrived = site.get(path)["subscription"]
    assert arrived["mrr"] > old
    assert (arrived["updated_at"] > changed["updated_at"]) is stamped
    (told,) = site.events(**since_start(**{"event_type[is]": "mrr_updated"}))
    assert (told["occurred_at"], told["content"]["subscription"]) == (START + 90, arrived)


def test_payments_and_what_is_paid_with_follow_the_business(site: Site) -> None:
    """Each payment adds a transaction, and each customer with a card has a payment source."""
    known = len(site.business.table("transactions").records)
    site.sandbox.advance(days=20)
    fresh = site.business.table("transactions").records[known:]
    assert {one.status for one in fresh} == {"success", "failure"}
    for one in fresh[:5]:
        assert site.get(f"transactions/{one.id}")["transaction"]["linked_invoices"][0]["invoice_id"] == one.invoice.id
    for customer in site.business.customers.records:
        if customer.has_payment_source and not customer.deleted:
            source = site.business.table("payment_sources").get(f"pm_{customer.id}")
            assert source is not None
            assert source.customer is customer


def test_documents_live_too(site: Site) -> None:
    """Coupons are created, updated and deleted over time; only an event reports a deletion."""
    before = {item["coupon"]["id"] for item in site.get("coupons", limit="100")["list"]}
    site.sandbox.advance(days=60)
    after = {item["coupon"]["id"] for item in site.get("coupons", limit="100")["list"]}
    told = {
        verb: {event["content"]["coupon"]["id"] for event in site.events(**{"event_type[is]": f"coupon_{verb}"})}
        for verb in ("created", "updated", "deleted")
    }
    assert told["created"] >= after - before
    assert told["deleted"] >= before - after
    assert after - before
    assert before - after
    assert told["updated"]


def test_the_same_steps_bring_the_same_documents(site: Site) -> None:
    """Quotes are the same whether a client lists them before time passes or only after it."""

    def told() -> list[bytes]:
        site.sandbox.advance(days=10)
        return [site.business.table("quotes").json(record) for record in site.business.table("quotes").records]

    late = told()
    site.reset()
    assert site.get("quotes", limit="1")["list"]
    assert told() == late
