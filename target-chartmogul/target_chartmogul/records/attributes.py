"""Which custom attributes a stream declares, and of which of ChartMogul's types they are. Pure.

https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul.records.object_types import Kind

_JSON_TYPES = {"string": "String", "integer": "Integer", "number": "Decimal", "boolean": "Boolean"}
#: What the documentation permits; recordings have names with spaces too, made in the application and not by the API.
_LEGAL_KEY = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)


class Declared(NamedTuple):
    """The custom attributes of a stream: type by key, and for those that cannot be written a sentence by key."""

    types: dict[str, str]
    unfit: dict[str, str]


def declared_attributes(schema: Mapping[str, Any], kind: Kind) -> Declared:
    """Read the custom attributes that a stream's JSON schema declares."""
    for level in kind.custom_at:
        schema = schema.get("properties", {}).get(level, {})
    types: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for key, property_ in schema.get("properties", {}).items():
        data_type = _data_type(property_)
        if not _LEGAL_KEY.fullmatch(key):
            unfit[key] = "ChartMogul's keys hold letters, digits and underscores only"
        elif data_type is None:
            unfit[key] = "ChartMogul's attributes hold text, numbers, booleans and dates only"
        else:
            types[key] = data_type
    return Declared(types, unfit)


def _data_type(schema: Mapping[str, Any]) -> str | None:
    types = schema.get("type", "string")
    kinds = {kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"}
    if schema.get("format") in {"date", "date-time"}:
        return "Timestamp"
    if kinds == {"integer", "number"}:
        return "Decimal"
    return _JSON_TYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
