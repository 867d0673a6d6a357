"""Moments from Chargebee's events to Intercom: tap, map and target in the test's process, killed at random places.

What Intercom must have is derived from the sandbox's own log of Chargebee's events, with a table of its own, and from
the link that Intercom's contacts carry. `MOMENTS_SEEDS=10 pytest tests/moments_chain` runs ten businesses.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from in_process import LineCollector, keep_signal_handlers, swap_streams
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from tap_chargebee.tap import TapChargebee
from target_intercom.api.client import IntercomClient
from target_intercom.event_pipeline import EventPipeline
from target_intercom.target import TargetIntercom
from target_intercom.writing.event_ledger import EventLedger

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.testing import RunningSandbox

SEEDS = range(1, 1 + int(os.environ.get("MOMENTS_SEEDS", "1")))
STREAMS = ("customers", "events", "invoices", "subscriptions")
EXPECTED = {
    "subscription_created": "created-subscription",
    "subscription_activated": "activated-subscription",
    "subscription_cancelled": "deleted-subscription",
    "subscription_renewed": "renewed-subscription",
    "subscription_changed": "changed-plan",
    "payment_failed": "payment-failed",
    "payment_succeeded": "charged",
    "card_expiry_reminder": "card-expiring",
}
"""The name in Intercom by the type of Chargebee's event, of the types that the sandbox's business has."""
CHOSEN = [
    *("subscription_created", "subscription_activated", "trial_ending", "subscription_cancelled", "payment_failed"),
    *("payment_succeeded", "subscription_renewed", "plan_changed", "card_expiring"),
]
LINK = "cb_cust_id"


class KilledError(BaseException):
    """Ends a run like a kill: it is not an `Exception`, so nothing handles it."""


@dataclass
class Killer:
    """Ends the run at its n-th step. A step is any call to the ledger or Intercom."""

    step: int | None = None
    steps: int = 0
    kills: int = 0

    def pass_step(self) -> None:
        """Take a step, or die."""
        self.steps += 1
        if self.steps == self.step:
            self.kills += 1
            raise KilledError

    def surround(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Allow a kill before and after every call of a method."""
        method = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.pass_step()
            result = method(*arguments, **options)
            self.pass_step()
            return result

        patch.setattr(owner, name, wrapped)


@dataclass
class Chain:
    """The job `sync` without Meltano: each run starts from the STATE that the run before it confirmed."""

    sandbox: RunningSandbox
    folder: Path
    killer: Killer
    state: dict[str, Any] | None = None
    refreshes: int = 0
    catalog: dict[str, Any] = field(default_factory=dict)

    def read(self, **settings: Any) -> list[str]:
        """Run the tap and the map, and return the map's output."""
        with keep_signal_handlers():
            return self._map(self._tap(settings))

    def _tap(self, settings: dict[str, Any]) -> list[str]:
        config = {"site": "sandbox", "api_key": "sandbox_key", "api_url": self.sandbox.chargebee_url, **settings}
        if not self.catalog:
            found = json.loads(json.dumps(TapChargebee(config=config).catalog_dict))
            found["streams"] = [one for one in found["streams"] if one["tap_stream_id"] in STREAMS]
            self.catalog = found
        writer, state = LineCollector(), None if self.state is None else json.loads(json.dumps(self.state))
        catalog = json.loads(json.dumps(self.catalog))
        TapChargebee(config=config, state=state, catalog=catalog, message_writer=writer).sync_all()
        return writer.lines

    def _map(self, lines: list[str]) -> list[str]:
        echo = [] if self.state is None else [json.dumps({"type": "STATE", "value": self.state}) + "\n"]
        lines = lines if '"STATE"' in lines[0] else [*echo, *lines]
        folder = str(self.folder / "stores")
        with swap_streams("".join(lines)) as output:
            MapSubscriptions(config={"store_dir": folder, "moments": CHOSEN, "report_not_sent": True}).listen()
        return output.getvalue().decode().splitlines(keepends=True)

    def write(self, lines: list[str], *, killed_at: int | None = None) -> bool:
        """Run the target over the map's output; return whether it was killed. Without a kill its STATE is kept."""
        self.killer.step, self.killer.steps = killed_at, 0
        config = {
            "access_token": "sandbox_token",
            "api_url": self.sandbox.intercom_url,
            "report_dir": str(self.folder / "reports"),
            "max_changed_share": 1,
            "max_concurrency": 4,
        }
        output = io.StringIO()
        try:
            with keep_signal_handlers(), redirect_stdout(output):
                TargetIntercom(config=config).listen(io.StringIO("".join(lines)))
        except KilledError:
            return True
        self.state = json.loads(output.getvalue().splitlines()[-1])
        return False

    def refresh(self) -> None:
        """Forget the STATE, as `--full-refresh` does: the map then begins a new store."""
        self.state = None
        self.refreshes += 1

    def known(self) -> Counter[tuple[str, str, str]]:
        """Return how often Intercom has each event: its name, the id of Chargebee's event, and the contact's link."""
        intercom = self.sandbox.world.intercom
        return Counter(
            (one.name, one.metadata["chargebee_event_id"], read_link(intercom.contacts.get_any(contact)))
            for contact, one in intercom.data_events.list_all()
        )

    def find_linked(self) -> set[str]:
        """Return the customers whose link a user in Intercom carries."""
        return {link for one in self.sandbox.world.intercom.contacts.live() if (link := read_link(one))}


