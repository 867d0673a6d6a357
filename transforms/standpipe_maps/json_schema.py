"""The JSON types that attributes have: what a tap's schema says of a field, and which values are of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EVERY = "*"
TEXT: Mapping[str, Any] = {"type": ["string", "null"]}
DATE: Mapping[str, Any] = {"type": ["string", "null"], "format": "date-time"}
NUMBER: Mapping[str, Any] = {"type": ["number", "null"]}
WHOLE: Mapping[str, Any] = {"type": ["integer", "null"]}
YES_NO: Mapping[str, Any] = {"type": ["boolean", "null"]}
TYPES: Mapping[str, Mapping[str, Any]] = {"string": TEXT, "integer": WHOLE, "number": NUMBER, "boolean": YES_NO}
PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
}
WORDS: Mapping[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: repr,
    Decimal: "{:f}".format,
    bool: lambda yes: "true" if yes else "false",
}


def type_of(prop: Mapping[str, Any]) -> str | None:
    """The one JSON type that a property has beside null; None when it has none, several, or is no single value."""
    named = prop.get("type", ())
    kinds = [kind for kind in ([named] if isinstance(named, str) else named) if kind != "null"]
    return kinds[0] if len(kinds) == 1 and kinds[0] in TYPES else None


def is_open(schema: Mapping[str, Any]) -> bool:
    """Whether fields may come that the schema says nothing of."""
    return schema.get("additionalProperties", True) is not False


def when(seconds: int | None) -> str | None:
    """Unix seconds as a date-time in UTC.

    Raises:
        ValueError, OverflowError, OSError: it is no time of this calendar.
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
