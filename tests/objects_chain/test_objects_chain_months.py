"""Subscriptions from Chargebee as custom objects of Intercom: tap, map and target in the test's process.

What Intercom must have is derived from the sandbox's business itself, and from the link that Intercom's contacts carry.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from in_process import LineCollector, keep_signal_handlers, swap_streams
from sandbox.business.entities import transfer_customer
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from standpipe_maps.subscriptions.subscription_objects import FIELDS
from tap_chargebee.tap import TapChargebee
from target_intercom.api.client import IntercomClient
from target_intercom.target import TargetIntercom
from target_intercom.writing.object_ledger import ObjectLedger

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.testing import RunningSandbox

STREAMS = ("customers", "invoices", "subscriptions")
TYPE, REFERENCE, LINK = "Subscription", "cb_subscriptions", "cb_cust_id"
NUMBERS = ("quantity", "mrr")
KINDS = {
    one.name: "float" if one.name in NUMBERS else "date" if one.name.endswith("_at") else "string" for one in FIELDS
}


class KilledError(BaseException):
    """Ends a run like a kill: it is not an `Exception`, so nothing handles it."""


@dataclass
class Killer:
    """Ends the run at its n-th step. A step is any call to the ledger or Intercom."""

    step: int | None = None
    steps: int = 0

    def pass_step(self) -> None:
        """Take a step, or die."""
        self.steps += 1
        if self.step is not None and self.steps >= self.step:
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
    catalog: dict[str, Any] = field(default_factory=dict)

    def read(self, settings: dict[str, Any] | None = None, **tap_settings: Any) -> list[str]:
        """Run the tap and the map, and return the map's output."""
        config = {"site": "sandbox", "api_key": "sandbox_key", "api_url": self.sandbox.chargebee_url, **tap_settings}
        with keep_signal_handlers():
            if not self.catalog:
                found = json.loads(json.dumps(TapChargebee(config=config).catalog_dict))
                found["streams"] = [one for one in found["streams"] if one["tap_stream_id"] in STREAMS]
                self.catalog = found
            writer, state = LineCollector(), None if self.state is None else json.loads(json.dumps(self.state))
            catalog = json.loads(json.dumps(self.catalog))
            TapChargebee(config=config, state=state, catalog=catalog, message_writer=writer).sync_all()
            lines = writer.lines
            echo = [] if self.state is None else [json.dumps({"type": "STATE", "value": self.state}) + "\n"]
            lines = lines if '"STATE"' in lines[0] else [*echo, *lines]
            map_config = {"store_dir": str(self.folder / "stores"), "subscription_objects": TYPE, **(settings or {})}
            with swap_streams("".join(lines)) as output:
                MapSubscriptions(config=map_config).listen()
            return output.getvalue().decode().splitlines(keepends=True)

    def write(self, lines: list[str], *, killed_at: int | None = None, **settings: Any) -> bool:
        """Run the target over the map's output; return whether it was killed. Without a kill its STATE is kept."""
        self.killer.step, self.killer.steps = killed_at, 0
        config = {
            "access_token": "sandbox_token",
            "api_url": self.sandbox.intercom_url,
            "report_dir": str(self.folder / "reports"),
            "max_changed_share": 1,
            "max_concurrency": 4,
            **settings,
        }
        output = io.StringIO()
        try:
            with keep_signal_handlers(), redirect_stdout(output):
                TargetIntercom(config=config).listen(io.StringIO("".join(lines)))
        except KilledError:
            return True
        if output.getvalue():
            self.state = json.loads(output.getvalue().splitlines()[-1])
        return False

    def run(self, **settings: Any) -> dict[str, Any]:
        """Run all three, and return the summary of the target."""
        assert not self.write(self.read(settings))
        return self.summary

    @property
    def summary(self) -> dict[str, Any]:
        """The target's summary of the last run."""
        found: dict[str, Any] = json.loads((self.folder / "reports" / "summary.json").read_text(encoding="utf-8"))
        return found

    @property
    def calls(self) -> dict[str, int]:
        """How many calls changed custom objects, and how many changed contacts."""
        found = {"save": 0, "delete": 0, "contact": 0}
        for row in self.sandbox.calls()["calls"]:
            method, path, count = row["method"], row["path"], row["count"]
            if path.startswith("/custom_object_instances"):
                found["save"] += count if method == "POST" else 0
                found["delete"] += count if method == "DELETE" else 0
            found["contact"] += count if method == "PUT" and path.startswith("/contacts") else 0
        return found

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return what Intercom shows: by customer, the subscriptions of its contact with plan, status and MRR."""
        found = {}
        for one in self.sandbox.world.intercom.contacts.live():
            custom = self.sandbox.world.intercom.custom_objects.show_references(
                "contact", one.document["custom_attributes"]
            )
            instances = (custom.get(REFERENCE) or {"instances": []})["instances"]
            if instances:
                found[str(custom[LINK])] = {each["external_id"]: pick(each["custom_attributes"]) for each in instances}
        return found

    def expected(self) -> dict[str, dict[str, Any]]:
        """Return the subscriptions of Chargebee that are not deleted, by customer, of the customers with a contact."""
        linked = {one.document["custom_attributes"].get(LINK) for one in self.sandbox.world.intercom.contacts.live()}
        found: dict[str, dict[str, Any]] = {}
        for one in self.sandbox.world.business.subscriptions.records:
            if one.customer.id in linked and not one.deleted:
                found.setdefault(one.customer.id, {})[one.id] = self.describe(one)
        return found

    def describe(self, subscription: Any) -> dict[str, Any]:
        """Return the plan, the status and the MRR that Chargebee's API shows."""
        url = f"{self.sandbox.chargebee_url}/subscriptions/{subscription.id}"
        body = requests.get(url, auth=("sandbox_key", ""), timeout=10).json()["subscription"]
        plan = next(one["item_price_id"] for one in body["subscription_items"] if one["item_type"] == "plan")
        status = body["status"]
        mrr = 0 if status in ("cancelled", "future", "transferred") else body.get("mrr", 0)
        zero = body["currency_code"] == "JPY"
        return {"plan": plan, "status": status, "mrr": mrr if zero else mrr / 100}


