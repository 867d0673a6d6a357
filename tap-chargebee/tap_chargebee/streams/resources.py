"""The streams of the tap, one row per resource of Chargebee's API, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from tap_chargebee.streams.extras import EXTRAS
from tap_chargebee.streams.resource import PC1, PC2, Resource

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
STREAMS: tuple[Resource, ...] = (
    Resource(
        "customers",
        "/customers",
        "customer",
        sort_by="created_at",
        siblings=("card",),
        include_deleted=True,
        by_customer="id",
        by_entity=True,
        changed_on=CARDS,
    ),
    # Each item of this list repeats the customer and the card, which `customers` already contains.
    Resource(
        "subscriptions",
        "/subscriptions",
        "subscription",
        sort_by="created_at",
        include_deleted=True,
        by_customer="customer_id",
        by_entity=True,
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
        by_entity=True,
        changed_on=("dunning_updated",),
        large=True,
    ),
    Resource(
        "credit_notes", "/credit_notes", "credit_note", sort_by="date", include_deleted=True, large=True, by_entity=True
    ),
    Resource("transactions", "/transactions", "transaction", sort_by="date", include_deleted=True, by_entity=True),
    Resource(
        "payment_sources",
        "/payment_sources",
        "payment_source",
        sort_by="created_at",
        include_deleted=True,
        by_entity=True,
    ),
    Resource("orders", "/orders", "order", sort_by="created_at", include_deleted=True, by_entity=True),
    # `quoted_subscription` and `quoted_ramp` are what the quote would create: they belong to the record.
    Resource(
        "quotes",
        "/quotes",
        "quote",
        sort_by="date",
        siblings=("quoted_subscription", "quoted_ramp"),
        include_deleted=True,
        by_entity=True,
    ),
    Resource("ramps", "/ramps", "ramp", sort_by="effective_from", include_deleted=True, catalogs=PC2, by_entity=True),
    Resource(
        "events",
        "/events",
        "event",
        sort_by="occurred_at",
        replication_key="occurred_at",
        by_event="id",
        by_entity=True,
        expires=True,
    ),
    Resource("comments", "/comments", "comment", sort_by="created_at", replication_key="created_at", by_entity=True),
    Resource(
        "promotional_credits",
        "/promotional_credits",
        "promotional_credit",
        replication_key="created_at",
        by_entity=True,
    ),
    Resource(
        "unbilled_charges",
        "/unbilled_charges",
        "unbilled_charge",
        replication_key=None,
        include_deleted=True,
        by_entity=True,
    ),
    # Chargebee does not document how long it keeps an expired page.
    Resource("hosted_pages", "/hosted_pages", "hosted_page", expires=True, by_entity=True),
    Resource(
        "virtual_bank_accounts",
        "/virtual_bank_accounts",
        "virtual_bank_account",
        by_entity=True,
        deleted_on="virtual_bank_account_deleted",
    ),
    Resource("gifts", "/gifts", "gift", replication_key=None, by_entity=True),
    Resource("coupons", "/coupons", "coupon", sort_by="created_at", deleted_on="coupon_deleted"),
    Resource("coupon_sets", "/coupon_sets", "coupon_set", replication_key=None, deleted_on="coupon_set_deleted"),
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
    Resource(
        "differential_prices",
        "/differential_prices",
        "differential_price",
        replication_key=None,
        deleted_on="differential_price_deleted",
        catalogs=PC2,
    ),
    Resource("usages", "/usages", "usage", sort_by="usage_date", catalogs=PC2, by_entity=True),
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
    *EXTRAS,
)
ROWS = {resource.name: resource for resource in STREAMS}
STREAM_ORDER = {name: place for place, name in enumerate(sorted(ROWS))}
"""The SDK reads streams in the order of their names."""
