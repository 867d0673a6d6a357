"""The lists of invoices and of all else that bills, credits, quotes or ships."""

from __future__ import annotations

from sandbox.chargebee.rows import (
    CHANNEL,
    PRICE_TYPE,
    SOURCE,
    Filter,
    Resource,
    booleans,
    enum,
    numbers,
    strings,
    times,
)

INVOICES = Resource(
    "invoices",
    "invoice",
    order="date",
    sorts=("date", "updated_at"),
    include_deleted=True,
    lined=True,
    filters={
        **strings("id", "subscription_id", "customer_id", "payment_owner", "void_reason_code", "business_entity_id"),
        **times("date", "paid_at", "updated_at", "voided_at"),
        **numbers("total", "amount_paid", "amount_adjusted", "credits_applied", "amount_due"),
        **booleans("recurring"),
        "status": enum("paid posted payment_due not_paid voided pending"),
        "price_type": PRICE_TYPE,
        "dunning_status": enum("in_progress exhausted stopped success"),
        "channel": CHANNEL,
    },
)
_CREDIT_REASONS = enum(
    "write_off subscription_change subscription_cancellation subscription_pause chargeback product_unsatisfactory"
    " service_unsatisfactory order_change order_cancellation waiver other fraudulent"
)

BILLING_LISTS = (
    INVOICES,
    Resource(
        "credit_notes",
        "credit_note",
        order="date",
        sorts=("date",),
        include_deleted=True,
        lined=True,
        filters={
            **strings("id", "customer_id", "subscription_id", "reference_invoice_id", "create_reason_code"),
            **times("date", "voided_at", "updated_at"),
            **numbers("total", "amount_allocated", "amount_refunded", "amount_available"),
            "type": enum("adjustment refundable store"),
            "reason_code": _CREDIT_REASONS,
            "status": enum("adjusted refunded refund_due voided"),
            "price_type": PRICE_TYPE,
            "channel": CHANNEL,
        },
    ),
    Resource(
        "unbilled_charges",
        "unbilled_charge",
        include_deleted=True,
        retrieved=False,
        filters=strings("subscription_id", "customer_id"),
        equals={"is_voided": Filter("boolean")},
    ),
    Resource(
        "unbilled_charges/invoiced",
        "unbilled_charge",
        name="invoiced_unbilled_charges",
        retrieved=False,
        include_deleted=True,
        filters={**strings("subscription_id", "customer_id"), **times("updated_at")},
    ),
    Resource(
        "promotional_credits",
        "promotional_credit",
        filters={**strings("id", "customer_id"), **times("created_at"), "type": enum("increment decrement")},
    ),
    Resource(
        "orders",
        "order",
        sorts=("created_at", "updated_at"),
        include_deleted=True,
        flags=("exclude_deleted_credit_notes",),
        filters={
            **strings("id", "invoice_id", "subscription_id", "original_order_id"),
            **times("shipping_date", "shipped_at", "order_date", "paid_on", "updated_at", "created_at"),
            **booleans("is_resent"),
            "status": enum(
                "new processing complete cancelled voided queued awaiting_shipment on_hold delivered shipped"
                " partially_delivered returned"
            ),
            "order_type": enum("manual system_generated"),
            "resent_status": enum("fully_resent partially_resent"),
        },
    ),
    Resource(
        "quotes",
        "quote",
        order="date",
        sorts=("date",),
        siblings=("quoted_subscription",),
        include_deleted=True,
        filters={
            **strings("id", "customer_id", "subscription_id"),
            **times("date", "updated_at"),
            "status": enum(
                "open accepted declined invoiced closed pending_approval approval_rejected proposed voided expired"
            ),
        },
    ),
    Resource(
        "quotes/{id}/quote_line_groups",
        "quote_line_group",
        name="quote_line_groups",
        parent="quotes",
        parent_key="quote_id",
        retrieved=False,
    ),
    Resource(
        "quotes/{id}/quote_entitlements",
        "quote_entitlement",
        name="quote_entitlements",
        parent="quotes",
        parent_key="quote_id",
        retrieved=False,
        catalogs=(2,),
        filters={**strings("entity_id"), **times("start_date", "end_date")},
    ),
    Resource(
        "ramps",
        "ramp",
        order="effective_from",
        sorts=("effective_from", "updated_at"),
        include_deleted=True,
        catalogs=(2,),
        filters={
            **strings("subscription_id"),
            **times("effective_from", "updated_at"),
            "status": enum("scheduled succeeded failed draft"),
        },
    ),
    Resource(
        "gifts",
        "gift",
        siblings=("subscription",),
        filters={
            **strings("gift_receiver[email]", "gift_receiver[customer_id]", "gifter[customer_id]"),
            "status": enum("scheduled unclaimed claimed cancelled expired"),
        },
    ),
    Resource(
        "usages",
        "usage",
        order="usage_date",
        sorts=("usage_date",),
        catalogs=(2,),
        retrieved=False,
        filters={
            **strings("id", "subscription_id", "item_price_id", "invoice_id"),
            **times("usage_date", "updated_at"),
            "source": SOURCE,
        },
    ),
    Resource(
        "einvoices",
        "einvoice",
        sorts=("created_at", "updated_at"),
        filters={**strings("id", "reference_id"), **times("updated_at")},
        equals=dict.fromkeys(("invoice_id", "credit_note_id"), Filter("string", field="entity_id")),
    ),
    Resource(
        "payment_schedules",
        "payment_schedule",
        retrieved=False,
        filters={**strings("id"), **times("updated_at"), "invoice_id": Filter("string", field="entity_id")},
    ),
    Resource(
        "payment_schedule_schemes",
        "payment_schedule_scheme",
        filters={**strings("id"), **times("updated_at")},
    ),
)
