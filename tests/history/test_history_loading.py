"""Each line of a journal becomes a row once, even if processes are killed."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from standpipe_console.history import ChangeRow, FieldChange, History, RecordRow, RejectRow, RunRow
from standpipe_console.history.store import StartedRun
from standpipe_console.runs.locks import JobLock

from tests.history.conftest import START, JournalFile, change

if TYPE_CHECKING:
    from pathlib import Path


def list_kinds(history: History, run_id: str) -> dict[str, tuple[str, str]]:
    """Return kind and reason of each record of a run."""
    return {row.record_id: (row.kind, row.reason) for row in history.list_records(run_id).rows}


def test_a_run_is_loaded_and_its_journal_is_deleted(history: History, tmp_path: Path) -> None:
    """The history gets the run, its records except unchanged ones, and each written field."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann", name="Ann", email="Ann@a.example")
    journal.pass_over("bob")
    journal.pass_over("cid", "skipped", "ambiguous", name="Cid")
    summary = {"status": "completed", "records": 3, "updated": 1, "unchanged": 1, "created": 0, "calls": 9,
               "skipped": {"ambiguous": 1}, "rejected": {}, "outcomes": [{"kind": "updated"}]}  # fmt: skip
    journal.end(summary=summary)
    history.load_journals()
    assert not journal.path.exists()
    assert history.list_runs() == [
        RunRow(
            run_id="r1",
            plugin="target-intercom",
            job="sync",
            environment="prod",
            trigger="schedule",
            mode="sync",
            is_subset=False,
            started_at=START,
            ended_at=START + 5,
            status="completed",
            exit_code=None,
            reason="",
            counts={"records": 3, "updated": 1, "unchanged": 1, "skipped": {"ambiguous": 1}, "calls": 9},
            plugin_version="0.1.0",
        )
    ]
    page = history.list_records("r1")
    assert page.total == 2
    assert page.rows == [
        RecordRow("r1", "target-intercom", "contacts", "ann", "remote-ann", "updated", "", START + 2, "Ann",
                  "Ann@a.example"),
        RecordRow("r1", "target-intercom", "contacts", "cid", "", "skipped", "ambiguous", START + 2, "Cid"),
    ]  # fmt: skip
    assert list(history.list_changes("r1")) == [
        ChangeRow(
            "r1", "contacts", "ann", "remote-ann", "update", "updated", START + 2,
            {"custom_attributes.cb_cust_mrr": FieldChange(1, 2)},
        )
    ]  # fmt: skip


def test_only_what_is_new_has_a_row(history: History, tmp_path: Path) -> None:
    """A repeated problem is only counted. A new reason, and the end of a problem, have rows."""
    outcomes = [
        {"ann": ("skipped", "ambiguous"), "bob": ("unchanged", "")},
        {"ann": ("skipped", "ambiguous"), "bob": ("unchanged", "")},
        {"ann": ("skipped", "archived"), "bob": ("not_reached", "updated")},
        {"ann": ("unchanged", ""), "bob": ("unchanged", "")},
        {"ann": ("unchanged", ""), "bob": ("held", "")},
    ]
    for number, records in enumerate(outcomes):
        journal = JournalFile(tmp_path, f"r{number}", at=START + 100 * number)
        for record_id, (kind, reason) in records.items():
            journal.pass_over(record_id, kind, reason)
        journal.end()
        history.load_journals()
    assert [list_kinds(history, f"r{number}") for number in range(5)] == [
        {"ann": ("skipped", "ambiguous")},
        {},
        {"ann": ("skipped", "archived")},
        {"ann": ("unchanged", "")},
        {"bob": ("held", "")},
    ]


def test_what_is_no_record_of_the_source_is_in_no_count(history: History, tmp_path: Path) -> None:
    """An attribute that the run created has a row; customers that were not sent are only counted in the summary."""
    journal = JournalFile(tmp_path, "r1", at=START)
    n = journal.intend("contact.cb_cust_mrr", "create", "data_attributes")
    journal.add("outcome", n=n, kind="created")
    journal.pass_over("old", "not_sent", "replaced", stream="not_sent")
    journal.pass_over("ann", "not_reached", "updated")
    journal.leave()
    history.load_journals()
    assert list_kinds(history, "r1") == {"contact.cb_cust_mrr": ("created", "")}
    assert history.get_run("r1").counts == {"records": 1, "not_reached": 1}  # type: ignore[union-attr]


