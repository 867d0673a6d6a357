"""A workspace with people: the first ones, new ones, their activity, and the content of webhooks."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from sandbox.intercom.activity import Activity
from sandbox.intercom.companies import Company
from sandbox.intercom.contacts import Contact
from sandbox.intercom.conversations import show_whole_conversation
from sandbox.intercom.inbox import Inbox
from sandbox.intercom.seed import Seed
from sandbox.intercom.shapes import PINNED, show_company, show_contact, show_stub
from sandbox.intercom.threads import Thread
from sandbox.intercom.tickets import show_ticket
from sandbox.intercom.workspace import ADMIN_ID, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.business.records import Person
    from sandbox.clock import Clock
    from sandbox.intercom.records import Record
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings


class LivingWorkspace(Workspace):
    """A world's Intercom workspace."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._seed = Seed(self, ADMIN_ID)

    @classmethod
    def seeded(cls, people: Iterable[Person], settings: Settings, clock: Clock) -> LivingWorkspace:
        """Return a workspace that knows most of the people, some in odd ways, and some strangers."""
        workspace = cls(settings, clock)
        workspace._seed.fill(list(people))
        Inbox(workspace, Random(f"intercom inbox:{settings.seed}")).fill()
        return workspace

    def live(self, seconds: int) -> dict[str, int]:
        """Simulate the activity of the `seconds` (at most a day) that have just passed, and count it by kind."""
        return Activity(self, seconds).run()

    def advance(self, new_people: Iterable[Person]) -> None:
        """Let most of the new customers sign up, after the clock moved."""
        for person in new_people:
            self._seed.sign_up(person)
        self.send_deletions()

    def show(self, topic: str, record: Record) -> JsonObject:
        """Return a notification's item: the record, or only its identifiers when it is deleted.

        Raises:
            TypeError: no webhook is about this kind of record.
        """
        if isinstance(record, Contact):
            gone = topic == "contact.deleted"
            return show_stub(record, deleted=True) if gone else show_contact(self, record, PINNED)
        if isinstance(record, Company):
            if topic == "company.deleted":
                return {"type": "company", "id": record.id, "deleted": True}
            return show_company(self, record)
        if isinstance(record, Thread):
            if record.document["type"] == "ticket":
                return show_ticket(self, record, PINNED)
            return show_whole_conversation(self, record, PINNED, plain=False)
        raise TypeError(f"No webhook is about {record!r}.")
