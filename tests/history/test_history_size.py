"""The costs of the history: its space, and the rows that each query reads."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from standpipe_console.history import History
from standpipe_console.history.tables import CHANGES, LAST_KNOWN, RECORDS, REJECTS, RUNS
from standpipe_maps.subscriptions.attributes import ATTRIBUTES

from tests.history.conftest import START, JournalFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Values before and after, with Intercom's types.
DATES, NUMBERS, TEXTS = (1768478400, 1771156800), (1249.5, 99.0), ("active", "cancelled")
#: The number of rows in a large history.
MANY, PER_RUN = 100_000, 1_000


def measure_bytes(folder: Path) -> int:
    """Return the size of the database file after a checkpoint."""
    with History(f"sqlite:///{folder}/history.db", folder) as history, history.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "history.db").stat().st_size


def test_a_record_with_all_fields_changed_costs_under_two_kilobytes(tmp_path: Path) -> None:
    """This includes names, addresses, indexes and the run itself."""
    fields = {}
    for attribute in ATTRIBUTES[:30]:
        is_number = "number" in attribute.type["type"] or "integer" in attribute.type["type"]
        before, after = DATES if "format" in attribute.type else NUMBERS if is_number else TEXTS
        fields[f"custom_attributes.cb_{attribute.name}"] = {"before": before, "after": after}
    assert len(fields) == 30
    empty = measure_bytes(tmp_path)
    journal = JournalFile(tmp_path, "8f2c" + 28 * "0", at=START)
    for number in range(2_000):
        person = {"name": f"Ann Whitfield {number}", "email": f"ann.whitfield.{number}@acme.example"}
        remote_id = f"{number:024x}"
        n = journal.intend(f"AzZlGl{number:010}", fields=fields, remote_id=remote_id, company="Acme Limited", **person)
        journal.add("outcome", n=n, kind="updated", remote_id=remote_id, fields=fields)
    journal.end()
    with History(f"sqlite:///{tmp_path}/history.db", tmp_path) as history:
        history.load_journals()
        assert history.list_records("8f2c" + 28 * "0").total == 2_000
    assert measure_bytes(tmp_path) - empty < 2_000 * 2_000


def test_a_run_that_changes_nothing_costs_under_two_kilobytes(tmp_path: Path) -> None:
    """The number of compared records does not matter."""
    empty = measure_bytes(tmp_path)
    summary = {"status": "completed", "records": 40, "unchanged": 30, "skipped": {"ambiguous": 5, "no_match": 5},
               "not_sent": {"shares_match_value": 12, "left_out": 3}, "totals": {"sent": 40, "not_sent": 15},
               "calls": 1234, "waits": 0, "waited_seconds": 0.0, "seconds": 12.3}  # fmt: skip
    with History(f"sqlite:///{tmp_path}/history.db", tmp_path) as history:
        for number in range(50):
            journal = JournalFile(tmp_path, f"{number:032x}", at=START + number)
            for record in range(40):
                journal.pass_over(f"c{record}")
            journal.end(summary=summary)
            history.load_journals()
    assert measure_bytes(tmp_path) - empty < 50 * 2_000


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Yield a history with 100,000 rows of records in many runs."""
    folder = tmp_path_factory.mktemp("grown")
    runs: list[dict[str, Any]] = [
        {
            "id": number, "run_id": f"{number:032x}", "plugin": "target-intercom", "job": "sync", "environment": "prod",
            "host": "h", "trigger": "schedule", "mode": "sync", "is_subset": False, "started_at": START + number,
            "ended_at": None, "status": "completed", "exit_code": 0, "target_status": "completed", "reason": "",
            "counts": {}, "plugin_version": "1", "loaded_lines": 1,
        }
        for number in range(MANY // PER_RUN)
    ]  # fmt: skip
    records = [
        {
            "id": number, "run": number // PER_RUN, "record_id": f"c{number % 20_000}",
            "stream": "contacts", "remote_id": f"r{number % 20_000}", "kind": "updated", "reason": "",
            "detail": "", "at": START + number,
        }
        for number in range(MANY)
    ]  # fmt: skip
    known = [
        {
            "plugin": "target-intercom", "stream": "contacts", "record_id": f"c{number}", "remote_id": f"r{number}",
            "kind": "updated", "reason": "", "run": number // PER_RUN, "at": START + number,
            "name": f"Ann {number}", "email": f"ann{number}@a.example", "company": f"Company {number}",
        }
        for number in range(20_000)
    ]  # fmt: skip
    changes = [
        {"record": number, "action": "update", "remote_id": f"r{number}", "at": START + number, "fields": {"a": [1, 2]}}
        for number in range(MANY)
    ]
    rejects = [
        {
            "plugin": "target-intercom", "stream": "contacts", "record_id": f"c{number}", "reason": "bad", "detail": "",
            "first_at": START + number, "last_at": START + number, "times": 1, "last_run": 1,
            "resolved_at": None if number % 100 == 0 else START,
        }
        for number in range(20_000)
    ]  # fmt: skip
    with History(f"sqlite:///{folder}/history.db", folder) as history:
        with history.database.write() as connection:
            for table, rows in ((RUNS, runs), (RECORDS, records), (LAST_KNOWN, known), (CHANGES, changes),
                                (REJECTS, rejects)):  # fmt: skip
                connection.execute(sa.insert(table), rows)
        yield history


@contextmanager
def note_statements(history: History) -> Iterator[list[tuple[str, Any]]]:
    """Yield a list that collects all statements with their values."""
    noted: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        noted.append((statement, parameters))

    sa.event.listen(history.database.engine, "before_cursor_execute", note)
    yield noted
    sa.event.remove(history.database.engine, "before_cursor_execute", note)


def explain(history: History, statement: str, parameters: Any) -> list[str]:
    """Return SQLite's plan for a statement."""
    if not re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT)", statement):
        return []
    one = parameters[0] if isinstance(parameters, list) else parameters
    with history.database.engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)]


