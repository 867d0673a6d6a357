# ruff: noqa: INP001 a script belongs to no package
"""Makes ``tap_chargebee/schemas/*.json`` from the typed models of Chargebee's own client, one file per stream.

    uv run python tap-chargebee/scripts/make_schemas.py

The models list what the API may send. A site sends more (`cf_*`, `cs_*`, fields newer than the client), so every object
stays open. Few members are always present, so everything but the keys may be null.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from chargebee import models
from tap_chargebee.streams.resources import STREAMS

if TYPE_CHECKING:
    from tap_chargebee.streams.resource import Resource

SCHEMAS = Path(__file__).parents[1] / "tap_chargebee" / "schemas"
# Attributes that the API sends but the client's models lack.
MORE: dict[str, dict[str, Any]] = {
    "advance_invoice_schedule": {"subscription_id": str, "next_charge_at": int},
    "attached_item": {"item_type": str},
    "business_entity": {"is_default": bool},
    "business_rule": {"draft": bool},
    "customer_entitlement": {"feature_name": str},
    "differential_price": {"item_id": str},
    "discount": {"subscription_id": str},
    "einvoice": {"invoice_id": str, "credit_note_id": str},
    "invoice": {"base_currency_code": str},
    "payment_schedule": {"invoice_id": str},
    "transaction": {"base_currency_code": str},
    "unbilled_charge": {"invoice_id": str},
}
# Resources without a model in the client.
MODELLESS: dict[str, dict[str, Any]] = {
    "custom_field_config": {
        "id": str,
        "entity_type": str,
        "api_name": str,
        "display_name": str,
        "field_datatype": str,
        "status": str,
        "required": bool,
        "props": dict[str, Any],
    },
    "exchange_rate": {
        "exchange_rate_date": str,
        "exchange_rate_base_currency_code": str,
        "rates": dict[str, Any],
    },
    "item_billing_metric": {
        "id": str,
        "item_id": str,
        "feature_id": str,
        "status": str,
        "created_at": int,
        "modified_at": int,
    },
}
# Streams whose records have no envelope in the answer.
BARE = {
    "configurations": "configuration",
    "advance_invoice_schedules": "advance_invoice_schedule",
    "exchange_rates": "exchange_rate",
}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def build_schema(resource: Resource) -> dict[str, Any]:
    """Return the JSON schema of a stream's records."""
    envelope = resource.envelope or BARE[resource.name]
    schema = build_object_schema(find_hints(envelope))
    for name, hint in MORE.get(envelope, {}).items():
        schema["properties"][name] = build_value_schema(hint)
    for sibling in resource.siblings:
        schema["properties"][sibling] = build_object_schema(find_hints(sibling))
    if resource.deleted_on:
        schema["properties"]["deleted"] = make_nullable("boolean")
    for key in resource.primary_keys:
        schema["properties"][key] = {"type": "string"}
    return {**schema, "type": "object", "required": list(resource.primary_keys)}


def find_hints(envelope: str) -> dict[str, Any]:
    """Return the attributes of a resource and their types."""
    return MODELLESS[envelope] if envelope in MODELLESS else get_type_hints(find_model(envelope), build_namespace())


def find_model(envelope: str) -> type:
    """Return the client's class for a resource: ``chargebee.models.card.responses.CardResponse`` for ``card``."""
    name = "".join(word.capitalize() for word in envelope.split("_"))
    model: type = getattr(import_module(f"chargebee.models.{envelope}.responses"), f"{name}Response")
    return model


def build_namespace() -> dict[str, Any]:
    """Return the names in the client's annotations: it imports some of them for the type checker only."""
    return {module.name: import_module(f"chargebee.models.{module.name}") for module in iter_modules(models.__path__)}


def build_object_schema(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object. Every object from the API names its resource in ``object``."""
    properties = {name: build_value_schema(hint) for name, hint in attributes.items() if name != "raw_data"}
    return {
        "type": ["object", "null"],
        "properties": {**properties, "object": make_nullable("string")},
        "additionalProperties": True,
    }


def build_value_schema(hint: Any) -> dict[str, Any]:
    """Return the schema of one attribute."""
    if hint in TYPES:
        return make_nullable(TYPES[hint])
    if get_origin(hint) is list:
        (member,) = get_args(hint)
        # The client's lists of dicts may contain any JSON.
        return {**make_nullable("array"), "items": {} if get_origin(member) is dict else build_value_schema(member)}
    if get_origin(hint) is dict:
        return {**make_nullable("object"), "additionalProperties": True}
    return build_object_schema(get_type_hints(hint, build_namespace()))


def make_nullable(kind: str) -> dict[str, Any]:
    """Return the schema of a type that may be null."""
    return {"type": [kind, "null"]}


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
