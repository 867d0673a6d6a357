"""What hangs on one customer or one subscription, and what is paid or disputed. Facts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import CREATED, DELETABLE, STAMPED, Kind
from sandbox.business.documents.selling import granted
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw

_DISPUTES = ("initiated", "funds_withdrawn", "in_review", "cancelled", "lost", "won")
_HOLDERS = 24
"""So many customers and subscriptions have something that hangs on them, at the least."""
_LABELS = ("Billing", "Technical", "Owner")


def _contact(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "customer_id": customer.id,
        "first_name": f"Contact{number + 1}",
        "last_name": customer.last_name,
        "email": f"contact{number + 1}@example.com",
        "label": _LABELS[number % len(_LABELS)],
        "enabled": True,
        "send_account_email": number % 2 == 0,
        "send_billing_email": True,
    }


def _email_log(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "customer_id": customer.id,
        "template_name": ("invoice_paid", "payment_failed", "trial_ending")[number % 3],
        "from_address": "billing@example.com",
        "to_address": customer.email or "nobody@example.com",
        "subject": "Your subscription",
        "status": "sent",
        "sent_on": draw.at,
    }


def _voucher(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "customer_id": customer.id,
        "id_at_gateway": f"boleto_{number + 1}",
        "payment_voucher_type": "boleto",
        "status": ("active", "consumed", "expired", "failure")[number % 4],
        "amount": 2_000,
        "currency_code": customer.currency_code,
        "date": draw.at,
        "expires_at": draw.at + 5 * DAY,
        "linked_invoices": [],
    }


def _hierarchy(draw: Draw, _: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "customer_id": customer.id,
        "parent_id": None,
        "payment_owner_id": customer.id,
        "invoice_owner_id": customer.id,
        "has_children": False,
        "children_ids": [],
    }


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


def _discount(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    return {
        "subscription_id": subscription.id,
        "invoice_name": "Loyalty",
        "type": "percentage",
        "percentage": 5.0 + number % 20,
        "duration_type": ("one_time", "forever")[number % 2],
        "apply_on": "invoice_amount",
        "included_in_mrr": True,
        "applied_count": number % 4,
        "index": number % 3,
    }


def _subscription_entitlement(draw: Draw, number: int) -> dict[str, Any]:
    return {
        "subscription_id": draw.subscription().id,
        **granted(number),
        "is_overridden": False,
        "is_enabled": True,
        "schedule_status": "activated",
    }


def _override(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    held = {"subscription_id": subscription.id, "entity_id": subscription.id, "entity_type": "subscription"}
    return {**held, **granted(number), "is_enabled": True, "schedule_status": "activated"}


def _customer_entitlement(draw: Draw, number: int) -> dict[str, Any]:
    subscription = draw.subscription()
    held = {"customer_id": subscription.customer_id, "subscription_id": subscription.id}
    feature = granted(number)
    del feature["feature_name"]
    return {**held, **feature, "is_enabled": True}


def _alert(draw: Draw, number: int) -> dict[str, Any]:
    return {
        "type": "usage_exceeded",
        "name": f"Alert {number + 1}",
        "metered_feature_id": "api-calls",
        "subscription_id": draw.subscription().id,
        "status": ("enabled", "disabled")[number % 2],
        "threshold": {"mode": "percentage", "value": 80.0, "object": "threshold"},
    }


def _alert_status(draw: Draw, number: int) -> dict[str, Any]:
    alert = draw.of("alerts")[number]
    return {
        "alert_id": alert.id,
        "subscription_id": alert.facts["subscription_id"],
        "alarm_status": ("within_limit", "in_alarm")[number % 2],
        "alarm_triggered_at": draw.at if number % 2 else None,
    }


def _grant_block(draw: Draw, number: int) -> dict[str, Any]:
    granted_amount = 100 + number
    return {
        "subscription_id": draw.subscription().id,
        "unit_id": "credits",
        "unit_type": "credit_unit",
        "account_type": ("provisioned", "overdraft")[number % 2],
        "granted_amount": str(granted_amount),
        "balance": str(granted_amount),
        "status": "active",
        "effective_from": draw.at,
        "expires_at": draw.at + 365 * DAY,
        "grant_source": "subscription_created",
        "modified_at": draw.at,
    }


def _operation(draw: Draw, number: int) -> dict[str, Any]:
    return {
        "subscription_id": draw.subscription().id,
        "unit_id": "credits",
        "unit_type": "credit_unit",
        "type": ("allocation", "capture", "expiry", "adjustment")[number % 4],
        "amount": str(10 + number),
        "ledger_operation_timestamp": draw.at,
        "modified_at": draw.at,
    }


def _balance(draw: Draw, number: int) -> dict[str, Any]:
    balance = str(100 + number)
    provisioned = {"total_balance": balance, "usable_balance": balance, "hold_amount": "0"}
    held = {"subscription_id": draw.subscription().id, "unit_id": "credits", "unit_type": "credit_unit"}
    return {**held, "provisioned_balance": {**provisioned, "object": "provisioned_balance"}, "modified_at": draw.at}


def _account(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "customer_id": customer.id,
        "email": customer.email,
        "scheme": "ach_credit",
        "bank_name": "Test Bank",
        "account_number": f"****{number:04}",
        "routing_number": "110000000",
        "gateway": "stripe",
        "gateway_account_id": "gw_169lsPTZ3lUQ62pR",
        "reference_id": f"vba_{number + 1}",
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


def _store_subscription(draw: Draw, number: int) -> dict[str, Any]:
    item = {"id": f"osi_{number + 1}", "item_id_at_source": "pro", "status": "active", "current_term_start": draw.at}
    return {
        "id_at_source": f"{10_000 + number}",
        "app_id": "com.example.app",
        "source": ("apple_app_store", "google_play_store")[number % 2],
        "customer_id": draw.customer().id,
        "purchased_at": draw.at,
        "omnichannel_subscription_items": [{**item, "object": "omnichannel_subscription_item"}],
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


def _store_order(draw: Draw, number: int) -> dict[str, Any]:
    item = {"id": f"ooi_{number + 1}", "item_id_at_source": "pack", "quantity": 1}
    return {
        "id_at_source": f"{20_000 + number}",
        "app_id": "com.example.app",
        "source": ("apple_app_store", "google_play_store")[number % 2],
        "customer_id": draw.customer().id,
        "omnichannel_one_time_order_items": [{**item, "object": "omnichannel_one_time_order_item"}],
    }


HOLDING = {
    "contacts": Kind("contact", _contact, 40, (), hidden=("customer_id",)),
    "email_logs": Kind("email_log", _email_log, 40, ()),
    "payment_vouchers": Kind("payment_voucher", _voucher, _HOLDERS, ("updated_at", "resource_version")),
    "hierarchy_details": Kind("hierarchy", _hierarchy, _HOLDERS, (), key=None),
    "customer_entitlements": Kind("customer_entitlement", _customer_entitlement, 40, (), key=None),
    "contract_terms": Kind("contract_term", _contract_term, _HOLDERS, CREATED),
    "discounts": Kind("discount", _discount, _HOLDERS, CREATED, hidden=("subscription_id",)),
    "subscription_entitlements": Kind("subscription_entitlement", _subscription_entitlement, 40, (), key=None),
    "entitlement_overrides": Kind("entitlement_override", _override, _HOLDERS, ()),
    "alerts": Kind("alert", _alert, _HOLDERS, ("created_at", "updated_at")),
    "alert_statuses": Kind("alert_status", _alert_status, lambda draw: len(draw.of("alerts")), (), key=None),
    "grant_blocks": Kind("grant_block", _grant_block, _HOLDERS, ("created_at", "resource_version")),
    "ledger_operations": Kind("ledger_operation", _operation, _HOLDERS, CREATED),
    "ledger_account_balances": Kind("ledger_account_balance", _balance, _HOLDERS, CREATED, key=None),
    "virtual_bank_accounts": Kind("virtual_bank_account", _account, _HOLDERS, DELETABLE),
    "disputes": Kind("dispute", _dispute, _HOLDERS, STAMPED),
    "omnichannel_subscriptions": Kind("omnichannel_subscription", _store_subscription, _HOLDERS, STAMPED),
    "omnichannel_transactions": Kind(
        "omnichannel_transaction",
        _store_transaction,
        lambda draw: 2 * len(draw.of("omnichannel_subscriptions")),
        ("created_at", "resource_version"),
    ),
    "omnichannel_one_time_orders": Kind(
        "omnichannel_one_time_order", _store_order, _HOLDERS, ("created_at", "resource_version")
    ),
}
