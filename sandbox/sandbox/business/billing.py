"""Invoices: their lines and amounts, and whether they are paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.business.records import OFFLINE, Invoice
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.records import Customer, Line, Record, Subscription
    from sandbox.json_types import JsonObject

RETRY_AFTER = (3 * DAY, 4 * DAY, 5 * DAY)
"""Waits before the second, third and last attempt to collect."""
_NET_TERM = 30 * DAY
_SETUP_FEE = {"USD": 15_000, "EUR": 14_000, "JPY": 22_000}
_PAID_AFTER = 40


def make_invoice(customer: Customer, lines: tuple[Line, ...], term: tuple[int, int], *, first: bool) -> Invoice:
    """Return a pending invoice dated at the start of its term, without an id or timestamps."""
    currency = lines[0].price.currency_code if lines else customer.currency_code
    net = _NET_TERM if customer.payment == OFFLINE else 0
    return Invoice(
        id="",
        created_at=term[0],
        updated_at=None,
        resource_version=None,
        customer=customer,
        subscription=lines[0].subscription if lines else None,
        lines=lines,
        status="pending",
        currency_code=currency,
        date=term[0],
        total=sum(line.price.amount * line.quantity for line in lines) if lines else _SETUP_FEE[currency],
        amount_paid=0,
        term=term,
        first_invoice=first,
        due_date=term[0] + net,
    )


def settle(invoice: Invoice, how: str, now: int) -> None:
    """Bring a pending invoice of the seed to a status; ``partial`` means payment_due with a part already paid."""
    invoice.status = "payment_due" if how == "partial" else how
    if how == "paid":
        _write(invoice, describe_payment(invoice, invoice.date + _PAID_AFTER))
    elif how == "partial":
        invoice.amount_paid = invoice.total // 3
    elif how == "voided":
        invoice.voided_at = min(invoice.date + 2 * DAY, now)
    if invoice.status == "payment_due":
        invoice.dunning_status, invoice.attempts = "in_progress", 1
        invoice.next_retry_at = max(invoice.date + RETRY_AFTER[0], now + DAY)
    elif invoice.status == "not_paid":
        invoice.dunning_status, invoice.attempts = "exhausted", 1 + len(RETRY_AFTER)


def describe_payment(invoice: Invoice, at: int) -> JsonObject:
    """Return the attributes of an invoice once it is paid."""
    dunning = {"dunning_status": "success" if invoice.dunning_status else None, "next_retry_at": None}
    return {"status": "paid", "amount_paid": invoice.total, "paid_at": at, **dunning}


def describe_dues(invoice: Invoice) -> JsonObject:
    """Return what a subscription shows of its unpaid invoice."""
    return {"due_invoices_count": 1, "total_dues": invoice.amount_due, "due_since": invoice.date}


NO_DUES: JsonObject = {"due_invoices_count": 0, "total_dues": 0, "due_since": None}


def owe(subscription: Subscription, invoice: Invoice) -> None:
    """Show an unpaid invoice of the seed on its subscription."""
    if invoice.status in ("payment_due", "not_paid"):
        _write(subscription, describe_dues(invoice))


def _write(record: Record, facts: JsonObject) -> None:
    for name, value in facts.items():
        setattr(record, name, value)
