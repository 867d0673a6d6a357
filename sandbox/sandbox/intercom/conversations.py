"""What can happen in a conversation, as a table: nothing else moves one from state to state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom.threads import Author, Part, Thread, Threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.contacts import Contact

Document = dict[str, Any]
FIRST_ID = 215_470_000_000_000
PLACES = {
    "contact_ids": "contacts",
    "teammate_ids": "teammates",
    "tag_ids": "tags",
    "conversation_rating.score": "conversation_rating.rating",
    "conversation_rating.requested_at": "conversation_rating.created_at",
    "conversation_rating.replied_at": "conversation_rating.created_at",
}
OPEN = {"open": True, "state": "open", "snoozed_until": None}


def conversations(search_lag: int) -> Threads:
    """An empty store of conversations."""
    return Threads(search_lag, ("not_found", "Resource Not Found"), FIRST_ID, PLACES)


def author_of(contact: Contact) -> Author:
    """A contact as the author of something."""
    document = contact.document
    return Author(document["role"], contact.id, document["name"], document["email"])


def opened(store: Threads, contact: Contact, body: str, at: int, kind: str = "conversation") -> Thread:
    """A new conversation, begun by a contact."""
    record_id = store.new_id()
    return store.add(
        {
            "id": record_id,
            "title": None,
            "created_at": at,
            "updated_at": at,
            "waiting_since": at,
            **OPEN,
            "read": False,
            "priority": "not_priority",
            "admin_assignee_id": None,
            "team_assignee_id": None,
            "company_id": None,
            "source": {
                "type": kind,
                "id": store.new_id(),
                "delivered_as": "customer_initiated",
                "subject": "",
                "body": body,
                "author": author_of(contact)._asdict(),
                "url": "https://app.sandbox.example/",
            },
            "contacts": (contact.id,),
            "teammates": (),
            "tags": (),
            "conversation_rating": None,
            "ai_agent_participated": False,
            "custom_attributes": {},
            "parts": (),
        }
    )


def _said_by(document: Document, part: Part) -> Document:
    if part.by_admin:
        return {"waiting_since": None, "read": True, "teammates": _with(document["teammates"], part.author.id)}
    return {**OPEN, "waiting_since": document["waiting_since"] or part.at, "read": False}


def _noted(document: Document, part: Part) -> Document:
    return {"teammates": _with(document["teammates"], part.author.id)}


def _assigned(_: Document, part: Part) -> Document:
    kind, assignee = part.assigned_to or ("admin", "0")
    return {f"{kind}_assignee_id": assignee if assignee != "0" else None}


EFFECTS: dict[str, Callable[[Document, Part], Document]] = {
    "comment": _said_by,
    "note": _noted,
    "assignment": _assigned,
    "close": lambda _document, _part: {"open": False, "state": "closed", "waiting_since": None, "snoozed_until": None},
    "open": lambda _document, _part: OPEN,
    "snoozed": lambda _document, _part: {"open": True, "state": "snoozed"},
}
"""By type of part: what a part of that type changes."""


def happen(store: Threads, thread: Thread, part: Part, **facts: Any) -> None:
    """Let a part happen in a conversation."""
    store.grow(thread, part, **EFFECTS[part.part_type](thread.document, part), **facts)


def _with(ids: tuple[str, ...], one: str) -> tuple[str, ...]:
    return ids if one in ids else (*ids, one)
