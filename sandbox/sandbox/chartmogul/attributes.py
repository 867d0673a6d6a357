"""Custom attributes: their keys, types and values."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import times
from sandbox.chartmogul.errors import Invalid, wrong_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.json_types import JsonObject

_KEY = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
_LONGEST = 255
_LARGEST = 2**63
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def _read_string(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError
    return value


def _read_integer(value: Any) -> int:
    number = int(value) if isinstance(value, str) else value
    if type(number) is not int or abs(number) >= _LARGEST:
        raise ValueError
    return number


def _read_decimal(value: Any) -> float:
    number = float(value) if isinstance(value, str) else value
    if type(number) not in (int, float) or not math.isfinite(number) or abs(number) >= _LARGEST:
        raise ValueError
    return float(number)


def _read_timestamp(value: Any) -> str:
    return times.format_time(times.parse_time(value)) or ""


def _read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str | int) or str(value).lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[str(value).lower()]


TYPES: dict[str, Callable[[Any], Any]] = {
    "String": _read_string,
    "Integer": _read_integer,
    "Decimal": _read_decimal,
    "Timestamp": _read_timestamp,
    "Boolean": _read_boolean,
}


class Attributes:
    """The customers' custom attributes of one account: type by key, which the first write defines."""

    def __init__(self, *, take_null: bool) -> None:
        self.types: dict[str, str] = {}
        self._take_null = take_null

    def read_new(self, entries: Any) -> JsonObject:
        """Read values by key out of `[{type, key, value}]`; new keys become defined, unless an entry is refused.

        Raises:
            Refusal: 422, it is not a list of objects.
            Invalid: a key, a type or a value is not allowed.
        """
        if not isinstance(entries, list):
            raise wrong_type("custom", entries, "array")
        types, values = dict(self.types), {}
        for entry in entries:
            key, kind, value = _read_entry(entry)
            if types.setdefault(key, kind) != kind:
                raise Invalid({"type": f"The custom attribute {key} is of type {types[key]}, not {kind}."})
            values[key] = self._read(key, kind, value)
        self.types = types
        return values

    def read_known(self, entries: Any) -> JsonObject:
        """Read values by key out of `{key: value}` or `{key: {value, source}}`; keys that are not defined are ignored.

        Raises:
            Refusal: 422, it is not an object.
            Invalid: a value is not of its key's type.
        """
        if not isinstance(entries, dict):
            raise wrong_type("custom", entries, "object")
        values = {key: one.get("value") if isinstance(one, dict) else one for key, one in entries.items()}
        return {key: self._read(key, self.types[key], one) for key, one in values.items() if key in self.types}

    def _read(self, key: str, kind: str, value: Any) -> Any:
        if value is None and self._take_null:
            return None
        try:
            return TYPES[kind](value)
        except ValueError:
            raise Invalid({"value": f"The value of the custom attribute {key} is not a valid {kind}."}) from None


def _read_entry(entry: Any) -> tuple[str, str, Any]:
    if not isinstance(entry, dict):
        raise wrong_type("custom", entry, "object")
    for name in ("type", "key", "value"):
        if name not in entry:
            raise Invalid({name: f"A {name} is required for each custom attribute."})
    if not isinstance(entry["type"], str) or entry["type"] not in TYPES:
        raise Invalid({"type": f"The type of a custom attribute is one of {', '.join(TYPES)}."})
    if not isinstance(entry["key"], str) or not _KEY.fullmatch(entry["key"]):
        raise Invalid({"key": "The key of a custom attribute holds letters, digits and underscores only."})
    return entry["key"], entry["type"], entry["value"]


class ContactAttributes:
    """The contacts' custom attributes: what is not defined in the account is dropped without an error.

    Args:
        defined: the keys, separated by commas; `*` means all.
    """

    def __init__(self, defined: str) -> None:
        self._all = defined == "*"
        self._defined = frozenset(defined.split(","))

    def read_defined(self, entries: Any) -> JsonObject:
        """Return the values by key from `[{key, value}]`.

        Raises:
            Refusal: 422, it is not a list of objects with a key and a plain value.
        """
        if not isinstance(entries, list):
            raise wrong_type("custom", entries, "array")
        pairs = [_read_pair(entry) for entry in entries]
        return {key: value for key, value in pairs if self._all or key in self._defined}


def _read_pair(entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, dict):
        raise wrong_type("custom", entry, "object")
    key, value = entry.get("key"), entry.get("value")
    if not isinstance(key, str):
        raise wrong_type("custom/key", key, "string")
    if isinstance(value, dict | list):
        raise wrong_type("custom/value", value, "string")
    return key, value


def read_tags(body: Mapping[str, Any]) -> list[str]:
    """Read the tags of a body.

    Raises:
        Refusal: 422, not a list of texts.
    """
    tags = body.get("tags")
    if not isinstance(tags, list):
        raise wrong_type("tags", tags, "array")
    for tag in tags:
        if not isinstance(tag, str):
            raise wrong_type("tags", tag, "string")
    return list(dict.fromkeys(tags))
