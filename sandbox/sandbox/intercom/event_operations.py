"""The operations on data events.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-events
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.intercom.errors import parameter_invalid, parameter_missing, refuse
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.paging import read_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.data_events import DataEvent
    from sandbox.json_types import JsonObject, JsonValue

LONGEST = 255
"""The most characters of a text in the metadata."""
SIZES = (50, 150)
"""Default and largest page size; the real ones are not documented."""
_FORBIDDEN = frozenset(".$~`!@#%^&*'{}|\\\"\0")
"""Characters that no metadata key has."""
_OBJECTS = ({"url", "value"}, {"amount", "currency"})
"""The members of a rich link and of a monetary amount."""


def create_event(call: Call) -> None:
    """Take an event of a contact that exists."""
    body = call.read_body("event_name", "created_at", "id", "user_id", "email", "metadata")
    name, created_at, metadata = body.get("event_name"), body.get("created_at"), body.get("metadata") or {}
    if not isinstance(name, str) or not name.strip():
        raise parameter_missing("event_name must be supplied")
    if type(created_at) is not int or created_at < 0:
        raise parameter_invalid("created_at must be a valid Unix timestamp", "created_at")
    if not isinstance(metadata, dict):
        raise parameter_invalid("metadata must be an object", "metadata")
    for key, value in metadata.items():
        _check_metadata(key, value)
    contact = _find_contact(call, {"id": body.get("id"), **body})
    call.workspace.data_events.add(contact.id, name, created_at, metadata, call.now)


def _check_metadata(key: str, value: JsonValue) -> None:
    if not key or _FORBIDDEN.intersection(key):
        raise parameter_invalid(f"metadata has an invalid key {key!r}", "metadata")
    if isinstance(value, str):
        is_valid = len(value) <= LONGEST
    elif isinstance(value, dict):
        is_valid = value.keys() in _OBJECTS and _is_flat_object(value)
    else:
        is_valid = isinstance(value, int | float) and (not key.endswith("_date") or type(value) is int)
    if not is_valid:
        raise parameter_invalid(f"metadata has an invalid value for {key}", "metadata")


def _is_flat_object(value: JsonObject) -> bool:
    if "url" in value:
        return all(isinstance(one, str) for one in value.values()) and value["url"].startswith(("http://", "https://"))
    is_amount = type(value["amount"]) is int and value["amount"] > 0
    return is_amount and isinstance(value["currency"], str) and len(value["currency"]) == 3  # noqa: PLR2004 - ISO 4217


def list_events(call: Call) -> JsonObject:
    """Return a page of a contact's events, the newest first; `pages.next` is the address of the next page."""
    if call.query.get("type") != "user":
        raise parameter_invalid("type must be user", "type")
    contact = _find_contact(call, {**call.query, "id": call.query.get("intercom_user_id")})
    count = read_count(call.query.get("per_page"), "per_page", *SIZES)
    before = read_count(call.query["before"], "before", 0) if "before" in call.query else 0
    found = call.workspace.data_events.list_visible(contact.id, call.now)
    # The cursor is the place of the next event, as a time would lose events of the same second.
    rest = found[before:]
    pages: JsonObject = {"since": None}
    if len(rest) > count:
        query = urlencode({**call.query, "before": before + count})
        pages["next"] = f"{call.base}/events?{query}"
    return {
        "type": "event.list",
        "events": [_show_event(contact, one) for one in rest[:count]],
        "pages": pages,
    }


def _show_event(contact: Contact, event: DataEvent) -> JsonObject:
    return {
        "type": "event",
        "id": event.id,
        "created_at": event.created_at,
        "event_name": event.name,
        "user_id": contact.document["external_id"],
        "email": contact.document["email"],
        "intercom_user_id": contact.id,
        "metadata": event.metadata,
    }


def _find_contact(call: Call, names: Mapping[str, JsonValue]) -> Contact:
    """Return the contact by Intercom's id, the user's external id or the user's e-mail, or raise a Refusal: 404."""
    contacts = call.workspace.contacts
    if names.get("id") is not None:
        return contacts.get(str(names["id"]))
    if names.get("user_id") is not None:
        return contacts.find_user(str(names["user_id"]))
    if names.get("email") is None:
        raise parameter_missing("No identifier was supplied")
    for one in contacts.live():
        if one.is_user and (one.document["email"] or "").lower() == str(names["email"]).lower():
            return one
    raise refuse("no contact")


IDENTIFIERS = frozenset({"user_id", "email", "intercom_user_id"})
OPERATIONS = (
    Operation("POST", "/events", create_event, status=202),
    Operation("GET", "/events", list_events, IDENTIFIERS | {"type", "per_page", "before"}),
)
