"""What each list of Chargebee takes, as a table: filters, sorts, siblings, ``include_deleted``.

See https://apidocs.chargebee.com/docs/api. A resource more is a row more.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Filter:
    """A field that a list can be filtered by: its kind, the values that an enumeration takes, and where it exists."""

    kind: str
    values: tuple[str, ...] = ()
    catalogs: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Resource:
    """One list and its ``GET`` by id. ``order`` is the sort when none is asked for."""

    path: str
    object: str
    order: str
    filters: dict[str, Filter]
    sorts: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    include_deleted: bool = False


_STRING = Filter("string")
_NUMBER = Filter("number")
_BOOLEAN = Filter("boolean")
_TIME = Filter("timestamp")
_ON_OFF = Filter("enum", ("on", "off"))
_CHANNEL = Filter("enum", ("web", "app_store", "play_store"))
_OFFLINE = Filter(
    "enum",
    (
        "no_preference",
        "cash",
        "check",
        "bank_transfer",
        "ach_credit",
        "sepa_credit",
        "boleto",
        "us_automated_bank_transfer",
    ),
)

CUSTOMERS = Resource(
    path="customers",
    object="customer",
    order="created_at",
    sorts=("created_at", "updated_at"),
    siblings=("card",),
    include_deleted=True,
    filters={
        "id": _STRING,
        "first_name": _STRING,
        "last_name": _STRING,
        "email": _STRING,
        "company": _STRING,
        "phone": _STRING,
        "auto_collection": _ON_OFF,
        "taxability": Filter("enum", ("taxable", "exempt")),
        "created_at": _TIME,
        "updated_at": _TIME,
        "offline_payment_method": _OFFLINE,
        "auto_close_invoices": _BOOLEAN,
        "channel": _CHANNEL,
    },
)

SUBSCRIPTIONS = Resource(
    path="subscriptions",
    object="subscription",
    order="created_at",
    sorts=("created_at", "updated_at"),
    siblings=("customer", "card"),
    include_deleted=True,
    filters={
        "id": _STRING,
        "customer_id": _STRING,
        "plan_id": Filter("string", catalogs=(1,)),
        "item_id": Filter("string", catalogs=(2,)),
        "item_price_id": Filter("string", catalogs=(2,)),
        "status": Filter(
            "enum", ("future", "in_trial", "active", "non_renewing", "paused", "cancelled", "transferred")
        ),
        "cancel_reason": Filter(
            "enum",
            (
                "not_paid",
                "no_card",
                "fraud_review_failed",
                "non_compliant_eu_customer",
                "tax_calculation_failed",
                "currency_incompatible_with_gateway",
                "non_compliant_customer",
            ),
        ),
        "cancel_reason_code": _STRING,
        "remaining_billing_cycles": _NUMBER,
        "created_at": _TIME,
        "activated_at": _TIME,
        "next_billing_at": _TIME,
        "cancelled_at": _TIME,
        "has_scheduled_changes": _BOOLEAN,
        "updated_at": _TIME,
        "offline_payment_method": _OFFLINE,
        "auto_close_invoices": _BOOLEAN,
        "override_relationship": _BOOLEAN,
        "channel": _CHANNEL,
    },
)

INVOICES = Resource(
    path="invoices",
    object="invoice",
    order="date",
    sorts=("date", "updated_at"),
    include_deleted=True,
    filters={
        "id": _STRING,
        "subscription_id": _STRING,
        "customer_id": _STRING,
        "recurring": _BOOLEAN,
        "status": Filter("enum", ("paid", "posted", "payment_due", "not_paid", "voided", "pending")),
        "price_type": Filter("enum", ("tax_exclusive", "tax_inclusive")),
        "date": _TIME,
        "paid_at": _TIME,
        "total": _NUMBER,
        "amount_paid": _NUMBER,
        "amount_adjusted": _NUMBER,
        "credits_applied": _NUMBER,
        "amount_due": _NUMBER,
        "dunning_status": Filter("enum", ("in_progress", "exhausted", "stopped", "success")),
        "payment_owner": _STRING,
        "updated_at": _TIME,
        "voided_at": _TIME,
        "channel": _CHANNEL,
        "void_reason_code": _STRING,
    },
)

RESOURCES = (CUSTOMERS, SUBSCRIPTIONS, INVOICES)
