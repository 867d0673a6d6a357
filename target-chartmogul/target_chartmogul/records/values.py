"""The values of a record in ChartMogul's types: which are declared, how they are converted, when two are equal. Pure.

https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from target_chartmogul._kit.values import read_boolean, read_float
from target_chartmogul.records.object_types import CUSTOMER, ContactType, CustomerType
from target_chartmogul.records.remote import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.records.remote import RemoteRecord

#: The longest text in a custom attribute.
MAX_STRING = 255
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


def fit_value(data_type: str, value: JsonValue) -> JsonValue:
    """Return a value in the form of its type; None if it is empty.

    Raises:
        ValueError, TypeError, OverflowError: it has another type.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _FITTERS[data_type](value)


def is_same(data_type: str, value: JsonValue, remote: JsonValue) -> bool:
    """Return whether a converted value equals ChartMogul's: 49 equals 49.0, dates equal to the second, "" is empty."""
    if value is None or remote is None or remote == "":
        return value is None and (remote is None or remote == "")
    if data_type in {"Integer", "Decimal"}:
        # In Python, True equals 1.
        return not isinstance(remote, bool) and _parse_number(remote) == float(value)
    if data_type == "Timestamp":
        return _parse_second(remote) == _parse_second(value)
    # Their letter case does not matter.
    if data_type in {"e-mail", "code"}:
        return str(remote).casefold() == str(value).casefold()
    return type(value) is type(remote) and bool(value == remote)


def _fit_text(value: JsonValue) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return str(value).strip()


def _fit_integer(value: JsonValue) -> int:
    number = int(value)
    if isinstance(value, bool) or number != float(value):
        raise ValueError
    return number


def _fit_timestamp(value: JsonValue) -> str:
    return _parse_moment(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reject(_: JsonValue) -> None:
    """Reject a value of another kind."""
    raise TypeError


def _parse_moment(value: JsonValue) -> datetime:
    """Return the time in an ISO 8601 text. Without a zone it is in UTC."""
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_second(value: JsonValue) -> int | None:
    try:
        return int(_parse_moment(value).timestamp())
    except (ValueError, TypeError):
        return None


def _parse_number(value: JsonValue) -> float | None:
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


_FITTERS: dict[str, Callable[[JsonValue], JsonValue]] = {
    "text": _fit_text,
    "e-mail": _fit_text,
    "code": lambda value: _fit_text(value).upper(),
    "tag": lambda value: value,
    "object": _reject,
    "list of texts": _reject,
    "String": lambda value: _fit_text(value)[:MAX_STRING].rstrip(),
    "Integer": _fit_integer,
    "Decimal": read_float,
    "Boolean": read_boolean,
    "Timestamp": _fit_timestamp,
}
