"""The companies known to a run, on disk: their `company_id`, Intercom's id, and whether they have users."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_intercom._kit.json_types import JsonValue

_DDL = """
CREATE TABLE company (company_id TEXT PRIMARY KEY, id TEXT, has_no_users INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX company_intercom_id ON company (id);
"""


class CompanyIndex:
    """A private temporary SQLite database, safe in several threads."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        self._db.execute("BEGIN")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Delete everything."""
        self._db.close()

    def add_company(self, company_id: str, intercom_id: str | None, *, has_no_users: bool = False) -> None:
        """Add or replace a company. `intercom_id` is None if it is still to be created."""
        self._execute("INSERT OR REPLACE INTO company VALUES (?, ?, ?)", company_id, intercom_id, has_no_users)

    def has_company(self, company_id: str) -> bool:
        """Return whether a company is known, even if it is still to be created."""
        return self._execute("SELECT 1 FROM company WHERE company_id = ?", company_id) is not None

    def find_intercom_id(self, company_id: str) -> str | None:
        """Return Intercom's id of a company; None if it has none."""
        line = self._execute("SELECT id FROM company WHERE company_id = ?", company_id)
        return line[0] if line else None

    def mark_joined(self, company_id: str) -> None:
        """Note that a company now has a user."""
        self._execute("UPDATE company SET has_no_users = 0 WHERE company_id = ?", company_id)

    def count_without_users(self) -> int:
        """Count the companies without users, which Intercom does not show."""
        sql = "SELECT count(DISTINCT ifnull(id, company_id)) FROM company WHERE has_no_users"
        return int(self._execute(sql)[0])

    def _execute(self, sql: str, *values: object) -> JsonValue:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()
