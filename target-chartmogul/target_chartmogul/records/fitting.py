"""Converts a record's values to ChartMogul's types. Pure.

https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from target_chartmogul.records.object_types import CUSTOMER, ContactType, CustomerType
from target_chartmogul.records.remote import CUSTOM
from target_chartmogul.records.values import MAX_STRING, fit_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.records.remote import RemoteRecord

_JSON_TYPES = {"string": "String", "integer": "Integer", "number": "Decimal", "boolean": "Boolean"}
# ChartMogul also shows names with spaces from its application, but its API accepts only these characters.
_LEGAL_KEY = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)


class DeclaredAttributes(NamedTuple):
    """The custom attributes of a stream: by key the type, or the reason why ChartMogul cannot store it."""

    types: dict[str, str]
    unfit: dict[str, str]


@dataclass(frozen=True)
class WriteOptions:
    """How the records of a stream are written.

    Args:
        types: by custom attribute, its type in ChartMogul.
        object_type: customers or contacts.
        write_all: on a customer that another data source shares, also write the fields that a billing system writes.
    """

    types: Mapping[str, str]
    object_type: CustomerType | ContactType = CUSTOMER
    write_all: bool = False

    def find_type(self, name: str) -> str:
        """Return the type of a field, custom attribute or tag."""
        if name.startswith(CUSTOM):
            return self.types[name.removeprefix(CUSTOM)]
        return self.object_type.fields.get(name, "tag")

    def may_write(self, name: str, remote: RemoteRecord) -> bool:
        """Return whether to write a field of a record that another data source may share."""
        if not remote.is_shared or "." in name:
            return True
        if name in self.object_type.fields_set_once:
            return not remote.values.get(name)
        return self.write_all or name in self.object_type.shared_fields


@dataclass(frozen=True)
class Wanted:
    """The values that ChartMogul should have.

    Args:
        values: by field; None clears a custom attribute.
        unfit: a sentence for each field whose value has a wrong type.
        cut: the number of texts that were too long.
    """

    values: Mapping[str, JsonValue]
    unfit: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


def fit_record(record: JsonObject, options: WriteOptions) -> Wanted:
    """Convert the values of a record to their types. An empty field is left out, so that ChartMogul keeps its value."""
    values: dict[str, JsonValue] = {}
    unfit: dict[str, str] = {}
    cut = 0
    for name, data_type, value in options.object_type.list_values(record, options.types):
        try:
            fitted = fit_value(data_type, value)
        except (ValueError, TypeError, OverflowError):
            # One wrong value must not prevent the writing of the others.
            unfit[name] = f"the value is not of the type {data_type}"
            continue
        if fitted is not None or name.startswith(CUSTOM):
            values[name] = fitted
        cut += data_type == "String" and value is not None and len(str(value).strip()) > MAX_STRING
    return Wanted(values, unfit, cut)


def read_declared(schema: JsonObject, object_type: CustomerType | ContactType) -> DeclaredAttributes:
    """Return the custom attributes in a stream's JSON schema."""
    for level in object_type.custom_at:
        schema = schema.get("properties", {}).get(level, {})
    types: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for key, property_ in schema.get("properties", {}).items():
        data_type = _find_data_type(property_)
        if not _LEGAL_KEY.fullmatch(key):
            unfit[key] = "ChartMogul's keys hold letters, digits and underscores only"
        elif data_type is None:
            unfit[key] = "ChartMogul's attributes hold text, numbers, booleans and dates only"
        else:
            types[key] = data_type
    return DeclaredAttributes(types, unfit)


def _find_data_type(schema: JsonObject) -> str | None:
    types = schema.get("type", "string")
    known = {one for one in ([types] if isinstance(types, str) else types) if one != "null"}
    if schema.get("format") in {"date", "date-time"}:
        return "Timestamp"
    if known == {"integer", "number"}:
        return "Decimal"
    return _JSON_TYPES.get(next(iter(known))) if len(known) == 1 else None
