"""The journal of a run contains all writes, and claims no write that was not made."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from singer_kit.journal import (
    FieldChange,
    Intent,
    JournalWriter,
    Outcome,
    RecordResult,
    RunEnd,
    RunStart,
    Who,
    Write,
    list_journals,
    open_journal,
)
from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

START = RunStart(version=1, run_id="r1", plugin="target-intercom", at=100.0, trigger="schedule", job="sync")
ANN = Who("Ann", "ann@a.example", "Acme")


def open_writer(folder: Path) -> JournalWriter:
    """Return a journal writer with a fixed clock."""
    writer = JournalWriter(lambda: 101.0004)
    writer.open(folder, START)
    return writer


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines as plain JSON."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_entries(path: Path) -> list[Any]:
    """Return the entries that a reader finds in a journal."""
    with open_journal(path) as journal:
        assert journal is not None
        return list(journal.iterate_entries())


def test_the_journal_of_a_run(tmp_path: Path) -> None:
    """A write has an intent and an outcome, and other records have one line. Empty members are left out."""
    writer = open_writer(tmp_path / "journal")
    write = writer.begin_write("contacts", "c1", "update", ANN)
    write.announce("5f", {"custom_attributes.cb_mrr": (1, 2.5)})
    write.settle("updated", remote_id="5f", fields={"custom_attributes.cb_mrr": (1, 2.5)})
    writer.add_record("contacts", "c2", "skipped", "ambiguous", who=Who(name="Bob"))
    writer.end("completed", summary={"records": 2})

    (path,) = list_journals(tmp_path / "journal")
    assert path.name == "r1.jsonl"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    fields = {"custom_attributes.cb_mrr": {"before": 1, "after": 2.5}}
    assert read_lines(path) == [
        {
            "type": "run",
            "version": 1,
            "run_id": "r1",
            "plugin": "target-intercom",
            "at": 100.0,
            "job": "sync",
            "trigger": "schedule",
        },
        {
            "type": "intent",
            "name": "Ann",
            "email": "ann@a.example",
            "company": "Acme",
            "n": 1,
            "stream": "contacts",
            "id": "c1",
            "action": "update",
            "at": 101.0,
            "remote_id": "5f",
            "fields": fields,
        },
        {"type": "outcome", "n": 1, "kind": "updated", "at": 101.0, "remote_id": "5f", "fields": fields},
        {"type": "record", "name": "Bob", "stream": "contacts", "id": "c2", "kind": "skipped", "reason": "ambiguous"},
        {"type": "end", "status": "completed", "at": 101.0, "summary": {"records": 2}},
    ]


def test_a_write_of_several_requests_is_one_write(tmp_path: Path) -> None:
    """Each request that writes more repeats the intent with all fields. One outcome settles all of them."""
    writer = open_writer(tmp_path)
    write = writer.begin_write("contacts", "c1", "create")
    write.announce(None, {"email": (None, "a@x.io")})
    write.announce(None, {"email": (None, "a@x.io")})
    write.announce("5f", {"external_id": (None, "c1")})
    write.announce("5f", {"external_id": (None, None)})
    write.settle("created", remote_id="5f", fields={"email": (None, "a@x.io")})
    first = Intent(n=1, stream="contacts", id="c1", action="create", at=101.0)
    email = FieldChange(None, "a@x.io")
    second = {"email": email, "external_id": FieldChange(None, "c1")}
    last = {"email": email, "external_id": FieldChange(None, None)}
    with open_journal(tmp_path / "r1.jsonl") as journal:
        assert journal is not None
        assert list(journal.iterate_lines())[1:] == [
            replace(first, fields={"email": email}),
            replace(first, remote_id="5f", fields=second),
            replace(first, remote_id="5f", fields=last),
            Outcome(n=1, kind="created", at=101.0, remote_id="5f", fields={"email": email}),
        ]
        (_, settled) = journal.iterate_entries()
    assert isinstance(settled, Write)
    assert settled.intent == replace(first, remote_id="5f", fields=last)


def test_a_write_that_was_never_begun_is_a_record(tmp_path: Path) -> None:
    """A planned write without a request has a record line and no number."""
    writer = open_writer(tmp_path)
    writer.begin_write("contacts", "c1", "create", ANN).settle("skipped", "archived", remote_id="7a")
    assert read_entries(tmp_path / "r1.jsonl")[1:] == [
        RecordResult(
            stream="contacts",
            id="c1",
            kind="skipped",
            reason="archived",
            remote_id="7a",
            name="Ann",
            email="ann@a.example",
            company="Acme",
        )
    ]


def test_a_journal_is_busy_while_its_writer_lives(tmp_path: Path) -> None:
    """A reader learns whether more lines may come, and which writes have no outcome yet."""
    writer = open_writer(tmp_path)
    writer.begin_write("contacts", "c1", "update").announce("5f", {})
    with open_journal(tmp_path / "r1.jsonl") as journal:
        assert journal is not None
        assert journal.is_busy
        assert [intent.id for intent in journal.list_unknown()] == ["c1"]
    writer.end("failed", summary={}, error="Intercom did not answer.")
    with open_journal(tmp_path / "r1.jsonl") as journal, open_journal(tmp_path / "r1.jsonl") as other:
        assert journal is not None
        assert other is not None
        assert (journal.is_busy, other.is_busy) == (False, True)
        assert list(journal.iterate_entries())[1] == RunEnd(status="failed", at=101.0, error="Intercom did not answer.")


def test_a_journal_that_is_removed_while_it_is_opened_is_none(tmp_path: Path) -> None:
    """When two programs load journals, neither loads one that the other has removed."""
    open_writer(tmp_path).end("completed", summary={})
    path = tmp_path / "r1.jsonl"
    with open_journal(path) as journal:
        assert journal is not None
        path.unlink()
    with open_journal(path) as journal:
        assert journal is None


def test_an_input_of_some_records_is_told_later(tmp_path: Path) -> None:
    """The run's line is repeated, as only SCHEMA messages say that the input is a subset."""
    writer = open_writer(tmp_path)
    writer.mark_subset()
    writer.mark_subset()
    runs = [one for one in read_entries(tmp_path / "r1.jsonl") if isinstance(one, RunStart)]
    assert [run.is_subset for run in runs] == [False, True]


