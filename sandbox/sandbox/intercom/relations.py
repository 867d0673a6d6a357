"""Writes of tags, notes and subscriptions of contacts, companies, conversations and tickets.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sandbox.intercom.errors import parameter_invalid, parameter_missing, refuse
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.workspace import ADMIN_ID

if TYPE_CHECKING:
    from sandbox.intercom.companies import Company
    from sandbox.intercom.records import Record
    from sandbox.json_types import JsonObject, JsonValue

NO_TAG = ("tag_not_found", "Tag not found")
INVALID_TAG = "invalid tag parameters"
WITH_ADMIN = frozenset({"admin_id"})
"""The field that names the admin who tags a conversation or ticket."""


def save_tag(call: Call) -> JsonObject:
    """Create or rename a tag, or add it to or remove it from companies or users; always return the tag."""
    body = call.read_body("id", "name", "companies", "users")
    name = body.get("name")
    if not isinstance(name, str) or not name.strip() or {"companies", "users"} <= body.keys():
        raise parameter_invalid(INVALID_TAG)
    companies = _read_entries(body, "companies", "id", "company_id")
    users = _read_entries(body, "users", "id")
    # All records are looked up first, so that a refusal creates no tag.
    records: list[tuple[Record, JsonObject]] = [(_find_company(call, one), one) for one in companies]
    records += [(call.workspace.contacts.get(_read_id(one["id"])), one) for one in users]
    if "id" in body:
        tag = call.find_document("tags", _read_id(body["id"]), *NO_TAG)
        tag["name"] = name
    else:
        tag = call.workspace.name_tag(name)
    for record, entry in records:
        call.workspace.tag(record, tag["id"], call.now, "API", on=not entry.get("untag"))
    return tag


def delete_tag(call: Call) -> JsonObject:
    """Delete a tag, also from all records that have it; the reply is empty."""
    call.workspace.delete_tag(call.find_document("tags", call.path["id"], *NO_TAG)["id"], call.now)
    return {}


def add_tag(call: Call, owner: str) -> JsonObject:
    """Add a tag to the record in the path."""
    record = getattr(call, owner)
    body = call.read_body("id", *(() if owner == "contact" else WITH_ADMIN))
    if owner != "contact":
        call.find_admin(_read_id(body.get("admin_id")))
    return _tag(call, record, body.get("id"), on=True)


def remove_tag(call: Call, owner: str) -> JsonObject:
    """Remove a tag from the record in the path."""
    return _tag(call, getattr(call, owner), call.path["tag_id"], on=False)


def _tag(call: Call, record: Record, tag_id: JsonValue, *, on: bool) -> JsonObject:
    tag = call.find_document("tags", _read_id(tag_id), *NO_TAG)
    call.workspace.tag(record, tag["id"], call.now, "API", on=on)
    return tag


def _read_entries(body: JsonObject, key: str, *names: str) -> list[JsonObject]:
    entries = body.get(key, [])
    fits = isinstance(entries, list) and all(isinstance(one, dict) for one in entries)
    if not fits or any(not one.keys() <= {*names, "untag"} or not one.keys() & {*names} for one in entries):
        raise parameter_invalid(INVALID_TAG)
    return list(entries)


def _find_company(call: Call, entry: JsonObject) -> Company:
    if "id" in entry:
        return call.workspace.companies.get(_read_id(entry["id"]))
    return call.workspace.companies.find("company_id", _read_id(entry["company_id"]))


def _read_id(value: JsonValue) -> str:
    """Return an id, which may be digits or a number, because the vendor's examples have both."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise parameter_invalid(INVALID_TAG)
    return str(value)


def add_note(call: Call, model: str) -> JsonObject:
    """Leave a note on a contact or company."""
    owner = getattr(call, model)
    body = call.read_body("body", "admin_id", f"{model}_id")
    if body.get("body") is None:
        raise parameter_missing("body not specified")
    if not isinstance(body["body"], str) or not body["body"].strip():
        raise parameter_invalid("body must be a string", "body")
    author = call.find_document("admins", body.get("admin_id", ADMIN_ID))
    return call.workspace.add_note(model, owner, author["id"], call.now, body["body"])


def subscribe(call: Call) -> JsonObject:
    """Store a contact's consent or objection."""
    contact, body = call.contact, call.read_body("id", "consent_type")
    consent = call.read_choice("consent_type", ("opt_in", "opt_out"))
    found = call.find_document("subscription_types", body.get("id"))
    call.workspace.subscribe(contact, found["id"], consent, call.now)
    return found


def unsubscribe(call: Call) -> JsonObject:
    """Remove a contact's consent or objection to a subscription type."""
    contact, found = call.contact, call.find_document("subscription_types", call.path["subscription_id"])
    # A consent that does not exist cannot be removed.
    if found["id"] not in (contact.subscriptions or ()):
        raise refuse("no document")
    call.workspace.subscribe(contact, found["id"], None, call.now)
    return found


OPERATIONS = (
    Operation("POST", "/tags", save_tag),
    Operation("DELETE", "/tags/{id}", delete_tag),
    Operation("POST", "/contacts/{id}/tags", partial(add_tag, owner="contact")),
    Operation("POST", "/conversations/{id}/tags", partial(add_tag, owner="conversation")),
    Operation("POST", "/tickets/{id}/tags", partial(add_tag, owner="ticket"), since=(2, 9)),
    Operation("DELETE", "/contacts/{id}/tags/{tag_id}", partial(remove_tag, owner="contact")),
    Operation(
        "DELETE", "/conversations/{id}/tags/{tag_id}", partial(remove_tag, owner="conversation"),
        deleted_with=WITH_ADMIN,
    ),
    Operation(
        "DELETE", "/tickets/{id}/tags/{tag_id}", partial(remove_tag, owner="ticket"), since=(2, 9),
        deleted_with=WITH_ADMIN,
    ),
    Operation("POST", "/contacts/{id}/notes", partial(add_note, model="contact")),
    Operation("POST", "/companies/{id}/notes", partial(add_note, model="company"), since=(2, 16)),
    Operation("POST", "/contacts/{id}/subscriptions", subscribe),
    Operation("DELETE", "/contacts/{id}/subscriptions/{subscription_id}", unsubscribe),
)  # fmt: skip
