"""Conversations and tickets: their states, what moves `updated_at`, and searches exact to the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.conversations import add_part, announce_part
from sandbox.intercom.threads import Part, make_author
from sandbox.intercom.tickets import move_ticket

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

START = 1768478400
ADMIN = {"type": "admin", "admin_id": "991267"}


def talk(intercom: IntercomCaller, body: str = "Hello there") -> str:
    """Create a conversation of a new user, and return its id."""
    user = intercom.user(external_id=f"u{len(intercom.workspace.contacts)}", name="Ada")
    return str(
        intercom.ok("POST /conversations", {"from": {"type": "user", "id": user}, "body": body})["conversation_id"]
    )


def found(intercom: IntercomCaller, field: str, operator: str, value: Any, kind: str = "conversations") -> list[str]:
    """Return the ids that a search finds, oldest first."""
    body = {
        "query": {"field": field, "operator": operator, "value": value},
        "sort": {"field": "id", "order": "ascending"},
    }
    return [one["id"] for one in intercom.ok(f"POST /{kind}/search", body)[kind]]


def test_a_conversation_goes_from_state_to_state(intercom: IntercomCaller) -> None:
    """Each part changes state and `updated_at`; only the conversation itself shows its parts, lists do not."""
    one = talk(intercom)
    store = intercom.workspace.conversations
    admin = make_author("admin", intercom.workspace.library.find("admins", "991267"))
    user = make_author("user", next(intercom.workspace.contacts.live()).document)
    steps: list[dict[str, Any]] = [
        {"part_type": "comment", "author": admin, "body": "Hi"},
        {"message_type": "assignment", "assignee_id": "814001", **ADMIN},
        {"message_type": "snoozed", "snoozed_until": START + 999, **ADMIN},
        {"part_type": "comment", "author": user, "body": "Still there?"},
        {"message_type": "close", **ADMIN},
    ]
    seen = []
    for step in steps:
        intercom.sandbox.advance(seconds=10)
        if "message_type" in step:
            intercom.ok(f"POST /conversations/{one}/parts", step)
        else:
            thread, part = store.get(one), Part(store.make_id(), at=intercom.workspace.clock.now(), **step)
            add_part(store, thread, part)
            announce_part(intercom.workspace, thread, part, "test")
        after = intercom.ok(f"GET /conversations/{one}")
        seen.append((after["state"], after["open"], after["waiting_since"], after["updated_at"] - START))
    assert seen == [
        ("open", True, None, 10),
        ("open", True, None, 20),
        ("snoozed", True, None, 30),
        ("open", True, START + 40, 40),
        ("closed", False, None, 50),
    ]
    parts = after["conversation_parts"]
    assert ([one["part_type"] for one in parts["conversation_parts"]], parts["total_count"]) == (
        ["comment", "assignment", "snoozed", "comment", "close"],
        5,
    )
    assert (after["team_assignee_id"], after["admin_assignee_id"]) == ("814001", None)
    counted = ("time_to_admin_reply", "last_close_at", "count_assignments")
    assert [after["statistics"][name] for name in counted] == [10, START + 50, 1]
    (contact,) = intercom.ok("GET /contacts")["data"]
    assert (contact["last_replied_at"], contact["updated_at"]) == (START + 40, START + 40)
    (listed,) = intercom.ok("GET /conversations")["conversations"]
    assert "conversation_parts" not in listed


def test_conversations_are_found_by_the_second(intercom: IntercomCaller) -> None:
    """`>` and `<` exclude the second itself, unless a switch includes it as the documentation's wording suggests."""
    first = talk(intercom)
    intercom.sandbox.advance(seconds=1)
    second = talk(intercom)
    assert found(intercom, "updated_at", ">", START) == [second]
    assert found(intercom, "updated_at", ">", float(START)) == [second]
    assert found(intercom, "updated_at", "=", START) == [first]
    assert found(intercom, "updated_at", "<", START + 1) == [first]
    assert found(intercom, "updated_at", "IN", [START, START + 1]) == [first, second]
    intercom.sandbox.reset(customers=0, search_bounds_inclusive=True)
    third = talk(intercom)
    assert found(intercom, "updated_at", ">", START) == [third]


@pytest.mark.parametrize(
    ("field", "operator", "value", "count"),
    [
        ("id", ">", "", 1),
        ("source.body", "=", "support", 1),
        ("source.body", "=", "need support", 0),
        ("source.body", "~", "need support", 1),
        ("source.author.type", "=", "user", 1),
        ("open", "=", True, 1),
        ("state", "!=", "open", 0),
        ("teammate_ids", "=", "991267", 0),
        ("statistics.count_conversation_parts", ">=", 1, 1),
        ("statistics.last_close_at", "=", None, 1),
        ("tag_ids", "IN", ["1", "2"], 0),
    ],
)
def test_a_conversation_is_found_by_its_fields(
    intercom: IntercomCaller, field: str, operator: str, value: Any, count: int
) -> None:
    """Conversations are searched by their fields; `=` on the body matches single words."""
    talk(intercom, "I need support")
    assert len(found(intercom, field, operator, value)) == count


