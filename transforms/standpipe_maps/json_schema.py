"""The JSON types of attributes, and a field's declaration in the tap's schema."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standpipe_maps._kit.json_types import JsonValue

JsonSchema: TypeAlias = "Mapping[str, JsonValue]"

EVERY = "*"
"""The value that replaces all names in a setting with a list of names."""
TEXT: JsonSchema = {"type": ["string", "null"]}
DATE: JsonSchema = {"type": ["string", "null"], "format": "date-time"}
NUMBER: JsonSchema = {"type": ["number", "null"]}
WHOLE: JsonSchema = {"type": ["integer", "null"]}
YES_NO: JsonSchema = {"type": ["boolean", "null"]}
TYPES: Mapping[str, JsonSchema] = {"string": TEXT, "integer": WHOLE, "number": NUMBER, "boolean": YES_NO}
PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
}
TO_TEXT: Mapping[type, Callable[[JsonValue], str]] = {
    str: str,
    int: str,
    float: repr,
    Decimal: "{:f}".format,
    bool: lambda yes: "true" if yes else "false",
}


def find_single_type(prop: JsonSchema) -> str | None:
    """Return the only JSON type of a property besides null; None for none, several, a list or an object."""
    types = prop.get("type", ())
    single = [one for one in ([types] if isinstance(types, str) else types) if one != "null"]
    return single[0] if len(single) == 1 and single[0] in TYPES else None


def allows_other_fields(schema: JsonSchema) -> bool:
    """Return whether a record may have fields that its schema does not list."""
    return schema.get("additionalProperties", True) is not False


def format_time(seconds: int | None) -> str | None:
    """Return Unix seconds as a date-time in UTC.

    Raises:
        ValueError, OverflowError, OSError: the calendar has no such time.
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
