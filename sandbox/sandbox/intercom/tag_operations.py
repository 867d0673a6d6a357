"""The operations on tags, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import Refusal, parameter_invalid
from sandbox.intercom.operations import Call, Operation

if TYPE_CHECKING:
    from sandbox.intercom.companies import Company
    from sandbox.intercom.records import Record

INVALID = "invalid tag parameters"


def listed(call: Call) -> dict[str, Any]:
    """Every tag."""
    return {"type": "list", "data": [one.shape() for one in call.workspace.tags.all()]}


def get(call: Call) -> dict[str, Any]:
    """One tag."""
    return call.workspace.tags.get(call.path["id"]).shape()


def save(call: Call) -> dict[str, Any]:
    """Make a tag, rename one, or hang one on companies or users, or take it off; the answer is always the tag."""
    body = call.known("id", "name", "companies", "users")
    name = body.get("name")
    if not isinstance(name, str) or not name.strip() or {"companies", "users"} <= body.keys():
        raise parameter_invalid(INVALID)
    marked = _marked(call, body)
    tag = call.workspace.tags.get(_id(body["id"])) if "id" in body else call.workspace.tags.named(name)
    tag.name = name if "id" in body else tag.name
    for record, untag in marked:
        call.workspace.tag(record, tag, call.now, "API", on=not untag)
    return tag.shape()


def delete(call: Call) -> dict[str, Any]:
    """Remove a tag from all that bear it, and then for ever; the answer is empty."""
    tag = call.workspace.tags.get(call.path["id"])
    call.workspace.delete_tag(tag, call.now)
    return {}


def contact_tags(call: Call) -> dict[str, Any]:
    """The tags of a contact."""
    return _list(call, call.workspace.contacts.get(call.path["id"]))


def tag_contact(call: Call) -> dict[str, Any]:
    """Hang a tag on a contact."""
    return _hang(call, call.workspace.contacts.get(call.path["id"]))


def untag_contact(call: Call) -> dict[str, Any]:
    """Take a tag off a contact."""
    return _take_off(call, call.workspace.contacts.get(call.path["id"]))


def tag_conversation(call: Call) -> dict[str, Any]:
    """Hang a tag on a conversation."""
    return _hang(call, call.workspace.conversations.get(call.path["id"]), "admin_id")


def untag_conversation(call: Call) -> dict[str, Any]:
    """Take a tag off a conversation."""
    return _take_off(call, call.workspace.conversations.get(call.path["id"]))


def tag_ticket(call: Call) -> dict[str, Any]:
    """Hang a tag on a ticket."""
    return _hang(call, call.workspace.tickets.get(call.path["id"]), "admin_id")


def untag_ticket(call: Call) -> dict[str, Any]:
    """Take a tag off a ticket."""
    return _take_off(call, call.workspace.tickets.get(call.path["id"]))


def _list(call: Call, record: Record) -> dict[str, Any]:
    return {"type": "list", "data": call.workspace.tags.shapes(record.document.get("tags", ()))}


def _hang(call: Call, record: Record, *needed: str) -> dict[str, Any]:
    body = call.known("id", *needed)
    if any(call.workspace.library.get("admins", _id(body.get(name))) is None for name in needed):
        raise Refusal(404, "admin_not_found", "Admin not found")
    tag = call.workspace.tags.get(_id(body.get("id")))
    call.workspace.tag(record, tag, call.now, "API", on=True)
    return tag.shape()


def _take_off(call: Call, record: Record) -> dict[str, Any]:
    tag = call.workspace.tags.get(call.path["tag_id"])
    call.workspace.tag(record, tag, call.now, "API", on=False)
    return tag.shape()


def _marked(call: Call, body: dict[str, Any]) -> list[tuple[Record, bool]]:
    """The records that the body names, each with whether the tag is to be taken off."""
    rows: list[tuple[Record, bool]] = [
        (_company(call, one), bool(one.get("untag"))) for one in _entries(body, "companies", "id", "company_id")
    ]
    users = _entries(body, "users", "id")
    return rows + [(call.workspace.contacts.get(_id(one.get("id"))), bool(one.get("untag"))) for one in users]


def _entries(body: dict[str, Any], key: str, *names: str) -> list[dict[str, Any]]:
    entries = body.get(key, [])
    fits = isinstance(entries, list) and all(isinstance(one, dict) for one in entries)
    if not fits or any(not one.keys() <= {*names, "untag"} or not one.keys() & {*names} for one in entries):
        raise parameter_invalid(INVALID)
    return list(entries)


def _company(call: Call, entry: dict[str, Any]) -> Company:
    if "id" in entry:
        return call.workspace.companies.get(_id(entry["id"]))
    return call.workspace.companies.find("company_id", _id(entry["company_id"]))


def _id(value: Any) -> str:
    """An id as digits or a number: the vendor's own examples have both."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise parameter_invalid(INVALID)
    return str(value)


ADMIN = frozenset({"admin_id"})
OPERATIONS = (
    Operation("GET", "/tags", listed),
    Operation("POST", "/tags", save),
    Operation("GET", "/tags/{id}", get),
    Operation("DELETE", "/tags/{id}", delete),
    Operation("GET", "/contacts/{id}/tags", contact_tags),
    Operation("POST", "/contacts/{id}/tags", tag_contact),
    Operation("DELETE", "/contacts/{id}/tags/{tag_id}", untag_contact),
    Operation("POST", "/conversations/{id}/tags", tag_conversation),
    Operation("DELETE", "/conversations/{id}/tags/{tag_id}", untag_conversation, deleted_with=ADMIN),
    Operation("POST", "/tickets/{id}/tags", tag_ticket, since=(2, 9)),
    Operation("DELETE", "/tickets/{id}/tags/{tag_id}", untag_ticket, since=(2, 9), deleted_with=ADMIN),
)
