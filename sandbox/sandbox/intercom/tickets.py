"""Tickets: what they hold, how they change, and how they go over the wire.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.intercom.conversation_shapes import ZERO_IS_NOBODY, contacts, markup
from sandbox.intercom.threads import Author, Part, Thread

if TYPE_CHECKING:
    from sandbox.intercom.bodies import Version
    from sandbox.intercom.workspace import Workspace

TERMS = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}
"""What a search calls the categories."""


class Request(NamedTuple):
    """What a new ticket is made of."""

    type_id: str
    contact_id: str
    attributes: dict[str, Any]
    conversation_id: str | None = None


def new_ticket(workspace: Workspace, request: Request, at: int) -> Thread:
    """A ticket of a type that there is, in the first state."""
    type_id, contact_id, attributes, conversation_id = request
    kind = workspace.library.get("ticket_types", type_id)
    if kind is None:
        raise KeyError(type_id)
    state = workspace.library.all("ticket_states")[0]
    store = workspace.tickets
    number = len(store) + 1
    thread = store.add(
        {
            "id": store.new_id(),
            "ticket_id": str(number),
            "category": kind["category"],
            "category_term": TERMS[kind["category"]],
            "ticket_type_id": type_id,
            "state_id": state["id"],
            "state_category": state["category"],
            "ticket_attributes": attributes,
            "contacts": (contact_id,),
            "teammates": (),
            "tags": (),
            "admin_assignee_id": "0",
            "team_assignee_id": "0",
            "created_at": at,
            "updated_at": at,
            "open": True,
            "snoozed_until": None,
            "is_shared": kind["category"] == "Customer",
            "conversation_id": conversation_id,
            "parts": (),
        }
    )
    if conversation_id:
        workspace.tickets_of.setdefault(conversation_id, []).append(thread.id)
    return thread


def to_state(workspace: Workspace, thread: Thread, state_id: str, author: Author, at: int) -> None:
    """Move a ticket into another state; a resolved one is closed."""
    state = workspace.library.get("ticket_states", state_id)
    if state is None:
        raise KeyError(state_id)
    states = (thread.document["state_category"], state["category"])
    part = Part(workspace.tickets.new_id(), "ticket_state_updated_by_admin", at, author, states=states)
    facts = {"state_id": state_id, "state_category": state["category"], "open": state["category"] != "resolved"}
    workspace.tickets.grow(thread, part, **facts)


def shape(workspace: Workspace, thread: Thread, version: Version) -> dict[str, Any]:
    """One ticket with its parts."""
    document = thread.document
    parts = [part_shape(one, thread) for one in thread.parts]
    return {
        "type": "ticket",
        "id": document["id"],
        "ticket_id": document["ticket_id"],
        "category": document["category"],
        "ticket_attributes": document["ticket_attributes"],
        "ticket_state": workspace.library.get("ticket_states", document["state_id"]),
        "ticket_type": workspace.library.get("ticket_types", document["ticket_type_id"]),
        "contacts": contacts(workspace, document["contacts"]),
        "admin_assignee_id": _assignee(document["admin_assignee_id"], version),
        "team_assignee_id": _assignee(document["team_assignee_id"], version),
        "created_at": document["created_at"],
        "updated_at": document["updated_at"],
        "open": document["open"],
        "snoozed_until": document["snoozed_until"],
        "linked_objects": _linked(document["conversation_id"]),
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": parts, "total_count": len(parts)},
        "is_shared": document["is_shared"],
    }


def part_shape(one: Part, thread: Thread) -> dict[str, Any]:
    """One part of a ticket."""
    before, after = one.states or (None, thread.document["state_category"])
    return {
        "type": "ticket_part",
        "id": one.id,
        "part_type": one.part_type,
        "body": markup(one.body, plain=False),
        "previous_ticket_state": before,
        "ticket_state": after,
        "created_at": one.at,
        "updated_at": one.at,
        "assigned_to": {"type": one.assigned_to[0], "id": one.assigned_to[1]} if one.assigned_to else None,
        "author": one.author._asdict(),
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "app_package_code": None,
    }


def _linked(conversation_id: str | None) -> dict[str, Any]:
    data = [{"type": "conversation", "id": conversation_id, "category": None}] if conversation_id else []
    return {"type": "list", "total_count": len(data), "has_more": False, "data": data}


def _assignee(assignee: str, version: Version) -> str | int:
    return int(assignee) if version >= ZERO_IS_NOBODY else assignee
