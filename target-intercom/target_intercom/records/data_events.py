"""Data events: the records of the stream `events`, and the bodies that Intercom takes. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-events
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.changes import Change
from target_intercom._kit.json_types import JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom._kit.json_types import JsonValue

#: The name of the stream, and the keyword of its schema with the chosen names.
STREAM = "events"
SWITCH = "x-standpipe-moments"
#: The most keys of the metadata. The API's pages say 10, the help pages 20.
MAX_KEYS = 10
LONGEST = 255
_FORBIDDEN = frozenset(".$~`!@#%^&*'{}|\\\"\0")
_LATEST = 253_402_300_800  # the year 10000 in unix seconds
_CURRENCY_LENGTH = 3


class DataEvent(msgspec.Struct, frozen=True):
    """An event of a customer; `created_at` is in unix seconds."""

    event_id: str
    customer_id: str
    event_name: str
    created_at: int
    metadata: JsonObject = {}


class Switch(msgspec.Struct, frozen=True):
    """Which names the source has chosen, and when it began to read; `names` is None if it does not say it."""

    names: tuple[str, ...] | None = None
    read_at: int | None = None


def read_event(record: JsonObject) -> DataEvent | None:
    """Return the event of a record, with metadata within Intercom's limits; None if it is not one."""
    try:
        event = msgspec.convert(record, DataEvent)
    except msgspec.ValidationError:
        return None
    if not (event.event_id and event.customer_id and event.event_name.strip() and 0 < event.created_at < _LATEST):
        return None
    return msgspec.structs.replace(event, metadata=fit_metadata(event.metadata, event.event_id))


def read_switch(schema: Mapping[str, JsonValue]) -> Switch:
    """Return what the SCHEMA says about the chosen names."""
    try:
        return msgspec.convert(schema.get(SWITCH) or {}, Switch)
    except msgspec.ValidationError:
        return Switch()


def fit_metadata(metadata: Mapping[str, JsonValue], event_id: str) -> JsonObject:
    """Return what Intercom can hold of metadata: flat values, short texts, and first the event's id.

    The id proves later which event a listed one is, so it must not be among what Intercom drops.
    """
    fitted = {
        key: fit for key, value in metadata.items() if _fits_key(key) and (fit := _fit_value(key, value)) is not None
    }
    named = next((key for key, value in fitted.items() if value == event_id), "event_id")
    ordered = {named: event_id, **{key: value for key, value in fitted.items() if key != named}}
    return dict(list(ordered.items())[:MAX_KEYS])


def _fits_key(key: str) -> bool:
    return bool(key) and not _FORBIDDEN.intersection(key)


def _fit_value(key: str, value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return value if _is_link(value) or _is_amount(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN
        return None
    return None if key.endswith("_date") and not isinstance(value, int) else value


def _is_link(value: JsonObject) -> bool:
    if value.keys() != {"url", "value"} or not all(isinstance(one, str) for one in value.values()):
        return False
    return str(value["url"]).startswith(("http://", "https://"))


def _is_amount(value: JsonObject) -> bool:
    if value.keys() != {"amount", "currency"}:
        return False
    amount, currency = value["amount"], value["currency"]
    is_positive = isinstance(amount, int) and not isinstance(amount, bool) and amount > 0
    return is_positive and isinstance(currency, str) and len(currency) == _CURRENCY_LENGTH


def build_body(event: DataEvent, contact_id: str, second: int) -> JsonObject:
    """Return the body of the request for an event of a contact.

    Args:
        event: the event.
        contact_id: Intercom's id of the contact.
        second: the time that it gets in Intercom, see `writing.event_ledger`.
    """
    return {"event_name": event.event_name, "created_at": second, "id": contact_id, "metadata": event.metadata}


def describe_event(event: DataEvent, second: int) -> dict[str, Change]:
    """Return an event as written fields, for the journal."""
    fields = {"event_name": event.event_name, "created_at": second}
    fields |= {f"metadata.{key}": value for key, value in event.metadata.items()}
    return {name: Change(None, value) for name, value in fields.items()}


def is_listed(event: DataEvent, second: int, name: str, created_at: int, metadata: Mapping[str, JsonValue]) -> bool:
    """Return whether an event that Intercom lists is this one: by name, second and the id in its metadata."""
    return (name, created_at) == (event.event_name, second) and event.event_id in metadata.values()
