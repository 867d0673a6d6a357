"""The queries of pages, alerts and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from standpipe_console.errors import ConsoleError
from standpipe_console.history import AlertRow, FieldChange, History, RecordGroup

from tests.history.conftest import START, JournalFile, change

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(history: History, tmp_path: Path) -> History:
    """Return a history with two runs to Intercom and one to ChartMogul."""
    first = JournalFile(tmp_path, "first", at=START)
    first.write("ann", "created", name="Ann Adams", email="Ann@A.example", company="Acme",
                fields=change("cb_cust_mrr", None, 5))  # fmt: skip
    first.write("bob", name="Bob", email="bob@b.example", company="Acme")
    first.pass_over("cid", "skipped", "ambiguous", name="Émile Adams")
    first.write("dan", "rejected", "bad phone", name="100% Dan_1")
    first.end()
    second = JournalFile(tmp_path, "second", at=START + 1000, job="trial")
    second.write("ann", fields=change("cb_cust_mrr", 5, 7))
    second.end()
    leads = JournalFile(tmp_path, "leads", at=START + 2000, plugin="target-chartmogul", job="sync-leads")
    leads.write("ann", stream="customers", name="Ann's company")
    leads.end()
    history.load_journals()
    return history


def test_runs_are_listed_by_job_and_target(filled: History) -> None:
    """The latest run comes first, and `before` selects the next page."""
    assert [run.run_id for run in filled.list_runs()] == ["leads", "second", "first"]
    assert [run.run_id for run in filled.list_runs(limit=1, before=START + 2000)] == ["second"]
    assert [run.run_id for run in filled.list_runs("sync")] == ["first"]
    assert [run.run_id for run in filled.list_runs(["sync", "trial"])] == ["second", "first"]
    assert [run.run_id for run in filled.list_runs(plugin="target-chartmogul")] == ["leads"]
    assert filled.list_runs(environment="staging") == []
    assert [run.run_id for run in filled.list_runs(is_subset=False)] == ["leads", "second", "first"]
    assert filled.list_runs(is_subset=True) == []
    assert filled.get_run("other") is None
    assert [run.run_id for run in filled.find_runs("fir")] == ["first"]


@pytest.mark.parametrize(
    ("query", "expected", "total"),
    [
        ({}, ["ann", "bob", "cid", "dan"], 4),
        ({"kind": "updated"}, ["bob"], 1),
        ({"reason": "ambiguous"}, ["cid"], 1),
        ({"search": "acme"}, ["ann", "bob"], 2),
        ({"search": "0% dan_"}, ["dan"], 1),
        ({"search": "%"}, ["dan"], 1),
        ({"search": "remote-b"}, ["bob"], 1),
        ({"sort": "-name"}, ["cid", "bob", "ann", "dan"], 4),
        ({"sort": "kind", "offset": 1, "limit": 2}, ["dan", "cid"], 4),
    ],
    ids=["all", "kind", "reason", "company", "wildcards are text", "percent", "remote id", "by name", "a page"],
)
def test_records_are_filtered_searched_sorted_and_paged(
    filled: History, query: dict[str, object], expected: list[str], total: int
) -> None:
    """The total counts the matching records of one run over all pages."""
    page = filled.list_records("first", **query)  # type: ignore[arg-type]
    assert ([row.record_id for row in page.rows], page.total) == (expected, total)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann", [("target-chartmogul", "ann"), ("target-intercom", "ann")]),
        ("ANN@a.EXAMPLE", [("target-intercom", "ann")]),
        ("acme", [("target-intercom", "ann"), ("target-intercom", "bob")]),
        ("émile", [("target-intercom", "cid")]),
        ("remote-dan", [("target-intercom", "dan")]),
        ("bo", [("target-intercom", "bob")]),
        ("nobody", []),
        (" ", []),
    ],
    ids=["id", "e-mail", "company", "accent", "remote id", "beginning", "nobody", "nothing"],
)
def test_a_customer_is_found(filled: History, text: str, expected: list[tuple[str, str]]) -> None:
    """A prefix in any letter case finds each record once, with its last outcome."""
    found = filled.find_customer(text)
    assert [(row.plugin, row.record_id) for row in found] == expected


def test_a_customer_is_shown_as_it_was_last(filled: History) -> None:
    """A record without names in the last run keeps those of an earlier run."""
    (row,) = filled.find_customer("ann@a.example")
    assert (row.run_id, row.kind, row.name) == ("second", "updated", "Ann Adams")


def test_every_change_of_a_record_is_listed(filled: History) -> None:
    """The latest change comes first, with its run."""
    rows = filled.list_record_history("ann", "target-intercom")
    assert [(row.run_id, row.kind, row.changes[0].fields) for row in rows] == [
        ("second", "updated", {"custom_attributes.cb_cust_mrr": FieldChange(5, 7)}),
        ("first", "created", {"custom_attributes.cb_cust_mrr": FieldChange(None, 5)}),
    ]
    assert [row.plugin for row in filled.list_record_history("ann")] == [
        "target-chartmogul", "target-intercom", "target-intercom",
    ]  # fmt: skip
    assert [one.record_id for one in filled.list_changes("first", "bob")] == ["bob"]


@pytest.fixture
def refused(history: History, tmp_path: Path) -> History:
    """Return a history in which both vendors refuse records, and took one of them later."""
    first = JournalFile(tmp_path, "first", at=START)
    first.write("ann", "rejected", "parameter_invalid", "Phone is odd", name="Zoe", email="zoe@a.example")
    first.write("bob", "rejected", "parameter_invalid", "Email is odd", name="Bob", company="100% Acme")
    first.write("cid", "rejected", "conflict", name="Cid")
    first.end()
    second = JournalFile(tmp_path, "second", at=START + 1000)
    second.write("ann", "rejected", "parameter_invalid", "Phone is odd")
    second.write("cid")
    second.end()
    leads = JournalFile(tmp_path, "leads", at=START + 2000, plugin="target-chartmogul", job="sync-leads")
    leads.write("dan", "rejected", "too long", stream="customers", name="Dan")
    leads.end()
    history.load_journals()
    return history


@pytest.mark.parametrize(
    ("query", "expected", "total"),
    [
        ({}, ["ann", "bob", "dan"], 3),
        ({"sort": "-first_at"}, ["dan", "bob", "ann"], 3),
        ({"sort": "name"}, ["bob", "dan", "ann"], 3),
        ({"sort": "-last_at"}, ["dan", "ann", "bob"], 3),
        ({"sort": "-times"}, ["ann", "dan", "bob"], 3),
        ({"sort": "plugin"}, ["dan", "ann", "bob"], 3),
        ({"sort": "reason"}, ["ann", "bob", "dan"], 3),
        ({"sort": "-record_id", "offset": 1, "limit": 1}, ["bob"], 3),
        ({"search": "PHONE"}, ["ann"], 1),
        ({"search": " zoe@a "}, ["ann"], 1),
        ({"search": "0% a"}, ["bob"], 1),
        ({"search": "remote-d", "sort": "times"}, ["dan"], 1),
        ({"search": "cid"}, [], 0),
        ({"offset": 300}, [], 3),
    ],
    ids=["oldest first", "newest first", "by name", "by last", "by times", "by system", "by reason", "a page",
         "sentence", "e-mail", "wildcards are text", "remote id", "taken since", "past the end"],
)  # fmt: skip
def test_rejects_are_searched_sorted_and_paged(
    refused: History, query: dict[str, object], expected: list[str], total: int
) -> None:
    """The total counts what is refused now over all pages."""
    page = refused.page_rejects(**query)  # type: ignore[arg-type]
    assert ([row.record_id for row in page.rows], page.total) == (expected, total)


def test_rejects_are_counted_by_reason(refused: History) -> None:
    """With one of the vendor's sentences, and the number of different ones."""
    assert refused.count_rejects("target-intercom") == [
        RecordGroup("rejected", "parameter_invalid", 2, "Phone is odd", 2)
    ]
    assert [(group.reason, group.count) for group in refused.count_rejects()] == [
        ("parameter_invalid", 2), ("too long", 1),
    ]  # fmt: skip


