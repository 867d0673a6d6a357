"""Tickets: their content, states and form.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sandbox.intercom.conversations import NOBODY_IS_ZERO, show_people
from sandbox.intercom.threads import Part, Thread, show_linked, show_part

if TYPE_CHECKING:
    from sandbox.intercom.bodies import Version
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

TITLE, DESCRIPTION = "_default_title_", "_default_description_"
TERMS = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}
"""The names of the categories in searches."""
SHOWN = (
    "type", "id", "ticket_id", "category", "ticket_attributes", "created_at", "updated_at", "open", "snoozed_until",
    "is_shared",
)  # fmt: skip


class TicketRequest(NamedTuple):
    """The content of a new ticket."""

    type_id: str
    contact_id: str
    attributes: JsonObject
    conversation: Thread | None = None


def open_ticket(workspace: Workspace, request: TicketRequest, at: int) -> Thread:
    """Create a ticket of an existing type, in the first state."""
    kind = workspace.library.find_all("ticket_types", [request.type_id])[0]
    state = workspace.library.list_documents("ticket_states")[0]
    conversation = request.conversation
    thread = workspace.tickets.add(
        {
            "ticket_id": str(len(workspace.tickets) + 1),
            "category": kind["category"],
            "category_term": TERMS[kind["category"]],
            "ticket_type_id": request.type_id,
            "state_id": state["id"],
            "state_category": state["category"],
            "ticket_attributes": request.attributes,
            "contacts": (request.contact_id,),
            "created_at": at,
            "updated_at": at,
            "is_shared": kind["category"] == "Customer",
            "conversation_id": conversation.id if conversation else None,
        }
    )
    if conversation:
        conversation.linked.append(thread.id)
    return thread


def move_ticket(workspace: Workspace, thread: Thread, state: JsonObject, author: JsonObject, at: int) -> None:
    """Move a ticket to another state; a resolved ticket is closed."""
    states = (thread.document["state_category"], state["category"])
    part = Part(workspace.tickets.make_id(), "ticket_state_updated_by_admin", at, author, states=states)
    facts = {"state_id": state["id"], "state_category": state["category"], "open": state["category"] != "resolved"}
    workspace.tickets.grow(thread, part, **facts)


def show_ticket(workspace: Workspace, thread: Thread, version: Version) -> JsonObject:
    """Return one ticket with its parts."""
    document = thread.document
    conversation_id = document["conversation_id"]
    parts = [show_ticket_part(one, thread) for one in thread.parts]
    # Assignees' ids are strings before version 2.16, and numbers since.
    number = int if version >= NOBODY_IS_ZERO else str
    return {
        **{name: document[name] for name in SHOWN},
        "ticket_state": workspace.library.find("ticket_states", document["state_id"]),
        "ticket_type": workspace.library.find("ticket_types", document["ticket_type_id"]),
        "contacts": show_people(workspace, document["contacts"]),
        **{name: number(document[name]) for name in ("admin_assignee_id", "team_assignee_id")},
        "linked_objects": show_linked(
            [{"type": "conversation", "id": conversation_id, "category": None}] if conversation_id else []
        ),
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": parts, "total_count": len(parts)},
    }


def show_ticket_part(part: Part, thread: Thread) -> JsonObject:
    """Return one part of a ticket."""
    before, after = part.states or (None, thread.document["state_category"])
    return show_part(part, type="ticket_part", previous_ticket_state=before, ticket_state=after)
