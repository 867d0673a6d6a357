"""Custom attributes of companies and contacts, typed as the tap's schema declares them.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import DATE, EVERY, PYTHON, TEXT, TYPES, WORDS, is_open, type_of, when
from standpipe_maps.leads.rules import attribute_key, collision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNIX = "unix-time"
LARGEST = 2**63 - 1


class Attribute(NamedTuple):
    """A custom attribute of Intercom's, and what becomes of it."""

    name: str
    key: str
    type: Mapping[str, Any]
    """Its JSON schema in ChartMogul's record."""
    read: Callable[[Any], Any]
    """Its value from what stands in Intercom's record; raises ValueError for what is not of its type."""


def select(setting: str, names: Sequence[str], stream: str, schema: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """The attributes that a setting names, in the order of their names.

    Args:
        setting: its name.
        names: of attributes; `*` is every one that the schema declares with a single type.
        stream: whose attributes they are.
        schema: of the stream.

    Raises:
        UserError: an attribute that is named is not declared, or is no single value; two would have one key.
    """
    declared = _declared(schema) or {}
    every = [name for name, prop in declared.items() if _typed(name, prop)] if EVERY in names else []
    chosen = sorted({*every, *(name for name in names if name != EVERY)})
    check_keys(setting, chosen)
    return tuple(_attribute(setting, name, stream, schema) for name in chosen)


def check_keys(setting: str, names: Sequence[str]) -> None:
    """Refuse names of which two would have one key in ChartMogul.

    Raises:
        UserError: they would.
    """
    if found := collision(names):
        one, other = found
        raise UserError(
            f"`{setting}` takes `{one}` and `{other}`, which would both be `{attribute_key(one)}` in ChartMogul: "
            "name the attributes, and only one of the two."
        )


def value(attribute: Attribute | None, found: Mapping[str, Any] | None) -> tuple[Any, bool]:
    """What a record's attributes hold of one, null when it is unfit; and whether it is of the attribute's type."""
    raw = (found or {}).get(attribute.name) if attribute else None
    if attribute is None or raw is None:
        return None, True
    try:
        return attribute.read(raw), True
    except (ValueError, OverflowError, OSError):
        return None, False


def values(attributes: Sequence[Attribute], found: Mapping[str, Any] | None) -> tuple[dict[str, Any], bool]:
    """The values by key, null where there is none; and whether all were of their types."""
    read = [(one.key, *value(one, found)) for one in attributes]
    return {key: one for key, one, _ in read}, all(fits for _, _, fits in read)


def _declared(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schemas of the attributes by name; None when another tap's schema says nothing of them."""
    properties = schema.get("properties", {})
    customs: Mapping[str, Any] = properties.get("custom_attributes", {})
    if "properties" in customs:
        declared: Mapping[str, Any] = customs["properties"]
        return declared
    return None if is_open(customs) and (customs or not properties) else {}


def _attribute(setting: str, name: str, stream: str, schema: Mapping[str, Any]) -> Attribute:
    declared = _declared(schema)
    if declared is None:
        # What they are only the workspace's owner knows.
        return Attribute(name, attribute_key(name), TEXT, _words)
    if name not in declared:
        near = get_close_matches(name, declared, n=1)
        meant = f": is `{near[0]}` meant?" if near else ": take it out, or declare it in Intercom."
        raise UserError(f"`{setting}` names `{name}`, which the tap's stream {stream} does not declare{meant}")
    attribute = _typed(name, declared[name])
    if attribute is None:
        raise UserError(f"`{setting}` names `{name}`, which is not one text, number, date or yes/no: take it out.")
    return attribute


def _typed(name: str, prop: Mapping[str, Any]) -> Attribute | None:
    named = type_of(prop)
    if named is None:
        return None
    if prop.get("format") == UNIX:
        return unix_date(name)
    kind = DATE if named == "string" and prop.get("format") == "date-time" else TYPES[named]
    return Attribute(name, attribute_key(name), kind, _of_type(named))


def _of_type(named: str) -> Callable[[Any], Any]:
    fitting = PYTHON[named]

    def read(raw: Any) -> Any:
        if type(raw) not in fitting or (type(raw) is int and abs(raw) > LARGEST):
            raise ValueError(named)
        return raw

    return read


def unix_date(name: str) -> Attribute:
    """A date that stands in unix seconds."""
    return Attribute(name, attribute_key(name), DATE, _date)


def _date(raw: Any) -> str | None:
    if type(raw) is not int:
        raise ValueError(UNIX)
    return when(raw)


def _words(raw: Any) -> str:
    if type(raw) not in WORDS:
        raise ValueError("text")
    return WORDS[type(raw)](raw)
