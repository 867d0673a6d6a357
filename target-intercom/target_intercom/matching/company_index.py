"""The companies that a run knows of, on disk: by `company_id`, Intercom's id and whether anybody belongs to it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

_DDL = """
CREATE TABLE company (company_id TEXT PRIMARY KEY, id TEXT, empty INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX company_intercom_id ON company (id);
"""


class Directory:
    """A private temporary SQLite database, safe in several threads."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        self._db.execute("BEGIN")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def put(self, company_id: str, intercom_id: str | None, *, empty: bool = False) -> None:
        """Note a company; `intercom_id` None: it is to be created. The latest note of a `company_id` counts."""
        self._do("INSERT OR REPLACE INTO company VALUES (?, ?, ?)", company_id, intercom_id, empty)

    def knows(self, company_id: str) -> bool:
        """Say whether a company is noted, be it only as one to be created."""
        return self._do("SELECT 1 FROM company WHERE company_id = ?", company_id) is not None

    def id_of(self, company_id: str) -> str | None:
        """Give Intercom's id of a company, None while it has none."""
        found = self._do("SELECT id FROM company WHERE company_id = ?", company_id)
        return found[0] if found else None

    def joined(self, company_id: str) -> None:
        """Note that somebody belongs to a company now."""
        self._do("UPDATE company SET empty = 0 WHERE company_id = ?", company_id)

    def count_empty(self) -> int:
        """Count the companies that nobody belongs to: Intercom shows them nowhere."""
        return int(self._do("SELECT count(DISTINCT ifnull(id, company_id)) FROM company WHERE empty")[0])

    def _do(self, sql: str, *values: Any) -> Any:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()