def pick(custom: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are compared."""
    return {name: custom[name] for name in ("plan", "status", "mrr")}


@pytest.fixture
def chain(running_sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """Return the chain, whose target can be killed around every call to the ledger and Intercom."""
    killer = Killer()
    for name in ("begin", "settle", "forget", "begin_references", "settle_references"):
        killer.surround(monkeypatch, ObjectLedger, name)
    for name in ("save_object", "delete_object", "set_references"):
        killer.surround(monkeypatch, IntercomClient, name)
    return Chain(running_sandbox, tmp_path, killer)


def start(chain: Chain, customers: int = 14, **settings: Any) -> None:
    """Begin a world with the custom object."""
    chain.sandbox.reset(customers=customers, seed=5, rate_limit_per_window=10**9, **settings)
    chain.sandbox.object_type(TYPE, KINDS, reference=REFERENCE)


def test_twelve_months(chain: Chain) -> None:
    """After each of twelve months Intercom shows Chargebee's subscriptions, with one call per change and per set."""
    start(chain)
    chain.run()
    assert chain.shown() == chain.expected()
    instances = chain.sandbox.world.intercom.custom_objects.types[TYPE].instances
    known = {key: dict(one.custom_attributes) for key, one in instances.items()}
    sets = {customer: set(found) for customer, found in chain.shown().items()}
    saved = 0
    for _ in range(12):
        chain.sandbox.advance(days=30)
        chain.sandbox.clear_calls()
        summary = chain.run()
        calls = chain.calls
        assert chain.shown() == chain.expected()
        after = {key: dict(one.custom_attributes) for key, one in instances.items()}
        changed_sets = {customer: set(found) for customer, found in chain.shown().items()}
        changed = [key for key, values in after.items() if known.get(key) != values]
        moved = [one for one in sets.keys() | changed_sets.keys() if sets.get(one) != changed_sets.get(one)]
        assert (calls["save"], calls["delete"]) == (len(changed), len(known.keys() - after.keys()))
        assert calls["contact"] == len(moved) + summary["updated"]
        assert (summary["objects_saved"], summary["references_written"]) == (len(changed), len(moved))
        known, sets, saved = after, changed_sets, saved + len(changed)
    assert saved > 20
    chain.sandbox.clear_calls()
    chain.run()
    assert chain.calls == {"save": 0, "delete": 0, "contact": 0}


def test_a_customer_who_moves_between_business_entities(chain: Chain) -> None:
    """Who leaves is a deleted customer without subscriptions, and who comes back is an active one with them."""
    start(chain, business_entities=2)
    chain.write(chain.read(business_entity_id="be_1"))
    before = chain.shown()
    moved = next(iter(before))
    shown = []
    for entity in ("be_2", "be_1"):
        chain.sandbox.advance(seconds=600)
        transfer_customer(chain.sandbox.world.business, moved, entity)
        chain.write(chain.read(business_entity_id="be_1"))
        customs = [one.document["custom_attributes"] for one in chain.sandbox.world.intercom.contacts.live()]
        (status,) = [custom["cb_cust_status"] for custom in customs if custom.get(LINK) == moved]
        shown.append((status, chain.shown()))
    others = {customer: found for customer, found in before.items() if customer != moved}
    assert shown == [("deleted", others), ("active", before)]


def test_a_kill_at_every_step(chain: Chain) -> None:
    """Wherever a run is killed, the next one brings Intercom to the same state as a run that was not."""
    start(chain, customers=3)
    chain.run()
    chain.sandbox.advance(days=60)
    lines = chain.read()
    step = 1
    while chain.write(lines, killed_at=step):
        step += 1
        # Something else changes in between, so that every attempt has something to write.
        if step % 5 == 0:
            chain.sandbox.change("subscription", count=2)
            lines = chain.read()
        assert step < 400
    assert chain.shown() == chain.expected()
    assert step > 5
