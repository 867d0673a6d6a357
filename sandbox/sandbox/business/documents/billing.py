"""What bills, credits or ships beside invoices and quotes. Facts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import CREATED, DELETABLE, STAMPED, UPDATED, Kind
from sandbox.business.documents.selling import major_units
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw
    from sandbox.business.records import Invoice

_CREDITS = (
    ("refundable", "refund_due", "product_unsatisfactory"),
    ("adjustment", "adjusted", "write_off"),
    ("refundable", "refunded", "subscription_cancellation"),
    ("refundable", "voided", "other"),
)
_ORDERS = ("new", "processing", "complete", "cancelled", "delivered", "shipped")
_GIFTS = ("scheduled", "unclaimed", "claimed", "cancelled", "expired")
_RAMPS = ("scheduled", "succeeded", "failed", "draft")
_LINES = 3


def _of_invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "currency_code": invoice.currency_code,
    }


def adhoc_line(number: int, amount: int, description: str, at: int) -> dict[str, Any]:
    """Return a line item that names nothing in the catalog, for the month from ``at`` on."""
    return {
        "id": f"li_{number}",
        "date_from": at,
        "date_to": at + 30 * DAY,
        "unit_amount": amount,
        "quantity": 1,
        "amount": amount,
        "description": description,
        "entity_type": "adhoc",
        "pricing_model": "flat_fee",
        "is_taxed": False,
        "tax_amount": 0,
        "object": "line_item",
    }


def _credit_note(draw: Draw, number: int) -> dict[str, Any]:
    invoice = draw.invoice()
    kind, status, reason = _CREDITS[number % len(_CREDITS)]
    total = max(1, invoice.total // 4)
    allocated = total if status == "adjusted" else 0
    refunded = total if status == "refunded" else 0
    return {
        "id": f"CN-{number + 1}",
        **_of_invoice(invoice),
        "reference_invoice_id": invoice.id,
        "type": kind,
        "status": status,
        "reason_code": reason,
        "create_reason_code": reason.replace("_", " ").title(),
        "date": draw.at,
        "generated_at": draw.at,
        "price_type": "tax_exclusive",
        "total": total,
        "sub_total": total,
        "amount_allocated": allocated,
        "amount_refunded": refunded,
        "amount_available": total if status == "refund_due" else 0,
        "voided_at": draw.at + DAY if status == "voided" else None,
        "line_items": [adhoc_line(number, total, "Credit", draw.at)],
        "allocations": [],
        "linked_refunds": [],
        "channel": "web",
        "cf_approved_by": "finance",
    }


def _charge(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    amount = 500 + 25 * number
    return {
        "id": f"li_u{number + 1}",
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
        "date_from": draw.at,
        "date_to": draw.at + 30 * DAY,
        "unit_amount": amount,
        "pricing_model": "flat_fee",
        "quantity": 1,
        "amount": amount,
        "currency_code": subscription.plan.currency_code,
        "amount_in_decimal": major_units(amount, subscription.plan.currency_code) if number % 4 == 0 else None,
        "description": "Overage",
        "entity_type": "adhoc",
        "is_voided": number % 5 == 2,  # noqa: PLR2004 one in five
        "is_advance_charge": False,
    }


def _invoiced_charge(draw: Draw, number: int) -> dict[str, Any]:
    invoice = draw.invoice()
    return {**_charge(draw, number), "id": f"li_i{number + 1}", **_of_invoice(invoice)}


def _promotional_credit(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    amount = 1_000 + 100 * number
    return {
        "customer_id": customer.id,
        "type": ("increment", "decrement")[number % 2],
        "amount": amount,
        "amount_in_decimal": major_units(amount, customer.currency_code),
        "currency_code": customer.currency_code,
        "description": "Goodwill",
        "credit_type": "general",
        "closing_balance": amount,
        "done_by": "full_access_key_v1",
    }


def _order_line(invoice: Invoice, number: int, *, shipped: bool) -> dict[str, Any]:
    """Return the one line of an order: it has prices and quantities of its own, and names the invoice's line."""
    paid = invoice.total if invoice.status == "paid" else 0
    return {
        "id": f"oli_{number + 1}",
        "invoice_id": invoice.id,
        "invoice_line_item_id": f"li_{invoice.id}_1",
        "unit_price": invoice.total,
        "description": "Welcome box",
        "amount": invoice.total,
        "fulfillment_quantity": 1,
        "fulfillment_amount": invoice.total,
        "tax_amount": 0,
        "amount_paid": paid,
        "amount_adjusted": 0,
        "refundable_credits_issued": 0,
        "refundable_credits": paid,
        "is_shippable": True,
        "status": "shipped" if shipped else "queued",
        "entity_type": "adhoc",
        "discount_amount": 0,
        "item_level_discount_amount": 0,
        "object": "order_line_item",
    }


