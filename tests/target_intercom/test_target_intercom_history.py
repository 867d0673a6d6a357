"""The history says what Intercom took: over many runs, whatever killed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]

MRR = "cb_cust_mrr"
PEOPLE = [f"c{number}" for number in range(24)]
#: The number of writes after which each run is killed.
KILLS = (None, 5, 17, None, 11, 23, 3, None)


@pytest.fixture
def took(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Return the values that Intercom took, by contact, in their order."""
    values: dict[str, list[float]] = {}
    contacts = workspace.sandbox.world.intercom.contacts
    update = contacts.update

    def note(contact: Any, *args: Any, **options: Any) -> None:
        update(contact, *args, **options)
        value = contact.document["custom_attributes"].get(MRR)
        if value is not None and values.setdefault(contact.document["email"], [])[-1:] != [value]:
            values[contact.document["email"]].append(value)

    monkeypatch.setattr(contacts, "update", note)
    return values


def kill_after(target: Any, records: list[dict[str, Any]], writes: int, journals: Path) -> None:
    """Start a run, and kill it when Intercom has had this many writes, while others are under way."""
    target.workspace.sandbox.clear_calls()
    target.workspace.sandbox.fault(method="PUT", path="/contacts/*", effect={"delay": 0.05})
    process = target.start(records, journal_dir=str(journals), max_concurrency=4)
    target.wait_for(process, lambda: target.calls.get("PUT /contacts/{id}", 0) >= writes)
    process.kill()
    process.communicate()
    target.workspace.sandbox.clear_faults()


def list_written(history: History) -> Iterator[tuple[str, float, float]]:
    """Yield every change of the value that the history claims, the oldest first: whose, before and after."""
    for run in reversed(history.list_runs()):
        for change in history.list_changes(run.run_id):
            assert change.kind != "unknown"
            if field := change.fields.get(f"custom_attributes.{MRR}"):
                yield change.record_id, field.before, field.after


def test_the_history_equals_what_intercom_took(
    workspace: Any, target: Any, customer: Record, took: dict[str, list[float]], tmp_path: Path
) -> None:
    """No write is missing, none is there twice, and none is claimed that Intercom did not take."""
    workspace.fill({"email": f"{one}@a.example"} for one in PEOPLE)
    folder = tmp_path / "standpipe"
    journals = folder / "journal/target-intercom"
    with History(f"sqlite:///{tmp_path}/history.db", folder) as history:
        for number, writes in enumerate(KILLS, 1):
            records = [customer(one, cb_cust_mrr=float(number)) for one in PEOPLE]
            if writes is None:
                target.run(records, journal_dir=str(journals))
            else:
                kill_after(target, records, writes, journals)
            history.load_journals()
        statuses = [run.status for run in reversed(history.list_runs())]
        assert statuses == ["completed" if writes is None else "killed" for writes in KILLS]
        claimed: dict[str, list[float]] = {}
        for one, before, after in list_written(history):
            values = claimed.setdefault(f"{one}@a.example", [])
            assert before == (values[-1] if values else None)
            values.append(after)
        assert claimed == took
        assert len({len(values) for values in took.values()}) > 1
        rows = [row for run in history.list_runs() for row in history.list_records(run.run_id).rows]
        assert any("a later run" in row.reason for row in rows)
        assert [row for row in rows if row.kind == "unknown"] == []
