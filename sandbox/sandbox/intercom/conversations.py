"""Conversations: their parts and states as a table, and their form in API 2.14."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.threads import (
    Part,
    Thread,
    Threads,
    count_statistics,
    format_body,
    make_author,
    show_linked,
    show_part,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.search import Document
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject, JsonValue

OPEN = {"open": True, "state": "open", "snoozed_until": None}
MOST_PARTS = 500
"""The number of last parts that a conversation shows."""
NOBODY_IS_ZERO: Version = (2, 16)


def open_conversation(store: Threads, contact: Contact, body: str, at: int, kind: str = "conversation") -> Thread:
    """Start a conversation of a contact."""
    # The first message has an id of its own from the same series, as at the vendor.
    thread = store.add({"created_at": at, "updated_at": at, "waiting_since": at, "contacts": (contact.id,)})
    author = make_author(contact.document["role"], contact.document)
    source = {"type": kind, "id": store.make_id(), "body": body, "author": author}
    thread.document["source"] = thread.document["source"] | source
    return thread


def _comment(document: Document, part: Part) -> JsonObject:
    if part.by_admin:
        return {"waiting_since": None, "read": True, **_join(document, part)}
    return {**OPEN, "waiting_since": document["waiting_since"] or part.at, "read": False}


def _join(document: Document, part: Part) -> JsonObject:
    return {"teammates": tuple(dict.fromkeys((*document["teammates"], part.author["id"])))}


def _assign(_: Document, part: Part) -> JsonObject:
    kind, assignee = part.assigned_to or ("admin", "0")
    return {f"{kind}_assignee_id": assignee if assignee != "0" else None}


EFFECTS: dict[str, Callable[[Document, Part], JsonObject]] = {
    "comment": _comment,
    "note": _join,
    "assignment": _assign,
    "close": lambda _document, _part: {"open": False, "state": "closed", "waiting_since": None, "snoozed_until": None},
    "open": lambda _document, _part: OPEN,
    "snoozed": lambda _document, _part: {"open": True, "state": "snoozed"},
}
"""What a part changes, by its type. Nothing else changes the state of a conversation."""


TOPICS = {
    "comment": "conversation.admin.replied",
    "note": "conversation.admin.noted",
    "close": "conversation.admin.closed",
    "open": "conversation.admin.opened",
    "snoozed": "conversation.admin.snoozed",
    "assignment": "conversation.admin.assigned",
}
"""The webhook topic of an admin's part, by its type."""


def add_part(store: Threads, thread: Thread, part: Part, **facts: JsonValue) -> None:
    """Add a part to a conversation."""
    store.grow(thread, part, **EFFECTS[part.part_type](thread.document, part), **facts)


def announce_part(workspace: Workspace, thread: Thread, part: Part, source: str) -> None:
    """Update the contact who wrote a part, and send the part's webhook."""
    # Only a part that the contact wrote moves the contact's `updated_at`.
    contact = None if part.by_admin else workspace.contacts.peek(part.author["id"])
    if contact:
        workspace.mark_heard(contact, part.at, source)
    workspace.send_webhook(TOPICS[part.part_type] if part.by_admin else "conversation.user.replied", thread)


def show_people(workspace: Workspace, ids: Sequence[str]) -> JsonObject:
    """Return the contacts of a conversation or ticket."""
    contacts = [one for one in map(workspace.contacts.peek, ids) if one is not None]
    data = [{"type": "contact", "id": one.id, "external_id": one.document["external_id"]} for one in contacts]
    return {"type": "contact.list", "contacts": data}


def show_conversation(workspace: Workspace, thread: Thread, version: Version, *, plain: bool = False) -> JsonObject:
    """Return one conversation without its parts."""
    document, zero = thread.document, version >= NOBODY_IS_ZERO
    admin, source = document["admin_assignee_id"], document["source"]
    teammates = [{"type": "admin", "id": one} for one in document["teammates"]]
    tickets = [
        {"type": "ticket", "id": one.id, "category": one.document["category"]}
        for one in workspace.tickets.live_among(thread.linked)
    ]
    return {
        **{name: value for name, value in document.items() if name != "parts"},
        "priority": "none" if zero and document["priority"] == "not_priority" else document["priority"],
        "admin_assignee_id": int(admin or 0) if admin or zero else None,
        "team_assignee_id": document["team_assignee_id"] or ("0" if zero else None),
        "tags": {"type": "tag.list", "tags": workspace.show_tags(thread)},
        "source": {**source, "body": format_body(source["body"], plain=plain)},
        "contacts": show_people(workspace, document["contacts"]),
        "teammates": {"type": "admin.list", "admins": teammates},
        "first_contact_reply": {"created_at": document["created_at"], "type": "conversation", "url": None},
        "statistics": count_statistics(document),
        "linked_objects": show_linked(tickets),
    }


def show_conversation_part(part: Part, state: str, *, plain: bool = False) -> JsonObject:
    """Return one part of a conversation."""
    return show_part(
        part,
        type="conversation_part",
        body=format_body(part.body, plain=plain),
        notified_at=part.at,
        email_message_metadata=None,
        state=state,
        tags=[],
    )


def show_whole_conversation(workspace: Workspace, thread: Thread, version: Version, *, plain: bool) -> JsonObject:
    """Return one conversation with its last five hundred parts."""
    # Each part shows the conversation's present state, not the state at its time.
    state = thread.document["state"]
    parts = [show_conversation_part(one, state, plain=plain) for one in thread.parts[-MOST_PARTS:]]
    shown = {"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(parts)}
    return {**show_conversation(workspace, thread, version, plain=plain), "conversation_parts": shown}
