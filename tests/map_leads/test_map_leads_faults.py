"""A run killed or out of space in any phase: no partial result is confirmed, and the next run is right."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from map_stores import ON_POSTGRESQL
from moments import write_break

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_leads.conftest import Mapper, Say

STORE = "standpipe_maps.store:Store"
MODULE = "standpipe_maps.leads.mapper"
MAPPER = f"{MODULE}:MapLeads"
BASE = "standpipe_maps.base"
MANY = 1200
DELETES: dict[str, Any] = {"on_unlinked": "delete"}

# The fault, its place, and the output of the mapper: nothing, a part without STATE, or all.
MOMENTS: list[tuple[str, str, str, int, str, int, str]] = [
    ("killed while it reads", STORE, "upsert_rows", 1, "kill", 0, "nothing"),
    ("killed while it derives customers", MODULE, "build_customer", 600, "kill", 0, "nothing"),
    ("killed while it derives contacts", MAPPER, "_build_contact_records", 700, "kill", 0, "nothing"),
    ("killed before the commit", STORE, "commit", 1, "kill", 0, "nothing"),
    ("killed after the commit", BASE, "write_spool", 1, "kill", 0, "nothing"),
    ("killed while it sums up", BASE, "write_summary", 1, "kill", 0, "all"),
    ("no room while it derives", MAPPER, "_build_contact_records", 700, "full", 0, "nothing"),
    ("no room while it commits", STORE, "commit", 1, "full", 100_000, "nothing"),
    ("no room while it sends", BASE, "write_spool", 1, "full", 100_000, "part"),
]


def whole_lines(text: str) -> list[dict[str, Any]]:
    """Return the messages on complete lines, which a target can read."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def applied(held: dict[tuple[str, str], Any], messages: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Return a target's records after it applied these messages."""
    for one in messages:
        if one["type"] == "RECORD":
            key = one["stream"], one["record"]["external_id"]
            held[key] = one["record"] if one["record"].get("_sdc_deleted_at") is None else None
    return {key: record for key, record in held.items() if record}


TRUTH: dict[tuple[str, str], Any] = {}


def find_truth(fresh_leads: Callable[[], Mapper], old: list[Any], new: list[Any]) -> dict[tuple[str, str], Any]:
    """Return a target's records after two whole runs over the same rows, which are made once for all tests."""
    if not TRUTH:
        fresh = fresh_leads()
        TRUTH.update(applied({}, [*fresh.run(*old, **DELETES).messages, *fresh.run(*new, **DELETES).messages]))
    return TRUTH


# The same for a store in a database, whose commit is no file of this process.
WITH_DATABASE = [
    ("killed while the tap sends", "standpipe_maps.input_spool:InputSpool", "write", 1, "kill", 0, "nothing"),
    *(row for row in MOMENTS if row[0] != "no room while it commits"),
]


@ON_POSTGRESQL
@pytest.mark.parametrize("moment", [row[1:] for row in WITH_DATABASE], ids=[row[0] for row in WITH_DATABASE])
def test_a_fault_at_each_phase_with_a_database(
    moment: tuple[Any, ...], leads: Mapper, fresh_leads: Callable[[], Mapper], say: Say
) -> None:
    """The same holds when the store is in a database: a killed run leaves nothing of its transaction."""
    test_a_fault_at_each_phase(moment, leads, fresh_leads, say)


@pytest.mark.parametrize("moment", [row[1:] for row in MOMENTS], ids=[row[0] for row in MOMENTS])
def test_a_fault_at_each_phase(
    moment: tuple[Any, ...], leads: Mapper, fresh_leads: Callable[[], Mapper], say: Say
) -> None:
    """The target has the result of one complete run, whatever part it received before."""
    *where, expected = moment
    old = [*(say.company(n) for n in range(MANY)), *(say.contact(f"p{n}", n) for n in range(MANY))]
    new = [say.company(0, name="Other"), *(say.contact(f"p{n}", n + 1, phone="+1") for n in range(MANY - 1))]
    held = applied({}, leads.run(*old, **DELETES).messages)
    done = leads.command(leads.lines(*new), before=write_break(*where), **DELETES)
    messages = whole_lines(done.stdout)
    assert done.returncode in ((-signal.SIGKILL,) if "kill" in moment else (1,))
    assert "Traceback" not in done.stderr
    assert {"": "nothing", "STATE": "all"}.get(messages[-1]["type"] if messages else "", "part") == expected
    held = applied(held, messages)
    if expected == "all":
        leads.confirmed = messages[-1]["value"]["bookmarks"]["_map"]
    held = applied(held, leads.run(*([] if expected == "all" else new), **DELETES).messages)
    assert held == find_truth(fresh_leads, old, new)
