"""The data that a map keeps between runs: a database in which each run is one transaction, with SQLAlchemy Core.

https://docs.sqlalchemy.org/en/20/core/, https://www.sqlite.org/pragma.html. The database is SQLite; another one needs
another URL and another ``_create_engine``.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from sqlalchemy import Column, MetaData, Table, Text, create_engine, delete, event, inspect, select, tuple_
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from standpipe_maps._kit.errors import UserError
from standpipe_maps.protocol import FULL_REFRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sqlalchemy import Connection, CursorResult, Engine, Executable
    from sqlalchemy.sql.dml import Insert

    from standpipe_maps._kit.json_types import JsonObject, JsonValue

PRAGMAS = (
    "PRAGMA synchronous=FULL",
    # The file stays locked from the first statement until the store is closed, even while a run sends.
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA cache_size=-65536",
)
SQLITE_MAGIC = b"SQLite format 3\0"
PROBLEMS = (
    ("locked", "Another run is using the store {path}: wait until it has ended, then run again."),
    ("full", "The disk that holds the store {path} is full: free some space, then run again."),
    ("I/O", "The disk that holds the store {path} fails to write: check it, free some space, then run again."),
    ("readonly", "The store {path} cannot be written: check its permissions, or the setting `store_dir`."),
    ("unable to open", "The store {path} cannot be opened: check its permissions, or the setting `store_dir`."),
    ("not a database", "The file {path} is not a store, or is damaged: {remedy}."),
    ("malformed", "The file {path} is not a store, or is damaged: {remedy}."),
)


def make_meta_table(metadata: MetaData) -> Table:
    """Return the table `meta`: a store's facts about itself, as names and JSON values."""
    return Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))


