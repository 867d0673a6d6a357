"""`POST /sandbox/change` changes records on request, and the vendors' events report the changes."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

PATIENCE = 10


def list_events(sandbox: RunningSandbox, first: int) -> list[tuple[str, str]]:
    """Return type and record id of all events from the row `first` on."""
    events = sandbox.world.business.events.records[first:]
    return [(one.event_type, one.content[0][1].id) for one in events if one]


CHANGES = {
    "customer": ["customer_changed"],
    "subscription": ["subscription_changed", "mrr_updated"],
}


@pytest.mark.parametrize(("kind", "types"), CHANGES.items(), ids=CHANGES.keys())
def test_changes_have_events(sandbox: RunningSandbox, kind: str, types: list[str]) -> None:
    """Each changed record writes its events in the order of the reply; the business clock does not move."""
    before = len(sandbox.world.business.events.records)
    reply = sandbox.change(kind, count=3)
    assert reply["seconds"] == 0
    assert len(set(reply["ids"])) == 3
    assert list_events(sandbox, before) == [(type_, one) for one in reply["ids"] for type_ in types]
    assert sandbox.world.clock.now() == 1768478400


def test_an_invoice_is_due_again_and_then_paid(sandbox: RunningSandbox) -> None:
    """The first change makes an invoice due, which shows on its subscription; the second change pays it."""
    business = sandbox.world.business
    invoices = [one for one in business.invoices.records if one.status in ("paid", "payment_due") and not one.deleted]
    first = next(one for one in invoices if one.status == "paid" and one.subscription)
    sandbox.change("invoice", count=invoices.index(first) + 1)
    assert (first.status, first.amount_due) == ("payment_due", first.total)
    assert first.subscription is not None
    assert (first.subscription.due_invoices_count, first.subscription.total_dues) == (1, first.total)
    before = len(business.events.records)
    sandbox.change("invoice", count=len(invoices))
    assert (first.status, first.subscription.due_invoices_count) == ("paid", 0)
    types = {type_ for type_, id_ in list_events(sandbox, before) if id_ in (first.id, first.subscription.id)}
    assert {"invoice_updated", "subscription_changed"} <= types


def test_intercom_records_change(sandbox: RunningSandbox) -> None:
    """A changed contact or company gets a number after its name and the present time as `updated_at`."""
    known = sandbox.world.intercom
    for kind, store in (("company", known.companies), ("contact", known.contacts)):
        before = [one.document["name"] or "Nameless" for one in store.live()]
        ids = sandbox.change(kind, count=len(before) + 1)["ids"]
        documents = [one.document for one in store.live()]
        assert [one["id"] for one in documents] == ids[:-1]
        assert [one["name"] for one in documents] == [f"{before[0]} (3)", *(f"{name} (2)" for name in before[1:])]
        assert {one["updated_at"] for one in documents} == {1768478400}


def test_each_call_goes_on_where_the_last_ended(sandbox: RunningSandbox) -> None:
    """Calls go through the records in turn: each is changed once before any is changed twice."""
    live = [one.id for one in sandbox.world.business.customers.records if not one.deleted]
    first, second = sandbox.change("customer", count=2)["ids"], sandbox.change("customer", count=len(live))["ids"]
    assert first + second == [*live, *live[:2]]


def test_changes_are_spread_over_real_time(sandbox: RunningSandbox) -> None:
    """With per_second, the call returns after the first change and the others follow; a new call or reset ends them."""
    before = len(sandbox.world.business.events.records)
    reply = sandbox.change("customer", count=5, per_second=100)
    assert reply["seconds"] == 0.04
    deadline = time.monotonic() + PATIENCE
    while len(done := list_events(sandbox, before)) < 5:
        assert time.monotonic() < deadline
    assert done == [("customer_changed", one) for one in reply["ids"]]
    sandbox.change("customer", count=1000, per_second=0.001)
    assert len(list_events(sandbox, before)) == 6


def test_changes_without_webhooks_are_skipped(sandbox: RunningSandbox) -> None:
    """With webhooks off, a change writes its event but delivers nothing."""
    business = sandbox.world.business
    form = {"name": "Here", "url": "http://127.0.0.1:9/"}
    url = f"{sandbox.chargebee_url}/webhook_endpoints"
    assert requests.post(url, data=form, auth=("sandbox_key", ""), timeout=PATIENCE).status_code == 200
    sandbox.change("customer", webhooks=False)
    (event,) = business.events.records[-1:]
    assert (event.event_type, event.webhook_status) == ("customer_changed", "skipped")


SENTENCES = {
    "an unknown kind": (
        {"kind": "plan"},
        "kind is one of customer, subscription, invoice, company, contact, not 'plan'.",
    ),
    "no kind": ({}, "kind is one of customer, subscription, invoice, company, contact, not ''."),
    "a kind that is no text": (
        {"kind": ["customer"]},
        "kind is one of customer, subscription, invoice, company, contact, not ['customer'].",
    ),
    "none": ({"kind": "customer", "count": 0}, "count is a whole number from 1 to 100000, not 0."),
    "too many": ({"kind": "customer", "count": 100_001}, "count is a whole number from 1 to 100000, not 100001."),
    "a rate below nothing": (
        {"kind": "customer", "per_second": -1},
        "per_second is a number, 0 for all at once, not -1.",
    ),
    "webhooks that are no switch": ({"kind": "customer", "webhooks": 1}, "webhooks is true or false, not 1."),
    "an unknown key": ({"kind": "customer", "size": 1}, "A change has kind, count, per_second and webhooks."),
}


@pytest.mark.parametrize(("body", "sentence"), SENTENCES.values(), ids=SENTENCES.keys())
def test_a_change_that_makes_no_sense_is_refused(
    running_sandbox: RunningSandbox, body: dict[str, Any], sentence: str
) -> None:
    """A wrong request is refused with one sentence that says why."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        running_sandbox.change(**{"kind": "", **body})


def test_an_empty_business_has_nothing_to_change(sandbox: RunningSandbox) -> None:
    """Without records to change, the refusal names the kind."""
    sandbox.reset(customers=0)
    with pytest.raises(ValueError, match=r"^There is no subscription to change\.$"):
        sandbox.change("subscription")
