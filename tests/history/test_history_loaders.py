"""Loaders that are killed, or that work at once, load each line of a journal once."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from standpipe_console.errors import ConsoleError
from standpipe_console.history import History
from standpipe_console.history.migrations import migrate
from standpipe_console.history.tables import REJECTS, RUNS, SCHEMA_VERSION

from tests.history.conftest import START, JournalFile, change

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.history import ChangeRow, RecordRow

#: More than a few transactions.
WRITES = 6_000
LOAD = """
import sys
from pathlib import Path
from standpipe_console.history import History
with History(sys.argv[1], Path(sys.argv[2])) as history:
    history.load_journals()
"""


def write_journal(
    folder: Path, run_id: str, writes: int, *, at: float = START, plugin: str = "target-intercom"
) -> None:
    """Write the journal of a run that refused some records, wrote one twice, and was killed."""
    journal = JournalFile(folder, run_id, at=at, plugin=plugin)
    for number in range(writes):
        kind, reason = ("rejected", "bad phone") if number % 10 == 0 else ("updated", "")
        journal.write(f"c{number}", kind, reason, fields=change("cb_cust_mrr", number, number + 1))
    journal.write("c1", fields=change("cb_cust_mrr", 2, 3))
    journal.intend("c2", fields=change("cb_cust_mrr", 3, 4))
    journal.leave()


def read_everything(history: History, run_id: str) -> tuple[list[RecordRow], list[ChangeRow], list[tuple[int, float]]]:
    """Return all that the history knows of a run."""
    records = history.list_records(run_id, limit=10 * WRITES).rows
    rejects = [(one.times, one.first_at) for one in history.list_rejects(limit=10 * WRITES)]
    return records, list(history.list_changes(run_id)), rejects


def test_a_loader_that_is_killed_goes_on_where_it_was(url: str, tmp_path: Path) -> None:
    """The lines that it committed are neither lost nor loaded again."""
    for name in ("whole", "killed"):
        write_journal(tmp_path / name, "r1", WRITES)
    with History(f"sqlite:///{tmp_path}/whole.db", tmp_path / "whole") as whole:
        whole.load_journals()
        expected = read_everything(whole, "r1")

    folder = tmp_path / "killed"
    with History(url, folder) as history:
        loader = subprocess.Popen([sys.executable, "-c", LOAD, url, folder])
        committed = sa.select(sa.func.max(RUNS.c.loaded_lines))
        deadline = time.monotonic() + 30
        loaded = 0
        while not loaded and time.monotonic() < deadline:
            with history.database.read() as connection:
                loaded = connection.execute(committed).scalar_one() or 0
        loader.kill()
        loader.wait()
        run = history.get_run("r1")
        assert run is not None
        assert (run.status, 0 < loaded < 2 * WRITES) == ("loading", True)
        history.load_journals()
        assert read_everything(history, "r1") == expected
        assert len(expected[1]) == WRITES * 9 // 10 + 2
        assert list(folder.rglob("*.jsonl")) == []


def test_a_loader_that_is_killed_before_it_has_deleted_the_journal(history: History, tmp_path: Path) -> None:
    """The next loader sees that every line is loaded, and deletes the journal."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann")
    journal.end()
    content = journal.path.read_bytes()
    history.load_journals()
    journal.path.write_bytes(content)
    history.load_journals()
    assert not journal.path.exists()
    assert len(list(history.list_changes("r1"))) == 1


def test_several_loaders_and_pipelines_at_once(url: str, tmp_path: Path) -> None:
    """Each journal of each pipeline is loaded once, although four loaders start together."""
    for number in range(6):
        plugin = "target-intercom" if number % 2 else "target-chartmogul"
        write_journal(tmp_path, f"r{number}", 60, at=START + 1000 * number, plugin=plugin)

    def load() -> None:
        with History(url, tmp_path) as history:
            history.load_journals()

    with ThreadPoolExecutor(4) as executor:
        for done in [executor.submit(load) for _ in range(4)]:
            done.result()
    with History(url, tmp_path) as history:
        assert [len(list(history.list_changes(f"r{number}"))) for number in range(6)] == [56] * 6
        assert {(one.plugin, one.times) for one in history.list_rejects()} == {
            ("target-intercom", 3),
            ("target-chartmogul", 3),
        }


def test_a_file_that_is_no_journal_stops_no_other(
    history: History, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file stays where it is, the log names it, and the journals are loaded."""
    foreign = tmp_path / "journal/target-intercom/foreign.jsonl"
    foreign.parent.mkdir(parents=True)
    foreign.write_text('{"type": "something"}\n')
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.end()
    history.load_journals()
    assert [run.run_id for run in history.list_runs()] == ["r1"]
    assert caplog.messages == [f"{foreign} is not a journal: move it to another folder."]
    assert foreign.exists()


def test_tables_are_migrated_step_by_step(url: str, tmp_path: Path) -> None:
    """The migration starts at the version of the tables. Tables of a newer console are refused."""
    with History(url, tmp_path) as history:
        with history.database.write() as connection:
            connection.execute(sa.update(SCHEMA_VERSION).values(version=1))
        done: list[int] = []
        steps = {version: lambda _, version=version: done.append(version) for version in (2, 3)}
        for _ in range(2):
            with history.database.write() as connection:
                migrate(connection, steps)
        assert done == [2, 3]
        with pytest.raises(ConsoleError, match="has version 3, but this console only knows versions up to 2"):
            History(url, tmp_path)


def test_a_history_of_version_1_gets_the_later_indexes(url: str, tmp_path: Path) -> None:
    """A history of an earlier console has the indexes of a new one after it was opened, and keeps its rows."""
    with History(url, tmp_path) as history:
        journal = JournalFile(tmp_path, "r1", at=START)
        journal.write("ann", "rejected", "bad phone")
        journal.end()
        history.load_journals()
        new = next(one for one in REJECTS.indexes if one.name == "rejects_by_age")
        with history.database.write() as connection:
            new.drop(connection)
            connection.execute(sa.delete(SCHEMA_VERSION))
            connection.execute(sa.insert(SCHEMA_VERSION).values(version=1, since=START))
    for _ in range(2):
        with History(url, tmp_path) as history:
            schema = "standpipe" if history.database.dialect == "postgresql" else None
            found = {one["name"] for one in sa.inspect(history.database.engine).get_indexes("rejects", schema=schema)}
            assert found == {"rejects_by_age", "rejects_by_record", "rejects_by_state"}
            assert [row.record_id for row in history.list_rejects()] == ["ann"]


def test_a_history_that_cannot_be_written_keeps_the_journal(
    history: History, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The console warns once, without any value, and loads the journal as soon as it can."""
    journal = JournalFile(tmp_path, "r1", at=START)
    journal.write("ann", name="Ann")
    journal.end()
    for before, after in (("changes", "away"), ("away", "changes")):
        with history.database.write() as connection:
            schema = "standpipe." if history.database.dialect == "postgresql" else ""
            connection.exec_driver_sql(f"ALTER TABLE {schema}{before} RENAME TO {after}")
        history.try_load_journals()
        assert journal.path.exists() == (after == "away")
    (warning,) = caplog.messages
    assert warning.startswith("The history cannot be written: ")
    assert "Ann" not in warning
    assert len(list(history.list_changes("r1"))) == 1
