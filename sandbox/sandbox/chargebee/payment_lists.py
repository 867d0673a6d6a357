"""The lists of payments, of what is paid with, and of what is disputed."""

from __future__ import annotations

from sandbox.chargebee.rows import Resource, enum, numbers, strings, times

PAYMENT_LISTS = (
    Resource(
        "transactions",
        "transaction",
        order="date",
        sorts=("date", "updated_at"),
        include_deleted=True,
        filters={
            **strings("id", "customer_id", "subscription_id", "payment_source_id", "gateway_account_id"),
            **strings("id_at_gateway", "reference_number"),
            **times("date", "updated_at"),
            **numbers("amount", "amount_capturable"),
            "payment_method": enum(),
            "gateway": enum(),
            "type": enum("authorization payment refund payment_reversal"),
            "status": enum("in_progress success voided failure timeout needs_attention late_failure"),
        },
    ),
    Resource(
        "payment_sources",
        "payment_source",
        sorts=("created_at", "updated_at"),
        include_deleted=True,
        filters={
            **strings("customer_id"),
            **times("updated_at", "created_at"),
            "type": enum(),
            "status": enum("valid expiring expired invalid pending_verification"),
        },
    ),
    Resource(
        "virtual_bank_accounts",
        "virtual_bank_account",
        filters={**strings("customer_id"), **times("updated_at", "created_at")},
    ),
    Resource(
        "disputes",
        "dispute",
        filters={
            **strings("id", "customer_id", "transaction_id"),
            **times("created_at"),
            **numbers("amount"),
            "status": enum("initiated funds_withdrawn in_review cancelled lost won"),
            "type": enum("chargeback inquiry"),
        },
    ),
)