def test_two_targets_of_one_run_have_a_journal_each(tmp_path: Path) -> None:
    """A job may run the same target twice, and each run has its own file."""
    writers = [open_writer(tmp_path), open_writer(tmp_path)]
    assert [path.name for path in list_journals(tmp_path)] == ["r1.2.jsonl", "r1.jsonl"]
    for writer in writers:
        writer.end("completed", summary={})
    assert sorted(tmp_path.iterdir()) == list_journals(tmp_path)


def test_without_a_folder_there_is_no_journal(tmp_path: Path) -> None:
    """All methods work, but write nothing."""
    writer = JournalWriter()
    write = writer.begin_write("contacts", "c1", "update", ANN)
    write.announce("5f", {"email": (None, "a@x.io")})
    write.settle("updated")
    writer.add_record("contacts", "c2", "unchanged")
    writer.mark_subset()
    writer.end("completed", summary={})
    assert not writer.is_on
    assert list(tmp_path.iterdir()) == []


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    """Lines are never mixed, and each write has its own number."""
    writer = open_writer(tmp_path)

    def write(number: int) -> None:
        one = writer.begin_write("contacts", f"c{number}", "update")
        one.announce("5f", {"name": ("", "x" * 500)})
        one.settle("updated")

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(write, range(400)))
    writer.end("completed", summary={})
    entries = read_entries(tmp_path / "r1.jsonl")
    writes = [one for one in entries if isinstance(one, Write)]
    assert sorted(one.intent.n for one in writes) == list(range(1, 401))
    assert {one.intent.id for one in writes} == {f"c{number}" for number in range(400)}
    assert all(one.outcome for one in writes)