def test_several_writes_of_one_record_are_one_outcome_and_all_their_changes(history: History, tmp_path: Path) -> None:
    """Clearing a contact that the record left does not hide the record's update."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann", "converted")
    journal.write("ann", "cleared", remote_id="old", fields=change("cb_cust_id", "ann", None))
    journal.write("bob", "cleared", fields=change("cb_cust_id", "bob", None))
    journal.end()
    history.load_journals()
    assert list_kinds(history, "r1") == {"ann": ("converted", ""), "bob": ("cleared", "")}
    assert [(one.record_id, one.action) for one in history.list_changes("r1")] == [
        ("ann", "convert"), ("ann", "clear"), ("bob", "clear"),
    ]  # fmt: skip


def test_a_refused_record_is_known_until_it_is_taken(history: History, tmp_path: Path) -> None:
    """After a success, a new refusal starts with a new first time and count."""
    for number, kinds in enumerate([("rejected",), ("rejected",), ("updated",), ("rejected",)]):
        journal = JournalFile(tmp_path, f"r{number}", at=START + 100 * number)
        for kind in kinds:
            reason, detail = ("bad phone", "Phone is not a number.") if kind == "rejected" else ("", "")
            journal.write("ann", kind, reason, detail, name="Ann")
        journal.end()
    history.load_journals()
    expected = RejectRow(
        "target-intercom",
        "contacts",
        "ann",
        "bad phone",
        START + 302,
        START + 302,
        1,
        None,
        "remote-ann",
        "Ann",
        detail="Phone is not a number.",
    )
    assert history.list_rejects() == [expected]
    assert [history.get_run(f"r{n}").status for n in range(4)] == [  # type: ignore[union-attr]
        "partly_refused", "partly_refused", "completed", "partly_refused",
    ]  # fmt: skip
    assert [one.record_id for one in history.list_changes("r1")] == []


def test_what_was_written_before_a_refusal_is_kept(history: History, tmp_path: Path) -> None:
    """The record is refused, but the field that was written before is stored as a change."""
    journal = JournalFile(tmp_path, "r1", at=START)
    n = journal.intend("ann", fields=change("cb_cust_mrr", 1, 2) | change("cb_cust_status", None, "active"))
    journal.add("outcome", n=n, kind="rejected", reason="conflict", fields=change("cb_cust_mrr", 1, 2))
    journal.end()
    history.load_journals()
    assert list_kinds(history, "r1") == {"ann": ("rejected", "conflict")}
    assert [one.fields for one in history.list_changes("r1")] == [{"custom_attributes.cb_cust_mrr": FieldChange(1, 2)}]


def test_a_reject_counts_its_runs_and_is_resolved(history: History, tmp_path: Path) -> None:
    """A write without an answer does not change the reject."""
    for number, kind in enumerate(["rejected", "rejected", "unanswered", "unchanged"]):
        journal = JournalFile(tmp_path, f"r{number}", at=START + 100 * number)
        if kind == "unanswered":
            journal.intend("ann")
            journal.leave()
        elif kind == "unchanged":
            journal.pass_over("ann")
            journal.end()
        else:
            journal.write("ann", kind, "bad phone")
            journal.end()
        history.load_journals()
        if number == 2:
            (reject,) = history.list_rejects("target-intercom")
            assert (reject.first_at, reject.last_at, reject.times) == (START + 2, START + 102, 2)
    assert history.list_rejects() == []
    (reject,) = history.list_rejects(open_only=False)
    assert reject.resolved_at == START + 300


def test_a_killed_run_has_unknown_writes(history: History, tmp_path: Path) -> None:
    """The journal has no end and no writer, so a write without an answer may have reached the vendor."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann")
    journal.intend("bob", fields=change("cb_cust_mrr", 3, 4))
    journal.leave()
    with journal.path.open("a") as file:
        file.write('{"type":"outcome","n":2,"ki')
    history.load_journals()
    run = history.get_run("r1")
    assert run is not None
    assert (run.status, run.ended_at) == ("killed", START + 3)
    assert run.counts == {"records": 2, "updated": 1, "unknown": 1}
    assert list_kinds(history, "r1") == {"ann": ("updated", ""), "bob": ("unknown", "")}
    assert [(one.record_id, one.kind) for one in history.list_changes("r1")] == [("ann", "updated"), ("bob", "unknown")]


