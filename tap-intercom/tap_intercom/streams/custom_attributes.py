"""The attributes that a workspace has of its own, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tap_intercom._kit.clock import is_recent
from tap_intercom._kit.list_shape import ListShape, Text
from tap_intercom._kit.page_decoder import PageDecoder
from tap_intercom.api.client import Call
from tap_intercom.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_intercom.api.client import IntercomClient

AS_OF = "As Intercom declared them at "
RECENT = 600
"""Seconds for which the attributes in a catalog are taken for those that the workspace has."""
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


SHAPE = ListShape(
    name="data attributes", items="data", key={"name": Text}, wanted={"custom": bool, "data_type": str, "id": int}
)
"""What ``/data_attributes`` answers."""


def fetch_attributes(client: IntercomClient, stream: str) -> dict[str, dict[str, Any]]:
    """Return the schemas of a stream's custom attributes, by name; none where Intercom does not tell them."""
    query = {"model": MODELS[stream], "include_archived": "true"}
    try:
        page = client.page(Call("/data_attributes", query), PageDecoder(SHAPE))
        return attribute_schemas(item.record() for item in page.items)
    except UserError as error:
        LOGGER.warning("The custom attributes of %s are of any type: %s", stream, error.message)
        return {}


def attribute_schemas(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The schemas of the custom ones among attributes, by name; of any type where Intercom names one unknown."""
    return {row["name"]: TYPES.get(str(row.get("data_type")), ANY) for row in rows if row.get("custom")}


def with_attributes(
    schema: Mapping[str, Any], attributes: Mapping[str, Any], read_at: datetime | None = None
) -> dict[str, Any]:
    """Return a stream's schema with the types of its custom attributes; it stays open for others.

    Args:
        schema: the stream's.
        attributes: the schemas of the attributes, by name.
        read_at: when they were read, for a catalog: a run that follows at once need not ask again.
    """
    properties = schema.get("properties", {})
    if "custom_attributes" not in properties or not (attributes or read_at):
        return dict(schema)
    custom = {**properties["custom_attributes"], "properties": dict(attributes), "additionalProperties": True}
    custom.pop("description", None)
    if read_at is not None:
        custom["description"] = AS_OF + read_at.isoformat(timespec="seconds")
    return {**schema, "properties": {**properties, "custom_attributes": custom}}


def find_recent(schema: Mapping[str, Any], now: datetime) -> dict[str, dict[str, Any]] | None:
    """Return the custom attributes that stand in a schema of a catalog; None unless they were read just now.

    A runner discovers before each run, or once and then keeps the catalog for months.
    """
    custom = schema.get("properties", {}).get("custom_attributes", {})
    try:
        read_at = datetime.fromisoformat(str(custom.get("description", "")).removeprefix(AS_OF))
    except ValueError:
        return None
    if not is_recent(int(read_at.timestamp()), int(now.timestamp()), RECENT):
        return None
    return dict(custom.get("properties") or {})
