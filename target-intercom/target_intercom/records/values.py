"""Converts a record's values to the types of their attributes in Intercom. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.json_types import JsonObject, JsonValue
from target_intercom._kit.values import read_boolean, read_float
from target_intercom.records.match_keys import read_identifier
from target_intercom.records.write_options import MAX_STRING, read_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from target_intercom.records.write_options import WriteOptions

#: The greatest `monthly_spend` of a company.
MAX_WHOLE = 2_147_483_647

#: The greatest whole number that all JSON readers handle exactly (RFC 8259, section 6).
MAX_INTEGER = 2**53


class UnfitRecordError(ValueError):
    """No part of a record can be written. The text names only the field."""


class WantedRecord(msgspec.Struct, frozen=True):
    """A record with converted values, as Intercom should have it.

    `cut` counts strings that were too long. `unfit` says for each field why its value cannot be written. Such a value
    is None here, so that an owned attribute is cleared instead of keeping an outdated value.
    """

    identity: str | None
    standard: JsonObject
    attributes: JsonObject
    cut: int = 0
    unfit: dict[str, str] = {}

    def drop_value(self, name: str, reason: str) -> WantedRecord:
        """Return the record without the value of one field, which Intercom refused."""
        attribute = name.partition(".")[2]
        unfit = {**self.unfit, attribute or name: reason}
        if attribute:
            return msgspec.structs.replace(self, attributes={**self.attributes, attribute: None}, unfit=unfit)
        return msgspec.structs.replace(self, standard={**self.standard, name: None}, unfit=unfit)


def build_wanted(record: Mapping[str, JsonValue], link: str | None, options: WriteOptions) -> WantedRecord:
    """Convert a record's values for Intercom.

    Args:
        record: the identity and standard fields of its type at the top, the rest in `custom_attributes`.
        link: the value of the link attribute, from `WriteOptions.read_link`.
        options: the settings and types.

    Raises:
        UnfitRecordError: the value of `custom_attributes` is not an object.
    """
    fitter, source = _Fitter(), dict(read_attributes(record))
    if not source and record.get("custom_attributes"):
        raise UnfitRecordError("the value of `custom_attributes` is not an object")
    if options.link and link:
        source[options.link] = link
    attributes = {
        name: fitter.fit_value(name, options.types[name], value, options.choices.get(name))
        for name, value in source.items()
        # Only the creation decides who created a record, not the input.
        if name in options.types and name != options.created_by
    }
    # An owned attribute without a type in Intercom cannot be written, and must be reported.
    for name in source.keys() - options.types.keys():
        if options.owns_attribute(name) and not is_blank(source[name]) and source[name] not in ([], {}):
            fitter.unfit[name] = "Intercom has no attribute type for this value, or does not accept the name"
    object_type = options.object_type
    standard = {name: fitter.fit_value(name, type_, record.get(name)) for name, type_ in object_type.standard.items()}
    return WantedRecord(
        read_identifier(record.get(object_type.identity)), standard, attributes, fitter.cut, fitter.unfit
    )


def is_blank(value: JsonValue) -> bool:
    """Return whether there is no value: null, or a text of spaces only."""
    return value is None or (isinstance(value, str) and not value.strip())


@dataclass
class _Fitter:
    """Converts values to their types, counts the strings that it cuts, and stores why a value does not fit."""

    cut: int = 0
    unfit: dict[str, str] = field(default_factory=dict)

    def fit_value(
        self, name: str, data_type: str, value: JsonValue, choices: Container[str] | None = None
    ) -> JsonValue:
        """Return the value in Intercom's form; None if there is none or it does not fit."""
        if is_blank(value):
            return None
        try:
            fitted = _READERS[data_type](value)
        except (ValueError, TypeError, OverflowError):
            self.unfit[name] = f"the value is not of the type {data_type}"
            return None
        if data_type == "string" and len(fitted) > MAX_STRING:
            self.cut += 1
            fitted = fitted[:MAX_STRING].rstrip()
        if choices is not None and fitted not in choices:
            self.unfit[name] = "the value is not among the attribute's options in Intercom"
            return None
        return fitted


def _read_string(value: JsonValue) -> str:
    if isinstance(value, (dict, list)):
        raise TypeError
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _read_integer(value: JsonValue) -> int:
    number = int(value)
    if isinstance(value, bool) or number != float(value) or abs(number) > MAX_INTEGER:
        raise ValueError
    return number


def _read_whole_number(value: JsonValue) -> int:
    # The fraction is cut off, as Intercom itself does.
    number = int(read_float(value))
    if number > MAX_WHOLE:
        raise ValueError
    return number


def _read_unix_time(value: JsonValue) -> int:
    """Return Unix seconds from an ISO 8601 text (UTC without a zone) or from a number, which already is."""
    if not isinstance(value, str):
        return _read_integer(value)
    moment = datetime.fromisoformat(value.strip())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


_READERS: Mapping[str, Callable[[JsonValue], JsonValue]] = {
    "string": _read_string,
    "integer": _read_integer,
    "whole number": _read_whole_number,
    "float": read_float,
    "boolean": read_boolean,
    "date": _read_unix_time,
}
