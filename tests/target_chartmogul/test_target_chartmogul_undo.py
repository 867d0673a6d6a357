"""`target-chartmogul undo`: what a run wrote is put back, where ChartMogul still holds what the run wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_chartmogul.target import TargetChartmogul

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]
    Lines = list[dict[str, Any]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return the folder of the journals."""
    return tmp_path / "journal"


@pytest.fixture
def undo(target: Any, journal: Path, tmp_path: Path) -> Callable[..., Lines]:
    """`undo(OPTION…)`: undo the run whose journal is in the folder, and return what the command prints."""

    def run(*options: str) -> Lines:
        config = tmp_path / "undo.json"
        config.write_text(json.dumps(target.config()))
        (path,) = journal.glob("*.jsonl")
        target.account.sandbox.clear_calls()
        done = CliRunner().invoke(
            TargetChartmogul.cli, ["--config", str(config), "undo", "--journal", str(path), *options]
        )
        assert done.exit_code == 0, (done.output, done.exception)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def read_values(customer: dict[str, Any]) -> dict[str, Any]:
    """Return what an undo is to put back of a customer."""
    names = ("name", "company", "email", "website_url", "city")
    custom = {name: value for name, value in customer["attributes"]["custom"].items() if value is not None}
    return {**{name: customer[name] for name in names}, "custom": custom, "tags": customer["attributes"]["tags"]}


def test_a_run_is_undone(target: Any, lead: Record, person: Record, journal: Path, undo: Callable[..., Lines]) -> None:
    """Fields, attributes of every type and tags are what they were; the next undo writes nothing."""
    account = target.account
    account.source()
    before = {"plan": "old", "seats": 3, "vip": False, "renewed_at": "2025-01-01T00:00:00Z"}
    first = lead("acme", before, ["kept"], website_url="https://old.example", city="Berlin")
    target.run([first, person("ann", "acme", {"csm_owner": "bea"}, title="CEO")])
    start, contact = read_values(account.customer("acme")), account.contacts()["ann:acme"]
    after = {"plan": "new", "seats": 4, "vip": True, "score": 1.5, "renewed_at": "2026-01-01T00:00:00Z"}
    second = lead("acme", after, ["kept", "added"], website_url="https://new.example", city="Bonn", email="a@a.example")
    target.run([second, person("ann", "acme", {"csm_owner": "cid"}, title="CTO")], journal_dir=str(journal))
    assert read_values(account.customer("acme")) != start

    assert undo()[-1] == {"outcomes": {"restored": 2}, "fields": 11}
    assert read_values(account.customer("acme")) == start
    held = account.contacts()["ann:acme"]
    assert (held["title"], held["custom"]["csm_owner"]) == (contact["title"], contact["custom"]["csm_owner"])
    assert undo()[-1] == {"outcomes": {"unchanged": 2}, "fields": 0}
    assert account.calls() == {"GET /contacts/{uuid}": 1, "GET /customers/{uuid}": 1, "GET /data_sources": 1}


def test_what_somebody_changed_since_stays(
    account: Any, target: Any, lead: Record, journal: Path, undo: Callable[..., Lines]
) -> None:
    """The undo names the field that somebody changed, and puts the other field back."""
    account.source()
    target.run([lead("acme", city="Berlin", website_url="https://old.example")])
    target.run([lead("acme", city="Bonn", website_url="https://new.example")], journal_dir=str(journal))
    uuid = account.customer("acme")["uuid"]
    account.call("PATCH", f"/customers/{uuid}", {"city": "Rome"})
    line, total = undo()
    assert (line["kept"], total["fields"]) == ({"city": "it has changed since"}, 1)
    customer = account.customer("acme")
    assert (customer["city"], customer["website_url"]) == ("Rome", "https://old.example")


def test_what_cannot_be_undone_is_listed(
    target: Any, lead: Record, person: Record, journal: Path, undo: Callable[..., Lines]
) -> None:
    """Created customers and contacts stay, and so does the data source: ChartMogul archives nothing."""
    target.run([lead("acme"), person("ann", "acme")], journal_dir=str(journal))
    lines = {line["stream"]: line["reason"] for line in undo("--archive-created")[:-1]}
    assert lines == {
        "data_sources": "a data source that the run created stays: `target-chartmogul-admin delete-source` deletes it",
        "customers": "ChartMogul has no archive: delete it there",
        "contacts": "ChartMogul has no archive: delete it there",
    }
    assert list(target.account.customers()) == ["acme"]


def test_a_customer_that_is_gone(
    account: Any, target: Any, lead: Record, journal: Path, undo: Callable[..., Lines]
) -> None:
    """The undo lists the deleted customer, and puts the other one back."""
    account.source()
    target.run([lead("acme", city="Berlin"), lead("beta", city="Berlin")])
    target.run([lead("acme", city="Bonn"), lead("beta", city="Bonn")], journal_dir=str(journal))
    account.call("DELETE", f"/customers/{account.customer('acme')['uuid']}")
    assert undo()[-1] == {"outcomes": {"gone": 1, "restored": 1}, "fields": 1}
    assert account.customer("beta")["city"] == "Berlin"