class Store:
    """An open and locked store. Closing it undoes uncommitted changes.

    Args:
        path: the database's file, in an existing folder.
        name: the store's name in STATE.
        tables: the map's tables and ``meta``.
        migrations: one function per schema version; the first creates the tables in an empty database.
    """

    def __init__(
        self, path: Path, name: str, tables: MetaData, migrations: Sequence[Callable[[Connection], None]]
    ) -> None:
        self.path = path
        self.name = name
        self._meta = tables.tables["meta"]
        self._tables = tables
        with self._explain_errors():
            # The file is created before SQLite opens it, so that nobody else can ever read it.
            self._is_new_file = _create_file(path)
            self._engine = _create_engine(path)
            self._connection = self._engine.connect()
        try:
            with self._explain_errors():
                self._connection.begin()
            self._migrate(migrations)
        # A store must release its lock if it cannot be migrated.
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _migrate(self, migrations: Sequence[Callable[[Connection], None]]) -> None:
        # A newer version may have changed the meaning of rows, not only their form.
        version = self._read_version()
        if version > len(migrations):
            raise UserError(
                f"The store {self.path} was written by a newer version of standpipe-maps: upgrade this one."
            )
        with self._explain_errors():
            for migrate in migrations[version:]:
                migrate(self._connection)
        if version < len(migrations):
            self.write_value("schema_version", len(migrations))
            # The name inside distinguishes a renamed or copied file from the store in STATE.
            self.write_value("name", self.name)
        if (written := self.read_value("name")) != self.name:
            raise UserError(f"The file {self.path} is the store `{written}` under another name: {FULL_REFRESH}.")

    def _read_version(self) -> int:
        return self.read_value("schema_version", 0) if self.has_table("meta") else 0

    def has_table(self, name: str) -> bool:
        """Return whether the database has a table of this name."""
        with self._explain_errors():
            return inspect(self._connection).has_table(name)

    def read_value(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the JSON value with a name."""
        text = self.execute(select(self._meta.c.value).where(self._meta.c.name == name)).scalar()
        return default if text is None else json.loads(text)

    def write_value(self, name: str, value: JsonValue) -> None:
        """Store a JSON value under a name."""
        self.execute(_build_upsert(self._meta), [{"name": name, "value": json.dumps(value)}])

    @property
    def generation(self) -> int:
        """The number of the last committed run."""
        generation: int = self.read_value("generation", 0)
        return generation

    def delete_rows(self) -> None:
        """Delete all rows except those of `meta`."""
        for table in self._tables.sorted_tables:
            if table is not self._meta:
                self.execute(delete(table))

    def execute(self, statement: Executable, parameters: Sequence[JsonObject] | None = None) -> CursorResult[Any]:
        """Run a statement in the run's transaction.

        Raises:
            UserError: the database fails.
        """
        with self._explain_errors():
            return self._connection.execute(statement, parameters)

    def upsert_rows(self, table: Table, rows: Sequence[JsonObject]) -> None:
        """Insert each row, or update it unless the table has a greater version.

        A version is the columns named in ``table.info["version"]``. Of two equal versions the later arrival is kept,
        because Chargebee adds a subscription's ``mrr`` a while after it made the version.
        """
        if rows:
            self.execute(_build_upsert(table), rows)

    def read_pages(self, statement: Executable, size: int) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query in pages of this size, of which memory contains one."""
        with self._explain_errors():
            yield from self._connection.execute(statement, execution_options={"yield_per": size}).partitions()

    def commit(self) -> None:
        """Commit the run but keep the lock."""
        with self._explain_errors():
            self._connection.commit()
        self._is_new_file = False

    def rewrite_file(self) -> None:
        """Rewrite the file after a commit, so that it contains nothing of deleted rows."""
        with self._explain_errors():
            # VACUUM cannot run in a transaction, and SQLAlchemy begins one before every statement of its own.
            self._raw_connection.execute("VACUUM")

    @property
    def _raw_connection(self) -> JsonValue:
        return self._connection.connection.driver_connection

    def close(self) -> None:
        """Undo uncommitted changes, release the lock, and delete a new file without any committed run."""
        self._connection.close()
        self._engine.dispose()
        if self._is_new_file:
            self.path.unlink(missing_ok=True)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            problem = str(getattr(error, "orig", error))
            sentences = (sentence for words, sentence in PROBLEMS if words in problem)
            sentence = next(sentences, "The store {path} failed ({problem}): {remedy}.")
            raise UserError(sentence.format(path=self.path, problem=problem, remedy=FULL_REFRESH)) from error
        except OSError as error:
            raise UserError(f"The store {self.path} cannot be opened ({error.strerror}): check `store_dir`.") from error


class ReadOnlyStore(Store):
    """A store that is read and never changed. It cannot be read while a run holds its lock.

    Args:
        path: the database's file.
        tables: the map's tables and ``meta``.

    Raises:
        UserError: the file is missing, is not a database, or is locked.
    """

    def __init__(self, path: Path, tables: MetaData) -> None:
        self.path = path
        self.name = path.stem
        self._meta = tables.tables["meta"]
        self._tables = tables
        self._is_new_file = False
        # The file is opened for writing, because SQLite must first undo the changes of a killed run.
        self._engine = create_engine(
            f"sqlite:///file:{quote(str(path.absolute()))}?mode=rw&uri=true",
            poolclass=NullPool,
            connect_args={"timeout": 1},
        )
        with self._explain_errors():
            self._connection = self._engine.connect()
            self._connection.exec_driver_sql("PRAGMA query_only=ON")

    @property
    def schema_version(self) -> int:
        """The version of the tables' form; 0 when the file is not a store."""
        return self._read_version()

    def is_made_by_map(self, streams: Collection[str]) -> bool:
        """Return whether the map with these streams made this file, and the file still has its original name."""
        with self._explain_errors():
            inspector = inspect(self._connection)
            tables = set(inspector.get_table_names())
            if not tables.issuperset({"meta", *streams}):
                return False
            columns = {column["name"] for column in inspector.get_columns("meta")}
        return columns == {"name", "value"} and self.read_value("name") == self.name

    def copy_to(self, path: Path) -> None:
        """Copy the database to another file."""
        with self._explain_errors(), closing(sqlite3.connect(path)) as copy:
            self._raw_connection.backup(copy)


@contextmanager
def open_to_read(
    path: Path,
    tables: MetaData,
    migrations: Sequence[Callable[[Connection], None]],
    is_current: Callable[[Store], bool] = lambda _: True,
) -> Iterator[Store]:
    """Open a store for reading. One with an older form is copied, and the copy is migrated.

    Args:
        path: the database's file.
        tables: the map's tables and ``meta``.
        migrations: those of the map, see ``Store``.
        is_current: returns whether the rows match the settings; otherwise the caller may change the copy.
    """
    with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
        with ReadOnlyStore(path, tables) as store:
            # Usually nothing has changed, and the file itself is read.
            if store.schema_version == len(migrations) and is_current(store):
                yield store
                return
            store.copy_to(copy := Path(folder) / path.name)
        with Store(copy, path.stem, tables, migrations) as store_copy:
            yield store_copy


def is_database(path: Path) -> bool:
    """Return whether a file begins as every SQLite database does, see https://www.sqlite.org/fileformat.html."""
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def _create_file(path: Path) -> bool:
    """Create the file for its owner only; return False if it exists."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _create_engine(path: Path) -> Engine:
    """Return an engine whose transactions begin with the exclusive lock, or fail at once."""
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 0, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: JsonValue, _record: object) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin_exclusive(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    return engine


def add_columns(table: Table, *names: str) -> Callable[[Connection], None]:
    """Return a migration that adds columns, which new stores have from the beginning."""

    def migrate(connection: Connection) -> None:
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for name in names:
            if name not in known:
                clause = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {clause}")

    return migrate


@cache
def _build_upsert(table: Table) -> Insert:
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    version = table.info.get("version", ())
    if not version:
        return statement.on_conflict_do_update(index_elements=keys, set_=values)
    incoming = tuple_(*(statement.excluded[name] for name in version))
    return statement.on_conflict_do_update(
        index_elements=keys, set_=values, where=incoming >= tuple_(*(table.c[name] for name in version))
    )
