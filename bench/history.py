"""Measures the pages and queries over a history of 5,000,000 records against the same over one of 100,000.

    python bench/history.py [--rows 5000000]

Both are SQLite files: a run for each 1,000 records, twenty records for each customer, a change for each record. A page
is answered in this process, without a network. It prints the median of several answers in milliseconds, and the ratio.
More than nine statements for a page end the benchmark with an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from standpipe_console.history import History
from standpipe_console.page.actions import ActionRunner
from standpipe_console.page.app import build_app
from standpipe_console.page.background import BackgroundResults
from standpipe_console.page.history_view import HistoryView
from standpipe_console.page.project_view import ProjectView, list_plugins
from standpipe_console.page.render import build_templates
from standpipe_console.page.sessions import LoginLimiter, Sessions
from standpipe_console.page.site import Site
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.plugin_facts import read_facts
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
ADDRESS = "http://127.0.0.1:8300"
SMALL, LARGE = 100_000, 5_000_000
PER_RUN, PER_CUSTOMER = 1_000, 20
MOST_STATEMENTS = 9
TRIES = 7
START = 1_764_522_000
NUMBERS = """
    INSERT INTO numbers
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) SELECT i FROM n"""
#: The rows of each table; a customer comes again after as many records as there are customers.
FILLS = {
    "runs": """
        INSERT INTO runs (id, run_id, plugin, job, environment, host, trigger, mode, is_subset, started_at, ended_at,
            status, exit_code, target_status, reason, counts, plugin_version, loaded_lines)
        SELECT i, printf('%032x', i), 'target-intercom', 'sync', 'prod', 'h', 'schedule', 'sync', 0,
            :start + i * 3600, :start + i * 3600 + 60, 'completed', 0, 'completed', '', '{"records": 1000}', '1', 1
        FROM numbers WHERE i < :count""",
    "records": """
        INSERT INTO records (id, run, record_id, stream, remote_id, kind, reason, detail, at)
        SELECT i, i / :per_run, 'c' || (i % :customers), 'contacts', printf('%024x', i % :customers),
            CASE i % 50 WHEN 0 THEN 'skipped' ELSE 'updated' END, CASE i % 50 WHEN 0 THEN 'ambiguous' ELSE '' END, '',
            :start + i
        FROM numbers WHERE i < :count""",
    "changes": """
        INSERT INTO changes (record, action, remote_id, at, fields)
        SELECT i, 'update', printf('%024x', i % :customers), :start + i,
            json_object('custom_attributes', json_object('cb_cust_mrr', json_array(i, i + 1)))
        FROM numbers WHERE i < :count""",
    "last_known": """
        INSERT INTO last_known (plugin, record_id, stream, remote_id, kind, reason, run, at, name, email, company)
        SELECT 'target-intercom', 'c' || i, 'contacts', printf('%024x', i), 'updated', '', i / :per_run,
            :start + i, 'Ann ' || i, 'ann' || i || '@a.example', 'Company ' || i
        FROM numbers WHERE i < :count""",
    "rejects": """
        INSERT INTO rejects (plugin, record_id, stream, reason, detail, first_at, last_at, times, last_run, resolved_at)
        SELECT 'target-intercom', 'c' || i, 'contacts', 'bad phone', '', :start + i, :start + i, 1, 1,
            CASE i % 100 WHEN 0 THEN NULL ELSE :start END
        FROM numbers WHERE i < :count""",
}
RUN = f"{42:032x}"
PAGES = {
    "overview": "/",
    "runs": "/runs",
    "one run": f"/run?id={RUN}",
    "one run, searched, sorted, page 3": f"/run?id={RUN}&q=ann&sort=-name&page=3",
    "undo": f"/undo?id={RUN}",
    "customers": "/customers?q=ann1",
    "one customer": "/customer?id=c100&still=1",
    "rejects": "/rejects",
}
QUERIES: dict[str, Callable[[History], object]] = {
    "changes of a run": lambda history: list(history.list_changes(RUN)),
    "history of a record": lambda history: history.list_record_history("c100", "target-intercom"),
    "person for an erasure": lambda history: history.list_person(["ann100@a.example"]),
}


class GivenView(ProjectView):
    """A view whose settings were given, so that Meltano is not asked."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._with_facts = self._with_settings = frozenset(list_plugins(project, SYNC))
        self._loaded.set()

    def start_loading(self) -> None:
        """Load nothing."""


