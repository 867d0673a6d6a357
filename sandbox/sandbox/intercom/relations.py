"""Writes of tags, and of notes of contacts and companies.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sandbox.intercom.errors import parameter_invalid, parameter_missing
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.workspace import ADMIN_ID

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject, JsonValue

NO_TAG = ("tag_not_found", "Tag not found")
INVALID_TAG = "invalid tag parameters"


def save_tag(call: Call) -> JsonObject:
    """Create or rename a tag, and return it."""
    body = call.read_body("id", "name")
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise parameter_invalid(INVALID_TAG)
    if "id" not in body:
        return call.workspace.name_tag(name)
    tag = call.find_document("tags", _read_id(body["id"]), *NO_TAG)
    tag["name"] = name
    return tag


def delete_tag(call: Call) -> JsonObject:
    """Delete a tag, also from all records that have it; the reply is empty."""
    call.workspace.delete_tag(call.find_document("tags", call.path["id"], *NO_TAG)["id"], call.now)
    return {}


def add_tag(call: Call) -> JsonObject:
    """Add a tag to a contact."""
    return _tag(call, call.read_body("id").get("id"), on=True)


def remove_tag(call: Call) -> JsonObject:
    """Remove a tag from a contact."""
    return _tag(call, call.path["tag_id"], on=False)


def _tag(call: Call, tag_id: JsonValue, *, on: bool) -> JsonObject:
    contact, tag = call.contact, call.find_document("tags", _read_id(tag_id), *NO_TAG)
    call.workspace.tag(contact, tag["id"], call.now, "API", on=on)
    return tag


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


OPERATIONS = (
    Operation("POST", "/tags", save_tag),
    Operation("DELETE", "/tags/{id}", delete_tag),
    Operation("POST", "/contacts/{id}/tags", add_tag),
    Operation("DELETE", "/contacts/{id}/tags/{tag_id}", remove_tag),
    Operation("POST", "/contacts/{id}/notes", partial(add_note, model="contact")),
    Operation("POST", "/companies/{id}/notes", partial(add_note, model="company"), since=(2, 16)),
)
