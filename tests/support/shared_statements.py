"""SQLAlchemy as tests need it: thousands of small SQLite databases, each opened by an engine of its own for one run.

An engine compiles each statement once, which takes longer than all else that a small run does. Here all engines of
SQLite share what was compiled. Nor does SQLite wait for the disk: no test cuts the power.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from sqlalchemy.engine import Compiled

COMPILED: MutableMapping[Any, Compiled] = LRUCache(5000)


class SharedDialect(SQLiteDialect_pysqlite):
    """A dialect that equals all others of its kind, as it is a part of the keys of compiled statements."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


def share_statements() -> None:
    """Let all engines of SQLite that are made from now on share their compiled statements."""
    registry.register("sqlite", __name__, SharedDialect.__name__)
    event.listen(Engine, "engine_connect", _adopt_statements)


def _adopt_statements(connection: Connection) -> None:
    if isinstance(connection.dialect, SharedDialect):
        connection.engine._compiled_cache = COMPILED  # noqa: SLF001 - SQLAlchemy takes it per connection only
        connection.connection.driver_connection.execute("PRAGMA synchronous=OFF")  # type: ignore[union-attr]
