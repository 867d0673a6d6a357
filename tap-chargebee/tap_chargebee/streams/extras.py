"""Streams that are deselected by default: few sites use them, or they cost one call per parent record.

See https://apidocs.chargebee.com/docs/api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_chargebee.streams.resource import PC2, Resource

if TYPE_CHECKING:
    from tap_chargebee._kit.json_types import JsonValue


def child(name: str, path: str, envelope: str, parent: str, **row: JsonValue) -> Resource:
    """Return the row of a list that exists per parent record, at one call each."""
    return Resource(name, path, envelope, parent=parent, replication_key=None, selected=False, **row)


def extra(name: str, path: str, envelope: str, **row: JsonValue) -> Resource:
    """Return the row of a list that few sites use. By default every run reads all of it."""
    return Resource(name, path, envelope, **{"replication_key": None, "selected": False, **row})


EXTRAS: tuple[Resource, ...] = (
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
        deleted_on="payment_schedule_scheme_deleted",
    ),
    extra("features", "/features", "feature", deleted_on="feature_deleted", catalogs=PC2),
    extra("entitlements", "/entitlements", "entitlement", catalogs=PC2),
    extra(
        "business_entities",
        "/business_entities",
        "business_entity",
        deleted_on="business_entity_deleted",
        catalogs=PC2,
    ),
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
    extra("business_rules", "/business_rules", "business_rule", deleted_on="business_rule_deleted", catalogs=PC2),
    extra("webhook_endpoints", "/webhook_endpoints", "webhook_endpoint"),
    # Chargebee does not document the next three. Another connector reads them: github.com/hotgluexyz/tap-chargebee.
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
    # The rates per day since the day of the last run. A first run reads only the days from `start_date` on.
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
    child("email_logs", "/customers/{id}/email_logs", "email_log", "customers", expires=True),
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
