"""Full-size records in Chargebee's shape, derived from what the business keeps.

``bodies.json`` has what all records of a kind show alike, which the table adds, and which attributes are shown as they
are kept; the rest is computed here. A top-level None means absent: the table leaves it out. What is not kept depends on
the row, which never moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.business.line_items import LINE_KINDS, list_invoice_lines, show_lines
from sandbox.business.members import SHAPES
from sandbox.business.prices import RATES
from sandbox.business.records import OFFLINE
from sandbox.business.words import PLACES
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.payments import PaymentSource, Transaction
    from sandbox.business.prices import Price
    from sandbox.business.records import Card, Customer, Invoice, Subscription
    from sandbox.json_types import JsonObject

_CHANNELS = ("web", "web", "web", "app_store")
_CONSENTS = (True, False, None)


def build_customer(customer: Customer) -> JsonObject:
    """Return a customer of either catalog."""
    row = customer.row
    return {
        **SHAPES["customer"].read(customer),
        "locale": PLACES[customer.country][7],
        "net_term_days": 30 if customer.payment == OFFLINE else 0,
        "offline_payment_method": customer.payment if customer.payment == OFFLINE else None,
        "allow_direct_debit": customer.payment == "direct_debit",
        "created_from_ip": f"203.0.113.{row % 254 + 1}",
        "channel": _CHANNELS[row % len(_CHANNELS)],
        "preferred_currency_code": customer.currency_code,
        "card_status": customer.card.status if customer.card else "no_card",
        "primary_payment_source_id": f"pm_{customer.id}" if customer.has_payment_source else None,
        "payment_method": _build_payment_method(customer),
        "billing_address": _build_address(customer, "billing_address"),
        "meta_data": {"source": "signup", "form": row % 5, "onboarding": {"step": row % 7, "done": row % 2 == 0}},
        "cf_csm_since": customer.created_at + 14 * DAY if row % 3 == 0 else None,
        "cf_Account_Manager": ("north", "south", "east", "west")[row % 4],
        "cf_seats_planned": row % 40 if row % 2 else None,
        "cf_website": f"https://{(customer.cf_company_id or 'home').lower()}.example.com/",
        "cs_newsletter": _CONSENTS[row % 3],
        "cs_product_updates": _CONSENTS[(row + 1) % 3],
    }


def build_card(card: Card, customer: Customer) -> JsonObject:
    """Return a customer's primary card, the sibling of customers and subscriptions."""
    country, city, state_code, state, postcode, street, _, _ = PLACES[customer.country]
    body = {
        **SHAPES["card"].alike,
        **SHAPES["card"].read(card),
        "ref_tx_id": f"txn_{card.payment_source_id}",
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "card_type": card.brand,
        "billing_addr1": f"{customer.row % 190 + 1} {street}",
        "billing_city": city,
        "billing_state_code": state_code,
        "billing_state": state,
        "billing_country": country,
        "billing_zip": postcode,
        "updated_at": card.created_at,
        "resource_version": card.created_at * 1000 + 17,
        "customer_id": customer.id,
    }
    return {name: value for name, value in body.items() if value != ""}


def build_subscription(subscription: Subscription) -> JsonObject:
    """Return a subscription of catalog 2."""
    items = [_build_item(price, count) for _, price, count in subscription.lines()]
    return {**_begin_subscription(subscription), "subscription_items": items, "item_tiers": []}


def build_subscription_1(subscription: Subscription) -> JsonObject:
    """Return a subscription of catalog 1."""
    plan = subscription.plan
    return {
        **_begin_subscription(subscription),
        "plan_id": plan.id,
        "plan_quantity": subscription.quantity if plan.pricing_model == "per_unit" else None,
        "plan_unit_price": plan.flat_amount,
        "plan_amount": plan.amount * subscription.quantity,
        "plan_free_quantity": 0,
        "addons": [_build_addon(price, count) for price, count in subscription.addons] or None,
    }


def build_invoice(invoice: Invoice) -> JsonObject:
    """Return an invoice of catalog 2."""
    return _build_invoice(invoice, LINE_KINDS[2])


def build_invoice_1(invoice: Invoice) -> JsonObject:
    """Return an invoice of catalog 1."""
    return _build_invoice(invoice, LINE_KINDS[1])


def build_transaction(transaction: Transaction) -> JsonObject:
    """Return a payment as the vendor's API shows it."""
    invoice = transaction.invoice
    failed = transaction.status == "failure"
    online = invoice.customer.has_payment_source
    linked = {
        "invoice_id": invoice.id,
        "applied_amount": 0 if failed else transaction.amount,
        "applied_at": transaction.date,
        "invoice_date": invoice.date,
        "invoice_total": invoice.total,
        "invoice_status": invoice.status,
        "object": "linked_invoice",
    }
    return {
        **SHAPES["transaction"].read(transaction),
        **(SHAPES["online"].alike if online else {"gateway": "not_applicable"}),
        "subscription_id": invoice.subscription_id,
        "payment_source_id": f"pm_{transaction.customer_id}" if online else None,
        "payment_method": invoice.customer.payment or "other",
        "id_at_gateway": f"ch_{transaction.id}" if online else None,
        "error_code": "card_declined" if failed else None,
        "error_text": "The card was declined." if failed else None,
        "linked_invoices": [linked],
    }


