"""The maps' own commands through real Meltano, with the settings that Meltano passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pipeline.conftest import Project

pytestmark = pytest.mark.pipeline


def test_a_store_is_listed_and_a_customer_inspected(project: Project) -> None:
    """`stores` lists the store in STATE. `inspect` finds a customer by the address in any letter case."""

    def ask(command: str, *arguments: str) -> dict[str, Any]:
        code, out, log = project.command(f"map-subscriptions:{command}", *arguments, "--json")
        assert code == 0, log
        found: dict[str, Any] = json.loads(out)
        return found

    ran = project.sync()
    assert ran.code == 0, ran.log
    (store,) = project.stores()
    assert [(one["name"], one["generation"]) for one in ask("stores")["stores"]] == [(store.stem, 1)]
    record = next(m["record"] for m in ran.of("map-subscriptions", "RECORD") if m["record"].get("email"))
    found = ask("inspect", record["email"].upper(), "--store", store.stem)
    assert (found["found_by"], found["derived"]) == ("match_value", record)
    code, _, log = project.command("map-subscriptions:inspect", "nobody", "--json")
    assert code == 1
    assert "No customer in the store has this id or match value" in log
