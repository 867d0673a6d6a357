"""What is sold: plans and addons of catalog 1, items and prices of catalog 2, coupons, features. Facts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import UPDATED, Kind
from sandbox.business.prices import ITEMS, PRICES, ZERO_DECIMAL, Price

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw

_PLANS = tuple(price for price in PRICES.values() if price.item_type == "plan")
_ADDONS = tuple(price for price in PRICES.values() if price.item_type == "addon")
_ALL = tuple(PRICES.values())
_PLAN_ITEMS = tuple(item for item in ITEMS if item.item_type == "plan")
_FAMILIES = {"plan": "plans", "addon": "extras", "charge": "extras"}
_SETUP = ("setup", "Setup", "charge", "active")
_LEGACY = ("legacy", "Legacy", "plan", "archived")
_SHOWN_ITEMS = (_LEGACY, *((item.id, item.name, item.item_type, "active") for item in ITEMS), _SETUP)
_FEATURES = (
    ("sso", "Single sign-on", "switch", None),
    ("seats", "Seats", "quantity", "seat"),
    ("storage", "Storage", "quantity", "GB"),
    ("support", "Support level", "custom", None),
    ("api-calls", "API calls", "range", "call"),
    ("audit-log", "Audit log", "switch", None),
)
_VALUES = {"switch": "true", "quantity": "25", "custom": "gold", "range": "1000"}
_COUPON_SETS = 6
_CODES = 36


def major_units(amount: int, currency_code: str) -> str:
    """An amount as the ``*_in_decimal`` twins have it: text, in major units."""
    return str(amount) if currency_code in ZERO_DECIMAL else f"{amount / 100:.2f}"


def _price(price: Price) -> dict[str, Any]:
    """What plan, addon and item price have in common."""
    tiered = price.pricing_model == "tiered"
    return {
        "id": price.id,
        "name": price.name,
        "status": "active",
        "currency_code": price.currency_code,
        "period": price.period,
        "period_unit": price.unit,
        "pricing_model": price.pricing_model,
        "price": None if tiered else price.amount,
        "price_in_decimal": major_units(price.amount, price.currency_code) if price.item_id == "growth" else None,
        "tiers": [{"starting_unit": 1, "price": price.amount, "object": "tier"}] if tiered else None,
        "channel": "web",
        "show_description_in_invoices": False,
        "show_description_in_quotes": False,
    }


def _plan(_: Draw, number: int) -> dict[str, Any]:
    price = _PLANS[number]
    return {
        **_price(price),
        "invoice_name": price.name,
        "charge_model": price.pricing_model,
        "free_quantity": 0,
        "enabled_in_hosted_pages": True,
        "enabled_in_portal": True,
        "addon_applicability": "all",
        "giftable": False,
        "is_shippable": False,
        "taxable": True,
        "meta_data": {"tier": number % 4},
        "cf_family": price.item_id,
    }


def _addon(_: Draw, number: int) -> dict[str, Any]:
    price = _ADDONS[number]
    kind = "quantity" if price.pricing_model == "per_unit" else "on_off"
    return {**_price(price), "type": kind, "charge_type": "recurring", "enabled_in_portal": True, "taxable": True}


def _item(_: Draw, number: int) -> dict[str, Any]:
    item_id, name, item_type, status = _SHOWN_ITEMS[number]
    return {
        "id": item_id,
        "name": name,
        "external_name": name,
        "status": status,
        "type": item_type,
        "item_family_id": _FAMILIES[item_type],
        "item_applicability": "all",
        "is_shippable": False,
        "is_giftable": item_type == "plan",
        "enabled_for_checkout": True,
        "enabled_in_portal": True,
        "included_in_mrr": item_type != "charge",
        "metered": item_id == "metro",
        "usage_calculation": "sum_of_usages" if item_id == "metro" else None,
        "channel": "web",
        "metadata": {"shelf": number},
        "cf_owner": "product",
    }


def _item_price(_: Draw, number: int) -> dict[str, Any]:
    price = _ALL[number]
    return {
        **_price(price),
        "external_name": price.name,
        "item_id": price.item_id,
        "item_family_id": _FAMILIES[price.item_type],
        "item_type": price.item_type,
        "free_quantity": 0,
        "is_taxable": True,
        "metadata": {"sheet": number % 3},
    }


def _item_family(_: Draw, number: int) -> dict[str, Any]:
    name = ("plans", "extras")[number]
    return {"id": name, "name": name.title(), "description": f"All {name}", "status": "active", "channel": "web"}


def _price_variant(_: Draw, number: int) -> dict[str, Any]:
    region = ("north", "south", "east", "west")[number % 4]
    variant_id = f"{region}-{number // 4 + 1}"
    status = "archived" if number % 5 == 4 else "active"  # noqa: PLR2004 one in five
    return {
        "id": variant_id,
        "name": f"Region {variant_id}",
        "external_name": region.title(),
        "status": status,
        "attributes": [{"name": "region", "value": region, "object": "attribute"}],
    }


def _attached_item(_: Draw, number: int) -> dict[str, Any]:
    parent, addon = _PLAN_ITEMS[number // 2], ("priority-support", "extra-seats")[number % 2]
    return {
        "id": f"{parent.id}-{addon}",
        "parent_item_id": parent.id,
        "item_id": addon,
        "item_type": "addon",
        "type": ("optional", "recommended")[number % 2],
        "status": "active",
        "charge_on_event": "subscription_creation",
        "charge_once": True,
        "channel": "web",
    }


def _differential_price(_: Draw, number: int) -> dict[str, Any]:
    price = _ADDONS[number]
    parent = _PLAN_ITEMS[number % len(_PLAN_ITEMS)]
    return {
        "id": f"dp_{price.id}",
        "item_price_id": price.id,
        "item_id": price.item_id,
        "parent_item_id": parent.id,
        "price": price.amount * 4 // 5,
        "status": "active",
        "currency_code": price.currency_code,
        "parent_periods": [{"period_unit": price.unit, "period": [price.period], "object": "parent_period"}],
    }


def _coupon(draw: Draw, number: int) -> dict[str, Any]:
    percent = number % 2 == 0
    return {
        "id": f"OFF{number + 5}",
        "name": f"{number + 5} off",
        "discount_type": "percentage" if percent else "fixed_amount",
        "discount_percentage": float(number + 5) if percent else None,
        "discount_amount": None if percent else (number + 5) * 100,
        "currency_code": None if percent else "USD",
        "duration_type": ("one_time", "forever", "limited_period")[number % 3],
        "period": 3 if number % 3 == 2 else None,  # noqa: PLR2004 the third duration
        "period_unit": "month" if number % 3 == 2 else None,  # noqa: PLR2004
        "status": ("active", "active", "expired", "archived")[number % 4],
        "apply_discount_on": "not_applicable",
        "apply_on": "invoice_amount",
        "plan_constraint": "not_applicable",
        "addon_constraint": "not_applicable",
        "redemptions": draw.random.randrange(9),
        "included_in_mrr": True,
        "meta_data": {"campaign": f"c{number % 5}"},
    }


def _coupon_set(draw: Draw, number: int) -> dict[str, Any]:
    coupon = draw.of("coupons")[number]
    return {
        "id": f"set-{number + 1}",
        "coupon_id": coupon.id,
        "name": f"Set {number + 1}",
        "total_count": _CODES // _COUPON_SETS,
        "redeemed_count": 2,
        "archived_count": 1,
        "meta_data": {},
    }


def _coupon_code(draw: Draw, number: int) -> dict[str, Any]:
    coupon_set = draw.of("coupon_sets")[number % _COUPON_SETS].facts
    return {
        "code": f"CODE-{number + 1:03}",
        "status": ("not_redeemed", "redeemed", "redeemed", "archived")[number // _COUPON_SETS % 4],
        "coupon_id": coupon_set["coupon_id"],
        "coupon_set_name": coupon_set["name"],
    }


def _feature(_: Draw, number: int) -> dict[str, Any]:
    feature_id, name, kind, unit = _FEATURES[number]
    status = "draft" if feature_id == "audit-log" else "active"
    return {"id": feature_id, "name": name, "type": kind, "unit": unit, "status": status, "metered": False}


def granted(number: int) -> dict[str, Any]:
    """The feature that the ``number``-th entitlement of any kind is to, and how much of it."""
    feature_id, name, kind, _ = _FEATURES[number % len(_FEATURES)]
    return {"feature_id": feature_id, "feature_name": name, "value": _VALUES[kind], "name": _VALUES[kind]}


def _entitlement(_: Draw, number: int) -> dict[str, Any]:
    plan = _PLAN_ITEMS[number // len(_FEATURES)]
    return {"entity_id": plan.id, "entity_type": "plan", **granted(number)}


def _item_entitlement(_: Draw, number: int) -> dict[str, Any]:
    plan = _PLAN_ITEMS[number // len(_FEATURES)]
    return {"item_id": plan.id, "item_type": "plan", **granted(number)}


def _billing_metric(draw: Draw, number: int) -> dict[str, Any]:
    return {
        "item_id": "metro",
        "feature_id": _FEATURES[number % len(_FEATURES)][0],
        "status": "active",
        "modified_at": draw.at,
    }


SELLING = {
    "plans": Kind("plan", _plan, len(_PLANS), UPDATED),
    "addons": Kind("addon", _addon, len(_ADDONS), UPDATED),
    "items": Kind("item", _item, len(_SHOWN_ITEMS), UPDATED),
    "item_prices": Kind("item_price", _item_price, len(_ALL)),
    "item_families": Kind("item_family", _item_family, 2, UPDATED),
    "price_variants": Kind("price_variant", _price_variant, 20),
    "attached_items": Kind("attached_item", _attached_item, 2 * len(_PLAN_ITEMS), hidden=("item_type",)),
    "differential_prices": Kind("differential_price", _differential_price, len(_ADDONS), hidden=("item_id",)),
    "coupons": Kind("coupon", _coupon),
    "coupon_sets": Kind("coupon_set", _coupon_set, _COUPON_SETS, ()),
    "coupon_codes": Kind("coupon_code", _coupon_code, _CODES, (), key="code"),
    "features": Kind("feature", _feature, len(_FEATURES)),
    "entitlements": Kind("entitlement", _entitlement, len(_PLAN_ITEMS) * len(_FEATURES), ()),
    "item_entitlements": Kind("item_entitlement", _item_entitlement, len(_PLAN_ITEMS) * len(_FEATURES), ()),
    "item_billing_metrics": Kind("item_billing_metric", _billing_metric, 12, ("created_at",)),
}
