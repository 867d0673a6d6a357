"""Measures map-subscriptions against its limits: records read per second, seconds until all is sent, memory.

    python bench/map_subscriptions.py [in] [all] [changed] [memory]

`in`: full-size records of Chargebee per second, into SQLite; `all`: 100,000 customers, derived and sent after the
input has ended; `changed`: one in a hundred of them; `memory`: the peak over 1,000,000
invoices. The map is one process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.maps import line, row, run
else:  # as a script, `bench` itself is on the path
    from maps import line, row, run

COMMAND = "map-subscriptions"
STREAMS = ("customers", "subscriptions", "invoices")
SECOND = 1_700_000_000
# The limits: records a second in, seconds for all and for one in a hundred, MB.
RATE, ALL, CHANGED, MEMORY = 15_000, 20, 5, 200
# Records of full size, as Chargebee has them. The functions below add what differs.
CUSTOMER = json.loads("""
{"first_name": "Ann", "last_name": "Example", "phone": "+1 555 0100", "company": "Example Ltd", "auto_collection":
"on", "net_term_days": 0, "allow_direct_debit": false, "taxability": "taxable", "locale": "en-US", "pii_cleared":
"active", "channel": "web", "deleted": false, "preferred_currency_code": "USD", "promotional_credits": 0,
"refundable_credits": 0, "excess_payments": 0, "unbilled_charges": 0, "mrr": 4999, "cf_plan_owner": "Sales",
"primary_payment_source_id": "pm_AzyPk2T2pdcUd72", "payment_method": {"type": "card", "reference_id":
"cus_I58/card_1Hb", "gateway": "stripe", "gateway_account_id": "gw_AzyPk2T2pdcU71", "status": "valid", "object":
"payment_method"}, "billing_address": {"first_name": "Ann", "last_name": "Example", "email": "ann@example.com",
"company": "Example Ltd", "phone": "+1 555 0100", "line1": "340 S Lemon Ave", "line2": "Floor 2", "city": "Walnut",
"state_code": "CA", "state": "California", "country": "US", "zip": "91789", "validation_status": "not_validated",
"object": "billing_address"}, "card": {"status": "valid", "gateway": "stripe", "gateway_account_id":
"gw_AzyPk2T2pdcU71", "first_name": "Ann", "iin": "424242", "last4": "4242", "card_type": "visa", "funding_type":
"credit", "expiry_month": 2, "expiry_year": 2031, "issuing_country": "US", "masked_number": "************4242",
"object": "card"}, "object": "customer"}
""")
SUBSCRIPTION = json.loads("""
{"billing_period": 1, "billing_period_unit": "month", "auto_collection": "on", "status": "active",
"has_scheduled_changes": false, "current_term_start": 1700000000, "current_term_end": 1702592000, "next_billing_at":
1702592000, "started_at": 1700000000, "activated_at": 1700000000, "created_from_ip": "203.0.113.7",
"due_invoices_count": 0, "mrr": 4999, "exchange_rate": 1.0, "base_currency_code": "USD", "currency_code": "USD",
"deleted": false, "channel": "web", "has_scheduled_advance_invoices": false, "create_pending_invoices": false,
"auto_close_invoices": true, "payment_source_id": "pm_AzyPk2T2pdcUd72", "total_dues": 0, "override_relationship":
false, "subscription_items": [{"item_price_id": "basic-USD-Monthly", "item_type": "plan", "quantity": 1, "unit_price":
4999, "amount": 4999, "free_quantity": 0, "object": "subscription_item"}, {"item_price_id": "support-USD-Monthly",
"item_type": "addon", "quantity": 1, "unit_price": 900, "amount": 900, "free_quantity": 0, "object":
"subscription_item"}], "shipping_address": {"first_name": "Ann", "last_name": "Example", "email": "ann@example.com",
"company": "Example Ltd", "phone": "+1 555 0100", "line1": "340 S Lemon Ave", "line2": "Floor 2", "city": "Walnut",
"state_code": "CA", "state": "California", "country": "US", "zip": "91789", "validation_status": "not_validated",
"object": "shipping_address"}, "object": "subscription"}
""")
LINE_ITEM = json.loads("""
{"date_from": 1700000000, "date_to": 1702592000, "unit_amount": 4999, "quantity": 1, "amount": 4999, "pricing_model":
"flat_fee", "is_taxed": false, "tax_amount": 0, "discount_amount": 0, "item_level_discount_amount": 0, "description":
"Basic USD Monthly", "entity_type": "plan_item_price", "entity_id": "basic-USD-Monthly", "tax_exempt_reason":
"export", "object": "line_item"}
""")
INVOICE = json.loads("""
{"recurring": true, "price_type": "tax_exclusive", "net_term_days": 0, "exchange_rate": 1.0, "total": 5899,
"amount_paid": 5899, "amount_adjusted": 0, "write_off_amount": 0, "credits_applied": 0, "amount_due": 0, "status":
"paid", "deleted": false, "tax": 0, "sub_total": 5899, "round_off_amount": 0, "first_invoice": true,
"amount_to_collect": 0, "new_sales_amount": 5899, "has_advance_charges": false, "is_gifted": false, "term_finalized":
true, "currency_code": "USD", "base_currency_code": "USD", "channel": "web", "taxes": [], "line_item_taxes": [],
"line_item_tiers": [], "adjustment_credit_notes": [], "applied_credits": [], "issued_credit_notes": [],
"linked_orders": [], "dunning_attempts": [], "business_entity_id": "AzyPk2T2pdbQz3h", "linked_payments": [{"txn_id":
"txn_AzyPk2T2pdcXQ8H", "applied_amount": 5899, "applied_at": 1700000000, "txn_status": "success", "txn_date":
1700000000, "txn_amount": 5899}], "billing_address": {"first_name": "Ann", "last_name": "Example", "email":
"ann@example.com", "company": "Example Ltd", "phone": "+1 555 0100", "line1": "340 S Lemon Ave", "line2": "Floor 2",
"city": "Walnut", "state_code": "CA", "state": "California", "country": "US", "zip": "91789", "validation_status":
"not_validated", "object": "billing_address"}, "object": "invoice"}
""")


def customer(number: int, version: int) -> dict[str, Any]:
    """Return a customer as Chargebee sends it."""
    made = {"created_at": SECOND, "updated_at": SECOND + version, "resource_version": (SECOND + version) * 1000}
    return {"id": f"AzyPk2c{number:07}", "email": f"c{number:07}@example.com", **made, **CUSTOMER}


def subscription(number: int, owner: int, version: int) -> dict[str, Any]:
    """Return a subscription of a customer."""
    made = {"created_at": SECOND, "updated_at": SECOND + version, "resource_version": (SECOND + version) * 1000}
    return {"id": f"AzyPk2s{number:07}", "customer_id": f"AzyPk2c{owner:07}", **made, **SUBSCRIPTION}


def invoice(number: int, owner: int, version: int) -> dict[str, Any]:
    """Return an invoice of a customer, with two lines."""
    ids = {"customer_id": f"AzyPk2c{owner:07}", "subscription_id": f"AzyPk2s{owner:07}"}
    dates = {"date": SECOND + number, "due_date": SECOND + number, "paid_at": SECOND + number, "generated_at": SECOND}
    made = {"updated_at": SECOND + version, "resource_version": (SECOND + version) * 1000}
    lines = [{"id": f"li_AzyPk2{number:07}{which}", **ids, **LINE_ITEM} for which in "ab"]
    return {"id": str(number), **ids, **dates, **made, "line_items": lines, **INVOICE}


def business(customers: Iterable[int], invoices: int, version: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield these customers, each with one subscription and some invoices, stream by stream."""
    for one in customers:
        yield "customers", customer(one, version)
    for one in customers:
        yield "subscriptions", subscription(one, one, version)
    for one in customers:
        for nth in range(invoices):
            yield "invoices", invoice(one * 100 + nth, one, version)


