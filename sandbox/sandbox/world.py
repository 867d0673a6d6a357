"""One business and the systems that show it."""

from __future__ import annotations

from collections import Counter

from sandbox.business.business import Business
from sandbox.calls import Calls
from sandbox.chargebee.limits import Limits
from sandbox.chargebee.webhooks import Webhooks
from sandbox.chartmogul.account import Account
from sandbox.chartmogul.limits import Gate
from sandbox.chartmogul.merging import merge_duplicate
from sandbox.clock import DAY, Clock
from sandbox.faults import Faults
from sandbox.intercom.living import LivingWorkspace
from sandbox.settings import Settings


class World:
    """The whole state of a running sandbox; the APIs are views of it."""

    settings: Settings
    clock: Clock
    business: Business
    intercom: LivingWorkspace
    chargebee_limits: Limits
    chargebee_webhooks: Webhooks
    calls: Calls
    faults: Faults
    chartmogul_gate: Gate

    def __init__(self, settings: Settings | None = None) -> None:
        self.reset(settings or Settings())

    def reset(self, settings: Settings) -> None:
        """Start again; the same settings give the same world, byte for byte."""
        if hasattr(self, "chargebee_webhooks"):
            self.chargebee_webhooks.close()
        self.settings = settings
        self.clock = Clock()
        self.business = Business(settings, self.clock)
        self.chargebee_webhooks = Webhooks(self.business, settings)
        self.intercom = LivingWorkspace.seeded(self.business.people(), settings, self.clock)
        self._chartmogul: Account | None = None
        self.chartmogul_gate = Gate(settings.chartmogul_requests_per_second, settings.chartmogul_max_connections)
        self.chargebee_limits = Limits(settings)
        self.calls = Calls()
        self.faults = Faults(settings.seed)
        self.changes: Counter[str] = Counter()
        """The number of changes made on request, by kind."""
        self.intercom_happened: Counter[str] = Counter()
        """The activity in Intercom during the last `advance`, counted by kind."""

    @property
    def chartmogul(self) -> Account:
        """The ChartMogul account, built when it is first used, because most worlds never use it."""
        if self._chartmogul is None:
            self._chartmogul = Account(self.business, self.settings, merge_duplicate)
        return self._chartmogul

    def advance(self, seconds: int) -> dict[str, int]:
        """Let ``seconds`` pass, day by day, and return how often each thing happened."""
        self.intercom_happened = Counter()
        known = len(self.business.customers.records)
        happened: Counter[str] = Counter()
        while seconds > 0:
            step = min(seconds, DAY)
            self.clock.advance(step)
            happened.update(self.business.live(step))
            self.intercom_happened.update(self.intercom.live(step))
            seconds -= step
        self.intercom.advance(self.business.people(since=known))
        if self._chartmogul is not None:
            self._chartmogul.advance()
        return dict(sorted(happened.items()))
