"""What a seeded workspace's contacts have written, and the tags, notes and subscriptions that they have.

It is drawn from a random sequence of its own, so that it does not change who the contacts are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.clock import DAY
from sandbox.intercom.conversations import add_part, open_conversation
from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.threads import Part, make_author
from sandbox.intercom.tickets import DESCRIPTION, TITLE, TicketRequest, move_ticket, open_ticket

if TYPE_CHECKING:
    from random import Random

    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.threads import Thread
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

HOUR = 3_600
SHARES = {"conversation": 0.2, "ticket": 0.05, "call": 0.03, "tagged": 0.15, "noted": 0.08, "subscribed": 0.12}
"""The shares of contacts that have conversations, tickets, calls, tags, notes or subscriptions."""
MANY = 13
"""The number of tags, notes and subscriptions that each of the first contacts has, more than a contact shows."""
ANSWERED, BY_TEAM = 0.8, 0.5
"""The shares of calls that are answered, and of assignments that go to a team."""
TEXTS = read_fixture("threads")
FIRST_CALL = 8_000_000


class Inbox:
    """Fills a workspace with what has been written in it."""

    def __init__(self, workspace: Workspace, random: Random) -> None:
        self._workspace = workspace
        self._random = random
        self._admins = [make_author("admin", one) for one in workspace.library.list_documents("admins")]

    def fill(self) -> None:
        """Write everything from before the first day."""
        people = list(self._workspace.contacts.live())
        for contact in self._draw_some(people, "tagged"):
            contact.document["tags"] = self.draw_tags(self._random.randint(1, 3))
        for contact in self._draw_some(people, "noted"):
            self.leave_note(contact, self._draw_instant(contact))
        for contact in self._draw_some(people, "subscribed"):
            contact.subscriptions = self._draw_consents(self._random.randint(1, 3))
        for company in self._workspace.companies.live():
            if self._random.random() < SHARES["tagged"]:
                company.document["tags"] = self.draw_tags(self._random.randint(1, 2))
        # The first contacts have more than the ten tags and notes that a contact itself shows.
        for contact in people[:3]:
            contact.document["tags"] = self.draw_tags(MANY)
            contact.subscriptions = self._draw_consents(MANY)
            for _ in range(MANY):
                self.leave_note(contact, self._draw_instant(contact))
        for contact in self._draw_some(people, "conversation"):
            self._write_conversation(contact)
        for contact in self._draw_some(people, "ticket"):
            self._write_ticket(contact)
        calls = [self._make_call(*one) for one in enumerate(self._draw_some(people, "call"), FIRST_CALL)]
        self._workspace.library.add("calls", calls)

    def draw_tags(self, count: int) -> tuple[str, ...]:
        """Return the ids of `count` tags."""
        ids = self._workspace.library.list_ids("tags")
        return tuple(self._random.sample(ids, min(count, len(ids))))

    def draw_admin(self) -> JsonObject:
        """Return a random teammate."""
        return self._random.choice(self._admins)

    def leave_note(self, contact: Contact, at: int) -> None:
        """Add a note of a teammate."""
        admin_id = self.draw_admin()["id"]
        self._workspace.add_note("contact", contact, admin_id, at, self._random.choice(TEXTS["answers"]))

    def open_conversation(self, contact: Contact, at: int) -> Thread:
        """Start a conversation of a contact."""
        kind = self._random.choice(("conversation", "conversation", "email"))
        body = self._random.choice(TEXTS["questions"])
        return open_conversation(self._workspace.conversations, contact, body, at, kind)

    def take_step(self, thread: Thread, step: str, at: int) -> Part:
        """Add one step of a conversation's flow, and return its part."""
        store = self._workspace.conversations
        part_type, _, by = step.partition(" by ")
        # An archived contact continues to write; an admin writes in place of a merged or deleted one.
        contact = self._workspace.contacts.peek(thread.document["contacts"][0]) if by == "contact" else None
        author = make_author(contact.document["role"], contact.document) if contact else self.draw_admin()
        texts = TEXTS["questions" if contact else "answers"]
        body = self._random.choice(texts) if part_type in ("comment", "note") else None
        assignee = self._draw_assignee() if part_type == "assignment" else None
        facts = {"snoozed_until": at + DAY} if part_type == "snoozed" else {}
        part = Part(store.make_id(), part_type, at, author, body, assignee)
        add_part(store, thread, part, **facts)
        return part

    def open_ticket(self, contact: Contact, at: int) -> Thread:
        """Open a ticket for a contact."""
        type_id = self._random.choice(self._workspace.library.list_ids("ticket_types"))
        texts = {TITLE: self._random.choice(TEXTS["questions"]), DESCRIPTION: "As described."}
        return open_ticket(self._workspace, TicketRequest(type_id, contact.id, texts), at)

    def move_ticket(self, thread: Thread, at: int) -> Thread:
        """Move a ticket to another state, and return it."""
        state = self._random.choice(self._workspace.library.list_documents("ticket_states")[1:])
        move_ticket(self._workspace, thread, state, self.draw_admin(), at)
        return thread

    def _draw_some(self, people: list[Contact], name: str) -> list[Contact]:
        return self._random.sample(people, min(round(len(people) * SHARES[name]) + bool(people), len(people)))

    def _draw_instant(self, contact: Contact) -> int:
        return self._random.randint(contact.document["created_at"], self._workspace.clock.now())

    def _draw_consents(self, count: int) -> dict[str, str]:
        kinds = self._workspace.library.list_documents("subscription_types")
        return {one["id"]: one["consent_type"] for one in self._random.sample(kinds, min(count, len(kinds)))}

    def _draw_assignee(self) -> tuple[str, str]:
        if self._random.random() < BY_TEAM:
            return "team", self._random.choice(self._workspace.library.list_ids("teams"))
        return "admin", self.draw_admin()["id"]

    def _write_conversation(self, contact: Contact) -> None:
        at, now = self._draw_instant(contact), self._workspace.clock.now()
        thread = self.open_conversation(contact, at)
        for step in self._random.choice(TEXTS["flows"]):
            at = min(at + self._random.randrange(60, 8 * HOUR), now)
            self.take_step(thread, step, at)
        if not thread.document["open"] and self._random.random() < SHARES["conversation"]:
            thread.document["conversation_rating"] = {
                "rating": self._random.randint(1, 5),
                "remark": "",
                "created_at": at,
                "updated_at": at,
                "contact": {"type": "contact", "id": contact.id, "external_id": None},
                "teammate": {"type": "admin", "id": thread.parts[0].author["id"]},
            }
        if self._random.random() < SHARES["tagged"]:
            thread.document["tags"] = self.draw_tags(1)

    def _write_ticket(self, contact: Contact) -> None:
        at, now = self._draw_instant(contact), self._workspace.clock.now()
        thread = self.open_ticket(contact, at)
        for _ in range(self._random.randrange(3)):
            at = min(at + self._random.randrange(HOUR, 3 * DAY), now)
            self.move_ticket(thread, at)

    def _make_call(self, call_id: int, contact: Contact) -> JsonObject:
        at, is_answered = self._draw_instant(contact), self._random.random() < ANSWERED
        ended_at = at + self._random.randrange(30, HOUR)
        return {
            **TEXTS["call"],
            "id": str(call_id),
            "conversation_id": self.open_conversation(contact, at).id,
            "admin_id": self.draw_admin()["id"] if is_answered else None,
            "contact_id": contact.id,
            "initiated_at": at,
            "answered_at": at + 9 if is_answered else None,
            "ended_at": ended_at,
            "created_at": at,
            "updated_at": ended_at,
            "direction": self._random.choice(("inbound", "outbound")),
            "ended_reason": "customer_hangup" if is_answered else "unanswered",
            "phone": contact.document["phone"],
        }
