"""Quotes, and what hangs on them. Facts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.billing import adhoc_line
from sandbox.business.documents.drawing import CREATED, UPDATED, Kind
from sandbox.business.documents.selling import granted
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw
    from sandbox.business.records import Subscription

_QUOTES = ("open", "accepted", "declined", "invoiced", "expired")


def _quote(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    amount = subscription.amount
    return {
        "id": f"Q-{number + 1}",
        "name": f"Renewal {number + 1}",
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
        "status": _QUOTES[number % len(_QUOTES)],
        "operation_type": "change_subscription",
        "price_type": "tax_exclusive",
        "date": draw.at,
        "valid_till": draw.at + 30 * DAY,
        "total": amount,
        "sub_total": amount,
        "amount_due": amount,
        "currency_code": subscription.plan.currency_code,
        "version": 1 + number % 3,
        "line_items": [adhoc_line(number, amount, "Renewal", draw.at)],
        "notes": [],
        "cf_sales_rep": ("ann", "bob")[number % 2],
        "quoted_subscription": _quoted(subscription),
    }


def _quoted(subscription: Subscription) -> dict[str, Any]:
    plan = subscription.plan
    items = [{"item_price_id": plan.id, "item_type": "plan", "object": "subscription_item"}]
    return {
        "id": subscription.id,
        "billing_period": plan.period,
        "billing_period_unit": plan.unit,
        "auto_collection": "on",
        "subscription_items": items,
        "object": "quoted_subscription",
    }


def _quote_line_group(draw: Draw, number: int) -> dict[str, Any]:
    quote = draw.of("quotes")[number // 2]
    total = quote.facts["total"]
    return {
        "quote_id": quote.id,
        "version": quote.facts["version"],
        "sub_total": total,
        "total": total,
        "amount_due": total,
        "charge_event": ("immediate", "subscription_renewal")[number % 2],
        "billing_cycle_number": number % 2,
        "line_items": [adhoc_line(number, total, "Renewal", quote.facts["date"])],
    }


def _per_quote(draw: Draw) -> int:
    return 2 * len(draw.of("quotes"))


def _quote_entitlement(draw: Draw, number: int) -> dict[str, Any]:
    quote = draw.of("quotes")[number // 2]
    return {
        "quote_id": quote.id,
        "entity_id": quote.beside["quoted_subscription"]["subscription_items"][0]["item_price_id"],
        "entity_type": "plan_price",
        "action_type": "upsert",
        "start_date": draw.at,
        "is_enabled": True,
        "modified_at": draw.at,
        **granted(number),
    }


QUOTING = {
    "quotes": Kind("quote", _quote, 30, (*UPDATED, "deleted"), beside=("quoted_subscription",)),
    "quote_line_groups": Kind("quote_line_group", _quote_line_group, _per_quote, (), hidden=("quote_id",)),
    "quote_entitlements": Kind(
        "quote_entitlement", _quote_entitlement, _per_quote, CREATED, key=None, hidden=("quote_id",)
    ),
}
