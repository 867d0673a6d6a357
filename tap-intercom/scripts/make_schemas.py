# ruff: noqa: INP001 a script belongs to no package
"""Makes ``tap_intercom/schemas/*.json`` from the typed models of Intercom's own client, one file per stream.

    uv run python tap-intercom/scripts/make_schemas.py

The models list what version 2.14 of the API may send. Other versions and custom attributes send more, so every object
stays open. Few members are always present, so everything but the keys may be null.
"""

from __future__ import annotations

import json
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import pydantic
from tap_intercom.streams.resources import STREAMS

if TYPE_CHECKING:
    from tap_intercom.streams.resource import Resource

SCHEMAS = Path(__file__).parents[1] / "tap_intercom" / "schemas"
MODELS = {
    "activity_logs": "types.ActivityLog",
    "admins": "admins.Admin",
    "articles": "articles.ArticleListItem",
    "articles_extended": "articles.Article",
    "away_status_reasons": "types.AwayStatusReason",
    "calls": "calls.Call",
    "collections": "help_center.Collection",
    "companies": "companies.Company",
    "company_attributes": "data_attributes.DataAttribute",
    "company_notes": "notes.Note",
    "company_segments": "segments.Segment",
    "contact_attributes": "data_attributes.DataAttribute",
    "contact_notes": "notes.Note",
    "contact_segments": "segments.Segment",
    "contact_subscriptions": "subscription_types.SubscriptionType",
    "contacts": "contacts.Contact",
    "content_import_sources": "ai_content.ContentImportSource",
    "conversation_parts": "types.ConversationPart",
    "conversations": "conversations.Conversation",
    "external_pages": "ai_content.ExternalPage",
    "help_centers": "help_center.HelpCenter",
    "internal_articles": "articles.InternalArticle",
    "ip_allowlist": "types.IpAllowlist",
    "news_items": "news.NewsItem",
    "newsfeed_items": "news.NewsItem",
    "newsfeeds": "news.Newsfeed",
    "segments": "segments.Segment",
    "subscription_types": "subscription_types.SubscriptionType",
    "tags": "tags.Tag",
    "teams": "teams.Team",
    "ticket_parts": "tickets.TicketPart",
    "ticket_states": "tickets.TicketState",
    "ticket_types": "tickets.TicketType",
    "tickets": "tickets.Ticket",
    "workspace": "types.App",
}
"""The client's class for the records of a stream."""
OBJECT: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": True}
TEXT: dict[str, Any] = {"type": ["string", "null"]}
NUMBER: dict[str, Any] = {"type": ["integer", "null"]}
FLAG: dict[str, Any] = {"type": ["boolean", "null"]}
TIME: dict[str, Any] = {"type": ["integer", "null"], "format": "unix-time"}
ID: dict[str, Any] = {"type": ["string", "integer", "null"]}
STAMPS = {"created_at": TIME, "updated_at": TIME}
# Attributes that the API sends but the client's models lack, or that later versions send in another form.
ADDRESSABLE: dict[str, Any] = {
    **OBJECT,
    "properties": {
        "type": TEXT,
        "data": {"type": ["array", "null"], "items": {**OBJECT, "properties": {"type": TEXT, "id": TEXT, "url": TEXT}}},
        "url": TEXT,
        "total_count": NUMBER,
        "has_more": FLAG,
    },
}
UTM = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
MORE: dict[str, dict[str, Any]] = {
    "company_notes": {"company": {**OBJECT, "properties": {"type": TEXT, "id": TEXT}}},
    "contacts": {
        "avatar": {**OBJECT, "properties": {"type": TEXT, "image_url": TEXT}},
        "owner_id": ID,
        "enabled_push_messaging": FLAG,
        "referrer": TEXT,
        **dict.fromkeys(UTM, TEXT),
        **dict.fromkeys(
            ("companies", "tags", "notes", "opted_in_subscription_types", "opted_out_subscription_types"), ADDRESSABLE
        ),
    },
    "conversations": {
        "admin_assignee_id": ID,
        "team_assignee_id": ID,
        "custom_attributes": OBJECT,
        "ticket": OBJECT,
        "topics": OBJECT,
    },
    "ticket_types": {"is_internal": FLAG},
    "tickets": {"admin_assignee_id": ID, "team_assignee_id": ID, "ticket_attributes": OBJECT},
    "workspace": {"secure": FLAG},
}
# Streams without a model in the client.
MODELLESS: dict[str, dict[str, Any]] = {
    "brands": {
        "type": TEXT,
        "id": TEXT,
        "name": TEXT,
        "is_default": FLAG,
        "help_center_url_identifier": TEXT,
        "default_address_settings_id": TEXT,
        **STAMPS,
    },
    "emails": {
        "type": TEXT,
        "id": TEXT,
        "email": TEXT,
        "verified": FLAG,
        "domain": TEXT,
        "brand_id": TEXT,
        "forwarding_enabled": FLAG,
        "forwarded_email_last_received_at": TIME,
        **STAMPS,
    },
}
ANY: dict[str, Any] = {"type": ["string", "number", "boolean", "object", "array", "null"]}
TIMES = frozenset({"waiting_since", "snoozed_until"})
TYPES = {str: "string", datetime: "string", int: "integer", float: "number", bool: "boolean"}
DEPTH = 8