FAILURES = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    "half a line": (9, "the last line was cut off"),
}


@pytest.mark.parametrize(("failure", "cause"), FAILURES.values(), ids=FAILURES)
def test_a_journal_that_cannot_be_written_stops_every_write(
    failure: OSError | int, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is one sentence with the setting's name. The earlier lines stay readable."""
    writer = open_writer(tmp_path)
    write = writer.begin_write("contacts", "c1", "update")
    write.announce("5f", {})
    write_bytes = os.write

    def fail(descriptor: int, content: bytes) -> int:
        if isinstance(failure, OSError):
            raise failure
        return write_bytes(descriptor, content[:failure])

    sentence = (
        f"The journal {tmp_path}/r1.jsonl cannot be written ({cause}), and nothing is written without it: free some "
        "space, or set `journal_dir` to another folder."
    )
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(ConfigurationError) as raised:
            write.settle("updated")
        assert str(raised.value) == sentence
    # There is room again, but readers could not read lines after an incomplete one.
    with pytest.raises(ConfigurationError) as raised:
        writer.begin_write("contacts", "c2", "update").announce("6f", {})
    assert str(raised.value) == sentence
    (entry,) = read_entries(tmp_path / "r1.jsonl")[1:]
    assert (entry.intent.id, entry.outcome) == ("c1", None)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error is one sentence and comes before any write."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be written \(Not a directory\).*set `journal_dir` to"):
        open_writer(tmp_path / "file" / "journal")


NAMES = st.sampled_from(["ann", "Bjørn", "名前", "a\nb", ""])
FIELDS = st.dictionaries(NAMES, st.tuples(st.none() | st.integers(-9, 9), st.none() | NAMES), max_size=2)
ACTIONS = st.lists(st.tuples(st.sampled_from(["write", "repeat", "begin", "record"]), NAMES, FIELDS), max_size=8)


@given(actions=ACTIONS, data=st.data())
def test_a_journal_that_is_cut_anywhere_claims_no_more_than_was_written(
    actions: list[tuple[str, str, dict[str, Any]]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A reader gets the lines before the cut. A write whose outcome is cut off is unknown, but not lost."""
    folder = tmp_path_factory.mktemp("journal")
    writer = open_writer(folder)
    for action, name, fields in actions:
        if action == "record":
            writer.add_record("contacts", name, "unchanged", fields=fields)
            continue
        write = writer.begin_write("contacts", name, "update")
        write.announce("5f", fields)
        if action == "repeat":
            write.announce("6f", fields)
        if action != "begin":
            write.settle("updated", fields=fields)
    writer.end("completed", summary={})
    (path,) = list_journals(folder)
    content = path.read_bytes()
    with open_journal(path) as journal:
        assert journal is not None
        lines = list(journal.iterate_lines())

    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    with open_journal(path) as journal:
        assert journal is not None
        assert list(journal.iterate_lines()) == lines[:whole]
        settled = {one.outcome.n for one in journal.iterate_entries() if isinstance(one, Write) and one.outcome}
        unknown = {one.n for one in journal.list_unknown()}
    outcomes = {line.n for line in lines[:whole] if isinstance(line, Outcome)}
    assert settled == outcomes
    assert unknown == {line.n for line in lines[:whole] if isinstance(line, Intent)} - outcomes


@given(place=st.integers(0), junk=st.binary(min_size=1, max_size=9))
def test_after_a_damaged_line_nothing_is_believed(
    place: int, junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A reader stops at foreign bytes without an error."""
    folder = tmp_path_factory.mktemp("journal")
    writer = open_writer(folder)
    for number in range(3):
        writer.begin_write("contacts", f"c{number}", "update").announce("5f", {})
    (path,) = list_journals(folder)
    content = path.read_bytes()
    place %= len(content)
    path.write_bytes(content[:place] + b"\xff" + junk + b"\xff" + content[place:])
    whole = content[:place].count(b"\n")
    with open_journal(path) as journal:
        assert journal is not None
        assert len(list(journal.iterate_lines())) == whole