def _order(draw: Draw, number: int) -> dict[str, Any]:
    invoice = draw.invoice()
    status = _ORDERS[number % len(_ORDERS)]
    shipped = status in ("delivered", "shipped", "complete")
    return {
        **_of_invoice(invoice),
        "document_number": str(number + 1),
        "invoice_id": invoice.id,
        "status": status,
        "order_type": "system_generated",
        "payment_status": "paid" if invoice.status == "paid" else "not_paid",
        "price_type": "tax_exclusive",
        "order_date": draw.at,
        "shipping_date": draw.at + 2 * DAY,
        "shipped_at": draw.at + 2 * DAY if shipped else None,
        "paid_on": invoice.paid_at,
        "status_update_at": draw.at,
        "total": invoice.total,
        "sub_total": invoice.total,
        "order_line_items": [_order_line(invoice, number, shipped=shipped)],
        "is_resent": False,
        "is_gifted": False,
        "linked_credit_notes": [],
    }


def _ramp(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    add = {"item_price_id": subscription.plan.id, "item_type": "plan", "quantity": 2, "object": "items_to_update"}
    return {
        "subscription_id": subscription.id,
        "description": f"Step {number + 1}",
        "effective_from": draw.at + 30 * DAY,
        "status": _RAMPS[number % len(_RAMPS)],
        "items_to_update": [add],
    }


def _gift(draw: Draw, number: int) -> dict[str, Any]:
    gifter, subscription = draw.customer(), draw.subscription()
    receiver = subscription.customer
    status = _GIFTS[number % len(_GIFTS)]
    return {
        "status": status,
        "scheduled_at": draw.at + 5 * DAY,
        "auto_claim": False,
        "no_expiry": number % 2 == 0,
        "gifter": {"customer_id": gifter.id, "signature": gifter.first_name, "object": "gifter"},
        "gift_receiver": {
            "customer_id": receiver.id,
            "subscription_id": subscription.id,
            "first_name": receiver.first_name,
            "last_name": receiver.last_name,
            "email": receiver.email or "nobody@example.com",
            "object": "gift_receiver",
        },
        "gift_timelines": [{"status": status, "occurred_at": draw.at, "object": "gift_timeline"}],
        "subscription": subscription,
    }


def _usage(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    return {
        "subscription_id": subscription.id,
        "item_price_id": subscription.plan.id,
        "usage_date": draw.at,
        "quantity": str(5 + number),
        "source": ("api", "bulk_operation")[number % 2],
    }


def _einvoice(draw: Draw, number: int) -> dict[str, Any]:
    credited = number % 3 == 0
    subject = draw.of("credit_notes")[0] if credited and draw.of("credit_notes") else draw.invoice()
    kind = "credit_note" if subject.id.startswith("CN-") else "invoice"
    return {
        "entity_type": kind,
        "entity_id": subject.id,
        "reference_id": f"ref-{number + 1}",
        "reference_number": f"{number + 1:08}",
        "status": ("scheduled", "success", "failed", "registered")[number % 4],
        "message": "Sent",
    }


def _schedule(draw: Draw, number: int) -> dict[str, Any]:
    invoice, scheme = draw.invoice(), draw.of("payment_schedule_schemes")[number % 6]
    part = invoice.total // _LINES
    entries = [
        {"id": f"pse_{number}_{one}", "date": draw.at + one * 30 * DAY, "amount": part, "status": "posted"}
        for one in range(_LINES)
    ]
    return {
        "scheme_id": scheme.id,
        "entity_type": "invoice",
        "entity_id": invoice.id,
        "amount": invoice.total,
        "currency_code": invoice.currency_code,
        "schedule_entries": [{**entry, "object": "schedule_entry"} for entry in entries],
    }


def _scheme(_: Draw, number: int) -> dict[str, Any]:
    return {
        "name": f"{number + 2} parts",
        "number_of_schedules": number + 2,
        "period": 1,
        "period_unit": "month",
        "preferred_schedules": [],
    }


BILLING = {
    "credit_notes": Kind("credit_note", _credit_note, 40, (*UPDATED, "deleted")),
    "unbilled_charges": Kind("unbilled_charge", _charge, 40, ("created_at", "updated_at", "deleted")),
    "invoiced_unbilled_charges": Kind("unbilled_charge", _invoiced_charge, 24, ("updated_at", "deleted")),
    "promotional_credits": Kind("promotional_credit", _promotional_credit, 30, CREATED),
    "orders": Kind("order", _order, 40, DELETABLE),
    "ramps": Kind("ramp", _ramp, 24, DELETABLE),
    "gifts": Kind("gift", _gift, 24, UPDATED, beside=("subscription",), always_stamped=True),
    "usages": Kind("usage", _usage, 40),
    "einvoices": Kind("einvoice", _einvoice, 24, DELETABLE),
    "payment_schedules": Kind("payment_schedule", _schedule, 24, STAMPED),
    "payment_schedule_schemes": Kind("payment_schedule_scheme", _scheme, 6, STAMPED),
}
