"""What can be read of Chargebee, one row a resource, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from typing import Any

from tap_chargebee.resource import Resource

PC1 = (1,)
PC2 = (2,)
CARDS = (
    "card_added",
    "card_updated",
    "card_expiry_reminder",
    "card_expired",
    "card_deleted",
    "payment_source_added",
    "payment_source_updated",
    "payment_source_deleted",
    "payment_source_locally_deleted",
    "payment_source_expiring",
    "payment_source_expired",
)


def child(name: str, path: str, envelope: str, parent: str, **row: Any) -> Resource:
    """A row for a list that each record of a parent has: a call a parent, so it is read only when asked for."""
    return Resource(name, path, envelope, parent=parent, replication_key=None, selected=False, **row)


def extra(name: str, path: str, envelope: str, **row: Any) -> Resource:
    """A row for a list that few sites have a use for: it is read whole each time, and only when asked for."""
    return Resource(name, path, envelope, **{"replication_key": None, "selected": False, **row})


STREAMS: tuple[Resource, ...] = (
    Resource(
        "customers",
        "/customers",
        "customer",
        sort_by="created_at",
        siblings=("card",),
        include_deleted=True,
        by_customer="id",
        changed_on=CARDS,
    ),
    # Each item of this list repeats the customer and the card, which come with `customers`.
    Resource(
        "subscriptions",
        "/subscriptions",
        "subscription",
        sort_by="created_at",
        include_deleted=True,
        by_customer="customer_id",
        changed_on=("mrr_updated",),
    ),
    # An invoice has no `created_at`. Its `date` moves only when a pending one is closed, and `updated_at` with it.
    Resource(
        "invoices",
        "/invoices",
        "invoice",
        sort_by="date",
        include_deleted=True,
        by_customer="customer_id",
        changed_on=("dunning_updated",),
        large=True,
    ),
    Resource("credit_notes", "/credit_notes", "credit_note", sort_by="date", include_deleted=True, large=True),
    Resource("transactions", "/transactions", "transaction", sort_by="date", include_deleted=True),
    Resource("payment_sources", "/payment_sources", "payment_source", sort_by="created_at", include_deleted=True),
    Resource("orders", "/orders", "order", sort_by="created_at", include_deleted=True),
    # `quoted_subscription` and `quoted_ramp` are what the quote would make: they belong to the record.
    Resource(
        "quotes",
        "/quotes",
        "quote",
        sort_by="date",
        siblings=("quoted_subscription", "quoted_ramp"),
        include_deleted=True,
    ),
    Resource("ramps", "/ramps", "ramp", sort_by="effective_from", include_deleted=True, catalogs=PC2),
    Resource("events", "/events", "event", sort_by="occurred_at", replication_key="occurred_at"),
    Resource("comments", "/comments", "comment", sort_by="created_at", replication_key="created_at"),
    Resource("promotional_credits", "/promotional_credits", "promotional_credit", replication_key="created_at"),
    Resource("unbilled_charges", "/unbilled_charges", "unbilled_charge", replication_key=None, include_deleted=True),
    Resource("hosted_pages", "/hosted_pages", "hosted_page"),
    Resource(
        "virtual_bank_accounts",
        "/virtual_bank_accounts",
        "virtual_bank_account",
        deleted_on="virtual_bank_account_deleted",
    ),
    Resource("gifts", "/gifts", "gift", replication_key=None),
    Resource("coupons", "/coupons", "coupon", sort_by="created_at", deleted_on="coupon_deleted"),
    Resource("coupon_sets", "/coupon_sets", "coupon_set", replication_key=None),
    Resource("coupon_codes", "/coupon_codes", "coupon_code", primary_keys=("code",), replication_key=None),
    Resource("plans", "/plans", "plan", include_deleted=True, catalogs=PC1),
    Resource("addons", "/addons", "addon", include_deleted=True, catalogs=PC1),
    Resource("items", "/items", "item", sort_by="id", deleted_on="item_deleted", catalogs=PC2),
    Resource("item_prices", "/item_prices", "item_price", sort_by="id", deleted_on="item_price_deleted", catalogs=PC2),
    Resource("item_families", "/item_families", "item_family", deleted_on="item_family_deleted", catalogs=PC2),
    Resource(
        "price_variants",
        "/price_variants",
        "price_variant",
        sort_by="created_at",
        deleted_on="price_variant_deleted",
        catalogs=PC2,
    ),
    Resource("differential_prices", "/differential_prices", "differential_price", replication_key=None, catalogs=PC2),
    Resource("usages", "/usages", "usage", sort_by="usage_date", catalogs=PC2),
    Resource(
        "site_migration_details",
        "/site_migration_details",
        "site_migration_detail",
        primary_keys=("entity_type", "entity_id"),
        replication_key=None,
    ),
    Resource(
        "configurations", "/configurations", "", primary_keys=("domain",), replication_key=None, answer="configurations"
    ),
    Resource("currencies", "/currencies/list", "currency", replication_key=None),
    extra(
        "custom_field_configs",
        "/custom_field_configs",
        "custom_field_config",
        primary_keys=("entity_type", "api_name"),
    ),
    extra("disputes", "/disputes", "dispute"),
    extra("einvoices", "/einvoices", "einvoice", replication_key="updated_at"),
    extra("payment_schedules", "/payment_schedules", "payment_schedule", replication_key="updated_at"),
    extra(
        "payment_schedule_schemes",
        "/payment_schedule_schemes",
        "payment_schedule_scheme",
    ),
    extra("features", "/features", "feature", catalogs=PC2),
    extra("entitlements", "/entitlements", "entitlement", catalogs=PC2),
    extra("business_entities", "/business_entities", "business_entity", catalogs=PC2),
    extra(
        "business_entity_transfers",
        "/business_entities/transfers",
        "business_entity_transfer",
        catalogs=PC2,
    ),
    extra(
        "omnichannel_subscriptions",
        "/omnichannel_subscriptions",
        "omnichannel_subscription",
        catalogs=PC2,
        replication_key="updated_at",
    ),
    extra(
        "omnichannel_one_time_orders",
        "/omnichannel_one_time_orders",
        "omnichannel_one_time_order",
        catalogs=PC2,
    ),
    extra("alerts", "/alerts", "alert", catalogs=PC2),
    extra("meters", "/meters", "meter", catalogs=PC2),
    extra("credit_units", "/credit_units", "credit_unit", catalogs=PC2),
    extra("grant_blocks", "/grant_blocks", "grant_block", catalogs=PC2),
    extra(
        "ledger_operations",
        "/ledger_operations",
        "ledger_operation",
        catalogs=PC2,
    ),
    extra(
        "ledger_account_balances",
        "/ledger_account_balances",
        "ledger_account_balance",
        primary_keys=("subscription_id", "unit_id"),
        catalogs=PC2,
    ),
    extra("business_rules", "/business_rules", "business_rule", catalogs=PC2),
    extra("webhook_endpoints", "/webhook_endpoints", "webhook_endpoint"),
    # Chargebee describes the next three nowhere; another connector reads them, https://github.com/hotgluexyz/tap-chargebee.
    extra(
        "item_billing_metrics",
        "/item_billing_metrics",
        "item_billing_metric",
        catalogs=PC2,
    ),
    extra(
        "invoiced_unbilled_charges",
        "/unbilled_charges/invoiced",
        "unbilled_charge",
    ),
    # The rates of a day, since the day of the last run: of the whole past only what `start_date` asks for.
    extra(
        "exchange_rates",
        "/currencies/get_auto_exchange_rates",
        "",
        answer="exchange_rates",
        daily="exchange_rate_date",
        primary_keys=("exchange_rate_date", "exchange_rate_base_currency_code"),
        catalogs=PC2,
    ),
    child(
        "attached_items",
        "/items/{id}/attached_items",
        "attached_item",
        "items",
        deleted_on="attached_item_deleted",
        catalogs=PC2,
    ),
    child("item_entitlements", "/items/{id}/item_entitlements", "item_entitlement", "items", catalogs=PC2),
    child(
        "contacts",
        "/customers/{id}/contacts",
        "contact",
        "customers",
        parent_key="customer_id",
        primary_keys=("customer_id", "id"),
    ),
    child(
        "hierarchies",
        "/customers/{id}/hierarchy_detail",
        "hierarchy",
        "customers",
        primary_keys=("customer_id",),
        params=(("hierarchy_operation_type", "complete_hierarchy"),),
    ),
    child("email_logs", "/customers/{id}/email_logs", "email_log", "customers"),
    child(
        "customer_entitlements",
        "/customers/{id}/customer_entitlements",
        "customer_entitlement",
        "customers",
        primary_keys=("customer_id", "subscription_id", "feature_id"),
        catalogs=PC2,
    ),
    child("payment_vouchers", "/customers/{id}/payment_vouchers", "payment_voucher", "customers"),
    child(
        "quote_line_groups",
        "/quotes/{id}/quote_line_groups",
        "quote_line_group",
        "quotes",
        parent_key="quote_id",
        primary_keys=("quote_id", "id"),
    ),
    child(
        "quote_entitlements",
        "/quotes/{id}/quote_entitlements",
        "quote_entitlement",
        "quotes",
        parent_key="quote_id",
        primary_keys=("quote_id", "entity_id", "feature_id"),
        catalogs=PC2,
    ),
    child(
        "subscription_with_scheduled_changes",
        "/subscriptions/{id}/retrieve_with_scheduled_changes",
        "subscription",
        "subscriptions",
        answer="",
    ),
    child("contract_terms", "/subscriptions/{id}/contract_terms", "contract_term", "subscriptions"),
    child(
        "discounts",
        "/subscriptions/{id}/discounts",
        "discount",
        "subscriptions",
        parent_key="subscription_id",
    ),
    child(
        "advance_invoice_schedules",
        "/subscriptions/{id}/retrieve_advance_invoice_schedule",
        "",
        "subscriptions",
        parent_key="subscription_id",
        answer="advance_invoice_schedules",
    ),
    child(
        "subscription_entitlements",
        "/subscriptions/{id}/subscription_entitlements",
        "subscription_entitlement",
        "subscriptions",
        primary_keys=("subscription_id", "feature_id"),
        catalogs=PC2,
    ),
    child(
        "entitlement_overrides",
        "/subscriptions/{id}/entitlement_overrides",
        "entitlement_override",
        "subscriptions",
        catalogs=PC2,
    ),
    child(
        "alert_statuses",
        "/subscriptions/{id}/alert_statuses",
        "alert_status",
        "subscriptions",
        primary_keys=("alert_id", "subscription_id"),
        catalogs=PC2,
    ),
    child(
        "omnichannel_transactions",
        "/omnichannel_subscriptions/{id}/omnichannel_transactions",
        "omnichannel_transaction",
        "omnichannel_subscriptions",
        catalogs=PC2,
    ),
)
ROWS = {resource.name: resource for resource in STREAMS}
STREAM_PLACES = {name: place for place, name in enumerate(sorted(ROWS))}
"""The SDK reads streams in the order of their names."""
