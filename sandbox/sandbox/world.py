"""One business and all the systems that know of it."""

from __future__ import annotations

from collections import Counter

from sandbox.business.business import Business
from sandbox.calls import Calls
from sandbox.chargebee.limits import Limits
from sandbox.clock import DAY, Clock
from sandbox.faults import Faults
from sandbox.intercom.workspace import Workspace
from sandbox.settings import Settings


class World:
    """Everything a running sandbox holds; the APIs are views of it."""

    settings: Settings
    clock: Clock
    business: Business
    intercom: Workspace
    chargebee_limits: Limits
    calls: Calls
    faults: Faults

    def __init__(self, settings: Settings | None = None) -> None:
        self.reset(settings or Settings())

    def reset(self, settings: Settings) -> None:
        """Start over: the same settings give the same world, to the byte."""
        self.settings = settings
        self.clock = Clock()
        self.business = Business(settings, self.clock)
        self.intercom = Workspace.seeded(self.business.people(), settings, self.clock)
        self.chargebee_limits = Limits(settings)
        self.calls = Calls()
        self.faults = Faults(settings.seed)

    def advance(self, seconds: int) -> dict[str, int]:
        """Let ``seconds`` pass, day by day; how often each kind of thing happened."""
        known = len(self.business.customers.records)
        happened: Counter[str] = Counter()
        while seconds > 0:
            step = min(seconds, DAY)
            self.clock.advance(step)
            happened.update(self.business.live(step))
            seconds -= step
        self.intercom.advance(self.business.people(since=known))
        return dict(sorted(happened.items()))
