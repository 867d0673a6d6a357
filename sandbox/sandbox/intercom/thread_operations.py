"""The operations on conversations and tickets.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.conversations import (
    add_part,
    announce_part,
    open_conversation,
    show_conversation,
    show_whole_conversation,
)
from sandbox.intercom.errors import parameter_invalid, parameter_missing, refuse
from sandbox.intercom.finding import Finder, read_fields
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.paging import Ask, Order, read_count
from sandbox.intercom.threads import Part, make_author
from sandbox.intercom.tickets import TicketRequest, move_ticket, open_ticket, show_ticket, show_ticket_part
from sandbox.intercom.workspace import ADMIN_ID

if TYPE_CHECKING:
    from sandbox.intercom.paging import Found
    from sandbox.intercom.threads import Thread
    from sandbox.json_types import JsonObject, JsonValue

SIZES = (20, 150)
CONVERSATIONS = Finder(lambda call: call.workspace.conversations, read_fields("conversations"), SIZES)
TICKETS = Finder(lambda call: call.workspace.tickets, read_fields("tickets"), SIZES)
MESSAGES = ("comment", "note")
MANAGED = ("close", "open", "snoozed", "assignment")


def list_conversations(call: Call) -> JsonObject:
    """Return a page of all conversations, last changed first."""
    per_page = read_count(call.query.get("per_page"), "per_page", *SIZES)
    ask = Ask(per_page, call.query.get("starting_after"), Order("updated_at"))
    return _show_page(call, call.workspace.conversations.list_page(ask))


def search_conversations(call: Call) -> JsonObject:
    """Return a page of the conversations that match a query; times are compared by the second."""
    return _show_page(call, CONVERSATIONS.search(call))


def _show_page(call: Call, found: Found[Thread]) -> JsonObject:
    shown = [show_conversation(call.workspace, one, call.version) for one in found.records]
    return {"type": "conversation.list", "pages": found.pages, "total_count": found.total, "conversations": shown}


def create_conversation(call: Call) -> JsonObject:
    """Start a conversation of a contact."""
    body = call.read_body("from", "body", "created_at")
    sender = body.get("from")
    if not isinstance(sender, dict) or not isinstance(sender.get("id"), str):
        raise parameter_missing("from not specified")
    contact = call.workspace.contacts.get(call.check_fields(sender, "type", "id")["id"])
    thread = open_conversation(call.workspace.conversations, contact, _read_text(body), call.now)
    call.workspace.mark_heard(contact, call.now, "API")
    call.workspace.send_webhook("conversation.user.created", thread)
    return {
        "type": "user_message",
        "id": thread.document["source"]["id"],
        "created_at": call.now,
        "subject": "",
        "body": body["body"],
        "message_type": "inapp",
        "conversation_id": thread.id,
    }


def update_conversation(call: Call) -> JsonObject:
    """Change a conversation's title, read state or company."""
    thread = call.conversation
    call.workspace.conversations.write(thread, call.now, **call.read_body(read=bool, title=str, company_id=str))
    return _show_whole(call, thread)


def reply_to_conversation(call: Call) -> JsonObject:
    """Add a contact's reply, or an admin's comment or note."""
    thread = call.conversation
    body = call.read_body(
        "message_type", "type", "body", "admin_id", "intercom_user_id", "user_id", "email", "created_at"
    )
    part_type = call.read_choice("message_type", MESSAGES)
    if call.read_choice("type", ("admin", "user")) == "admin":
        author = _read_admin(call)
    else:
        contact_id = str(body.get("intercom_user_id", thread.document["contacts"][0]))
        contact = call.workspace.contacts.get(contact_id)
        author = make_author(contact.document["role"], contact.document)
        if part_type == "note":
            raise parameter_invalid("a contact cannot leave a note", "message_type")
    part_id = call.workspace.conversations.make_id()
    return _add_part(call, thread, Part(part_id, part_type, call.now, author, _read_text(body)))


def manage_conversation(call: Call) -> JsonObject:
    """Close, open, snooze or assign a conversation."""
    thread = call.conversation
    body = call.read_body("message_type", "type", "admin_id", "body", "assignee_id", "snoozed_until")
    part_type = call.read_choice("message_type", MANAGED)
    author = _read_admin(call)
    facts: JsonObject = {}
    if part_type == "snoozed":
        if type(body.get("snoozed_until")) is not int:
            raise parameter_missing("snoozed_until not specified")
        facts["snoozed_until"] = body["snoozed_until"]
    assignee = _read_assignee(call) if part_type == "assignment" else None
    part_id = call.workspace.conversations.make_id()
    return _add_part(call, thread, Part(part_id, part_type, call.now, author, assigned_to=assignee), **facts)


def delete_conversation(call: Call) -> JsonObject:
    """Delete a conversation."""
    thread = call.conversation
    call.workspace.conversations.delete(thread)
    call.workspace.send_webhook("conversation.deleted", thread)
    return {"id": thread.id, "object": "conversation", "deleted": True}


def _add_part(call: Call, thread: Thread, part: Part, **facts: JsonValue) -> JsonObject:
    add_part(call.workspace.conversations, thread, part, **facts)
    announce_part(call.workspace, thread, part, "API")
    return _show_whole(call, thread)


def _show_whole(call: Call, thread: Thread) -> JsonObject:
    display = call.query.get("display_as", "html")
    if display not in ("plaintext", "html"):
        raise refuse("parameter unknown", name="display_as")
    return show_whole_conversation(call.workspace, thread, call.version, plain=display == "plaintext")


def _read_admin(call: Call, **default: str) -> JsonObject:
    return make_author("admin", call.find_admin((default | call.body).get("admin_id")))


