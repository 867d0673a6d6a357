"""Custom attributes of companies and contacts, typed as the tap's schema declares them.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import (
    DATE,
    EVERY,
    PYTHON_TYPES,
    TEXT,
    TO_TEXT,
    TYPES,
    allows_other_fields,
    find_single_type,
    format_time,
)
from standpipe_maps.leads.rules import find_collision, make_attribute_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.json_schema import JsonSchema

UNIX = "unix-time"
LARGEST = 2**63 - 1


class Attribute(NamedTuple):
    """A custom attribute of Intercom, and its form in ChartMogul."""

    name: str
    key: str
    type: JsonSchema
    """Its JSON schema in ChartMogul's record."""
    read: Callable[[JsonValue], JsonValue]
    """Returns its value from the one in Intercom's record, or raises ValueError for another type."""


def select_attributes(setting: str, names: Sequence[str], stream: str, schema: JsonSchema) -> tuple[Attribute, ...]:
    """Return the attributes in a setting, sorted by name.

    Args:
        setting: the setting's name.
        names: names of attributes; `*` means all that the schema declares with a single type.
        stream: the stream with the attributes.
        schema: the schema of the stream.

    Raises:
        UserError: a named attribute is not declared, or is not a single value; or two attributes would have one key.
    """
    declared = _find_declarations(schema) or {}
    every = [name for name, prop in declared.items() if _make_typed_attribute(name, prop)] if EVERY in names else []
    chosen = sorted({*every, *(name for name in names if name != EVERY)})
    check_keys(setting, chosen)
    return tuple(_make_attribute(setting, name, stream, schema) for name in chosen)


def check_keys(setting: str, names: Sequence[str]) -> None:
    """Check that no two names have the same key in ChartMogul.

    Raises:
        UserError: two names have the same key.
    """
    if found := find_collision(names):
        one, other = found
        raise UserError(
            f"`{setting}` selects `{one}` and `{other}`, which would both be `{make_attribute_key(one)}` in "
            "ChartMogul: list the attributes by name, with only one of the two."
        )


def read_value(attribute: Attribute | None, found: Mapping[str, JsonValue] | None) -> tuple[JsonValue, bool]:
    """Return an attribute's value, or null if its type does not fit, and whether it fits."""
    raw = (found or {}).get(attribute.name) if attribute else None
    if attribute is None or raw is None:
        return None, True
    try:
        return attribute.read(raw), True
    except (ValueError, OverflowError, OSError):
        return None, False


def read_values(attributes: Sequence[Attribute], found: Mapping[str, JsonValue] | None) -> tuple[JsonObject, bool]:
    """Return the values by key, null for missing ones, and whether the types of all fit."""
    read = [(one.key, *read_value(one, found)) for one in attributes]
    return {key: one for key, one, _ in read}, all(fits for _, _, fits in read)


def _find_declarations(schema: JsonSchema) -> Mapping[str, JsonValue] | None:
    """Return the schemas of the attributes by name; None if the tap's schema does not list them."""
    properties = schema.get("properties", {})
    customs: Mapping[str, JsonValue] = properties.get("custom_attributes", {})
    if "properties" in customs:
        declared: Mapping[str, JsonValue] = customs["properties"]
        return declared
    return None if allows_other_fields(customs) and (customs or not properties) else {}


def _make_attribute(setting: str, name: str, stream: str, schema: JsonSchema) -> Attribute:
    declared = _find_declarations(schema)
    if declared is None:
        # The tap's schema lists no attributes, so their types are unknown. Text accepts any single value.
        return Attribute(name, make_attribute_key(name), TEXT, _read_as_text)
    if name not in declared:
        # A misspelt name is the usual cause.
        near = get_close_matches(name, declared, n=1)
        meant = f": did you mean `{near[0]}`?" if near else ": remove it, or declare it in Intercom."
        raise UserError(f"`{setting}` names `{name}`, which the tap's stream {stream} does not declare{meant}")
    attribute = _make_typed_attribute(name, declared[name])
    if attribute is None:
        raise UserError(f"`{setting}` names `{name}`, which is not one text, number, date or yes/no: remove it.")
    return attribute


def _make_typed_attribute(name: str, prop: JsonSchema) -> Attribute | None:
    named = find_single_type(prop)
    if named is None:
        return None
    if prop.get("format") == UNIX:
        return make_date_attribute(name)
    kind = DATE if named == "string" and prop.get("format") == "date-time" else TYPES[named]
    return Attribute(name, make_attribute_key(name), kind, _make_reader(named))


def _make_reader(named: str) -> Callable[[JsonValue], JsonValue]:
    fitting = PYTHON_TYPES[named]

    def read(raw: JsonValue) -> JsonValue:
        if type(raw) not in fitting or (type(raw) is int and abs(raw) > LARGEST):
            raise ValueError(named)
        return raw

    return read


def make_date_attribute(name: str) -> Attribute:
    """Return the attribute for a date in Unix seconds."""
    return Attribute(name, make_attribute_key(name), DATE, _read_date)


def _read_date(raw: JsonValue) -> str | None:
    if type(raw) is not int:
        raise ValueError(UNIX)
    return format_time(raw)


def _read_as_text(raw: JsonValue) -> str:
    if type(raw) not in TO_TEXT:
        raise ValueError("text")
    return TO_TEXT[type(raw)](raw)
