"""Fields that a site defines itself: custom fields and consent fields.

https://apidocs.chargebee.com/docs/api/custom_field_configs
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import msgspec

from tap_chargebee.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from tap_chargebee._kit.json_types import JsonObject, JsonValue
    from tap_chargebee.api.client import ChargebeeClient

LOGGER = logging.getLogger("tap-chargebee")
PATH = "/custom_field_configs"
# The formats of times in answers, by their names in Chargebee's OpenAPI description.
FORMATS = {"timestamp": "unix-time", "date": "date"}
CHECK_BOX: JsonObject = {"type": ["boolean", "string", "null"]}
# Chargebee does not document the form of a `date` in answers.
TYPES: dict[str, tuple[str, ...]] = {
    "string": ("string",),
    "email": ("string",),
    "url": ("string",),
    "long": ("integer",),
    "timestamp": ("integer",),
    "double": ("number",),
    "date": ("string", "integer"),
}
CONSENT = {"type": ["boolean", "null"]}
"""A consent field: accepted, refused or not answered. Only customers have such fields."""
UNKNOWN = {"type": ["string", "number", "boolean", "null"]}
"""A field of unknown type. No type is guessed from a value, as the next run may see another kind of value."""
PREFIXES = ("cf_", "cs_")
_FIELD_NAMES = re.compile(rb'c[fs]_\w+(?=":)')


def discover_fields(client: ChargebeeClient) -> dict[str, JsonObject]:
    """Return the schemas of a site's own fields by resource and name.

    Chargebee lists custom fields with their types. It has no list of consent fields, so they are taken from the first
    page of customers.
    """
    found = list_custom_fields(client)
    for item in next(client.fetch_pages("/customers", {"sort_by[asc]": "created_at"})):
        consents = {name: CONSENT for name in item.get("customer", {}) if name.startswith("cs_")}
        found.setdefault("customer", {}).update(consents)
    return found


def list_custom_fields(client: ChargebeeClient) -> dict[str, JsonObject]:
    """Return the schemas of a site's custom fields by resource and name; none if the key may not read them."""
    try:
        return build_field_schemas(item for page in client.fetch_pages(PATH, {}) for item in page)
    except UserError as error:
        LOGGER.info("The schema has no types for the site's custom fields: %s", error.message)
        return {}


def build_field_schemas(items: Iterable[Mapping[str, JsonValue]]) -> dict[str, JsonObject]:
    """Return the schemas of custom fields by resource and name.

    Args:
        items: the definitions, bare or under ``custom_field_config``: Chargebee does not document which.
    """
    schemas: dict[str, JsonObject] = {}
    for item in items:
        field = item.get("custom_field_config", item)
        schema = _build_field_schema(field)
        if schema and "api_name" in field:
            schemas.setdefault(field.get("entity_type", ""), {})[field["api_name"]] = schema
    return schemas


def _build_field_schema(field: Mapping[str, JsonValue]) -> JsonObject | None:
    kind = field.get("field_datatype", "")
    if field.get("edit_ui") == "check_box":
        return CHECK_BOX
    if kind not in TYPES:
        return None
    return {"type": [*TYPES[kind], "null"], **({"format": FORMATS[kind]} if kind in FORMATS else {})}


class UndeclaredFields:
    """Finds the site's own fields that the catalog does not declare.

    Args:
        declared: returns the properties that the catalog declares.
    """

    def __init__(self, declared: Callable[[], Collection[str]]) -> None:
        self._declared = declared
        self._last_names: list[bytes] = []
        self._seen_names: set[bytes] = set()
        self._seen_fields: set[str] = set()

    def find_new(self, record: msgspec.Raw | bytes | Mapping[str, JsonValue]) -> JsonObject:
        """Return the schemas of a record's undeclared fields that no earlier record had. Mostly there are none."""
        if not isinstance(record, msgspec.Raw | bytes):
            return self._build_schemas(record)
        names = _FIELD_NAMES.findall(record)
        # This runs for every record, and most records have the same fields as the one before.
        if names == self._last_names or self._seen_names.issuperset(names):
            self._last_names = names
            return {}
        self._seen_names.update(names)
        # The search also finds names in nested objects, which are not properties of the stream.
        return self._build_schemas(msgspec.json.decode(record))

    def _build_schemas(self, record: Mapping[str, JsonValue]) -> JsonObject:
        new = {name for name in record if name.startswith(PREFIXES)} - self._seen_fields
        self._seen_fields |= new
        declared = self._declared() if new else ()
        return {name: UNKNOWN for name in sorted(new) if name not in declared}