@pytest.mark.parametrize(
    ("field", "operator", "value", "code"),
    [
        ("updated_at", ">=", START, "parameter_invalid"),
        ("updated_at", ">", "soon", "parameter_invalid"),
        ("contact_ids", ">", "1", "parameter_invalid"),
        ("open", "=", "yes", "parameter_invalid"),
        ("parts", "=", "x", "invalid_field"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    intercom: IntercomCaller, field: str, operator: str, value: Any, code: str
) -> None:
    """A wrong search is a 400 with the vendor's code."""
    body = {"query": {"field": field, "operator": operator, "value": value}}
    status, errors = intercom.refused("POST /conversations/search", body)
    assert (status, errors[0]["code"]) == (400, code)


def test_searches_of_conversations_lag_too(intercom: IntercomCaller) -> None:
    """Searches of conversations lag; the list and the conversation itself do not."""
    intercom.sandbox.reset(customers=0, search_lag=60)
    one = talk(intercom)
    assert found(intercom, "state", "=", "open") == []
    assert len(intercom.ok("GET /conversations")["conversations"]) == 1
    intercom.sandbox.advance(seconds=60)
    intercom.ok(f"POST /conversations/{one}/parts", {"message_type": "close", **ADMIN})
    assert found(intercom, "state", "=", "open") == [one]
    intercom.sandbox.advance(seconds=60)
    assert found(intercom, "state", "=", "open") == []


def test_a_conversation_shows_its_last_five_hundred_parts(intercom: IntercomCaller) -> None:
    """A conversation shows only its last 500 parts."""
    one = talk(intercom)
    store = intercom.workspace.conversations
    thread = store.get(one)
    author = make_author("user", next(intercom.workspace.contacts.live()).document)
    for number in range(510):
        add_part(store, thread, Part(store.make_id(), "comment", START, author, str(number)))
    parts = intercom.ok(f"GET /conversations/{one}?display_as=plaintext")["conversation_parts"]["conversation_parts"]
    assert (len(parts), parts[0]["body"], parts[-1]["body"]) == (500, "10", "509")


def test_nobody_is_zero_since_2_16(intercom: IntercomCaller) -> None:
    """A conversation without assignee has 0 since version 2.16, and null before."""
    one = talk(intercom)
    shown = [
        intercom(f"GET /conversations/{one}", None, **{"Intercom-Version": version}).json()["admin_assignee_id"]
        for version in ("2.14", "2.16")
    ]
    assert shown == [None, 0]


def test_a_ticket_grows_from_a_conversation(intercom: IntercomCaller) -> None:
    """A ticket and the conversation it was created from link to each other.

    Each change of state is a part of the ticket.
    """
    one = talk(intercom)
    contact = next(intercom.workspace.contacts.live()).id
    ticket = intercom.ok(
        "POST /tickets",
        {
            "ticket_type_id": "1201",
            "contacts": [{"id": contact}],
            "ticket_attributes": {"_default_title_": "Broken"},
            "conversation_to_link_id": one,
        },
    )
    assert ticket["linked_objects"]["data"] == [{"type": "conversation", "id": one, "category": None}]
    linked = intercom.ok(f"GET /conversations/{one}")["linked_objects"]["data"]
    assert linked == [{"type": "ticket", "id": ticket["id"], "category": "Customer"}]
    intercom.sandbox.advance(seconds=10)
    workspace = intercom.workspace
    resolved, admin = workspace.library.find("ticket_states", "8606"), workspace.library.find("admins", "991267")
    thread, author = workspace.tickets.get(ticket["id"]), make_author("admin", admin)
    move_ticket(workspace, thread, resolved, author, workspace.clock.now())
    moved = intercom.ok(f"GET /tickets/{ticket['id']}")
    (part,) = moved["ticket_parts"]["ticket_parts"]
    assert (part["previous_ticket_state"], part["ticket_state"], moved["open"]) == ("submitted", "resolved", False)
    assert moved["updated_at"] == START + 10
    assert found(intercom, "updated_at", ">=", START + 10, "tickets") == [ticket["id"]]
    assert found(intercom, "title", "~", "Brok", "tickets") == [ticket["id"]]
    assert found(intercom, "category", "=", "request", "tickets") == [ticket["id"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"ticket_type_id": "1"}, 404, "resource_not_found"),
        ({"ticket_type_id": "1201"}, 400, "parameter_invalid"),
        ({"ticket_type_id": "1201", "contacts": [{"id": "none"}]}, 404, "not_found"),
        ({"ticket_type_id": "1201", "colour": "red"}, 400, "bad_request"),
    ],
)
def test_a_ticket_that_makes_no_sense_is_refused(
    intercom: IntercomCaller, body: dict[str, Any], status: int, code: str
) -> None:
    """A wrong ticket is refused with the vendor's code."""
    found_status, errors = intercom.refused("POST /tickets", body)
    assert (found_status, errors[0]["code"]) == (status, code)


def test_a_deleted_conversation_is_gone(intercom: IntercomCaller) -> None:
    """A deleted conversation is a 404 and not found by searches."""
    one = talk(intercom)
    intercom.workspace.conversations.delete(intercom.workspace.conversations.get(one))
    assert intercom.refused(f"GET /conversations/{one}")[0] == 404
    assert found(intercom, "state", "=", "open") == []
