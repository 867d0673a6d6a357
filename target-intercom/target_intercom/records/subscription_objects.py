"""Subscriptions as custom objects: the records of the stream, and the bodies that Intercom takes. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.changes import Change, Changes
from target_intercom._kit.json_types import JsonObject
from target_intercom.records.attributes import read_declared
from target_intercom.records.payloads import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_intercom._kit.json_types import JsonValue

#: The name of the stream, the keyword of its schema, and the name of the references in the journal.
STREAM = "subscription_objects"
SWITCH = "x-standpipe-objects"
REFERENCES = "object_references"
LONGEST = 255
_TIMES = ("external_created_at", "external_updated_at")
#: The words of Intercom's settings for the types of attributes.
_FORMATS = {
    "string": "Text",
    "float": "Decimal number",
    "integer": "Number",
    "boolean": "True or false",
    "date": "Date",
}


class Subscription(msgspec.Struct, frozen=True):
    """A record of the stream; times in unix seconds."""

    subscription_id: str
    customer_id: str
    external_created_at: int | None = None
    external_updated_at: int | None = None
    custom_attributes: JsonObject = {}


class ObjectOptions(msgspec.Struct, frozen=True):
    """What the source says: the type of the objects, the attribute that refers to them, and whom it sends.

    With `is_whole` it sends every customer, so that the objects of all others are to go.
    """

    type: str
    reference: str
    is_whole: bool = False
    types: dict[str, str] = {}

    def describe_setup(self) -> str:
        """Return what a person must create in Intercom, as no API does it."""
        fields = ", ".join(f"{name} ({_FORMATS[kind]})" for name, kind in self.types.items())
        return (
            f"create the custom object `{self.type}` in Intercom (Settings, Data, Custom objects) with the attributes "
            f"{fields}; and under People an attribute `{self.reference}` that references several `{self.type}`"
        )


def read_options(schema: Mapping[str, JsonValue]) -> ObjectOptions | None:
    """Return what the SCHEMA says; None if it is not of such a stream.

    Raises:
        AttributeConflictError: an attribute has a type that Intercom lacks.
    """
    try:
        options = msgspec.convert(schema.get(SWITCH), ObjectOptions)
    except msgspec.ValidationError:
        return None
    declared = read_declared(schema)
    return msgspec.structs.replace(options, types={name: one.data_type for name, one in declared.items()})


def read_subscription(record: JsonObject, options: ObjectOptions) -> Subscription | None:
    """Return the subscription of a record, its values as Intercom takes them; None if it is not one."""
    try:
        found = msgspec.convert(record, Subscription)
    except msgspec.ValidationError:
        return None
    if not (found.subscription_id and found.customer_id):
        return None
    values = {name: _fit_value(kind, found.custom_attributes.get(name)) for name, kind in options.types.items()}
    return msgspec.structs.replace(found, custom_attributes=values)


def _fit_value(kind: str, value: JsonValue) -> JsonValue:
    """Return a value in the form that Intercom takes: dates as unix seconds, numbers as in JSON, short texts."""
    if kind == "date" and isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return int(value.timestamp())
    # The SDK reads numbers with a fraction as Decimal.
    if isinstance(value, Decimal):
        return float(value)
    return value[:LONGEST] or None if isinstance(value, str) else value


def find_changes(wanted: Mapping[str, JsonValue], known: Mapping[str, JsonValue], options: ObjectOptions) -> Changes:
    """Return the differences from what was last written. When a record was last changed is no difference."""
    return {
        name: Change(known.get(name), value)
        for name, value in wanted.items()
        if not is_same(options.types[name], value, known.get(name))
    }


def build_body(subscription: Subscription, changes: Changes) -> JsonObject:
    """Return the body of the POST."""
    times = {name: getattr(subscription, name) for name in _TIMES}
    return {
        "external_id": subscription.subscription_id,
        **{name: value for name, value in times.items() if value is not None},
        "custom_attributes": {name: change.after for name, change in changes.items()},
    }


def find_missing(changes: Changes, shown: Iterable[str]) -> list[str]:
    """Return the attributes that were written and that Intercom does not show."""
    there = set(shown)
    return [name for name, change in changes.items() if change.after is not None and name not in there]


def read_references(value: JsonValue) -> list[str] | None:
    """Return the ids of the instances that a contact shows; None if it shows nothing that can be read."""
    if isinstance(value, dict):
        value = value.get("instances")
    if not isinstance(value, list):
        return None
    ids = [one.get("id") if isinstance(one, dict) else one for one in value]
    return [one for one in ids if isinstance(one, str)] if all(isinstance(one, str) for one in ids) else None
