"""The fields that a site has of its own, https://apidocs.chargebee.com/docs/api/custom_field_configs."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import msgspec

from tap_chargebee.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from tap_chargebee.api.client import ChargebeeClient

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
CONSENT = {"type": ["boolean", "null"]}
"""A consent field, which only customers have: given, refused or not answered."""
UNKNOWN = {"type": ["string", "number", "boolean", "null"]}
"""A field of which the site does not tell the type: not one guessed from a value, which the next run may not see."""
PREFIXES = ("cf_", "cs_")
_NAMES = re.compile(rb'c[fs]_\w+(?=":)')


def discover_fields(client: ChargebeeClient) -> dict[str, dict[str, Any]]:
    """Return the schemas of a site's own fields, by resource and name.

    Chargebee lists custom fields with their types. Consent fields are listed nowhere, so they are taken from the first
    page of customers.
    """
    found = list_custom_fields(client)
    for item in next(client.pages("/customers", {"sort_by[asc]": "created_at"})):
        consents = {name: CONSENT for name in item.get("customer", {}) if name.startswith("cs_")}
        found.setdefault("customer", {}).update(consents)
    return found


def list_custom_fields(client: ChargebeeClient) -> dict[str, dict[str, Any]]:
    """Return the schemas of a site's custom fields, by resource and name; none where the site does not tell them."""
    try:
        return field_schemas(item for page in client.pages(PATH, {}) for item in page)
    except UserError as error:
        LOGGER.info("The site's own fields are of any type: %s", error.message)
        return {}


def field_schemas(items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the schemas of fields, by resource and name.

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


class UndeclaredFields:
    """Finds fields of a site's own that the catalog does not declare.

    Args:
        declared: returns the properties that the catalog declares.
    """

    def __init__(self, declared: Callable[[], Collection[str]]) -> None:
        self._declared = declared
        self._last_names: list[bytes] = []
        self._seen_names: set[bytes] = set()
        self._seen_fields: set[str] = set()

    def of(self, record: msgspec.Raw | bytes | Mapping[str, Any]) -> dict[str, Any]:
        """Return the schemas of those in a record that came in no record before; mostly none."""
        if not isinstance(record, msgspec.Raw | bytes):
            return self._schemas(record)
        names = _NAMES.findall(record)
        # Every record comes here, and most have the fields of the one before.
        if names == self._last_names or self._seen_names.issuperset(names):
            self._last_names = names
            return {}
        self._seen_names.update(names)
        # A name may stand deeper in the record: then it is no property of the stream.
        return self._schemas(msgspec.json.decode(record))

    def _schemas(self, record: Mapping[str, Any]) -> dict[str, Any]:
        new = {name for name in record if name.startswith(PREFIXES)} - self._seen_fields
        self._seen_fields |= new
        declared = self._declared() if new else ()
        return {name: UNKNOWN for name in sorted(new) if name not in declared}
