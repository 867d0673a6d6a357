"""What people do in Intercom while time passes: they write and are answered, sign up, and are archived.

No step changes an existing e-mail or external id, an attribute of an integration, or whether a customer is a user or a
lead: another system finds the same matches every day.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from sandbox.clock import DAY
from sandbox.intercom.conversations import announce_part
from sandbox.intercom.errors import Refusal
from sandbox.intercom.inbox import Inbox
from sandbox.intercom.seed import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.stored import R
    from sandbox.intercom.threads import Thread
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

SOURCE = "Intercom"
VISITORS = "@visitors.example"
EDITS: tuple[Callable[[Random], JsonObject], ...] = (
    lambda random: {"custom_attributes": {"nps_score": random.randint(0, 10)}},
    lambda random: {"custom_attributes": {"csm_owner": random.choice(TABLES["owners"])}},
    lambda random: {"custom_attributes": {"beta_tester": random.choice((True, False))}},
    lambda random: {
        "browser": random.choice(("chrome", "firefox", "safari")),
        "os": random.choice(("OS X", "Windows")),
    },
    lambda random: {"language_override": random.choice(("en", "de", "fr", "pt-BR"))},
)
STEPS = ("comment by admin", "comment by contact", "close", "assignment")
"""The steps that may continue an open conversation."""


class Activity:
    """One step of time, at most a day long, that has just passed in a workspace."""

    def __init__(self, workspace: Workspace, seconds: int) -> None:
        self._workspace = workspace
        self._now = workspace.clock.now()
        self._seconds = seconds
        self._random = Random(f"intercom activity:{workspace.settings.seed}:{self._now}")
        self._inbox = Inbox(workspace, self._random)
        self._happened: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        """Simulate all activity, and count each kind."""
        people = list(self._workspace.contacts.live())
        strangers = [one for one in people if str(one.document["email"] or "").endswith(VISITORS)]
        leads = [one for one in strangers if not one.is_user]
        conversations = [one for one in self._workspace.conversations.live() if one.document["open"]]
        tickets = [one for one in self._workspace.tickets.live() if one.document["open"]]
        send, archive = self._workspace.send_webhook, self._workspace.set_archived
        self._repeat("contacts edited", people, 0.01, self._edit)
        self._repeat("contacts tagged", people, 0.004, self._tag)
        self._repeat("notes left", people, 0.002, self._inbox.leave_note)
        self._repeat("conversations opened", people, 0.004, self._open_conversation)
        self._repeat("conversations answered", conversations, 0.2, self._answer)
        self._repeat(
            "tickets opened", people, 0.001, lambda *one: send("ticket.created", self._inbox.open_ticket(*one))
        )
        self._repeat(
            "tickets moved", tickets, 0.1, lambda *one: send("ticket.state.updated", self._inbox.move_ticket(*one))
        )
        self._repeat("leads converted", leads, 0.02, self._convert)
        self._repeat("visitors archived", strangers, 0.002, lambda one, _: archive(one, archived=True, source=SOURCE))
        self._repeat("visitors come", people, 0.002, self._welcome)
        return self._happened

    def _repeat(self, name: str, population: Sequence[R], rate: float, act: Callable[[R, int], object]) -> None:
        """Apply an action to a share of a population, `rate` of it per day."""
        expected = len(population) * rate * self._seconds / DAY
        count = min(int(expected + self._random.random()), len(population))
        for one in self._random.sample(population, count):
            if not one.archived:
                # A random time in the step, never before the record's last change.
                at = self._now - self._random.randrange(self._seconds)
                act(one, max(at, one.document["updated_at"]))
                self._happened[name] += 1

    def _edit(self, contact: Contact, at: int) -> None:
        self._workspace.contacts.update(contact, self._random.choice(EDITS)(self._random), at, SOURCE)

    def _tag(self, contact: Contact, at: int) -> None:
        for tag_id in self._inbox.draw_tags(1):
            self._workspace.tag(contact, tag_id, at, SOURCE, on=tag_id not in contact.document.get("tags", ()))

    def _open_conversation(self, contact: Contact, at: int) -> None:
        thread = self._inbox.open_conversation(contact, at)
        self._workspace.mark_heard(contact, at, SOURCE)
        self._workspace.send_webhook("conversation.user.created", thread)

    def _answer(self, thread: Thread, at: int) -> None:
        part = self._inbox.take_step(thread, self._random.choice(STEPS), at)
        announce_part(self._workspace, thread, part, SOURCE)

    def _convert(self, lead: Contact, at: int) -> None:
        values = {"role": "user", "external_id": f"signed-up-{lead.id}", "signed_up_at": at}
        with suppress(Refusal):  # another user has taken this e-mail meanwhile
            self._workspace.contacts.update(lead, values, at, SOURCE)

    def _welcome(self, _: Contact, at: int) -> None:
        """Add a new visitor, whose e-mail no other contact has."""
        first, last = self._random.choice(TABLES["first_names"]), self._random.choice(TABLES["last_names"])
        contact_id = f"{self._random.getrandbits(96):024x}"
        values = {
            "id": contact_id,
            "role": self._random.choice(("user", "lead")),
            "external_id": f"visitor-{contact_id}",
            "name": f"{first} {last}",
            "email": f"{first}.{last}.{contact_id[:8]}{VISITORS}".lower(),
            "last_seen_at": at,
        }
        self._workspace.contacts.create(self._workspace.make_blank_contact(at) | values, SOURCE)
