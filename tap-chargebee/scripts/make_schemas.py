# ruff: noqa: INP001 a script stands in no package
"""Makes ``tap_chargebee/schemas/*.json`` from the typed models of Chargebee's own client, one file a stream.

    uv run python tap-chargebee/scripts/make_schemas.py

The models say what the API may send. A site sends more (`cf_*`, `cs_*`, fields newer than the client), so every object
is left open, and nearly nothing is always there, so everything but the keys may be null.
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
# Attributes that the API sends and the client's model lacks.
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
# Resources that the client has no model of.
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
# Streams whose records have no name of their own in the answer.
BARE = {
    "configurations": "configuration",
    "advance_invoice_schedules": "advance_invoice_schedule",
    "exchange_rates": "exchange_rate",
}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(resource: Resource) -> dict[str, Any]:
    """The JSON schema of a stream's records."""
    envelope = resource.envelope or BARE[resource.name]
    made = object_schema(hints(envelope))
    for name, hint in MORE.get(envelope, {}).items():
        made["properties"][name] = value_schema(hint)
    for sibling in resource.siblings:
        made["properties"][sibling] = object_schema(hints(sibling))
    if resource.deleted_on:
        made["properties"]["deleted"] = nullable("boolean")
    for key in resource.primary_keys:
        made["properties"][key] = {"type": "string"}
    return {**made, "type": "object", "required": list(resource.primary_keys)}


def hints(envelope: str) -> dict[str, Any]:
    """The attributes of a resource and their types."""
    return MODELLESS[envelope] if envelope in MODELLESS else get_type_hints(model(envelope), namespace())


def model(envelope: str) -> type:
    """The client's class for a resource: ``chargebee.models.card.responses.CardResponse`` for ``card``."""
    name = "".join(word.capitalize() for word in envelope.split("_"))
    found: type = getattr(import_module(f"chargebee.models.{envelope}.responses"), f"{name}Response")
    return found


def namespace() -> dict[str, Any]:
    """What the names in the client's annotations mean: it imports some of them for the type checker only."""
    return {module.name: import_module(f"chargebee.models.{module.name}") for module in iter_modules(models.__path__)}


def object_schema(attributes: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object; ``object`` names the resource in every object on the wire."""
    properties = {name: value_schema(hint) for name, hint in attributes.items() if name != "raw_data"}
    return {
        "type": ["object", "null"],
        "properties": {**properties, "object": nullable("string")},
        "additionalProperties": True,
    }


def value_schema(hint: Any) -> dict[str, Any]:
    """The schema of one attribute."""
    if hint in TYPES:
        return nullable(TYPES[hint])
    if get_origin(hint) is list:
        (member,) = get_args(hint)
        # What the client calls a list of dicts is a list of any JSON.
        return {**nullable("array"), "items": {} if get_origin(member) is dict else value_schema(member)}
    if get_origin(hint) is dict:
        return {**nullable("object"), "additionalProperties": True}
    return object_schema(get_type_hints(hint, namespace()))


def nullable(kind: str) -> dict[str, Any]:
    """A type, or null."""
    return {"type": [kind, "null"]}


def text(made: dict[str, Any]) -> str:
    """A schema as JSON, an attribute a line."""
    lines = [f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in made["properties"].items()]
    rest = {name: value for name, value in made.items() if name != "properties"}
    head = "".join(f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in rest.items())
    return "{\n" + head + '  "properties": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def files() -> dict[str, str]:
    """The text of every schema file, by its name."""
    return {f"{resource.name}.json": text(schema(resource)) for resource in STREAMS}


if __name__ == "__main__":
    for name, content in files().items():
        (SCHEMAS / name).write_text(content, encoding="utf-8")