@pytest.mark.parametrize(
    ("action", "later", "fields", "expected"),
    [
        ("update", "unchanged", {}, "updated"),
        ("create", "unchanged", {}, "created"),
        ("update", "updated", change("cb_cust_mrr", 3, 4), "not_written"),
        ("update", "updated", change("cb_cust_mrr", 4, 5), "updated"),
        ("update", "updated", change("cb_sub_status", "active", "cancelled"), "updated"),
        ("create", "created", change("cb_cust_mrr", None, 4), "not_written"),
        ("update", "skipped", {}, "unknown"),
    ],
    ids=["taken", "created", "not taken", "taken, changed since", "taken, another field", "not created", "not read"],
)
def test_the_next_run_resolves_what_was_unknown(  # noqa: PLR0913, PLR0917 a row of a table
    history: History, tmp_path: Path, action: str, later: str, fields: dict[str, object], expected: str
) -> None:
    """The record's next outcome shows whether the write reached the vendor."""
    killed = JournalFile(tmp_path, "r1", at=START)
    before = None if action == "create" else 3
    killed.intend("bob", action=action, fields=change("cb_cust_mrr", before, 4))
    killed.leave()
    history.load_journals()
    journal = JournalFile(tmp_path, "r2", at=START + 100)
    if fields:
        journal.write("bob", later, fields=fields)
    else:
        journal.pass_over("bob", later, "ambiguous" if later == "skipped" else "")
    journal.end()
    history.load_journals()
    assert list_kinds(history, "r1")["bob"][0] == expected
    assert len(list(history.list_changes("r1"))) == (0 if expected == "not_written" else 1)
    assert history.get_run("r1").counts == {"records": 1, expected: 1}  # type: ignore[union-attr]


def test_a_creation_that_was_half_done_claims_the_half_that_is_there(history: History, tmp_path: Path) -> None:
    """It takes two requests; what the next run has to write was not in the first one."""
    name, external_id = ({one: {"before": None, "after": "bob"}} for one in ("name", "external_id"))
    killed = JournalFile(tmp_path, "r1", at=START)
    killed.intend("bob", action="create", fields=name | external_id)
    killed.leave()
    history.load_journals()
    journal = JournalFile(tmp_path, "r2", at=START + 100)
    journal.write("bob", fields=external_id)
    journal.end()
    history.load_journals()
    assert list_kinds(history, "r1") == {"bob": ("created", "a later run found it at the vendor")}
    assert [[*one.fields] for run in ("r1", "r2") for one in history.list_changes(run)] == [["name"], ["external_id"]]


@pytest.mark.parametrize(
    ("field", "kind"), [("cb_cust_mrr", "created"), ("cb_plan", "unknown")], ids=["its value was taken", "another one"]
)
def test_an_attribute_is_known_to_be_there_by_its_values(
    history: History, tmp_path: Path, field: str, kind: str
) -> None:
    """No later run creates it again, or mentions it."""
    killed = JournalFile(tmp_path, "r1", at=START)
    killed.intend("contact.cb_cust_mrr", "create", "data_attributes", fields={})
    killed.leave()
    history.load_journals()
    journal = JournalFile(tmp_path, "r2", at=START + 100)
    journal.write("bob", fields=change(field, None, 4))
    journal.end()
    history.load_journals()
    assert list_kinds(history, "r1")["contact.cb_cust_mrr"][0] == kind


def test_a_journal_that_is_being_written_is_loaded_as_far_as_it_is(history: History, tmp_path: Path) -> None:
    """The journal stays, and later loads add only new lines."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann")
    n = journal.intend("bob")
    history.load_journals()
    assert history.get_run("r1").status == "running"  # type: ignore[union-attr]
    assert list_kinds(history, "r1") == {"ann": ("updated", "")}
    journal.add("outcome", n=n, kind="updated", reason="", remote_id="remote-bob")
    history.load_journals()
    history.load_journals()
    assert journal.path.exists()
    assert len(list(history.list_changes("r1"))) == 2
    journal.end()
    history.load_journals()
    assert history.get_run("r1").status == "completed"  # type: ignore[union-attr]
    assert len(list(history.list_changes("r1"))) == 2
    assert not journal.path.exists()


@pytest.mark.parametrize(
    ("age", "later", "status"),
    [
        (3600, "", "running"),
        (3600, "running", "running"),
        (3600, "subset", "running"),
        (3600, "completed", "killed"),
        (2 * 86_400, "", "killed"),
    ],
    ids=["just begun", "the next has begun", "live ran over some", "the next has ended well", "after a day"],
)
def test_a_run_that_was_killed_in_a_container_is_found(  # noqa: PLR0913, PLR0917 a row of a table
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, later: str, status: str
) -> None:
    """Another machine cannot see its lock, and decides by later runs and by its age."""
    now = time.time()
    monkeypatch.setattr(socket, "gethostname", lambda: "a-container")
    with History(url, tmp_path) as history:
        history.start_run(StartedRun("r1", "sync", "target-intercom", "schedule", now - age))
    monkeypatch.setattr(socket, "gethostname", lambda: "another-container")
    with History(url, tmp_path) as history:
        if later:
            next_run = StartedRun("r2", "sync", "target-intercom", "schedule", now - 60, is_subset=later == "subset")
            # Its lock is held, so that it counts as alive on this machine.
            with JobLock(tmp_path, "sync").hold(0):
                history.start_run(next_run)
                if later != "running":
                    history.finish_run(next_run, now, 0, "")
                history.load_journals()
        history.load_journals()
        run = history.get_run("r1")
    assert run is not None
    assert run.status == status
