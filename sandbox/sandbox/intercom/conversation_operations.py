"""The operations on conversations, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import conversation_shapes, conversations
from sandbox.intercom.errors import Refusal, bad_parameter, parameter_invalid, parameter_missing
from sandbox.intercom.finding import Finder
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.paging import Ask, Found, Order, whole_number
from sandbox.intercom.threads import Author, Part

if TYPE_CHECKING:
    from sandbox.intercom.threads import Thread, Threads

SIZES = (20, 150)
FIELDS = (
    {"id": "number in text", "source.body": "words"}
    | dict.fromkeys((
        "source.type", "source.id", "source.delivered_as", "source.subject", "source.author.id", "source.author.type",
        "source.author.name", "source.author.email", "source.url", "admin_assignee_id", "team_assignee_id",
        "channel_initiated", "state", "priority", "statistics.last_closed_by_id", "conversation_rating.remark",
        "conversation_rating.contact_id", "conversation_rating.admin_id", "ai_agent.resolution_state",
        "ai_agent.last_answer_type", "ai_agent.rating_remark", "ai_agent.source_type", "ai_agent.source_title",
    ), "string")
    | dict.fromkeys((
        "created_at", "updated_at", "waiting_since", "snoozed_until", "statistics.first_contact_reply_at",
        "statistics.first_assignment_at", "statistics.first_admin_reply_at", "statistics.first_close_at",
        "statistics.last_assignment_at", "statistics.last_assignment_admin_reply_at",
        "statistics.last_contact_reply_at", "statistics.last_admin_reply_at", "statistics.last_close_at",
        "conversation_rating.requested_at", "conversation_rating.replied_at",
    ), "instant")
    | dict.fromkeys((
        "statistics.time_to_assignment", "statistics.time_to_admin_reply", "statistics.time_to_first_close",
        "statistics.time_to_last_close", "statistics.median_time_to_reply", "statistics.count_reopens",
        "statistics.count_assignments", "statistics.count_conversation_parts", "conversation_rating.score",
        "ai_agent.rating",
    ), "integer")
    | dict.fromkeys(("open", "read", "ai_agent_participated"), "boolean")
    | dict.fromkeys(("contact_ids", "teammate_ids", "tag_ids"), "members")
)  # fmt: skip
DISPLAYS = ("plaintext", "html")
MANAGED = {"close": "close", "open": "open", "snoozed": "snoozed", "assignment": "assignment"}
TOPICS = {
    "comment": "conversation.admin.replied",
    "note": "conversation.admin.noted",
    "close": "conversation.admin.closed",
    "open": "conversation.admin.opened",
    "snoozed": "conversation.admin.snoozed",
    "assignment": "conversation.admin.assigned",
}


def _store(call: Call) -> Threads:
    return call.workspace.conversations


FINDER = Finder(_store, lambda _, field: FIELDS.get(field), SIZES)


def listed(call: Call) -> dict[str, Any]:
    """A page of all conversations, the last changed first."""
    per_page = whole_number(call.query.get("per_page"), "per_page", *SIZES)
    return _page(call, _store(call).listed(Ask(per_page, call.query.get("starting_after"), Order("updated_at"))))


def search(call: Call) -> dict[str, Any]:
    """A page of the conversations that match a query; instants are compared by the second."""
    return _page(call, FINDER.search(call))


def get(call: Call) -> dict[str, Any]:
    """One conversation with its parts."""
    return _whole(call, _store(call).get(call.path["id"]))


def create(call: Call) -> dict[str, Any]:
    """A contact begins a conversation."""
    body = call.known("from", "body", "created_at")
    sender = body.get("from")
    if not isinstance(sender, dict) or not isinstance(sender.get("id"), str):
        raise parameter_missing("from not specified")
    contact = call.workspace.contacts.get(call.only(sender, "type", "id")["id"])
    thread = conversations.opened(_store(call), contact, _text(body), call.now)
    call.workspace.heard(contact, call.now, "API")
    call.workspace.tell("conversation.user.created", thread)
    return {
        "type": "user_message",
        "id": thread.document["source"]["id"],
        "created_at": call.now,
        "subject": "",
        "body": body["body"],
        "message_type": "inapp",
        "conversation_id": thread.id,
    }


def update(call: Call) -> dict[str, Any]:
    """Change its title, whether it is read, or its company."""
    thread = _store(call).get(call.path["id"])
    body = call.known("read", "title", "company_id")
    for name, kind in (("read", bool), ("title", str), ("company_id", str)):
        if name in body and not isinstance(body[name], kind):
            raise parameter_invalid(f"{name} must be a {kind.__name__}", name)
    _store(call).write(thread, call.now, **body)
    return _whole(call, thread)


def reply(call: Call) -> dict[str, Any]:
    """Somebody answers: an admin, with a comment or a note, or the contact."""
    thread = _store(call).get(call.path["id"])
    body = call.known("message_type", "type", "body", "admin_id", "intercom_user_id", "user_id", "email", "created_at")
    part_type = body.get("message_type")
    if part_type not in ("comment", "note"):
        raise parameter_invalid("message_type must be one of: comment, note", "message_type")
    author = _author(call, thread)
    return _happen(call, thread, Part(_store(call).new_id(), str(part_type), call.now, author, _text(body)))


def manage(call: Call) -> dict[str, Any]:
    """An admin closes, opens, snoozes or assigns it."""
    thread = _store(call).get(call.path["id"])
    body = call.known("message_type", "type", "admin_id", "body", "assignee_id", "snoozed_until")
    part_type = body.get("message_type")
    if part_type not in MANAGED:
        raise parameter_invalid(f"message_type must be one of: {', '.join(MANAGED)}", "message_type")
    author = _admin(call, body.get("admin_id"))
    facts: dict[str, Any] = {"snoozed_until": _until(call)} if part_type == "snoozed" else {}
    assigned_to = _assignee(call) if part_type == "assignment" else None
    part = Part(_store(call).new_id(), str(part_type), call.now, author, assigned_to=assigned_to)
    return _happen(call, thread, part, **facts)


def delete(call: Call) -> dict[str, Any]:
    """Remove for ever."""
    thread = _store(call).get(call.path["id"])
    _store(call).delete(thread)
    call.workspace.tell("conversation.deleted", thread)
    return {"id": thread.id, "object": "conversation", "deleted": True}


def _happen(call: Call, thread: Thread, part: Part, **facts: Any) -> dict[str, Any]:
    conversations.happen(_store(call), thread, part, **facts)
    if not part.by_admin:
        call.workspace.heard(call.workspace.contacts.get(part.author.id), call.now, "API")
    call.workspace.tell(TOPICS[part.part_type] if part.by_admin else "conversation.user.replied", thread)
    return _whole(call, thread)


def _author(call: Call, thread: Thread) -> Author:
    if call.body.get("type") == "admin":
        return _admin(call, call.body.get("admin_id"))
    if call.body.get("type") != "user":
        raise parameter_invalid("type must be one of: admin, user", "type")
    contact = call.workspace.contacts.get(str(call.body.get("intercom_user_id", thread.document["contacts"][0])))
    if call.body["message_type"] == "note":
        raise parameter_invalid("a contact cannot leave a note", "message_type")
    return conversations.author_of(contact)


def _admin(call: Call, admin_id: Any) -> Author:
    found = call.workspace.library.get("admins", str(admin_id))
    if found is None:
        raise Refusal(404, "admin_not_found", "Admin not found")
    return Author("admin", found["id"], found["name"], found["email"])


def _assignee(call: Call) -> tuple[str, str]:
    assignee = str(call.body.get("assignee_id"))
    if assignee == "0" or call.workspace.library.get("admins", assignee) is not None:
        return "admin", assignee
    if call.workspace.library.get("teams", assignee) is not None:
        return "team", assignee
    raise Refusal(404, "admin_not_found", "Admin not found")


def _until(call: Call) -> int:
    until = call.body.get("snoozed_until")
    if not isinstance(until, int) or isinstance(until, bool):
        raise parameter_missing("snoozed_until not specified")
    return until


def _text(body: dict[str, Any]) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        raise parameter_missing("body not specified")
    return text


def _page(call: Call, found: Found[Thread]) -> dict[str, Any]:
    shown = [conversation_shapes.conversation(call.workspace, one, call.version) for one in found.records]
    return {"type": "conversation.list", "pages": found.pages, "total_count": found.total, "conversations": shown}


def _whole(call: Call, thread: Thread) -> dict[str, Any]:
    display = call.query.get("display_as", "html")
    if display not in DISPLAYS:
        raise bad_parameter("display_as")
    return conversation_shapes.with_parts(call.workspace, thread, call.version, plain=display == "plaintext")


SHOWN = frozenset({"display_as", "include_translations"})
OPERATIONS = (
    Operation("GET", "/conversations", listed, frozenset({"per_page", "starting_after"})),
    Operation("POST", "/conversations", create),
    Operation("POST", "/conversations/search", search),
    Operation("GET", "/conversations/{id}", get, SHOWN),
    Operation("PUT", "/conversations/{id}", update, SHOWN),
    Operation("DELETE", "/conversations/{id}", delete, since=(2, 12)),
    Operation("POST", "/conversations/{id}/reply", reply),
    Operation("POST", "/conversations/{id}/parts", manage),
)
