"""The map and the target together: a filter, left out customers and renamed attributes, from Chargebee to Intercom."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from in_process import swap_streams
from standpipe_maps.subscriptions.mapper import MapSubscriptions
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from pathlib import Path

Row = tuple[str, dict[str, Any]]
STREAMS = ("customers", "invoices", "subscriptions")
ACTIVE = "sub_status == 'active'"


@dataclass
class Chain:
    """The map and the target of the job `sync`, over rows that a test writes."""

    target: Any
    folder: Path
    state: dict[str, Any] = field(default_factory=dict)
    """The STATE that the target printed last."""

    def run(self, *rows: Row, subset: bool = False, mode: str = "sync", **settings: Any) -> dict[str, Any]:
        """Run both over these rows, and return the target's figures."""
        marker = {"completed_at": 1768478400000, "streams": ",".join(STREAMS), "from": None, "subset": int(subset)}
        lines: list[dict[str, Any]] = [{"type": "STATE", "value": self.state}] if self.state else []
        for stream in STREAMS:
            schema = {"type": "object", "properties": {"id": {"type": "string"}}}
            lines.append({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]})
        lines += [{"type": "RECORD", "stream": stream, "record": row} for stream, row in rows]
        last = {"bookmarks": {"customers": {"replication_key_value": 1}, "_sync": marker, **self._get_map()}}
        lines.append({"type": "STATE", "value": last})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        sent = self._listen(
            MapSubscriptions, {"store_dir": str(self.folder), "report_not_sent": True, **settings}, text
        )
        self.target.workspace.sandbox.clear_calls()
        states = self._listen(TargetIntercom, self.target.config(mode=mode), sent).splitlines()
        if states:
            self.state = json.loads(states[-1])
        figures: dict[str, Any] = json.loads((self.target.directory / "summary.json").read_text())
        return figures

    def _get_map(self) -> dict[str, Any]:
        return {name: value for name, value in self.state.get("bookmarks", {}).items() if name == "_map"}

    def _listen(self, plugin: Any, config: dict[str, Any], text: str) -> str:
        with swap_streams(text) as output:
            plugin(config=config).listen()
        return output.getvalue().decode()


@pytest.fixture
def chain(target: Any, tmp_path: Path) -> Chain:
    """Return the chain without a store."""
    return Chain(target, tmp_path / "stores")


def person(customer_id: str, email: str, status: str | None = "active", **members: Any) -> list[Row]:
    """Return a customer with a subscription of this status, or without one."""
    customer = {"id": customer_id, "email": email, "created_at": 100, "resource_version": 1, **members}
    terms = {"currency_code": "USD", "mrr": 1000, "plan_id": "basic", "created_at": 100, **members}
    subscription = {"id": f"s-{customer_id}", "customer_id": customer_id, "status": status, **terms}
    return [("customers", customer), *([("subscriptions", subscription)] if status else [])]


def get_links(workspace: Any) -> dict[str, tuple[Any, Any]]:
    """Return the link and the status of every contact, by e-mail address."""
    return {
        one["email"]: (one["custom_attributes"].get("cb_cust_id"), one["custom_attributes"].get("cb_sub_status"))
        for one in workspace.contacts()
    }


@pytest.mark.parametrize("on_left_out", ["keep", "clear"])
def test_shared_moved_and_left_out_customers(workspace: Any, chain: Chain, on_left_out: str) -> None:
    """The customer that takes part gets the contact of one that is left out; a moved one stays found by its link."""
    for email in ("one@x.io", "cat@x.io", "dan@x.io"):
        workspace.add(email=email)
    rows = [
        *person("ann", "one@x.io", created_at=200),
        *person("ben", "one@x.io"),
        *person("cat", "cat@x.io"),
        *person("dan", "dan@x.io"),
    ]
    chain.run(*rows)
    assert get_links(workspace) == {
        "one@x.io": ("ann", "active"),
        "cat@x.io": ("cat", "active"),
        "dan@x.io": ("dan", "active"),
    }
    changed = [
        *person("ann", "one@x.io", "paused", created_at=200, resource_version=2),
        *person("cat", "cat@new.io", resource_version=2),
        *person("dan", "dan@x.io", "cancelled", resource_version=2),
    ]
    figures = chain.run(*changed, only_customers=ACTIVE, on_left_out=on_left_out)
    assert figures["not_sent"] == {"left_out": 2}
    assert get_links(workspace) == {
        "one@x.io": ("ben", "active"),
        "cat@x.io": ("cat", "active"),
        "dan@x.io": (None, None) if on_left_out == "clear" else ("dan", "active"),
    }
    assert chain.run(only_customers=ACTIVE, on_left_out=on_left_out)["updated"] == 0
    assert workspace.writes() == 0


