"""The lists of what concerns the site as a whole: events, comments, definitions, entities, credits, stores."""

from __future__ import annotations

from sandbox.business.event_types import EVENT_TYPES
from sandbox.chargebee.rows import ENTITY_TYPE, SOURCE, Filter, Resource, booleans, enum, strings, times

_STORES = enum("apple_app_store google_play_store")
_ACCOUNT = {**strings("subscription_id", "unit_id")}

SITE_LISTS = (
    Resource(
        "events",
        "event",
        order="occurred_at",
        sorts=("occurred_at",),
        equals={
            "start_time": Filter("timestamp", field="occurred_at", operator="after"),
            "end_time": Filter("timestamp", field="occurred_at", operator="before"),
        },
        filters={
            **strings("id"),
            **times("occurred_at"),
            "event_type": Filter("enum", EVENT_TYPES),
            "source": SOURCE,
            "webhook_status": enum(
                "not_configured scheduled succeeded re_scheduled failed skipped not_applicable disabled rate_limited"
            ),
        },
    ),
    Resource(
        "comments",
        "comment",
        sorts=("created_at",),
        filters=times("created_at"),
        equals={"entity_type": ENTITY_TYPE, "entity_id": Filter("string")},
    ),
    Resource(
        "hosted_pages",
        "hosted_page",
        filters={
            **strings("id"),
            **times("updated_at"),
            "type": enum(
                "checkout_new checkout_existing manage_payment_sources collect_now extend_subscription"
                " checkout_one_time pre_cancel view_voucher accept_quote checkout_gift claim_gift"
            ),
            "state": enum("created requested succeeded cancelled acknowledged"),
        },
    ),
    Resource(
        "site_migration_details",
        "site_migration_detail",
        retrieved=False,
        filters={
            **strings("entity_id_at_other_site", "other_site_name", "entity_id"),
            "entity_type": ENTITY_TYPE,
            "status": enum("moved_in moved_out moving_out"),
        },
    ),
    Resource(
        "custom_field_configs",
        "custom_field_config",
        retrieved=False,
        equals={"entity_type": ENTITY_TYPE},
    ),
    Resource("currencies/list", "currency", name="currencies", retrieved=False),
    Resource("business_entities", "business_entity", catalogs=(2,), retrieved=False),
    Resource(
        "business_entities/transfers",
        "business_entity_transfer",
        name="business_entity_transfers",
        catalogs=(2,),
        sorts=("created_at",),
        retrieved=False,
        filters={**strings("resource_type", "resource_id", "active_resource_id"), **times("created_at")},
    ),
    Resource(
        "alerts",
        "alert",
        catalogs=(2,),
        filters={
            **strings("id", "subscription_id"),
            "type": enum("usage_exceeded spend_exceeded credit_balance_dropped"),
            "status": enum("enabled disabled"),
        },
    ),
    Resource(
        "credit_units",
        "credit_unit",
        catalogs=(2,),
        retrieved=False,
        filters={**strings("id"), "status": enum("active archived")},
    ),
    Resource(
        "grant_blocks",
        "grant_block",
        catalogs=(2,),
        sorts=("created_at",),
        retrieved=False,
        filters={
            **_ACCOUNT,
            **times("effective_from", "expires_at", "created_at"),
            "account_type": enum("provisioned overdraft"),
        },
    ),
    Resource(
        "ledger_operations",
        "ledger_operation",
        catalogs=(2,),
        sorts=("created_at",),
        filters={
            **_ACCOUNT,
            **times("created_at"),
            "type": enum(
                "allocation capture authorize release_authorization capture_authorization expiry void rollover"
                " adjustment overdraft_settlement"
            ),
        },
    ),
    Resource("ledger_account_balances", "ledger_account_balance", catalogs=(2,), retrieved=False, filters=_ACCOUNT),
    Resource("meters", "meter", catalogs=(2,), sorts=("name",), retrieved=False, filters=strings("name")),
    Resource(
        "omnichannel_subscriptions",
        "omnichannel_subscription",
        sorts=("created_at",),
        filters={
            **strings("id", "customer_id", "id_at_source"),
            **times("updated_at", "purchased_at"),
            "source": _STORES,
        },
    ),
    Resource(
        "omnichannel_subscriptions/{id}/omnichannel_transactions",
        "omnichannel_transaction",
        name="omnichannel_transactions",
        parent="omnichannel_subscriptions",
        parent_key="linked_omnichannel_subscriptions[omnichannel_subscription_id]",
        retrieved=False,
    ),
    Resource(
        "omnichannel_one_time_orders",
        "omnichannel_one_time_order",
        filters={**strings("customer_id"), "source": _STORES},
    ),
    Resource("webhook_endpoints", "webhook_endpoint"),
    Resource(
        "business_rules",
        "business_rule",
        filters=booleans("draft", "active"),
    ),
)
