"""The fields that a site has of its own, https://apidocs.chargebee.com/docs/api/custom_field_configs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_chargebee.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_chargebee.client import ChargebeeClient

LOGGER = logging.getLogger("tap-chargebee")
PATH = "/custom_field_configs"
# What a time looks like on the wire, in the words of Chargebee's OpenAPI description; a check box is edited as one.
FORMATS = {"timestamp": "unix-time", "date": "date"}
CHECK_BOX = {"type": ["boolean", "string", "null"]}
# What a `date` looks like on the wire is not described.
TYPES: dict[str, tuple[str, ...]] = {
    "string": ("string",),
    "email": ("string",),
    "url": ("string",),
    "long": ("integer",),
    "timestamp": ("integer",),
    "double": ("number",),
    "date": ("string", "integer"),
}


def site_fields(client: ChargebeeClient) -> dict[str, dict[str, Any]]:
    """The schemas of a site's own fields, by resource and name; none where it does not tell them."""
    try:
        return field_schemas(item for page in client.pages(PATH, {}) for item in page)
    except Refusal as error:
        LOGGER.info("The site's own fields are of any type: %s", error.message)
        return {}


def field_schemas(items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The schemas of fields, by resource and name.

    Args:
        items: the definitions, bare or under ``custom_field_config``: which of the two, Chargebee does not say.
    """
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        field = item.get("custom_field_config", item)
        schema = _field_schema(field)
        if schema and "api_name" in field:
            found.setdefault(field.get("entity_type", ""), {})[field["api_name"]] = schema
    return found


def _field_schema(field: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = field.get("field_datatype", "")
    if field.get("edit_ui") == "check_box":
        return CHECK_BOX
    if kind not in TYPES:
        return None
    return {"type": [*TYPES[kind], "null"], **({"format": FORMATS[kind]} if kind in FORMATS else {})}