def test_a_customer_that_takes_part_again_is_written_again(workspace: Any, chain: Chain) -> None:
    """After a clear, a customer for whom the filter is true again gets all values, and the contact its link."""
    workspace.add(email="ann@x.io")
    settings: dict[str, Any] = {"only_customers": ACTIVE, "on_left_out": "clear"}
    chain.run(*person("ann", "ann@x.io"), **settings)
    chain.run(*person("ann", "ann@x.io", "paused", resource_version=2), **settings)
    assert get_links(workspace) == {"ann@x.io": (None, None)}
    chain.run(*person("ann", "ann@x.io", resource_version=3), **settings)
    assert get_links(workspace) == {"ann@x.io": ("ann", "active")}


@pytest.mark.parametrize("on_left_out", ["keep", "clear"])
@pytest.mark.parametrize("by_subset", [True, False], ids=["by runs over some", "by runs over everybody"])
def test_runs_over_some_lead_to_the_same_end(
    workspace: Any, chain: Chain, on_left_out: str, *, by_subset: bool
) -> None:
    """Whether changes come one by one or in a run over everybody, Intercom shows the same."""
    for email in ("one@x.io", "cat@x.io"):
        workspace.add(email=email)
    settings: dict[str, Any] = {"only_customers": ACTIVE, "on_left_out": on_left_out}
    chain.run(*person("ann", "one@x.io", created_at=200), *person("ben", "one@x.io"), *person("cat", "cat@x.io"))
    chain.run(**settings)
    changes = [
        person("ann", "one@x.io", "paused", created_at=200, resource_version=2),
        person("cat", "cat@x.io", "cancelled", resource_version=2),
    ]
    if by_subset:
        for change in changes:
            chain.run(*change, subset=True, **settings)
    else:
        chain.run(*(row for change in changes for row in change), **settings)
    assert get_links(workspace) == {
        "one@x.io": ("ben", "active"),
        "cat@x.io": (None, None) if on_left_out == "clear" else ("cat", "active"),
    }


@pytest.mark.parametrize(("on_renamed", "old"), [("keep", 10.0), ("clear", None)])
def test_a_renamed_attribute(workspace: Any, chain: Chain, on_renamed: str, old: float | None) -> None:
    """The new name gets the value, the old one keeps it or is cleared, and the next run writes nothing."""
    ann = workspace.add(email="ann@x.io")
    chain.run(*person("ann", "ann@x.io"))
    settings: dict[str, Any] = {"attributes": {"cust_mrr": "revenue", "payment_type": False}, "on_renamed": on_renamed}
    chain.run(**settings)
    values = workspace.get(ann)["custom_attributes"]
    assert (values["cb_revenue"], values.get("cb_cust_mrr")) == (10.0, old)
    chain.run(**settings)
    assert workspace.writes() == 0


def test_the_validation_shows_the_effect(workspace: Any, chain: Chain) -> None:
    """A validation names who would be left out and cleared, and what would be written, and writes nothing."""
    for email in ("ann@x.io", "ben@x.io"):
        workspace.add(email=email)
    rows = [*person("ann", "ann@x.io"), *person("ben", "ben@x.io", "paused")]
    chain.run(*rows)
    settings: dict[str, Any] = {
        "only_customers": ACTIVE,
        "on_left_out": "clear",
        "attributes": {"arr": "cust_mrr * 12"},
    }
    figures = chain.run(mode="validate", **settings)
    assert (figures["updated"], figures["not_sent"], figures["moved_cleared"]) == (1, {"left_out": 1}, 1)
    assert figures["attributes_missing"] == ["cb_arr"]
    assert workspace.writes() == 0
