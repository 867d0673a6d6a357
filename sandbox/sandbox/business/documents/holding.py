"""What hangs on one customer or one subscription and is reckoned from it; the rest of it stands in a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import CREATED, STAMPED, Kind
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw

_DISPUTES = ("initiated", "funds_withdrawn", "in_review", "cancelled", "lost", "won")
_HOLDERS = 24
"""So many customers and subscriptions have something that hangs on them, at the least."""


def _contract_term(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    return {
        "subscription_id": subscription.id,
        "status": ("active", "completed", "cancelled", "terminated")[number % 4],
        "contract_start": draw.at,
        "contract_end": draw.at + 365 * DAY,
        "billing_cycle": 12,
        "remaining_billing_cycles": 12 - number % 12,
        "action_at_term_end": "renew",
        "total_contract_value": subscription.amount * 12,
        "total_contract_value_before_tax": subscription.amount * 12,
        "cancellation_cutoff_period": 30,
    }


def _alert_status(draw: Draw, number: int) -> dict[str, Any]:
    alert = draw.of("alerts")[number]
    return {
        "alert_id": alert.id,
        "subscription_id": alert.facts["subscription_id"],
        "alarm_status": ("within_limit", "in_alarm")[number % 2],
        "alarm_triggered_at": draw.at if number % 2 else None,
    }


def _dispute(draw: Draw, number: int) -> dict[str, Any]:
    payments = [one for one in draw.of("transactions") if one.status == "success"]
    payment = payments[number % len(payments)] if payments else None
    return {
        "customer_id": payment.customer_id if payment else draw.customer().id,
        "transaction_id": payment.id if payment else None,
        "gateway_account_id": "gw_169lsPTZ3lUQ62pR",
        "id_at_gateway": f"dp_{number + 1}",
        "currency_code": payment.currency_code if payment else "USD",
        "amount": payment.amount if payment else 1_000,
        "reason": "fraudulent",
        "status": _DISPUTES[number % len(_DISPUTES)],
        "type": ("chargeback", "inquiry")[number % 2],
        "is_partial_dispute": False,
    }


def _store_transaction(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.of("omnichannel_subscriptions")[number // 2]
    return {
        "id_at_source": f"{30_000 + number}",
        "app_id": "com.example.app",
        "price_currency": "USD",
        "price_units": 9,
        "price_nanos": 990_000_000,
        "type": ("purchase", "renewal")[number % 2],
        "transacted_at": draw.at,
        "linked_omnichannel_subscriptions": [{"omnichannel_subscription_id": subscription.id}],
    }


HOLDING = {
    "contract_terms": Kind("contract_term", _contract_term, _HOLDERS, CREATED),
    "alert_statuses": Kind("alert_status", _alert_status, lambda draw: len(draw.of("alerts")), (), key=None),
    "disputes": Kind("dispute", _dispute, _HOLDERS, STAMPED),
    "omnichannel_transactions": Kind(
        "omnichannel_transaction",
        _store_transaction,
        lambda draw: 2 * len(draw.of("omnichannel_subscriptions")),
        ("created_at", "resource_version"),
    ),
}
