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
from sandbox.intercom.tickets import TicketRequest, open_ticket, show_ticket

if TYPE_CHECKING:
    from sandbox.intercom.paging import Found
    from sandbox.intercom.threads import Thread
    from sandbox.json_types import JsonObject, JsonValue

SIZES = (20, 150)
CONVERSATIONS = Finder(lambda call: call.workspace.conversations, read_fields("conversations"), SIZES)
TICKETS = Finder(lambda call: call.workspace.tickets, read_fields("tickets"), SIZES)
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


def _add_part(call: Call, thread: Thread, part: Part, **facts: JsonValue) -> JsonObject:
    add_part(call.workspace.conversations, thread, part, **facts)
    announce_part(call.workspace, thread, part, "API")
    return _show_whole(call, thread)


def _show_whole(call: Call, thread: Thread) -> JsonObject:
    display = call.query.get("display_as", "html")
    if display not in ("plaintext", "html"):
        raise refuse("parameter unknown", name="display_as")
    return show_whole_conversation(call.workspace, thread, call.version, plain=display == "plaintext")


def _read_admin(call: Call) -> JsonObject:
    return make_author("admin", call.find_admin(call.body.get("admin_id")))


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
    Operation("POST", "/conversations/{id}/parts", manage_conversation),
    Operation("POST", "/tickets", create_ticket, since=(2, 9)),
    Operation("POST", "/tickets/search", search_tickets, since=(2, 9)),
    Operation(
        "GET", "/tickets/{id}", lambda call: show_ticket(call.workspace, call.ticket, call.version), since=(2, 9)
    ),
)
