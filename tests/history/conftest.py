"""A history, and journals as targets write them."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from postgres import needs_postgres
from standpipe_console.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 1_764_522_000.0


class JournalFile:
    """A run's journal that a test writes. Each line is one second later than the last."""

    def __init__(self, folder: Path, run_id: str, *, plugin: str = "target-intercom", at: float, **run: Any) -> None:
        self.path = folder / "journal" / plugin / f"{run_id}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._at, self._n = at, 0
        self._file = self.path.open("a", encoding="utf-8", buffering=1)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        values = {"version": 1, "run_id": run_id, "plugin": plugin, "plugin_version": "0.1.0", "job": "sync"}
        self.add("run", **{**values, "trigger": "schedule", "mode": "sync", "is_subset": False, **run})

    def add(self, line: str, /, **values: Any) -> None:
        """Append a line."""
        self._file.write(json.dumps({"type": line, **values, "at": self._at}) + "\n")
        self._at += 1

    def intend(self, record_id: str, action: str = "update", stream: str = "contacts", **values: Any) -> int:
        """Append the intent of a write, and return its number."""
        self._n += 1
        remote_id = None if action == "create" else f"remote-{record_id}"
        self.add(
            "intent", n=self._n, stream=stream, id=record_id, action=action, **{"remote_id": remote_id, **values}
        )  # fmt: skip
        return self._n

    def write(self, record_id: str, kind: str = "updated", reason: str = "", detail: str = "", **values: Any) -> None:
        """Append a write and its answer."""
        action = {"created": "create", "converted": "convert", "cleared": "clear"}.get(kind, "update")
        n = self.intend(record_id, **{"action": action, "fields": change("cb_cust_mrr", 1, 2), **values})
        fields = {} if kind == "rejected" else values.get("fields", change("cb_cust_mrr", 1, 2))
        outcome = {"kind": kind, "reason": reason, "detail": detail, "remote_id": f"remote-{record_id}"}
        self.add("outcome", n=n, **outcome, fields=fields)

    def pass_over(self, record_id: str, kind: str = "unchanged", reason: str = "", **values: Any) -> None:
        """Append a record without a write."""
        self.add("record", **{"stream": "contacts", "id": record_id, "kind": kind, "reason": reason, **values})

    def end(self, status: str = "completed", **values: Any) -> None:
        """Append the last line, and release the lock."""
        self.add("end", **{"status": status, "stopped_by": "", "error": "", "summary": {}, **values})
        self.leave()

    def leave(self) -> None:
        """Leave the journal as `kill -9` of the target does."""
        self._file.close()


def change(name: str, before: Any, after: Any) -> dict[str, Any]:
    """Return the fields of a write that changes one custom attribute."""
    return {f"custom_attributes.{name}": {"before": before, "after": after}}


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """Return the address of an empty database."""
    engine = sa.create_engine(postgres_database)
    with engine.begin() as connection:
        # Those of the history, of live's inbox and of environments, also of tests in other folders.
        names = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'standpipe')"
        for schema in connection.exec_driver_sql(names).scalars().all():
            connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')
    engine.dispose()
    return postgres_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, once SQLite and once PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def history(url: str, tmp_path: Path) -> Iterator[History]:
    """Yield an empty history and an empty folder of journals."""
    with History(url, tmp_path) as opened:
        yield opened
