"""Conversations as they go over the wire, in the shape of API 2.14."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom.counting import statistics

if TYPE_CHECKING:
    from sandbox.intercom.bodies import Version
    from sandbox.intercom.threads import Part, Thread
    from sandbox.intercom.workspace import Workspace

PARTS_LIMIT = 500
"""The most parts that a conversation shows: the last ones."""
ZERO_IS_NOBODY: Version = (2, 16)
KEPT = (
    "id", "title", "created_at", "updated_at", "waiting_since", "snoozed_until", "open", "state", "read",
    "custom_attributes", "ai_agent_participated",
)  # fmt: skip


def conversation(workspace: Workspace, thread: Thread, version: Version, *, plain: bool = False) -> dict[str, Any]:
    """One conversation without its parts."""
    document = thread.document
    return {
        "type": "conversation",
        **{name: document[name] for name in KEPT},
        "priority": _priority(document["priority"], version),
        "admin_assignee_id": _admin(document["admin_assignee_id"], version),
        "team_assignee_id": document["team_assignee_id"] or _nobody(version, "0"),
        "company_id": document["company_id"],
        "tags": {"type": "tag.list", "tags": workspace.tags.shapes(document["tags"])},
        "conversation_rating": _rating(document["conversation_rating"]),
        "source": _source(document["source"], plain=plain),
        "contacts": contacts(workspace, document["contacts"]),
        "teammates": {"type": "admin.list", "admins": [{"type": "admin", "id": one} for one in document["teammates"]]},
        "first_contact_reply": {"created_at": document["created_at"], "type": "conversation", "url": None},
        "sla_applied": None,
        "statistics": statistics(document),
        "linked_objects": linked(workspace, thread),
        "ai_agent": None,
    }


def with_parts(workspace: Workspace, thread: Thread, version: Version, *, plain: bool) -> dict[str, Any]:
    """One conversation with its parts, the last five hundred of them."""
    parts = [part(one, thread.document["state"], plain=plain) for one in thread.parts[-PARTS_LIMIT:]]
    shape = {"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(parts)}
    return {**conversation(workspace, thread, version, plain=plain), "conversation_parts": shape}


def contacts(workspace: Workspace, ids: tuple[str, ...]) -> dict[str, Any]:
    """The contacts of a conversation or ticket."""
    found = (workspace.contacts.peek(one) for one in ids)
    data = [
        {"type": "contact", "id": one.id, "external_id": one.document["external_id"]}
        for one in found
        if one is not None
    ]
    return {"type": "contact.list", "contacts": data}


def linked(workspace: Workspace, thread: Thread) -> dict[str, Any]:
    """The tickets that came of a conversation."""
    tickets = [workspace.tickets.get(one) for one in workspace.tickets_of.get(thread.id, ())]
    data = [{"type": "ticket", "id": one.id, "category": one.document["category"]} for one in tickets]
    return {"type": "list", "total_count": len(data), "has_more": False, "data": data}


def part(one: Part, state: str, *, plain: bool = False) -> dict[str, Any]:
    """One part of a conversation."""
    return {
        "type": "conversation_part",
        "id": one.id,
        "part_type": one.part_type,
        "body": markup(one.body, plain=plain),
        "created_at": one.at,
        "updated_at": one.at,
        "notified_at": one.at,
        "assigned_to": {"type": one.assigned_to[0], "id": one.assigned_to[1]} if one.assigned_to else None,
        "author": one.author._asdict(),
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "email_message_metadata": None,
        "state": state,
        "tags": [],
        "app_package_code": None,
    }


def markup(body: str | None, *, plain: bool) -> str | None:
    """A text as HTML, or as it was written."""
    return body if plain or body is None else f"<p>{body}</p>"


def _source(source: dict[str, Any], *, plain: bool) -> dict[str, Any]:
    body = markup(source["body"], plain=plain)
    return {**source, "body": body, "attachments": [], "redacted": False}


def _rating(rating: dict[str, Any] | None) -> dict[str, Any] | None:
    if rating is None:
        return None
    contact, admin = rating["contact_id"], rating["admin_id"]
    return {
        "rating": rating["rating"],
        "remark": rating["remark"],
        "created_at": rating["created_at"],
        "updated_at": rating["created_at"],
        "contact": {"type": "contact", "id": contact, "external_id": None},
        "teammate": {"type": "admin", "id": admin} if admin else None,
    }


def _admin(admin_id: str | None, version: Version) -> int | None:
    return int(admin_id) if admin_id else _nobody(version, 0)


def _nobody(version: Version, zero: Any) -> Any:
    return zero if version >= ZERO_IS_NOBODY else None


def _priority(priority: str, version: Version) -> str:
    return "none" if priority == "not_priority" and version >= ZERO_IS_NOBODY else priority
