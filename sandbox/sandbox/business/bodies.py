"""Full-size records in Chargebee's shape, derived from what the business keeps.

A top-level None means absent: the table leaves it out. What is not kept hangs on the row: it never moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.line_items import LINE_KINDS, list_invoice_lines, show_lines
from sandbox.business.prices import RATES
from sandbox.business.records import OFFLINE
from sandbox.business.words import PLACES

if TYPE_CHECKING:
    from sandbox.business.prices import Price
    from sandbox.business.records import Card, Customer, Invoice, Subscription

_DAY = 86_400
_CHANNELS = ("web", "web", "web", "app_store")
_CONSENTS = (True, False, None)


def build_customer(customer: Customer) -> dict[str, Any]:
    """Return a customer of either catalog."""
    row = customer.row
    return {
        "id": customer.id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": customer.phone,
        "company": customer.company,
        "locale": PLACES[customer.country][7],
        "auto_collection": customer.auto_collection,
        "net_term_days": 30 if customer.payment == OFFLINE else 0,
        "offline_payment_method": customer.payment if customer.payment == OFFLINE else None,
        "allow_direct_debit": customer.payment == "direct_debit",
        "taxability": "taxable",
        "created_at": customer.created_at,
        "created_from_ip": f"203.0.113.{row % 254 + 1}",
        "updated_at": customer.updated_at,
        "resource_version": customer.resource_version,
        "deleted": customer.deleted,
        "pii_cleared": "active",
        "channel": _CHANNELS[row % len(_CHANNELS)],
        "preferred_currency_code": customer.currency_code,
        "promotional_credits": customer.promotional_credits,
        "refundable_credits": 0,
        "excess_payments": 0,
        "unbilled_charges": 0,
        "card_status": customer.card.status if customer.card else "no_card",
        "primary_payment_source_id": f"pm_{customer.id}" if customer.has_payment_source else None,
        "payment_method": _build_payment_method(customer),
        "billing_address": _build_address(customer),
        "tax_providers_fields": [],
        "object": "customer",
        "meta_data": {"source": "signup", "form": row % 5, "onboarding": {"step": row % 7, "done": row % 2 == 0}},
        "cf_company_id": customer.cf_company_id,
        "cf_user_id": customer.cf_user_id,
        "cf_tier": customer.cf_tier,
        "cf_csm_since": customer.created_at + 14 * _DAY if row % 3 == 0 else None,
        "cf_Account_Manager": ("north", "south", "east", "west")[row % 4],
        "cf_seats_planned": row % 40 if row % 2 else None,
        "cf_website": f"https://{(customer.cf_company_id or 'home').lower()}.example.com/",
        "cs_newsletter": _CONSENTS[row % 3],
        "cs_product_updates": _CONSENTS[(row + 1) % 3],
    }


def build_card(card: Card, customer: Customer) -> dict[str, Any]:
    """Return a customer's primary card, the sibling of customers and subscriptions."""
    country, city, state_code, state, postcode, street, _, _ = PLACES[customer.country]
    body = {
        "status": card.status,
        "gateway": "stripe",
        "gateway_account_id": "gw_169lsPTZ3lUQ62pR",
        "ref_tx_id": f"txn_{card.payment_source_id}",
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "iin": card.iin,
        "last4": card.last4,
        "card_type": card.brand,
        "funding_type": "credit",
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
        "billing_addr1": f"{customer.row % 190 + 1} {street}",
        "billing_city": city,
        "billing_state_code": state_code,
        "billing_state": state,
        "billing_country": country,
        "billing_zip": postcode,
        "created_at": card.created_at,
        "updated_at": card.created_at,
        "resource_version": card.created_at * 1000 + 17,
        "object": "card",
        "masked_number": f"************{card.last4}",
        "customer_id": customer.id,
        "payment_source_id": card.payment_source_id,
    }
    return {name: value for name, value in body.items() if value != ""}