def main() -> None:
    """Fill both histories, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=LARGE)
    rows = parser.parse_args().rows
    os.environ.pop("HISTORY_URL", None)
    with tempfile.TemporaryDirectory(prefix="bench-history-") as folder:
        small, large = (measure(Path(folder) / str(count), count) for count in (SMALL, rows))
    print(f"| what | statements | ms at {SMALL:,} rows | ms at {rows:,} rows | ratio |\n|---|---|---|---|---|")
    for name, (statements, seconds) in large.items():
        before = small[name][1]
        print(f"| {name} | {statements} | {before * 1e3:.1f} | {seconds * 1e3:.1f} | {seconds / before:.2f} |")
    if asks := [name for name, (statements, _) in large.items() if statements > MOST_STATEMENTS]:
        sys.exit(f"More than {MOST_STATEMENTS} statements: {', '.join(asks)}.")


def measure(folder: Path, rows: int) -> dict[str, tuple[int, float]]:
    """Return for each page and query how many statements it needs, and the median of its seconds."""
    folder.mkdir()
    path = folder / "history.db"
    History(f"sqlite:///{path}", folder).close()
    fill(path, rows)
    found: dict[str, tuple[int, float]] = {}
    with open_site(folder, path) as (site, client):
        history = site.history.open(whole=True)
        work: dict[str, Callable[[], object]] = {name: partial(get, client, where) for name, where in PAGES.items()}
        work |= {name: partial(query, history) for name, query in QUERIES.items()}
        for name, do in work.items():
            with note_statements(history) as noted:
                do()
            found[name] = len(noted), statistics.median(time_call(do) for _ in range(TRIES))
    shutil.rmtree(folder)
    return found


def get(client: TestClient, address: str) -> None:
    """Open a page."""
    client.get(address).raise_for_status()


def fill(path: Path, rows: int) -> None:
    """Fill a history: without its indexes first, which is faster."""
    customers = rows // PER_CUSTOMER
    counts = {"runs": rows // PER_RUN, "records": rows, "changes": rows, "last_known": customers, "rejects": customers}
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000"):
        connection.execute(f"PRAGMA {setting}")
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    connection.execute("CREATE TEMPORARY TABLE numbers (i INTEGER PRIMARY KEY)")
    connection.execute(NUMBERS, {"count": rows})
    for table, statement in FILLS.items():
        values = {"count": counts[table], "customers": customers, "start": START, "per_run": PER_RUN}
        connection.execute(statement, values)
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


@contextmanager
def open_site(folder: Path, path: Path) -> Iterator[tuple[Site, TestClient]]:
    """Yield the page over a history, and a client of it."""
    shutil.copy(ROOT / "meltano.yml", folder)
    (folder / ".env").write_text(
        f"HISTORY_URL=sqlite:///{path}\nTAP_CHARGEBEE_API_KEY=chargebee\nTARGET_INTERCOM_ACCESS_TOKEN=intercom\n"
    )
    project = Project(folder, "prod")
    for plugin in list_plugins(project, SYNC):
        project.set_settings(plugin, {"report_dir": f"output/{plugin}"})
    for plugin in SYNC.plugins:
        project.set_facts(plugin, read_facts(plugin, Path(sys.executable).with_name(plugin)))
    project.set_setting("tap-chargebee", "api_key", "chargebee")
    project.set_setting("target-intercom", "access_token", "intercom")
    site = Site(
        view=GivenView(project),
        history=HistoryView(project),
        sessions=Sessions(time.time, None),
        limiter=LoginLimiter(time.time),
        actions=ActionRunner(project, time.time),
        results=BackgroundResults(time.time),
        templates=build_templates(time.time),
        clock=time.time,
    )
    app = build_app(site, frozenset({ADDRESS}), is_secure=False)
    with TestClient(app, base_url=ADDRESS) as client:
        yield site, client
    site.results.close()
    site.history.close()


@contextmanager
def note_statements(history: History) -> Iterator[list[str]]:
    """Yield a list that collects the statements."""
    noted: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            noted.append(statement)

    sa.event.listen(history.database.engine, "before_cursor_execute", note)
    yield noted
    sa.event.remove(history.database.engine, "before_cursor_execute", note)


def time_call(do: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
