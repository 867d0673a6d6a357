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
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from tap_chargebee.streams import STREAMS

if TYPE_CHECKING:
    from tap_chargebee.streams import Resource

SCHEMAS = Path(__file__).parents[1] / "tap_chargebee" / "schemas"
# Attributes that the API's description has and the client's model lacks.
MORE = {"invoice": {"base_currency_code": str}}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(resource: Resource) -> dict[str, Any]:
    """The JSON schema of a stream's records."""
    made = object_schema(model(resource.envelope))
    for name, hint in MORE.get(resource.envelope, {}).items():
        made["properties"][name] = value_schema(hint)
    for sibling in resource.siblings:
        made["properties"][sibling] = object_schema(model(sibling))
    for key in resource.primary_keys:
        made["properties"][key] = {"type": made["properties"][key]["type"][0]}
    return {**made, "type": "object", "required": list(resource.primary_keys)}


def model(envelope: str) -> type:
    """The client's class for a resource: ``chargebee.models.card.responses.CardResponse`` for ``card``."""
    name = "".join(word.capitalize() for word in envelope.split("_"))
    found: type = getattr(import_module(f"chargebee.models.{envelope}.responses"), f"{name}Response")
    return found


def object_schema(typed: type) -> dict[str, Any]:
    """The schema of one of the client's classes; ``object`` names the resource in every object on the wire."""
    hints = {name: hint for name, hint in get_type_hints(typed).items() if name != "raw_data"}
    properties = {name: value_schema(hint) for name, hint in hints.items()}
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
        return {**nullable("array"), "items": value_schema(get_args(hint)[0])}
    if get_origin(hint) is dict:
        return {**nullable("object"), "additionalProperties": True}
    return object_schema(hint)


def nullable(kind: str) -> dict[str, Any]:
    """A type, or null."""
    return {"type": [kind, "null"]}


def files() -> dict[str, str]:
    """The text of every schema file, by its name."""
    return {f"{resource.name}.json": json.dumps(schema(resource), indent=2) + "\n" for resource in STREAMS}


if __name__ == "__main__":
    for name, text in files().items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