def reads_too_much(step: str) -> bool:
    """Return whether a step of a plan reads a whole table, or all of one target's rows in it.

    Runs and rejects may be listed with an index up to a limit, and there are few targets and few runs.
    """
    if step.startswith("SCAN"):
        return not re.match(r"SCAN (runs|rejects) USING|SCAN (anon_|\(subquery|CONSTANT|\d)", step)
    return re.fullmatch(r"SEARCH (last_known|rejects|records|changes) USING .*\(plugin=\?\)", step) is not None


RUN = f"{42:032x}"
QUERIES = {
    "runs": lambda history: history.list_runs(),
    "runs of a job": lambda history: history.list_runs(["sync", "trial"], environment="prod", before=START + 50),
    "runs of a target": lambda history: history.list_runs(plugin="target-intercom"),
    "run": lambda history: history.get_run(RUN),
    "run by its beginning": lambda history: history.find_runs("0000"),
    "records": lambda history: history.list_records(RUN),
    "records found and sorted": lambda history: history.list_records(RUN, kind="updated", search="ann", sort="-name"),
    "changes": lambda history: list(history.list_changes(RUN)),
    "changes of a record": lambda history: list(history.list_changes(RUN, "c7")),
    "customer": lambda history: history.find_customer("ann1"),
    "history of a record": lambda history: history.list_record_history("c7", "target-intercom"),
    "rejects": lambda history: history.list_rejects(limit=10),
    "rejects of a target": lambda history: history.list_rejects("target-intercom"),
    "named rejects": lambda history: history.list_rejects("target-intercom", names=["c100", "r7"]),
    "a page of rejects": lambda history: history.page_rejects(offset=100),
    "a page of rejects found and sorted": lambda history: history.page_rejects(search="ann", sort="-name"),
    "rejects by reason": lambda history: history.count_rejects("target-intercom"),
    "all rejects": lambda history: history.list_rejects(open_only=False, limit=10),
    "records by outcome": lambda history: history.count_records(RUN),
    "changes of some records": lambda history: history.list_changes_of(RUN, ["c7", "c8"]),
    "pause": lambda history: (history.pause("sync", ""), history.get_pause("sync"), history.resume("sync")),
    "killed runs": lambda history: history.load_journals(),
    "old runs": lambda history: history.prune(START + 2 + 90 * 86_400, 90),
    "person": lambda history: history.erase(["c19999", "ann3@a.example"]),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_no_query_reads_a_whole_table(grown: History, query: Any) -> None:
    """Each query uses an index."""
    with note_statements(grown) as noted:
        query(grown)
    steps = [step for statement, values in noted for step in explain(grown, statement, values)]
    assert [step for step in steps if reads_too_much(step)] == []


def test_the_oldest_rejects_are_read_from_an_index(grown: History) -> None:
    """A page of them sorts nothing, and looks up the names of its own rows only."""
    with note_statements(grown) as noted:
        page = grown.page_rejects(offset=2, limit=2)
    assert ([row.record_id for row in page.rows], [row.name for row in page.rows], page.total) == (
        ["c200", "c300"], ["Ann 200", "Ann 300"], 200,
    )  # fmt: skip
    ((statement, values),) = [one for one in noted if "LIMIT" in one[0]]
    inner = [step for step in explain(grown, statement, values) if "rejects" in step]
    assert inner == ["SEARCH rejects USING INDEX rejects_by_age (resolved_at=?)"]


def test_loading_finds_what_it_compares_with_by_an_index(grown: History, tmp_path: Path) -> None:
    """Loading a journal costs the same in a large history as in a new one."""
    journal = JournalFile(tmp_path, "new", at=START + MANY)
    journal.write("c7")
    journal.write("c8", "rejected", "bad phone")
    journal.intend("c9")
    journal.leave()
    with (
        History(str(grown.database.engine.url), tmp_path) as history,
        note_statements(history) as noted,
    ):
        history.load_journals()
        steps = [step for statement, values in noted for step in explain(history, statement, values)]
    assert len(steps) > 10
    assert [step for step in steps if reads_too_much(step)] == []
