"""The connection to the history: SQLite by default, PostgreSQL by its address."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from standpipe_console.engines import create_engine

from .migrations import migrate
from .tables import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A change of thirty fields takes about a kilobyte. Twelve of them fill a page of this size, while in a smaller page
#: more space stays empty.
_PAGE_SIZE = 16_384


class Database:
    """The tables of the history, brought up to date; safe for several threads and processes.

    Args:
        url: the address of the database.
        schema: the schema on PostgreSQL, if not the usual one.

    Raises:
        ConsoleError: the address is wrong, its driver is missing, or a newer version wrote the tables.
        SQLAlchemyError: the database cannot be reached.
    """

    def __init__(self, url: str, schema: str = "") -> None:
        self.engine = create_engine(
            "HISTORY_URL",
            url,
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        self.dialect = self.engine.dialect.name
        #: `INSERT … ON CONFLICT` in each dialect.
        self.insert: Any = _INSERTS[self.dialect]
        if self.dialect == "sqlite":
            _prepare_file(self.engine.url.database)
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin)
        else:
            self.engine = self.engine.execution_options(schema_translate_map={None: schema or SCHEMA})
        try:
            with self.write() as connection:
                migrate(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def rewrite_file(self) -> None:
        """Rewrite an SQLite file, because its free pages still contain deleted and replaced data."""
        if self.dialect != "sqlite":
            return
        connection = self.engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.cursor().execute(statement)
        finally:
            connection.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection that sees one state of the tables."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection whose changes are committed together at the end, or not at all."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection


def _prepare_file(name: str | None) -> None:
    """Create the file for its owner only. If SQLite created it, everybody could read it for a moment."""
    if name and name != ":memory:":
        Path(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only if the file does not exist yet. If this process has the file open elsewhere, closing it here would
        # release SQLite's locks on it, and another process could remove its write-ahead log
        # (sqlite.org/howtocorrupt.html, 2.2).
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _configure_sqlite(connection: Any, _record: object) -> None:
    """Make commits durable, and let readers read while a writer writes."""
    connection.isolation_level = None  # transactions begin by `_begin`, not by the driver's guess
    # FULL: the journal is deleted after the commit, which must not be lost then.
    for setting in (f"page_size={_PAGE_SIZE}", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: sa.Connection) -> None:
    """Let a writer take the lock at once.

    A transaction that reads first may not get it later if there is another writer.
    """
    is_writer = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
