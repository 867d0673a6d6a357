"""The operations on tickets, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import tickets
from sandbox.intercom.errors import Refusal, parameter_invalid
from sandbox.intercom.finding import Finder
from sandbox.intercom.library_staff import ADMIN_ID
from sandbox.intercom.library_tickets import ATTRIBUTES
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.threads import Author, Part

if TYPE_CHECKING:
    from sandbox.intercom.threads import Thread, Threads

SIZES = (20, 150)
FIELDS = (
    {"id": "number in text", "open": "boolean"}
    | dict.fromkeys((
        "title", "description", "category", "ticket_type_id", "admin_assignee_id", "team_assignee_id", "state",
    ), "string")
    | dict.fromkeys(("created_at", "updated_at"), "bounded instant")
    | {"snoozed_until": "instant"}
    | dict.fromkeys(("contact_ids", "teammate_ids", "tag_ids"), "members")
)  # fmt: skip


def _store(call: Call) -> Threads:
    return call.workspace.tickets


FINDER = Finder(_store, lambda _, field: FIELDS.get(field), SIZES)


def search(call: Call) -> dict[str, Any]:
    """A page of the tickets that match a query, with their parts; instants are compared by the second."""
    found = FINDER.search(call)
    shown = [tickets.shape(call.workspace, one, call.version) for one in found.records]
    return {"type": "ticket.list", "pages": found.pages, "total_count": found.total, "tickets": shown}


def get(call: Call) -> dict[str, Any]:
    """One ticket with its parts."""
    return _shape(call, _store(call).get(call.path["id"]))


def create(call: Call) -> dict[str, Any]:
    """A new ticket of a type, for one contact."""
    body = call.known(
        "ticket_type_id", "contacts", "ticket_attributes", "conversation_to_link_id", "skip_notifications"
    )
    type_id = str(body.get("ticket_type_id"))
    if call.workspace.library.get("ticket_types", type_id) is None:
        raise Refusal(404, "resource_not_found", "Ticket type not found")
    linked = body.get("conversation_to_link_id")
    conversation = call.workspace.conversations.get(str(linked)).id if linked is not None else None
    contact_id = _contact_id(call)
    thread = tickets.new_ticket(
        call.workspace, tickets.Request(type_id, contact_id, _texts(body), conversation), call.now
    )
    call.workspace.tell("ticket.created", thread)
    return _shape(call, thread)


def update(call: Call) -> dict[str, Any]:
    """Change its state, its texts, or whether it is open or shared."""
    thread = _store(call).get(call.path["id"])
    body = call.known("ticket_attributes", "ticket_state_id", "open", "is_shared", "admin_id")
    facts: dict[str, Any] = {name: body[name] for name in ("open", "is_shared") if name in body}
    if not all(isinstance(one, bool) for one in facts.values()):
        raise parameter_invalid("open and is_shared must be booleans")
    if "ticket_attributes" in body:
        facts["ticket_attributes"] = thread.document["ticket_attributes"] | _texts(body)
    if "ticket_state_id" in body:
        _move(call, thread, str(body["ticket_state_id"]))
    _store(call).write(thread, call.now, **facts)
    return _shape(call, thread)


def reply(call: Call) -> dict[str, Any]:
    """An admin answers with a comment or a note."""
    thread = _store(call).get(call.path["id"])
    body = call.known("message_type", "type", "body", "admin_id")
    if body.get("message_type") not in ("comment", "note") or not isinstance(body.get("body"), str):
        raise parameter_invalid("message_type must be one of: comment, note, and body a string", "message_type")
    part = Part(_store(call).new_id(), body["message_type"], call.now, _admin(call), body["body"])
    _store(call).grow(thread, part)
    call.workspace.tell("ticket.admin.replied", thread)
    return tickets.part_shape(part, thread)


def delete(call: Call) -> dict[str, Any]:
    """Remove for ever."""
    thread = _store(call).get(call.path["id"])
    _store(call).delete(thread)
    for linked in call.workspace.tickets_of.values():
        linked[:] = [one for one in linked if one != thread.id]
    return {"id": thread.id, "object": "ticket", "deleted": True}


def _move(call: Call, thread: Thread, state_id: str) -> None:
    if call.workspace.library.get("ticket_states", state_id) is None:
        raise parameter_invalid("ticket_state_id is not the id of a ticket state", "ticket_state_id")
    tickets.to_state(call.workspace, thread, state_id, _admin(call), call.now)
    call.workspace.tell("ticket.state.updated", thread)


def _contact_id(call: Call) -> str:
    entries = call.body.get("contacts")
    one = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    if not isinstance(one, dict) or not isinstance(one.get("id"), str):
        raise parameter_invalid("contacts must be an array of one object with an id", "contacts")
    return call.workspace.contacts.get(call.only(one, "id")["id"]).id


def _texts(body: dict[str, Any]) -> dict[str, Any]:
    texts = body.get("ticket_attributes", {})
    names = {name for name, _, _ in ATTRIBUTES}
    if not isinstance(texts, dict) or not texts.keys() <= names:
        raise parameter_invalid("ticket_attributes must be an object of the ticket type's attributes")
    return texts


def _admin(call: Call) -> Author:
    found = call.workspace.library.get("admins", str(call.body.get("admin_id", ADMIN_ID)))
    if found is None:
        raise Refusal(404, "admin_not_found", "Admin not found")
    return Author("admin", found["id"], found["name"], found["email"])


def _shape(call: Call, thread: Thread) -> dict[str, Any]:
    return tickets.shape(call.workspace, thread, call.version)


OPERATIONS = (
    Operation("POST", "/tickets", create, since=(2, 9)),
    Operation("POST", "/tickets/search", search, since=(2, 9)),
    Operation("GET", "/tickets/{id}", get, since=(2, 9)),
    Operation("PUT", "/tickets/{id}", update, since=(2, 9)),
    Operation("DELETE", "/tickets/{id}", delete, since=(2, 14)),
    Operation("POST", "/tickets/{id}/reply", reply, since=(2, 9)),
)
