"""The lists of what is sold: plans and addons of catalog 1, items and their prices of catalog 2, coupons, features."""

from __future__ import annotations

from sandbox.chargebee.rows import (
    CATALOG_STATUS,
    CHANNEL,
    PERIOD_UNIT,
    PRICING,
    SITE_LEVEL,
    TRIAL_UNIT,
    Filter,
    Resource,
    booleans,
    enum,
    numbers,
    strings,
    times,
)

_PLAN = {
    **strings("id", "name", "currency_code"),
    **times("updated_at"),
    **numbers("price", "period"),
    "pricing_model": PRICING,
    "status": CATALOG_STATUS,
    "channel": CHANNEL,
}
_ITEM_TYPE = enum("plan addon charge")
_SORTS = ("name", "id", "updated_at")

CATALOG_LISTS = (
    Resource(
        "plans",
        "plan",
        catalogs=(1,),
        include_deleted=True,
        filters={
            **_PLAN,
            **numbers("trial_period"),
            **booleans("giftable"),
            "period_unit": PERIOD_UNIT,
            "trial_period_unit": TRIAL_UNIT,
            "addon_applicability": enum("all restricted"),
            "charge_model": PRICING,
        },
    ),
    Resource(
        "addons",
        "addon",
        catalogs=(1,),
        include_deleted=True,
        filters={
            **_PLAN,
            "type": enum("on_off quantity tiered volume stairstep"),
            "charge_type": enum("recurring non_recurring"),
            "period_unit": enum("day week month year not_applicable"),
        },
    ),
    Resource(
        "items",
        "item",
        catalogs=(2,),
        sorts=_SORTS,
        filters={
            **strings("id", "item_family_id", "name"),
            **times("updated_at"),
            **booleans("is_giftable", "enabled_for_checkout", "enabled_in_portal", "metered"),
            **SITE_LEVEL,
            "type": _ITEM_TYPE,
            "item_applicability": enum("all restricted"),
            "status": CATALOG_STATUS,
            "usage_calculation": enum("sum_of_usages last_usage max_usage"),
            "channel": CHANNEL,
        },
    ),
    Resource(
        "items/{id}/attached_items",
        "attached_item",
        name="attached_items",
        parent="items",
        parent_key="parent_item_id",
        catalogs=(2,),
        retrieved=False,
        filters={
            **strings("id", "item_id"),
            **times("updated_at"),
            "type": enum("recommended mandatory optional"),
            "item_type": _ITEM_TYPE,
            "charge_on_event": enum(
                "subscription_creation subscription_trial_start plan_activation subscription_activation"
                " contract_termination on_demand"
            ),
        },
    ),
    Resource(
        "items/{id}/item_entitlements",
        "item_entitlement",
        name="item_entitlements",
        parent="items",
        parent_key="item_id",
        catalogs=(2,),
        retrieved=False,
        flags=("include_drafts",),
    ),
    Resource(
        "item_prices",
        "item_price",
        catalogs=(2,),
        sorts=_SORTS,
        filters={
            **strings("id", "name", "item_id", "item_family_id", "currency_code", "price_variant_id"),
            **times("updated_at"),
            **numbers("trial_period", "period"),
            **SITE_LEVEL,
            "pricing_model": PRICING,
            "item_type": _ITEM_TYPE,
            "trial_period_unit": TRIAL_UNIT,
            "status": CATALOG_STATUS,
            "period_unit": PERIOD_UNIT,
            "channel": CHANNEL,
        },
    ),
    Resource(
        "item_families",
        "item_family",
        catalogs=(2,),
        filters={**strings("id", "name"), **times("updated_at"), **SITE_LEVEL},
    ),
    Resource(
        "price_variants",
        "price_variant",
        catalogs=(2,),
        sorts=("name", "id", "status", "created_at", "updated_at"),
        filters={**strings("id", "name"), **times("updated_at", "created_at"), **SITE_LEVEL, "status": CATALOG_STATUS},
    ),
    Resource(
        "differential_prices",
        "differential_price",
        catalogs=(2,),
        filters=strings("item_price_id", "item_id", "id", "parent_item_id"),
    ),
    Resource(
        "coupons",
        "coupon",
        sorts=("created_at",),
        filters={
            **strings("id", "name", "currency_code"),
            **times("created_at", "updated_at"),
            "applicable_item_price_ids": Filter("string", catalogs=(2,)),
            "discount_type": enum("fixed_amount percentage offer_quantity"),
            "duration_type": enum("one_time forever limited_period"),
            "status": enum("active expired archived deleted future"),
            "apply_on": enum("invoice_amount each_specified_item"),
        },
    ),
    Resource(
        "coupon_sets",
        "coupon_set",
        filters={
            **strings("id", "name", "coupon_id"),
            **numbers("total_count", "redeemed_count", "archived_count"),
        },
    ),
    Resource(
        "coupon_codes",
        "coupon_code",
        filters={**strings("code", "coupon_id", "coupon_set_name"), "status": enum("not_redeemed redeemed archived")},
    ),
    Resource(
        "features",
        "feature",
        catalogs=(2,),
        filters={
            **strings("name", "id"),
            **booleans("metered"),
            "status": enum("active archived draft"),
            "type": enum("switch custom quantity range"),
        },
    ),
    Resource(
        "entitlements",
        "entitlement",
        catalogs=(2,),
        retrieved=False,
        flags=("include_drafts",),
        filters={
            **strings("feature_id", "entity_id"),
            "entity_type": enum("plan addon charge plan_price addon_price"),
        },
    ),
    Resource("item_billing_metrics", "item_billing_metric", catalogs=(2,), retrieved=False),
)