def _read_assignee(call: Call) -> tuple[str, str]:
    assignee = str(call.body.get("assignee_id"))
    # One field has the id of a team or an admin; 0 means nobody.
    if call.workspace.library.find("teams", assignee):
        return "team", assignee
    return "admin", assignee if assignee == "0" else call.find_admin(assignee)["id"]


def _read_text(body: JsonObject) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        raise parameter_missing("body not specified")
    return text


def _show_ticket(call: Call, thread: Thread) -> JsonObject:
    return show_ticket(call.workspace, thread, call.version)


def search_tickets(call: Call) -> JsonObject:
    """Return a page of the tickets that match a query, with their parts; times are compared by the second."""
    found = TICKETS.search(call)
    shown = [_show_ticket(call, one) for one in found.records]
    return {"type": "ticket.list", "pages": found.pages, "total_count": found.total, "tickets": shown}


def create_ticket(call: Call) -> JsonObject:
    """Create a ticket of a type for one contact."""
    body = call.read_body(
        "ticket_type_id", "contacts", "ticket_attributes", "conversation_to_link_id", "skip_notifications"
    )
    kind = call.find_document("ticket_types", body.get("ticket_type_id"), "resource_not_found", "Ticket type not found")
    linked, contacts = body.get("conversation_to_link_id"), body.get("contacts")
    conversation = call.workspace.conversations.get(str(linked)) if linked is not None else None
    contact = contacts[0] if isinstance(contacts, list) and len(contacts) == 1 else None
    if not isinstance(contact, dict) or not isinstance(contact.get("id"), str):
        raise parameter_invalid("contacts must be an array of one object with an id", "contacts")
    contact_id = call.workspace.contacts.get(call.check_fields(contact, "id")["id"]).id
    request = TicketRequest(kind["id"], contact_id, _read_attributes(body, kind), conversation)
    thread = open_ticket(call.workspace, request, call.now)
    call.workspace.send_webhook("ticket.created", thread)
    return _show_ticket(call, thread)


def update_ticket(call: Call) -> JsonObject:
    """Change a ticket's state, texts, and whether it is open or shared."""
    thread = call.ticket
    body = call.read_body("ticket_attributes", "ticket_state_id", "admin_id", open=bool, is_shared=bool)
    facts: JsonObject = {name: body[name] for name in ("open", "is_shared") if name in body}
    if "ticket_attributes" in body:
        kind = call.find_document("ticket_types", thread.document["ticket_type_id"])
        facts["ticket_attributes"] = thread.document["ticket_attributes"] | _read_attributes(body, kind)
    # An unknown state is refused before any write.
    if "ticket_state_id" in body:
        state = call.workspace.library.find("ticket_states", str(body["ticket_state_id"]))
        if state is None:
            raise parameter_invalid("ticket_state_id is not the id of a ticket state", "ticket_state_id")
        move_ticket(call.workspace, thread, state, _read_admin(call, admin_id=ADMIN_ID), call.now)
        call.workspace.send_webhook("ticket.state.updated", thread)
    call.workspace.tickets.write(thread, call.now, **facts)
    return _show_ticket(call, thread)


def reply_to_ticket(call: Call) -> JsonObject:
    """Add an admin's comment or note to a ticket."""
    thread = call.ticket
    body = call.read_body("message_type", "type", "admin_id", body=str)
    part_type, author = call.read_choice("message_type", MESSAGES), _read_admin(call, admin_id=ADMIN_ID)
    part = Part(call.workspace.tickets.make_id(), part_type, call.now, author, _read_text(body))
    call.workspace.tickets.grow(thread, part)
    call.workspace.send_webhook("ticket.admin.replied", thread)
    return show_ticket_part(part, thread)


def delete_ticket(call: Call) -> JsonObject:
    """Delete a ticket."""
    thread = call.ticket
    call.workspace.tickets.delete(thread)
    return {"id": thread.id, "object": "ticket", "deleted": True}


def _read_attributes(body: JsonObject, kind: JsonObject) -> JsonObject:
    attributes = body.get("ticket_attributes", {})
    known = {one["name"] for one in kind["ticket_type_attributes"]["data"]}
    if not isinstance(attributes, dict) or not attributes.keys() <= known:
        raise parameter_invalid("ticket_attributes must be an object of the ticket type's attributes")
    return attributes


DISPLAY = frozenset({"display_as", "include_translations"})
OPERATIONS = (
    Operation("GET", "/conversations", list_conversations, frozenset({"per_page", "starting_after"})),
    Operation("POST", "/conversations", create_conversation),
    Operation("POST", "/conversations/search", search_conversations),
    Operation("GET", "/conversations/{id}", lambda call: _show_whole(call, call.conversation), DISPLAY),
    Operation("PUT", "/conversations/{id}", update_conversation, DISPLAY),
    Operation("DELETE", "/conversations/{id}", delete_conversation, since=(2, 12)),
    Operation("POST", "/conversations/{id}/reply", reply_to_conversation),
    Operation("POST", "/conversations/{id}/parts", manage_conversation),
    Operation("POST", "/tickets", create_ticket, since=(2, 9)),
    Operation("POST", "/tickets/search", search_tickets, since=(2, 9)),
    Operation(
        "GET", "/tickets/{id}", lambda call: show_ticket(call.workspace, call.ticket, call.version), since=(2, 9)
    ),
    Operation("PUT", "/tickets/{id}", update_ticket, since=(2, 9)),
    Operation("DELETE", "/tickets/{id}", delete_ticket, since=(2, 14)),
    Operation("POST", "/tickets/{id}/reply", reply_to_ticket, since=(2, 9)),
)
