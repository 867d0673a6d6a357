"""What a seeded workspace's contacts have written, and what teammates have left on them.

Drawn from chance of its own: who the contacts are does not hang on it, nor does it on anything but the seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom import conversations, tickets
from sandbox.intercom.library_tickets import DESCRIPTION, TITLE
from sandbox.intercom.tags import NAMES
from sandbox.intercom.threads import Author, Part

if TYPE_CHECKING:
    from random import Random

    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.threads import Thread
    from sandbox.intercom.workspace import Workspace

DAY, HOUR = 86_400, 3_600
SHARES = {"conversation": 0.2, "ticket": 0.05, "call": 0.03, "tagged": 0.15, "noted": 0.08, "subscribed": 0.12}
"""Of the contacts: how many conversations, tickets and calls there are, and who bears tags, notes and consents."""
MANY = 13
"""How many tags, notes and consents the first of each kind has: more than a contact shows by itself."""
SAID = (
    "My invoice shows the wrong address, can you help?", "How do I add a colleague?", "The export does not end.",
    "We would like to move to the yearly plan.", "I cannot log in since this morning.", "Does the report count trials?",
    "Please send the last invoice again.", "Is there a way to change the time zone?", "The webhook is not called.",
)  # fmt: skip
ANSWERED = (
    "Thanks for asking, let me look into it.", "That is done now.", "Could you send a screenshot?",
    "You find it under Settings, Billing.", "We have fixed this, please try again.",
)  # fmt: skip
FLOWS = (
    ("comment by admin", "comment by contact", "comment by admin", "close"),
    ("assignment", "comment by admin", "close"),
    ("comment by admin", "note", "comment by contact"),
    ("assignment", "comment by admin", "comment by contact", "comment by admin", "close", "open"),
    (),
    ("comment by admin", "snoozed"),
)
"""How conversations go."""


class Inbox:
    """Fills a workspace with what has been written in it."""

    def __init__(self, workspace: Workspace, random: Random) -> None:
        self._workspace = workspace
        self._random = random
        self._admins = [_author(one) for one in workspace.library.all("admins")]
        self._team_ids = workspace.library.ids("teams")

    def fill(self) -> None:
        """Everything that was written before the first day."""
        for name in NAMES:
            self._workspace.tags.named(name)
        people = list(self._workspace.contacts.live())
        for contact in self._some(people, "tagged"):
            self._workspace.contacts.mark(contact, self.tags(self._random.randint(1, 3)))
        for contact in self._some(people, "noted"):
            self.note(contact, self._before(contact))
        for contact in self._some(people, "subscribed"):
            contact.subscriptions = self._consents(self._random.randint(1, 3))
        self._companies()
        self._rich(people[:3])
        for contact in self._some(people, "conversation"):
            self._converse(contact)
        for contact in self._some(people, "ticket"):
            self._ticket(contact)
        self._call(self._some(people, "call"))

    def tags(self, count: int) -> tuple[str, ...]:
        """The ids of so many tags."""
        ids = [one.id for one in self._workspace.tags.all()]
        return tuple(self._random.sample(ids, min(count, len(ids))))

    def note(self, contact: Contact, at: int) -> None:
        """A teammate leaves a note."""
        admin = self._random.choice(self._admins)
        self._workspace.notes.add("contact", contact, admin.id, at, self._random.choice(ANSWERED))

    def admin(self) -> Author:
        """Some teammate."""
        return self._random.choice(self._admins)

    def open(self, contact: Contact, at: int) -> Thread:
        """A contact begins a conversation."""
        kind = self._random.choice(("conversation", "conversation", "email"))
        return conversations.opened(self._workspace.conversations, contact, self._random.choice(SAID), at, kind)

    def step(self, thread: Thread, step: str, at: int) -> None:
        """Let one step of a flow happen in a conversation."""
        store = self._workspace.conversations
        part_type, _, whom = step.partition(" by ")
        contact = self._workspace.contacts.peek(thread.document["contacts"][0]) if whom == "contact" else None
        author = conversations.author_of(contact) if contact else self.admin()
        body = self._random.choice(SAID if contact else ANSWERED) if part_type in ("comment", "note") else None
        facts: dict[str, Any] = {"snoozed_until": at + DAY} if part_type == "snoozed" else {}
        part = Part(
            store.new_id(), part_type, at, author, body, self._assignee() if part_type == "assignment" else None
        )
        conversations.happen(store, thread, part, **facts)

    def request(self, contact: Contact, conversation_id: str | None = None) -> tickets.Request:
        """What a contact asks for in a ticket."""
        type_id = self._random.choice(self._workspace.library.ids("ticket_types"))
        texts = {TITLE: self._random.choice(SAID), DESCRIPTION: "As described."}
        return tickets.Request(type_id, contact.id, texts, conversation_id)

    def move(self, thread: Thread, at: int) -> None:
        """A teammate moves a ticket into some other state."""
        state_id = self._random.choice(self._workspace.library.ids("ticket_states")[1:])
        tickets.to_state(self._workspace, thread, state_id, self.admin(), at)

    def _some(self, people: list[Contact], name: str) -> list[Contact]:
        return self._random.sample(people, min(round(len(people) * SHARES[name]) + bool(people), len(people)))

    def _before(self, contact: Contact) -> int:
        return self._random.randint(contact.document["created_at"], self._workspace.clock.now())

    def _consents(self, count: int) -> dict[str, str]:
        kinds = self._workspace.library.all("subscription_types")
        return {one["id"]: one["consent_type"] for one in self._random.sample(kinds, min(count, len(kinds)))}

    def _companies(self) -> None:
        for company in self._workspace.companies.live():
            if self._random.random() < SHARES["tagged"]:
                company.document["tags"] = self.tags(self._random.randint(1, 2))

    def _rich(self, people: list[Contact]) -> None:
        """The first contacts have more of everything than their own page shows."""
        for contact in people:
            self._workspace.contacts.mark(contact, self.tags(MANY))
            contact.subscriptions = self._consents(MANY)
            for _ in range(MANY):
                self.note(contact, self._before(contact))

    def _converse(self, contact: Contact) -> None:
        at, now = self._before(contact), self._workspace.clock.now()
        thread = self.open(contact, at)
        for step in self._random.choice(FLOWS):
            at = min(at + self._random.randrange(60, 8 * HOUR), now)
            self.step(thread, step, at)
        if not thread.document["open"] and self._random.random() < SHARES["conversation"]:
            rating = {"rating": self._random.randint(1, 5), "remark": "", "created_at": at}
            rated = rating | {"contact_id": contact.id, "admin_id": thread.parts[0].author.id}
            thread.document["conversation_rating"] = rated
        if self._random.random() < SHARES["tagged"]:
            thread.document["tags"] = self.tags(1)

    def _ticket(self, contact: Contact) -> None:
        at, now = self._before(contact), self._workspace.clock.now()
        thread = tickets.new_ticket(self._workspace, self.request(contact), at)
        for _ in range(self._random.randrange(3)):
            at = min(at + self._random.randrange(HOUR, 3 * DAY), now)
            self.move(thread, at)

    def _call(self, people: list[Contact]) -> None:
        calls = [self._one_call(8_000_000 + number, contact) for number, contact in enumerate(people)]
        self._workspace.library.add("calls", calls)

    def _one_call(self, call_id: int, contact: Contact) -> dict[str, Any]:
        at = self._before(contact)
        answered = self._random.random() < 0.8  # noqa: PLR2004 - most are
        ended = at + self._random.randrange(30, HOUR)
        return {
            "type": "call",
            "id": str(call_id),
            "conversation_id": self.open(contact, at).id,
            "admin_id": self.admin().id if answered else None,
            "contact_id": contact.id,
            "state": "ended",
            "initiated_at": at,
            "answered_at": at + 9 if answered else None,
            "ended_at": ended,
            "created_at": at,
            "updated_at": ended,
            "recording_url": None,
            "transcription_url": None,
            "call_type": "phone",
            "direction": self._random.choice(("inbound", "outbound")),
            "ended_reason": "customer_hangup" if answered else "unanswered",
            "phone": contact.document["phone"],
            "fin_recording_url": None,
            "fin_transcription_url": None,
        }

    def _assignee(self) -> tuple[str, str]:
        by_team = self._random.random() < 0.5  # noqa: PLR2004 - half of them
        return ("team", self._random.choice(self._team_ids)) if by_team else ("admin", self.admin().id)


def _author(admin: dict[str, Any]) -> Author:
    return Author("admin", admin["id"], admin["name"], admin["email"])
