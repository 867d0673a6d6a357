"""The attributes that a workspace has of its own, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from tap_intercom.client import Call
from tap_intercom.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_intercom.client import IntercomClient

LOGGER = logging.getLogger("tap-intercom")
MODELS = {"contacts": "contact", "companies": "company"}
"""What Intercom calls a record, by the stream."""
TIME = {"type": ["integer", "null"], "format": "unix-time"}
ANY = {"type": ["string", "number", "boolean", "object", "array", "null"]}
TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "float": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": TIME,
    "datetime": TIME,
}


class Answer(msgspec.Struct):
    """What ``/data_attributes`` answers."""

    data: list[dict[str, Any]]


def own_attributes(client: IntercomClient, stream: str) -> dict[str, dict[str, Any]]:
    """The schemas of a stream's custom attributes, by name; none where the workspace does not tell them."""
    query = {"model": MODELS[stream], "include_archived": "true"}
    try:
        return attribute_schemas(client.get(Call("/data_attributes", query), Answer).data)
    except Refusal as error:
        LOGGER.warning("The custom attributes of %s are of any type: %s", stream, error.message)
        return {}


def attribute_schemas(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The schemas of the custom ones among attributes, by name; of any type where Intercom names one unknown."""
    return {row["name"]: TYPES.get(str(row.get("data_type")), ANY) for row in rows if row.get("custom")}


def with_attributes(schema: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A stream's schema with the types of its custom attributes; it stays open for others."""
    properties = schema.get("properties", {})
    if not attributes or "custom_attributes" not in properties:
        return dict(schema)
    custom = {**properties["custom_attributes"], "properties": dict(attributes), "additionalProperties": True}
    return {**schema, "properties": {**properties, "custom_attributes": custom}}