def read_link(contact: Any) -> str:
    """Return the customer that a contact of the sandbox is linked to."""
    return str(contact.document["custom_attributes"].get(LINK) or "")


def find_customer(event: Any) -> str:
    """Return the customer of an event of the sandbox's log: the first record of its content that has one."""
    records = dict(event.content)
    if "customer" in records:
        return str(records["customer"].id)
    return next((str(one.customer.id) for one in records.values() if getattr(one, "customer", None)), "")


@pytest.fixture
def chain(running_sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """Return the chain, whose target can be killed around every call to the ledger and Intercom."""
    killer = Killer()
    for name in ("begin", "settle"):
        killer.surround(monkeypatch, EventLedger, name)
    for name in ("create_event", "list_events", "update_contact"):
        killer.surround(monkeypatch, IntercomClient, name)
    killer.surround(monkeypatch, EventPipeline, "finish")
    return Chain(running_sandbox, tmp_path, killer)


def live_months(chain: Chain, seed: int, *, customers: int, months: int, kills: int) -> Counter[Any]:
    """Let months pass with runs that are killed, repeated or restarted; return what Intercom must have."""
    chain.sandbox.reset(
        customers=customers, seed=seed, rate_limit_per_window=10**9, intercom_events_deduplicate=seed % 2 == 0
    )
    random = Random(seed)  # noqa: S311 a seeded test
    expected: Counter[Any] = Counter()
    assert not chain.write(chain.read())
    seen = len(chain.sandbox.world.business.events.records)
    for month in range(months):
        chain.sandbox.advance(days=30)
        if random.random() < 0.3:
            chain.refresh()
        elif random.random() < 0.7:
            # Before the plain run, `standpipe live` runs over some of the events, with their customers.
            rung = [one for one in chain.sandbox.world.business.events.records[seen:] if random.random() < 0.5]
            customers_rung = sorted({find_customer(one) for one in rung} - {""})
            if customers_rung:
                lines = chain.read(customer_ids=customers_rung, event_ids=[one.id for one in rung])
                chain.write(lines, killed_at=random.choice((None, 1, 5, 9)))
        lines = chain.read()
        steps = 20
        while chain.killer.kills < kills * (month + 1) / months:
            if chain.write(lines, killed_at=random.randint(1, steps)):
                lines = chain.read() if random.random() < 0.3 else lines
                continue
            # The run ended before the step at which it was to die. The next run has nothing to send, but two steps.
            lines, steps = chain.read(), 2
        chain.write(lines)
        # The same input again, as after a restored backup of Meltano's database.
        chain.write(lines)
        events = chain.sandbox.world.business.events.records
        linked = chain.find_linked()
        for event in events[seen:]:
            customer = find_customer(event)
            if event.event_type in EXPECTED and customer in linked:
                expected[EXPECTED[event.event_type], event.id, customer] += 1
        seen = len(events)
    return expected


def test_three_months_with_kills(chain: Chain) -> None:
    """Each event of Chargebee's log is in Intercom once, after every kill, replay and full refresh."""
    expected = live_months(chain, 1, customers=6, months=3, kills=4)
    assert chain.killer.kills >= 3
    assert chain.known() == expected
    assert len(expected) > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_twelve_months_with_forty_kills(chain: Chain, seed: int) -> None:
    """Over a year with forty kills, Intercom has exactly the events of Chargebee's log, each once."""
    expected = live_months(chain, seed, customers=12, months=12, kills=40)
    assert chain.killer.kills >= 36
    assert chain.known() == expected
    assert len({name for name, _, _ in expected}) >= 5