def build_schema(resource: Resource) -> dict[str, Any]:
    """Return the JSON schema of a stream's records."""
    properties = {name: {"type": ["string", "null"]} for name in resource.renamed}
    if not properties:
        found = MODELLESS.get(resource.name) or build_properties(find_model(MODELS[resource.name]), DEPTH)
        properties = {**found, **MORE.get(resource.name, {})}
    if resource.parent:
        properties |= {resource.parent_key: TEXT, resource.parent_time: TIME}
    for key in resource.primary_keys:
        kind = properties.get(key, {}).get("type", ["string"])[0]
        properties[key] = {"type": kind}
    if resource.parent:
        properties[resource.parent_key] = {"type": "string"}
    return {
        "type": "object",
        "required": list(resource.primary_keys),
        "additionalProperties": True,
        "properties": properties,
    }


def find_model(path: str) -> type[pydantic.BaseModel]:
    """One of the client's classes."""
    package, _, name = path.rpartition(".")
    found: type[pydantic.BaseModel] = getattr(import_module(f"intercom.{package}"), name)
    return found


def build_properties(model: type[pydantic.BaseModel], depth: int) -> dict[str, Any]:
    """Return the schemas of a model's attributes."""
    return {name: build_value_schema(name, field.annotation, depth) for name, field in model.model_fields.items()}


def build_value_schema(name: str, hint: Any, depth: int) -> dict[str, Any]:
    """Return the schema of one attribute; one with several types has all of them."""
    kinds = [build_type_schema(name, one, depth) for one in list_types(hint)]
    if len(kinds) == 1 or all(one == kinds[0] for one in kinds):
        return kinds[0]
    return {"type": [*dict.fromkeys(kind for one in kinds for kind in one["type"] if kind != "null"), "null"]}


def list_types(hint: Any) -> list[Any]:
    """Return the types of a hint, without None and without the Any beside the known values of an enumeration."""
    if get_origin(hint) not in (Union, UnionType):
        return [hint]
    found = [other for one in get_args(hint) if one is not type(None) for other in list_types(one)]
    return [one for one in found if one is not Any] or found


def build_type_schema(name: str, hint: Any, depth: int) -> dict[str, Any]:
    """Return the schema of one type of an attribute."""
    if hint is int and (name.endswith("_at") or name in TIMES):
        return TIME
    if hint in TYPES:
        return {"type": [TYPES[hint], "null"]}
    if get_origin(hint) is Literal:
        return TEXT
    if get_origin(hint) is list:
        (member,) = get_args(hint)
        return {"type": ["array", "null"], "items": build_value_schema("", member, depth - 1)}
    if isinstance(hint, type) and issubclass(hint, pydantic.BaseModel):
        return {**OBJECT, "properties": build_properties(hint, depth - 1)} if depth else OBJECT
    return OBJECT if get_origin(hint) is dict else ANY


def format_schema(schema: dict[str, Any]) -> str:
    """Return a schema as JSON, one attribute per line."""
    lines = [f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in schema["properties"].items()]
    rest = {name: value for name, value in schema.items() if name != "properties"}
    head = "".join(f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in rest.items())
    return "{\n" + head + '  "properties": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def build_files() -> dict[str, str]:
    """Return the text of every schema file, by its name."""
    return {f"{resource.name}.json": format_schema(build_schema(resource)) for resource in STREAMS}


if __name__ == "__main__":
    for name, content in build_files().items():
        (SCHEMAS / name).write_text(content, encoding="utf-8")
