"""Stores in a PostgreSQL database, each in a schema of its own, for workers without a persistent disk.

A tap may read for hours, so nothing is written before the input has ended: from then to the commit, one transaction
runs. Until the store is closed, a lock of the session keeps other runs out. It belongs to a server process, so the
connection must lead to PostgreSQL itself. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import hashlib
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from sqlalchemy import Column, MetaData, Table, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import DBAPIError

from standpipe_maps._kit.errors import UserError
from standpipe_maps.postgres_errors import explain_error
from standpipe_maps.store import TEXT, Store, StoreForm, choose_newest, update_on_conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.postgres_database import StoreDatabase

PREFIX = "standpipe_store_"
LONGEST = 63
"""Bytes of a name in PostgreSQL, which cuts longer names off."""
LOCK_WAIT = "3s"
"""PostgreSQL needs a moment to notice that a killed run has gone."""
MANY = 1000
"""After so many written rows in a table, its statistics may be wrong."""


def name_schema(store: str) -> str:
    """Return the name of a store's schema. A long name is cut and told apart by its hash."""
    name = PREFIX + store
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}_{hashlib.sha256(store.encode()).hexdigest()[:16]}"


class PostgresStore(Store):
    """An open and locked store.

    Args:
        database: the database.
        name: the store's name in STATE.
        form: the tables.
    """

    writes_at_end: ClassVar[bool] = True
    errors = (*Store.errors, psycopg.Error)

    def __init__(self, database: StoreDatabase, name: str, form: StoreForm) -> None:
        super().__init__(form)
        self.name = name
        self.location = database.locate(name)
        self._schema = name_schema(name)
        self._engine = database.create_engine(self._schema)
        self._staged: set[Table] = set()
        self._written: dict[Table, int] = {}
        self._connection = self._connect()
        try:
            self._opened = self.generation if self.check_version() else 0
            # Otherwise the transaction would last as long as the tap reads.
            self._connection.rollback()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Connection:
        with self.explain_errors():
            connection = self._engine.connect()
        try:
            with self.explain_errors():
                _check_direct(connection)
                self._lock(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _lock(self, connection: Connection) -> None:
        key = int.from_bytes(hashlib.sha256(self._schema.encode()).digest()[:8], signed=True)
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        connection.execute(select(func.pg_advisory_lock(key)))
        connection.commit()

    @property
    def generation(self) -> int:
        """The number of the last committed run."""
        return super().generation if self.has_table("meta") else 0

    def begin(self) -> None:
        """Begin the run's transaction, and bring the tables up to date."""
        if not self._is_connected():
            # The server was restarted while the tap read. If no other run has happened in between, nothing is lost.
            self._connection = self._connect()
        if self.generation != self._opened:
            raise UserError(f"Another run has used the store {self.location} meanwhile: run again.")
        with self.explain_errors():
            if not self._connection.scalar(select(func.to_regnamespace(f'"{self._schema}"'))):
                self._connection.execute(text(f'CREATE SCHEMA "{self._schema}"'))
            # While rows are loaded, PostgreSQL's statistics are out of date. An index always finds a row by its key.
            self._connection.execute(text("SET LOCAL enable_seqscan = off"))
        self._migrate()

    def _is_connected(self) -> bool:
        try:
            self._connection.scalar(select(literal(1)))
        except DBAPIError:
            self._connection.close()
            return False
        return True

    def _write_rows(self, table: Table, rows: Sequence[JsonObject]) -> None:
        newest = choose_newest(table, rows)
        names = [column.name for column in table.columns if column.name in rows[0]]
        stage = self._prepare_stage(table)
        command = f"COPY {stage.name} ({_quote_names(names)}) FROM STDIN (FORMAT BINARY)"
        with self._driver.cursor() as cursor, cursor.copy(command) as copy:
            copy.set_types([_name_type(table.c[name]) for name in names])
            get_values = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
            for row in newest:
                copy.write_row(get_values(row))
        self._connection.execute(_build_upsert(table, stage, names))
        self._connection.execute(text(f"TRUNCATE {stage.name}"))
        self._written[table] = self._written.get(table, 0) + len(newest)

    def is_in(self, column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
        """Return the condition that a column has one of many values. The values are one parameter."""
        return column == any_(literal(list(values), ARRAY(TEXT)))

    def _prepare_stage(self, table: Table) -> Table:
        """Return the temporary table in which rows wait for the upsert."""
        stage = table.to_metadata(MetaData(), name=f"incoming_{table.name}")
        if table not in self._staged:
            created = f'CREATE TEMPORARY TABLE {stage.name} (LIKE "{table.name}" INCLUDING DEFAULTS) ON COMMIT DROP'
            self._connection.execute(text(created))
            self._staged.add(table)
        return stage

    @property
    def _driver(self) -> Any:
        return self._connection.connection.driver_connection

    def prepare_queries(self) -> None:
        """Let PostgreSQL look at tables with many new rows. Without it, it would read them from end to end."""
        for table, count in self._written.items():
            if count >= MANY:
                self.execute(text(f'ANALYZE "{table.name}"'))
        self.execute(text("SET LOCAL enable_seqscan TO DEFAULT"))

    def delete_rows(self) -> None:
        """Delete all rows except those of `meta`, at once."""
        tables = [f'"{one.name}"' for one in self._form.tables.sorted_tables if one is not self._meta]
        self.execute(text(f"TRUNCATE {', '.join(tables)}"))

    def commit(self) -> None:
        """Commit the run but keep the lock."""
        super().commit()
        self._staged.clear()
        self._opened = self.generation
        self._connection.rollback()

    def rewrite_file(self) -> None:
        """Rewrite the tables after a commit, so that their files contain nothing of deleted rows."""
        with self.explain_errors():
            self._connection.rollback()
            self._driver.autocommit = True
            for table in self._form.tables.sorted_tables:
                self._driver.execute(f'VACUUM (FULL, ANALYZE) "{table.name}"')
            self._driver.autocommit = False

    def drop(self) -> None:
        """Delete the store."""
        with self.explain_errors():
            self._connection.execute(text(f'DROP SCHEMA "{self._schema}" CASCADE'))
            self._connection.commit()

    def _explain(self, error: Exception) -> str:
        return explain_error(error, self.location)


class ReadOnlyPostgresStore(PostgresStore):
    """A store that is read as the last run left it, also while another run uses it. PostgreSQL refuses to change it.

    Args:
        database: the database.
        name: the store's name.
        form: the tables.
    """

    def __init__(self, database: StoreDatabase, name: str, form: StoreForm) -> None:
        Store.__init__(self, form)
        self.name = name
        self.location = database.locate(name)
        self._engine = database.create_engine(name_schema(name), "SET default_transaction_read_only = on")
        with self.explain_errors():
            # All pages of all tables belong to the same run.
            self._connection = self._engine.connect().execution_options(isolation_level="REPEATABLE READ")


def _check_direct(connection: Connection) -> None:
    """Check that the connection leads to the server itself.

    A pooler gives each transaction another server process, which would not have the lock. The process id that a pooler
    reports is not the one of the server process that answers.

    Raises:
        UserError: there is a pooler in between.
    """
    driver: Any = connection.connection.driver_connection
    if connection.scalar(select(func.pg_backend_pid())) != driver.info.backend_pid:
        raise UserError(
            "`store_url` leads to a connection pooler, where no run can hold a lock: give the address of PostgreSQL "
            "itself."
        )


TYPES = {"TEXT": "text", "BIGINT": "int8", "INTEGER": "int4", "BLOB": "bytea"}


def _name_type(column: Column[Any]) -> str:
    """Return PostgreSQL's name for the type of a column."""
    return TYPES[str(column.type)]


def _quote_names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _build_upsert(table: Table, stage: Table, names: Sequence[str]) -> Any:
    return update_on_conflict(insert(table).from_select(names, select(*(stage.c[name] for name in names))), table)
