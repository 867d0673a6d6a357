"""A workspace with people in it: whom it knows at first, who comes, what they do, and what its webhooks are told."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.intercom import shown
from sandbox.intercom.activity import Activity
from sandbox.intercom.inbox import Inbox
from sandbox.intercom.library_staff import ADMIN_ID
from sandbox.intercom.seed import Seed
from sandbox.intercom.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.business.records import Person
    from sandbox.clock import Clock
    from sandbox.intercom.records import Record
    from sandbox.settings import Settings


class LivingWorkspace(Workspace):
    """What a world holds of Intercom."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._seed = Seed(self, ADMIN_ID)

    @classmethod
    def seeded(cls, people: Iterable[Person], settings: Settings, clock: Clock) -> LivingWorkspace:
        """Return a workspace in which most of the people are known already, some of them oddly, and strangers too."""
        workspace = cls(settings, clock)
        workspace._seed.fill(list(people))
        Inbox(workspace, Random(f"intercom inbox:{settings.seed}")).fill()
        return workspace

    def live(self, seconds: int) -> dict[str, int]:
        """Let people do what they do in `seconds` (at most a day) that have just passed; return counts by kind."""
        return Activity(self, seconds).take()

    def advance(self, new_people: Iterable[Person]) -> None:
        """Let most of the new customers sign up, after the clock moved."""
        for person in new_people:
            self._seed.sign_up(person)
        self.tell_of_the_gone()

    def show(self, topic: str, record: Record) -> dict[str, Any]:
        """Return what a notification of a topic holds of a record."""
        return shown.item(self, topic, record)
