"""Custom attributes, which each workspace defines itself.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from tap_intercom._kit.clock import is_recent
from tap_intercom._kit.list_shape import ListShape, Text
from tap_intercom._kit.page_decoder import PageDecoder
from tap_intercom.api.client import Call
from tap_intercom.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom._kit.json_types import JsonObject, JsonValue
    from tap_intercom.api.client import IntercomClient

READ_AT = "As Intercom declared them at "
"""The beginning of a description in the catalog that says when its attributes were read."""
MAX_AGE = 600
"""For this many seconds, a run uses the attributes in its catalog instead of reading them again."""
LOGGER = logging.getLogger("tap-intercom")
MODELS = {"contacts": "contact", "companies": "company"}
"""The `model` of each stream with custom attributes."""
TIME: JsonObject = {"type": ["integer", "null"], "format": "unix-time"}
ANY: JsonObject = {"type": ["string", "number", "boolean", "object", "array", "null"]}
TYPES: dict[str, JsonObject] = {
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
"""The answers of ``/data_attributes``."""


def fetch_attributes(client: IntercomClient, stream: str) -> JsonObject:
    """Return the schemas of a stream's custom attributes by name; none if the token may not read them."""
    query = {"model": MODELS[stream], "include_archived": "true"}
    try:
        page = client.fetch_page(Call("/data_attributes", query), PageDecoder(SHAPE))
        rows = (item.decode_record() for item in page.items)
        # A type that Intercom adds later permits any value.
        return {row["name"]: TYPES.get(str(row.get("data_type")), ANY) for row in rows if row.get("custom")}
    except UserError as error:
        LOGGER.warning("The schema has no types for the custom attributes of %s: %s", stream, error.message)
        return {}


def add_attributes(
    schema: Mapping[str, JsonValue], attributes: Mapping[str, JsonValue], read_at: datetime | None = None
) -> JsonObject:
    """Return a stream's schema with the types of its custom attributes; it stays open for others.

    Args:
        schema: the schema of the stream.
        attributes: the schemas of the attributes, by name.
        read_at: the time at which discovery read them, for the catalog: a run that follows at once uses them.
    """
    properties = schema.get("properties", {})
    if "custom_attributes" not in properties or not (attributes or read_at):
        return dict(schema)
    custom = {**properties["custom_attributes"], "properties": dict(attributes), "additionalProperties": True}
    custom.pop("description", None)
    if read_at is not None:
        custom["description"] = READ_AT + read_at.isoformat(timespec="seconds")
    return {**schema, "properties": {**properties, "custom_attributes": custom}}


def find_recent(schema: Mapping[str, JsonValue], now: datetime) -> JsonObject | None:
    """Return the custom attributes in the schema of a catalog; None if they are older than ten minutes.

    Some runners discover before each run, others only once and then keep the catalog for months.
    """
    custom = schema.get("properties", {}).get("custom_attributes", {})
    try:
        read_at = datetime.fromisoformat(str(custom.get("description", "")).removeprefix(READ_AT))
    except ValueError:
        return None
    if not is_recent(int(read_at.timestamp()), int(now.timestamp()), MAX_AGE):
        return None
    return dict(custom.get("properties") or {})