def write(path: Path, rows: Iterable[tuple[str, dict[str, Any]]], confirmed: dict[str, Any] | None = None) -> int:
    """Write the input of a run; return the number of its records."""
    sync = {"completed_at": SECOND * 1000, "streams": ",".join(STREAMS), "from": None, "subset": 0}
    with path.open("wb") as file:
        if confirmed:
            file.write(line("STATE", value=confirmed))
        for stream in STREAMS:
            file.write(line("SCHEMA", stream=stream, schema={"type": "object"}, key_properties=["id"]))
        count = sum(1 for stream, row in rows if file.write(line("RECORD", stream=stream, record=row)))
        file.write(line("STATE", value={"bookmarks": {**{stream: {} for stream in STREAMS}, "_sync": sync}}))
    return count


def measure_in(folder: Path) -> None:
    """Measure the records per second that are read."""
    source = folder / "input"
    count = write(source, business(range(20_000), 3))
    size = source.stat().st_size / count
    ran = run(COMMAND, folder, source)
    rate = count / ran.reading
    what = f"{count:,} records of {size:,.0f} bytes in"
    row(what, f"{rate:,.0f} records/s", f">= {RATE:,} records/s", holds=rate >= RATE)


def measure_sent(folder: Path, *, send_all: bool) -> None:
    """Measure the seconds from the end of the input until all customers, or one in a hundred, are sent."""
    source, resend = folder / "input", "all" if send_all else "changed"
    write(source, business(range(100_000), 3))
    ran, limit = run(COMMAND, folder, source, resend=resend), ALL if send_all else CHANGED
    if not send_all:
        write(source, business(range(0, 100_000, 100), 1, version=1), ran.state)
        ran = run(COMMAND, folder, source, resend=resend)
    what = f"{ran.records:,} of 100,000 customers derived and sent (`resend: {resend}`)"
    row(what, f"{ran.sending:.1f} s", f"<= {limit} s", holds=ran.sending <= limit)


def measure_memory(folder: Path) -> None:
    """Measure the peak of memory while all customers are sent."""
    source = folder / "input"
    write(source, business(range(100_000), 10))
    ran = run(COMMAND, folder, source)
    row("1,000,000 invoices, peak of memory", f"{ran.peak:.0f} MB", f"< {MEMORY} MB", holds=ran.peak < MEMORY)


MEASUREMENTS = {
    "in": measure_in,
    "all": lambda folder: measure_sent(folder, send_all=True),
    "changed": lambda folder: measure_sent(folder, send_all=False),
    "memory": measure_memory,
}

if __name__ == "__main__":
    print("| what | measured | limit | holds |\n|---|---|---|---|")
    for chosen in sys.argv[1:] or MEASUREMENTS:
        with tempfile.TemporaryDirectory() as name:
            MEASUREMENTS[chosen](Path(name))
