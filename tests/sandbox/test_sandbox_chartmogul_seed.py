"""The account's first data: the business as ChartMogul's own Chargebee integration imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller


def entries(caller: ChartMogulCaller) -> list[dict[str, Any]]:
    """Return all customers."""
    found: list[dict[str, Any]] = caller.ok("GET /customers")["entries"]
    return found


def begin(caller: ChartMogulCaller) -> None:
    """Reset the sandbox to sixty customers."""
    caller.sandbox.reset(customers=60, chartmogul_requests_per_second=1_000_000)


def test_every_chargebee_customer_is_there_once(chartmogul: ChartMogulCaller) -> None:
    """Every Chargebee customer is imported once under its Chargebee id; a reused id is one customer."""
    begin(chartmogul)
    business = chartmogul.sandbox.world.business
    rows = entries(chartmogul)
    assert sorted(one["external_id"] for one in rows) == sorted({one.id for one in business.customers.records})
    assert {one["billing-system-type"] for one in rows} == {"Chargebee"}


def test_money_and_status_are_those_of_the_business(chartmogul: ChartMogulCaller) -> None:
    """MRR is in US cents per month. A customer who never paid is a lead, and one with due invoices is past due."""
    begin(chartmogul)
    rates = {"USD": 1.0, "EUR": 1.08, "JPY": 0.67}
    for one in entries(chartmogul):
        customer = chartmogul.sandbox.world.business.customers.get(one["external_id"])
        subscriptions = [
            row
            for row in chartmogul.sandbox.world.business.subscriptions.records
            if row.customer is customer and (not row.deleted or customer.deleted)
        ]
        live = [row for row in subscriptions if row.status in ("active", "non_renewing") and not row.deleted]
        paid = [row for row in subscriptions if row.activated_at is not None]
        status = "Past Due" if any(row.due_invoices_count for row in live) else "Active" if live else "Cancelled"
        assert one["status"] == (status if paid else "New Lead")
        assert one["mrr"] == sum(round(row.mrr * rates[row.plan.currency_code]) for row in paid)
        assert one["arr"] == 12 * one["mrr"]
        assert (one["customer-since"] is None) == (not paid)


def test_every_status_has_its_customers(chartmogul: ChartMogulCaller) -> None:
    """The status filter splits the customers completely; the system filter is case-sensitive."""
    begin(chartmogul)
    counts = {
        status: len(chartmogul.ok(f"GET /customers?status={status}")["entries"])
        for status in ("New_Lead", "Active", "Past_Due", "Cancelled", "Working_Lead")
    }
    assert sum(counts.values()) == len(entries(chartmogul))
    assert [status for status, count in counts.items() if not count] == ["Working_Lead"]
    assert len(chartmogul.ok("GET /customers?system=Chargebee")["entries"]) == len(entries(chartmogul))
    assert chartmogul.ok("GET /customers?system=chargebee")["entries"] == []


def test_leads_come_first_then_those_who_pay_by_their_first_day(chartmogul: ChartMogulCaller) -> None:
    """Leads are listed first, then paying customers ordered by their first day."""
    begin(chartmogul)
    order = [(one["customer-since"] or "", one["id"]) for one in entries(chartmogul)]
    assert order == sorted(order)
    assert "" in {since for since, _ in order}


def test_one_seed_is_one_account(chartmogul: ChartMogulCaller) -> None:
    """One seed gives the same account whether or not a client reads it before time passes."""
    begin(chartmogul)
    before = entries(chartmogul)
    chartmogul.sandbox.advance(days=40)
    seen = entries(chartmogul)
    begin(chartmogul)
    chartmogul.sandbox.advance(days=40)
    assert entries(chartmogul) == seen != before
    begin(chartmogul)
    assert entries(chartmogul) == before


def test_edits_in_chargebee_are_imported_unless_held(chartmogul: ChartMogulCaller) -> None:
    """An edit in Chargebee is imported unless an override keeps the field.

    Values written over the API stay until Chargebee's value changes.
    """
    begin(chartmogul)
    one, held = entries(chartmogul)[-2:]
    chartmogul.ok(f"PATCH /customers/{one['uuid']}", {"company": "From the API", "website_url": "a.example"})
    chartmogul.ok(f"PATCH /customers/{held['uuid']}", {"company": "Held", "overrides": {"company": True}})
    for row in (one, held):
        chartmogul.sandbox.world.business.edit("customers", row["external_id"], company="From Chargebee")
    chartmogul.sandbox.advance(seconds=1)
    shown = chartmogul.ok(f"GET /customers/{one['uuid']}")
    assert (shown["company"], shown["website_url"]) == ("From Chargebee", "a.example")
    assert chartmogul.ok(f"GET /customers/{held['uuid']}")["company"] == "Held"


def test_an_integrations_customer_is_not_deleted(chartmogul: ChartMogulCaller) -> None:
    """An imported customer cannot be deleted (422), but can be merged with a lead; it then keeps its MRR and status."""
    begin(chartmogul)
    billed = entries(chartmogul)[-1]
    assert chartmogul.refused(f"DELETE /customers/{billed['uuid']}")[0] == 422
    lead = chartmogul.customer(chartmogul.source(), "co-1")
    sides = {"from": {"customer_uuid": lead}, "into": {"customer_uuid": billed["uuid"]}}
    chartmogul.ok("POST /customers/merges", sides)
    chartmogul.settle()
    merged = chartmogul.ok(f"GET /customers/{billed['uuid']}")
    assert (merged["mrr"], merged["status"]) == (billed["mrr"], billed["status"])
    assert merged["external_ids"] == [billed["external_id"], "co-1"]


def test_a_deleted_billing_source_stays_away(chartmogul: ChartMogulCaller) -> None:
    """After the Chargebee source is deleted, new Chargebee customers are not imported."""
    begin(chartmogul)
    (source,) = chartmogul.ok("GET /data_sources")["data_sources"]
    chartmogul.ok(f"DELETE /data_sources/{source['uuid']}")
    chartmogul.sandbox.advance(days=60)
    assert entries(chartmogul) == []


def test_the_account_is_made_when_it_is_asked_for() -> None:
    """The values of an imported customer are computed only when a client first reads them."""
    world = World(Settings(customers=60))
    assert [one.imported for one in world.chartmogul.customers] == [None] * len(world.chartmogul.customers)


def test_a_first_day_that_moves_loses_nobody(chartmogul: ChartMogulCaller) -> None:
    """No customer is lost when its first paying day changes between two lists and it is then merged away."""
    begin(chartmogul)
    before = {one["uuid"] for one in entries(chartmogul)}
    billed = chartmogul.ok("GET /customers?status=Active")["entries"][0]
    for row in chartmogul.sandbox.world.business.subscriptions.records:
        if row.customer_id == billed["external_id"]:
            chartmogul.sandbox.world.business.edit("subscriptions", row.id, activated_at=1_768_000_000)
    lead = chartmogul.customer(chartmogul.source(), "co-1")
    sides = {"from": {"customer_uuid": billed["uuid"]}, "into": {"customer_uuid": lead}}
    chartmogul.ok("POST /customers/merges", sides)
    chartmogul.settle()
    assert {one["uuid"] for one in entries(chartmogul)} == before - {billed["uuid"]} | {lead}