def test_rejects_are_named_by_both_ids(refused: History) -> None:
    """By the source's and by the vendor's; other names find nothing."""
    found = refused.list_rejects("target-intercom", names=["ann", "remote-bob", "cid", "dan"])
    assert [row.record_id for row in found] == ["ann", "bob"]
    assert refused.list_rejects(names=[]) == []


def test_a_job_is_paused_until_it_is_resumed(filled: History) -> None:
    """A second pause does not replace the reason of the first."""
    filled.pause("sync", "first was undone", "first")
    filled.pause("sync", "second was undone", "second")
    pause = filled.get_pause("sync")
    assert pause is not None
    assert (pause.job, pause.reason, pause.run_id) == ("sync", "first was undone", "first")
    assert filled.get_pause("sync-leads") is None
    assert (filled.resume("sync"), filled.resume("sync")) == (True, False)
    assert filled.get_pause("sync") is None


def test_an_alert_is_noted_once_per_situation(filled: History) -> None:
    """A later alert replaces the earlier one with the same situation."""
    filled.write_alert(AlertRow("sync", "failed", 1.0))
    filled.write_alert(AlertRow("sync", "failed", 1.0, 2.0))
    filled.write_alert(AlertRow("sync-leads", "stale", 3.0))
    assert filled.list_alerts("sync") == [AlertRow("sync", "failed", 1.0, 2.0)]
    filled.write_alert(AlertRow("sync", "failed", 1.0, 2.0, "token", "slack"))
    filled.remove_alert("sync", "failed", "token", "slack")
    assert filled.list_alerts("sync") == [AlertRow("sync", "failed", 1.0, 2.0)]
    filled.remove_alert("sync", "failed")
    assert filled.list_alerts() == [AlertRow("sync-leads", "stale", 3.0)]