def build_payment_source(source: PaymentSource) -> JsonObject:
    """Return a payment source as the vendor's API shows it."""
    customer, card = source.customer, source.customer.card
    names = {"first_name": customer.first_name, "last_name": customer.last_name}
    shape = SHAPES["payment_source.card"]
    return {
        **SHAPES["payment_source"].read(source),
        "type": customer.payment,
        "reference_id": f"cus_{customer.id}/src_{customer.row}",
        "status": card.status if card else "valid",
        "card": {**shape.alike, **shape.read(card), **names} if card else None,
    }


def _build_payment_method(customer: Customer) -> JsonObject | None:
    if not customer.has_payment_source:
        return None
    return {
        **SHAPES["online"].alike,
        "object": "payment_method",
        "type": customer.payment,
        "reference_id": f"cus_{customer.id}/src_{customer.row}",
        "status": customer.card.status if customer.card else "valid",
    }


def _build_address(customer: Customer, kind: str) -> JsonObject:
    country, city, state_code, state, postcode, street, _, _ = PLACES[customer.country]
    address = {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "company": customer.company,
        "line1": f"{customer.row % 190 + 1} {street}",
        "line2": f"Floor {customer.row % 9}" if customer.row % 3 else None,
        "city": city,
        "state_code": state_code or None,
        "state": state or None,
        "country": country,
        "zip": postcode,
        "validation_status": "not_validated",
        "object": kind,
    }
    return {name: value for name, value in address.items() if value is not None}


def _begin_subscription(subscription: Subscription) -> JsonObject:
    row, plan = subscription.row, subscription.plan
    return {
        **SHAPES["subscription"].read(subscription),
        "billing_period": plan.period,
        "billing_period_unit": plan.unit,
        "created_from_ip": f"198.51.100.{row % 254 + 1}",
        "channel": _CHANNELS[row % len(_CHANNELS)],
        "currency_code": plan.currency_code,
        "exchange_rate": RATES[plan.currency_code],
        "total_dues": subscription.total_dues or None,
        "mrr": subscription.mrr or None,
        "shipping_address": _build_address(subscription.customer, "shipping_address"),
        "meta_data": {"signup_flow": "self_serve", "experiment": {"name": f"pricing-{row % 4}", "arm": "AB"[row % 2]}},
        "cf_po_number": f"PO-{10_000 + row}" if row % 4 == 0 else None,
        "cf_go_live_on": subscription.created_at + 7 * DAY,
        "cf_region": ("amer", "emea", "apac")[row % 3],
    }


def _build_item(price: Price, quantity: int) -> JsonObject:
    item: JsonObject = {
        "item_price_id": price.id,
        "item_type": price.item_type,
        "amount": price.amount * quantity,
        "free_quantity": 0,
        "object": "subscription_item",
    }
    if price.pricing_model != "flat_fee":
        item["quantity"] = quantity
    if price.flat_amount is not None:
        item["unit_price"] = price.flat_amount
    return item


def _build_addon(price: Price, quantity: int) -> JsonObject:
    addon = {"id": price.id, "unit_price": price.amount, "amount": price.amount * quantity, "object": "addon"}
    return {**addon, "quantity": quantity} if price.pricing_model == "per_unit" else addon


def _build_invoice(invoice: Invoice, kinds: dict[str, str]) -> JsonObject:
    return {
        **SHAPES["invoice"].read(invoice),
        "net_term_days": 30 if invoice.customer.payment == OFFLINE else 0,
        "exchange_rate": RATES[invoice.currency_code],
        "amount_to_collect": invoice.amount_due,
        "new_sales_amount": invoice.total if invoice.first_invoice else None,
        "generated_at": None if invoice.status == "pending" else invoice.date,
        "sub_total": invoice.total,
        **show_lines(list_invoice_lines(invoice, kinds)),
        "linked_payments": _build_payments(invoice),
        "dunning_attempts": [_build_attempt(invoice, attempt) for attempt in range(1, invoice.attempts + 1)],
        "billing_address": _build_address(invoice.customer, "billing_address"),
        "cf_cost_centre": f"CC-{invoice.row % 30:02}" if invoice.row % 5 == 0 else None,
    }


def _build_payments(invoice: Invoice) -> list[JsonObject]:
    if not invoice.amount_paid:
        return []
    at = invoice.paid_at or invoice.date
    paid = invoice.amount_paid
    payment = {"txn_id": f"txn_{invoice.id}", "txn_status": "success", "txn_date": at, "txn_amount": paid}
    return [{**payment, "applied_amount": paid, "applied_at": at}]


def _build_attempt(invoice: Invoice, attempt: int) -> JsonObject:
    return {
        "attempt": attempt,
        "dunning_type": "auto_collect",
        "transaction_id": f"txn_{invoice.id}_{attempt}",
        "created_at": invoice.date + (attempt - 1) * 3 * DAY,
        "txn_status": "failure",
        "txn_amount": invoice.amount_due,
    }
