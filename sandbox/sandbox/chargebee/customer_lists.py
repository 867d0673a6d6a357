"""The lists of customers and subscriptions, and of what hangs on one of them."""

from __future__ import annotations

from sandbox.chargebee.rows import CHANNEL, OFFLINE, Filter, Resource, booleans, enum, numbers, strings, times

CUSTOMERS = Resource(
    "customers",
    "customer",
    sorts=("created_at", "updated_at"),
    siblings=("card",),
    include_deleted=True,
    flags=("include_deprecated",),
    filters={
        **strings("id", "first_name", "last_name", "email", "company", "phone", "business_entity_id"),
        **times("created_at", "updated_at"),
        **booleans("auto_close_invoices"),
        "auto_collection": enum("on off"),
        "taxability": enum("taxable exempt"),
        "offline_payment_method": OFFLINE,
        "channel": CHANNEL,
    },
)
SUBSCRIPTIONS = Resource(
    "subscriptions",
    "subscription",
    sorts=("created_at", "updated_at"),
    siblings=("customer", "card"),
    include_deleted=True,
    flags=("include_deprecated",),
    filters={
        **strings("id", "customer_id", "cancel_reason_code", "business_entity_id"),
        **times("created_at", "activated_at", "next_billing_at", "cancelled_at", "updated_at"),
        **booleans("has_scheduled_changes", "auto_close_invoices", "override_relationship", "decommissioned"),
        **numbers("remaining_billing_cycles"),
        "plan_id": Filter("string", catalogs=(1,)),
        "item_id": Filter("string", catalogs=(2,)),
        "item_price_id": Filter("string", catalogs=(2,)),
        "status": enum("future in_trial active non_renewing paused cancelled transferred"),
        "cancel_reason": enum(
            "not_paid no_card fraud_review_failed non_compliant_eu_customer tax_calculation_failed"
            " currency_incompatible_with_gateway non_compliant_customer"
        ),
        "offline_payment_method": OFFLINE,
        "channel": CHANNEL,
    },
)


def _child(parent: str, name: str, item: str, key: str = "", **rest: object) -> Resource:
    """A list below one customer or one subscription."""
    path = f"{parent}/{{id}}/{rest.pop('last', name)}"
    return Resource(
        path,
        item,
        name=name,
        parent=parent,
        parent_key=key or f"{parent.removesuffix('s')}_id",
        retrieved=False,
        **rest,  # type: ignore[arg-type]
    )


_OVERRIDES = ("include_drafts", "include_scheduled_overrides")

CUSTOMER_LISTS = (
    CUSTOMERS,
    SUBSCRIPTIONS,
    _child("customers", "contacts", "contact"),
    _child(
        "customers",
        "email_logs",
        "email_log",
        order="sent_on",
        filters={**times("sent_on"), **strings("business_entity_id", "brand_id")},
    ),
    _child(
        "customers",
        "payment_vouchers",
        "payment_voucher",
        sorts=("date", "updated_at"),
        order="date",
        filters={"status": enum("active consumed expired failure")},
    ),
    _child(
        "customers",
        "hierarchy_details",
        "hierarchy",
        last="hierarchy_detail",
        equals={
            "hierarchy_operation_type": Filter(
                "enum", ("complete_hierarchy", "subordinates", "path_to_root"), tested=False
            )
        },
        required=("hierarchy_operation_type",),
    ),
    _child(
        "customers", "customer_entitlements", "customer_entitlement", catalogs=(2,), flags=("consolidate_entitlements",)
    ),
    _child("subscriptions", "contract_terms", "contract_term", sorts=("created_at",)),
    _child("subscriptions", "discounts", "discount"),
    _child("subscriptions", "subscription_entitlements", "subscription_entitlement", catalogs=(2,), flags=_OVERRIDES),
    _child("subscriptions", "entitlement_overrides", "entitlement_override", catalogs=(2,), flags=_OVERRIDES),
    _child(
        "subscriptions",
        "alert_statuses",
        "alert_status",
        catalogs=(2,),
        filters={"alarm_status": enum("within_limit in_alarm"), **strings("alert_id")},
    ),
)