def build_subscription(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as catalog 2 has it."""
    return {**_build_common(subscription), "subscription_items": _build_items(subscription), "item_tiers": []}


def build_subscription_1(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as catalog 1 has it."""
    plan = subscription.plan
    per_unit = plan.pricing_model == "per_unit"
    addons = [_build_addon(price, count) for price, count in subscription.addons]
    return {
        **_build_common(subscription),
        "plan_id": plan.id,
        "plan_quantity": subscription.quantity if per_unit else None,
        "plan_unit_price": plan.amount if plan.pricing_model != "tiered" else None,
        "plan_amount": plan.amount * subscription.quantity,
        "plan_free_quantity": 0,
        "addons": addons or None,
    }


def build_invoice(invoice: Invoice) -> dict[str, Any]:
    """Return an invoice as catalog 2 has it."""
    return _build_any_invoice(invoice, LINE_KINDS[2])


def build_invoice_1(invoice: Invoice) -> dict[str, Any]:
    """Return an invoice as catalog 1 has it."""
    return _build_any_invoice(invoice, LINE_KINDS[1])


def _build_payment_method(customer: Customer) -> dict[str, Any] | None:
    if not customer.has_payment_source:
        return None
    return {
        "object": "payment_method",
        "type": customer.payment,
        "reference_id": f"cus_{customer.id}/src_{customer.row}",
        "gateway": "stripe",
        "gateway_account_id": "gw_169lsPTZ3lUQ62pR",
        "status": customer.card.status if customer.card else "valid",
    }


def _build_address(customer: Customer) -> dict[str, Any]:
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
        "object": "billing_address",
    }
    return {name: value for name, value in address.items() if value is not None}


def _build_common(subscription: Subscription) -> dict[str, Any]:
    row = subscription.row
    return {
        "id": subscription.id,
        "billing_period": subscription.plan.period,
        "billing_period_unit": subscription.plan.unit,
        "customer_id": subscription.customer_id,
        "status": subscription.status,
        "start_date": subscription.start_date,
        "trial_start": subscription.trial_start,
        "trial_end": subscription.trial_end,
        "current_term_start": subscription.current_term_start,
        "current_term_end": subscription.current_term_end,
        "next_billing_at": subscription.next_billing_at,
        "created_at": subscription.created_at,
        "started_at": subscription.started_at,
        "activated_at": subscription.activated_at,
        "cancelled_at": subscription.cancelled_at,
        "cancel_reason": subscription.cancel_reason,
        "cancel_reason_code": subscription.cancel_reason_code,
        "pause_date": subscription.pause_date,
        "resume_date": subscription.resume_date,
        "created_from_ip": f"198.51.100.{row % 254 + 1}",
        "updated_at": subscription.updated_at,
        "has_scheduled_changes": False,
        "channel": _CHANNELS[row % len(_CHANNELS)],
        "resource_version": subscription.resource_version,
        "deleted": subscription.deleted,
        "decommissioned": False,
        "object": "subscription",
        "currency_code": subscription.plan.currency_code,
        "base_currency_code": "USD",
        "exchange_rate": RATES[subscription.plan.currency_code],
        "due_invoices_count": subscription.due_invoices_count,
        "due_since": subscription.due_since,
        "total_dues": subscription.total_dues or None,
        "mrr": subscription.mrr or None,
        "has_scheduled_advance_invoices": False,
        "create_pending_invoices": False,
        "auto_close_invoices": True,
        "shipping_address": {**_build_address(subscription.customer), "object": "shipping_address"},
        "meta_data": {"signup_flow": "self_serve", "experiment": {"name": f"pricing-{row % 4}", "arm": "AB"[row % 2]}},
        "cf_po_number": f"PO-{10_000 + row}" if row % 4 == 0 else None,
        "cf_go_live_on": subscription.created_at + 7 * _DAY,
        "cf_region": ("amer", "emea", "apac")[row % 3],
    }


