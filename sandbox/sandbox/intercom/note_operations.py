"""The operations on notes, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import answers
from sandbox.intercom.errors import Refusal, parameter_invalid, parameter_missing
from sandbox.intercom.library_staff import ADMIN_ID
from sandbox.intercom.operations import Call, Operation

if TYPE_CHECKING:
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.notes import Note

PAGE = (50, 150)
PAGING = frozenset({"page", "per_page"})


def contact_notes(call: Call) -> dict[str, Any]:
    """A page of a contact's notes, the newest first."""
    return _page(call, "contacts", call.workspace.contacts.get(call.path["id"]))


def company_notes(call: Call) -> dict[str, Any]:
    """A page of a company's notes, the newest first."""
    return _page(call, "companies", call.workspace.companies.get(call.path["id"]))


def add_to_contact(call: Call) -> dict[str, Any]:
    """Leave a note on a contact."""
    return _add(call, "contact", call.workspace.contacts.get(call.path["id"]))


def add_to_company(call: Call) -> dict[str, Any]:
    """Leave a note on a company."""
    return _add(call, "company", call.workspace.companies.get(call.path["id"]))


def get(call: Call) -> dict[str, Any]:
    """One note."""
    found = call.workspace.notes.get(call.path["id"])
    if found is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return _shape(call, found)


def _page(call: Call, path: str, owner: Contact | Company) -> dict[str, Any]:
    notes = call.workspace.notes.newest_first(owner.notes)
    return answers.numbered_page(call, f"/{path}/{owner.id}/notes", notes, _shape, PAGE)


def _add(call: Call, model: str, owner: Contact | Company) -> dict[str, Any]:
    body = call.known("body", "admin_id", f"{model}_id")
    if body.get("body") is None:
        raise parameter_missing("body not specified")
    if not isinstance(body["body"], str) or not body["body"].strip():
        raise parameter_invalid("body must be a string", "body")
    author_id = str(body.get("admin_id", ADMIN_ID))
    if call.workspace.library.get("admins", author_id) is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return _shape(call, call.workspace.notes.add(model, owner, author_id, call.now, body["body"]))


def _shape(call: Call, note: Note) -> dict[str, Any]:
    return {
        "type": "note",
        "id": note.id,
        "created_at": note.created_at,
        note.model: {"type": note.model, "id": note.owner_id},
        "author": call.workspace.library.get("admins", note.author_id),
        "body": f"<p>{note.body}</p>",
    }


OPERATIONS = (
    Operation("GET", "/contacts/{id}/notes", contact_notes, PAGING),
    Operation("POST", "/contacts/{id}/notes", add_to_contact),
    Operation("GET", "/companies/{id}/notes", company_notes, PAGING, (2, 15)),
    Operation("POST", "/companies/{id}/notes", add_to_company, since=(2, 16)),
    Operation("GET", "/notes/{id}", get),
)
