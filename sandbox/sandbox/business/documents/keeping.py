"""What concerns the whole site: comments, checkout pages, definitions, entities, currencies. Facts of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import CREATED, STAMPED, Kind
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.documents.drawing import Draw

_FIELDS = (
    ("customer", "cf_company_id", "string"),
    ("customer", "cf_user_id", "string"),
    ("customer", "cf_tier", "string"),
    ("customer", "cf_csm_since", "timestamp"),
    ("customer", "cf_Account_Manager", "string"),
    ("customer", "cf_seats_planned", "long"),
    ("customer", "cf_website", "url"),
    ("subscription", "cf_po_number", "string"),
    ("subscription", "cf_go_live_on", "timestamp"),
    ("subscription", "cf_region", "string"),
    ("invoice", "cf_cost_centre", "string"),
    ("credit_note", "cf_approved_by", "string"),
    ("quote", "cf_sales_rep", "string"),
    ("plan", "cf_family", "string"),
    ("item", "cf_owner", "string"),
    ("customer", "cf_budget", "double"),
    ("customer", "cf_backup_email", "email"),
    ("customer", "cf_founded_on", "date"),
)
_ENTITIES = ("Main", "Europe", "Japan")
_CURRENCIES = (("USD", None), ("EUR", "1.08"), ("JPY", "0.0067"))
_SUBJECTS = ("customer", "subscription", "invoice")


def _subject(draw: Draw, number: int) -> tuple[str, str]:
    """What a document is about: its type and id."""
    kind = _SUBJECTS[number % len(_SUBJECTS)]
    return kind, {"customer": draw.customer, "subscription": draw.subscription, "invoice": draw.invoice}[kind]().id


def _comment(draw: Draw, number: int) -> dict[str, Any]:
    entity_type, entity_id = _subject(draw, number)
    return {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "added_by": "owner@example.com",
        "notes": f"Called about topic {number + 1}",
        "type": ("user", "system")[number % 2],
    }


def _hosted_page(draw: Draw, number: int) -> dict[str, Any]:
    state = ("created", "requested", "succeeded", "cancelled")[number % 4]
    subscription = draw.subscription()
    ids = {"customer": {"id": subscription.customer_id}, "subscription": {"id": subscription.id}}
    return {
        "type": ("checkout_new", "checkout_existing", "manage_payment_sources")[number % 3],
        "state": state,
        "url": f"https://sandbox.chargebee.com/pages/v4/{number + 1}",
        "embed": False,
        "expires_at": draw.at + DAY,
        "layout": "full_page",
        "content": ids if state == "succeeded" else {},
    }


def _migration(draw: Draw, number: int) -> dict[str, Any]:
    entity_type, entity_id = _subject(draw, number)
    return {
        "entity_type": entity_type,
        "entity_id": entity_id,
        "other_site_name": "sandbox-old",
        "entity_id_at_other_site": f"old-{number + 1}",
        "migrated_at": draw.at,
        "status": ("moved_in", "moved_in", "moved_out")[number % 3],
    }


def _custom_field(_: Draw, number: int) -> dict[str, Any]:
    entity_type, name, datatype = _FIELDS[number]
    label = name.removeprefix("cf_").replace("_", " ").capitalize()
    props = {"visibility": "true", "helper_text": "", "default_value": ""}
    return {
        "entity_type": entity_type,
        "api_name": name,
        "display_name": label,
        "field_datatype": datatype,
        "status": "archived" if name == "cf_budget" else "active",
        "required": False,
        "props": props,
    }


def _currency(_: Draw, number: int) -> dict[str, Any]:
    code, rate = _CURRENCIES[number]
    forex = "manual" if rate else None
    return {
        "id": f"cur_{code}",
        "currency_code": code,
        "enabled": True,
        "is_base_currency": rate is None,
        "forex_type": forex,
        "manual_exchange_rate": rate,
    }


def _entity(_: Draw, number: int) -> dict[str, Any]:
    return {"id": f"be_{number + 1}", "name": _ENTITIES[number], "status": "active"}


def _transfer(draw: Draw, number: int) -> dict[str, Any]:
    customer = draw.customer()
    return {
        "resource_type": "customer",
        "resource_id": f"moved-{number + 1}",
        "active_resource_id": customer.id,
        "source_business_entity_id": "be_2",
        "destination_business_entity_id": "be_1",
        "reason_code": "correction",
    }


def _credit_unit(_: Draw, number: int) -> dict[str, Any]:
    unit = ("credits", "tokens")[number]
    return {"id": unit, "name": unit.title(), "external_name": unit.title(), "status": "active", "is_unlimited": False}


def _meter(_: Draw, number: int) -> dict[str, Any]:
    return {"name": f"meter-{number + 1}", "type": "simple", "status": "active", "query": "SELECT count(*) FROM usage"}


def _endpoint(_: Draw, number: int) -> dict[str, Any]:
    return {
        "name": f"Endpoint {number + 1}",
        "url": f"https://example.com/hooks/{number + 1}",
        "send_card_resource": True,
        "disabled": number == 1,
        "primary_url": number == 0,
        "api_version": "v2",
        "chargebee_response_schema_type": "compat",
        "enabled_events": [],
    }


def _rule(draw: Draw, number: int) -> dict[str, Any]:
    return {
        "name": f"Rule {number + 1}",
        "latest_version": 1 + number % 3,
        "draft": number % 4 == 0,
        "active": number % 2 == 0,
        "released_at": draw.at,
        "created_by": "owner@example.com",
    }


KEEPING = {
    "comments": Kind("comment", _comment, 36, CREATED),
    "hosted_pages": Kind("hosted_page", _hosted_page, 24),
    "site_migration_details": Kind("site_migration_detail", _migration, 24, (), key=None),
    "custom_field_configs": Kind("custom_field_config", _custom_field, len(_FIELDS), ()),
    "currencies": Kind("currency", _currency, len(_CURRENCIES), ()),
    "business_entities": Kind("business_entity", _entity, len(_ENTITIES)),
    "business_entity_transfers": Kind("business_entity_transfer", _transfer, 24, CREATED),
    "credit_units": Kind("credit_unit", _credit_unit, 2, STAMPED),
    "meters": Kind("meter", _meter, 12, ("created_at", "updated_at")),
    "webhook_endpoints": Kind("webhook_endpoint", _endpoint, 3, ()),
    "business_rules": Kind("business_rule", _rule, 12, hidden=("draft",)),
}