def _build_items(subscription: Subscription) -> list[dict[str, Any]]:
    plan = _build_item(subscription.plan, subscription.quantity, "plan")
    return [plan, *(_build_item(price, count, "addon") for price, count in subscription.addons)]


def _build_item(price: Price, quantity: int, item_type: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "item_price_id": price.id,
        "item_type": item_type,
        "amount": price.amount * quantity,
        "free_quantity": 0,
        "object": "subscription_item",
    }
    if price.pricing_model != "flat_fee":
        item["quantity"] = quantity
    if price.pricing_model != "tiered":
        item["unit_price"] = price.amount
    return item


def _build_addon(price: Price, quantity: int) -> dict[str, Any]:
    addon = {"id": price.id, "unit_price": price.amount, "amount": price.amount * quantity, "object": "addon"}
    return {**addon, "quantity": quantity} if price.pricing_model == "per_unit" else addon


def _build_any_invoice(invoice: Invoice, kinds: dict[str, str]) -> dict[str, Any]:
    settled = invoice.status in ("paid", "posted", "payment_due", "not_paid", "voided")
    return {
        "id": invoice.id,
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "recurring": invoice.recurring,
        "status": invoice.status,
        "price_type": "tax_exclusive",
        "date": invoice.date,
        "due_date": invoice.due_date,
        "net_term_days": 30 if invoice.customer.payment == OFFLINE else 0,
        "exchange_rate": RATES[invoice.currency_code],
        "total": invoice.total,
        "amount_paid": invoice.amount_paid,
        "amount_adjusted": 0,
        "write_off_amount": 0,
        "credits_applied": 0,
        "amount_due": invoice.amount_due,
        "amount_to_collect": invoice.amount_due,
        "paid_at": invoice.paid_at,
        "voided_at": invoice.voided_at,
        "dunning_status": invoice.dunning_status,
        "next_retry_at": invoice.next_retry_at,
        "updated_at": invoice.updated_at,
        "resource_version": invoice.resource_version,
        "deleted": invoice.deleted,
        "object": "invoice",
        "first_invoice": invoice.first_invoice,
        "new_sales_amount": invoice.total if invoice.first_invoice else None,
        "has_advance_charges": False,
        "currency_code": invoice.currency_code,
        "base_currency_code": "USD",
        "generated_at": invoice.date if settled else None,
        "is_gifted": False,
        "term_finalized": True,
        "channel": "web",
        "tax": 0,
        "sub_total": invoice.total,
        "round_off_amount": 0,
        **show_lines(list_invoice_lines(invoice, kinds)),
        "linked_payments": _build_payments(invoice),
        "applied_credits": [],
        "adjustment_credit_notes": [],
        "issued_credit_notes": [],
        "linked_orders": [],
        "dunning_attempts": _build_attempts(invoice),
        "notes": [{"note": "Thank you for your business!"}],
        "billing_address": _build_address(invoice.customer),
        "site_details_at_creation": {"timezone": "Etc/UTC"},
        "cf_cost_centre": f"CC-{invoice.row % 30:02}" if invoice.row % 5 == 0 else None,
    }


def _build_payments(invoice: Invoice) -> list[dict[str, Any]]:
    if not invoice.amount_paid:
        return []
    payment = {
        "txn_id": f"txn_{invoice.id}",
        "applied_amount": invoice.amount_paid,
        "applied_at": invoice.paid_at or invoice.date,
        "txn_status": "success",
        "txn_date": invoice.paid_at or invoice.date,
        "txn_amount": invoice.amount_paid,
    }
    return [payment]


def _build_attempts(invoice: Invoice) -> list[dict[str, Any]]:
    return [
        {
            "attempt": attempt,
            "dunning_type": "auto_collect",
            "transaction_id": f"txn_{invoice.id}_{attempt}",
            "created_at": invoice.date + (attempt - 1) * 3 * _DAY,
            "txn_status": "failure",
            "txn_amount": invoice.amount_due,
        }
        for attempt in range(1, invoice.attempts + 1)
    ]