def test_old_runs_are_forgotten(filled: History) -> None:
    """Their records and changes go. Open rejects and last problems stay for comparison with the next run."""
    now = START + 90 * 86_400 + 500
    assert filled.prune(now, 90) == 1
    assert [run.run_id for run in filled.list_runs()] == ["leads", "second"]
    assert filled.list_records("first").total == 0
    assert list(filled.list_changes("first")) == []
    assert [row.record_id for row in filled.list_rejects()] == ["dan"]
    assert filled.find_customer("bob") == []
    assert [row.reason for row in filled.find_customer("cid")] == ["ambiguous"]
    assert filled.prune(now, 90) == 0


def test_a_person_is_erased(filled: History, tmp_path: Path) -> None:
    """An id or an address leads to all rows of all targets, including journals that are not loaded yet."""
    journal = JournalFile(tmp_path, "third", at=START + 3000)
    journal.write("ann", email="ann@a.example")
    journal.end()
    assert filled.erase(["ANN@a.example"]) > 0
    assert filled.find_customer("ann") == []
    assert filled.list_record_history("ann") == []
    assert list(filled.list_changes("first", "ann")) == []
    assert [run.run_id for run in filled.list_runs()] == ["third", "leads", "second", "first"]
    assert [row.record_id for row in filled.list_records("first").rows] == ["bob", "cid", "dan"]
    files = [path.read_bytes() for path in tmp_path.glob("history.db*")]
    assert not any(b"Ann@A" in content or b"ann@a" in content for content in files)


def test_nobody_is_erased_while_a_run_writes_about_people(filled: History, tmp_path: Path) -> None:
    """The run must end first, as its journal may contain the person."""
    journal = JournalFile(tmp_path, "third", at=START + 3000)
    journal.write("ann", email="ann@a.example")
    with pytest.raises(ConsoleError, match="A run is in progress"):
        filled.erase(["ann@a.example"])
    journal.leave()
    assert filled.erase(["ann@a.example"]) > 0
