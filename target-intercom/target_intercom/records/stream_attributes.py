"""Custom attributes that come without a declared type, and flat fields that become custom attributes."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_intercom.records.attributes import Attribute, AttributeConflictError, is_legal, read_attribute

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: The value of the setting `attributes_from` that takes every field which has no other use.
EVERY_FIELD = "*"


class TypeInference:
    """The types of custom attributes that no schema declares, from all of their values."""

    def __init__(self) -> None:
        self._kinds: defaultdict[str, set[str]] = defaultdict(set)
        self._unusable: set[str] = set()

    def observe(self, attributes: Mapping[str, Any]) -> None:
        """Note the kinds of one record's values."""
        for name, value in attributes.items():
            if kind := _kind(value):
                self._kinds[name].add(kind)
            elif isinstance(value, (list, dict)):
                self._unusable.add(name)

    def attributes(self) -> dict[str, Attribute]:
        """Return an attribute for each name that had a value; values of several kinds are written as text."""
        return {
            name: Attribute(name, _common(kinds), declared=False)
            for name, kinds in sorted(self._kinds.items())
            if is_legal(name)
        }

    def unusable(self) -> set[str]:
        """Return the names of which nothing but lists and objects came."""
        return self._unusable - self._kinds.keys()


class FlatFields:
    """The flat fields of a stream that become custom attributes, under the owned prefix.

    Args:
        chosen: names of fields, or `EVERY_FIELD` alone.
        prefix: the owned prefix; a field that begins with it keeps its name.
        used: fields that have another use, such as the match key.
    """

    def __init__(self, chosen: Collection[str], prefix: str, used: Collection[str]) -> None:
        self._chosen, self._prefix, self._used = chosen, prefix, used
        self._names: dict[str, str] = {}
        self.unusable: list[str] = []  #: declared fields that no attribute of Intercom holds

    def declare(self, properties: Mapping[str, Any]) -> dict[str, Attribute]:
        """Return the attributes of the chosen fields among the properties of a stream's schema.

        Raises:
            AttributeConflictError: a field that is chosen by its name is an object or an array.
        """
        everything = EVERY_FIELD in self._chosen
        found = {}
        for field, schema in properties.items():
            if field in self._used or not (everything or field in self._chosen):
                continue
            name = field if field.startswith(self._prefix) else self._prefix + field
            try:
                attribute = read_attribute(name, schema)
            except AttributeConflictError:
                if field in self._chosen:
                    raise
                self.unusable.append(field)
                continue
            if not is_legal(name) and field not in self._chosen:
                self.unusable.append(field)
                continue
            found[name] = attribute
            self._names[field] = name
        return found

    def lift(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record with its chosen fields under `custom_attributes`; what stands there already wins."""
        if not self._names:
            return record
        lifted = {name: record[field] for field, name in self._names.items() if field in record}
        own = record.get("custom_attributes")
        return {**record, "custom_attributes": {**lifted, **own} if isinstance(own, dict) else lifted}

    def names(self) -> set[str]:
        """Return the fields that become attributes."""
        return set(self._names)


def _kind(value: Any) -> str | None:
    """Return the type of a value; None when it has none, or when no attribute holds it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal)):
        return "float"
    return "string" if isinstance(value, str) and value.strip() else None


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"integer", "float"} else "string"
