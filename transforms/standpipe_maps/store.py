"""What a map remembers between runs: a database whose run is one transaction, through SQLAlchemy Core.

https://docs.sqlalchemy.org/en/20/core/, https://www.sqlite.org/pragma.html. SQLite today; another database is another
URL and another ``_engine``.
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

from standpipe_maps._kit.errors import UserError
from standpipe_maps.protocol import FULL_REFRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sqlalchemy import Connection, CursorResult, Engine, Executable
    from sqlalchemy.sql.dml import Insert

PRAGMAS = (
    "PRAGMA synchronous=FULL",
    # The file stays locked from the first statement until the store is closed: also while a run emits.
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA cache_size=-65536",
)
SQLITE_MAGIC = b"SQLite format 3\0"
PROBLEMS = (
    ("locked", "Another run is using the store {path}: let it end, then run again."),
    ("full", "The disk that holds the store {path} is full: make room, then run again."),
    ("I/O", "The disk that holds the store {path} does not take what is written: check it, make room, then run again."),
    ("readonly", "The store {path} cannot be written: check its permissions, or the setting `store_dir`."),
    ("unable to open", "The store {path} cannot be opened: check its permissions, or the setting `store_dir`."),
    ("not a database", "The file {path} is no store, or is damaged: {remedy}."),
    ("malformed", "The file {path} is no store, or is damaged: {remedy}."),
)


def with_meta(metadata: MetaData) -> Table:
    """The table of what a store knows of itself: names to JSON values."""
    return Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))


class Store:
    """A store, open and locked; what is not committed when it closes never was.

    Args:
        path: the database's file; its folder exists.
        name: what STATE calls it.
        tables: the map's tables and ``meta``.
        migrations: one function a schema version, the first of which makes the tables in an empty database.
    """

    def __init__(
        self, path: Path, name: str, tables: MetaData, migrations: Sequence[Callable[[Connection], None]]
    ) -> None:
        self.path = path
        self.name = name
        self._meta = tables.tables["meta"]
        self._tables = tables
        with self._explained():
            self._made_here = _made(path)
            self._engine = _engine(path)
            self._connection = self._engine.connect()
        try:
            with self._explained():
                self._connection.begin()
            self._migrate(migrations)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _migrate(self, migrations: Sequence[Callable[[Connection], None]]) -> None:
        version = self._version()
        if version > len(migrations):
            raise UserError(
                f"The store {self.path} was written by a newer version of standpipe-maps: upgrade this one."
            )
        with self._explained():
            for migrate in migrations[version:]:
                migrate(self._connection)
        if version < len(migrations):
            self.remember("schema_version", len(migrations))
            self.remember("name", self.name)
        if (written := self.recall("name")) != self.name:
            raise UserError(f"The file {self.path} is the store `{written}` under another name: {FULL_REFRESH}.")

    def _version(self) -> int:
        return self.recall("schema_version", 0) if self.has_table("meta") else 0

    def has_table(self, name: str) -> bool:
        """Return whether the database has a table of this name."""
        with self._explained():
            return inspect(self._connection).has_table(name)

    def recall(self, name: str, default: Any = None) -> Any:
        """What was remembered under this name."""
        text = self.execute(select(self._meta.c.value).where(self._meta.c.name == name)).scalar()
        return default if text is None else json.loads(text)

    def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value under this name."""
        self.execute(_upsert(self._meta), [{"name": name, "value": json.dumps(value)}])

    @property
    def generation(self) -> int:
        """How many runs were committed."""
        generation: int = self.recall("generation", 0)
        return generation

    def clear(self) -> None:
        """Forget every row, and nothing of the store itself."""
        for table in self._tables.sorted_tables:
            if table is not self._meta:
                self.execute(delete(table))

    def execute(self, statement: Executable, parameters: Sequence[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """Run a statement in the run's transaction.

        Raises:
            UserError: the database cannot.
        """
        with self._explained():
            return self._connection.execute(statement, parameters)

    def upsert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Keep each row unless the table holds a greater version of it.

        A version is the columns named in ``table.info["version"]``. Of two equal ones the later to come is kept: it may
        know more (Chargebee reckons a subscription's ``mrr`` a while after the version that it belongs to).
        """
        if rows:
            self.execute(_upsert(table), rows)

    def pages(self, statement: Executable, size: int) -> Iterator[Sequence[Any]]:
        """The rows of a query, so many at a time; memory holds one page."""
        with self._explained():
            yield from self._connection.execute(statement, execution_options={"yield_per": size}).partitions()

    def commit(self) -> None:
        """Make the run durable; the lock stays."""
        with self._explained():
            self._connection.commit()
        self._made_here = False

    def compact(self) -> None:
        """Write the file anew after a commit, so that it holds nothing of the rows that were deleted."""
        with self._explained():
            # VACUUM cannot run in a transaction, and SQLAlchemy begins one before every statement of its own.
            self._raw_connection.execute("VACUUM")

    @property
    def _raw_connection(self) -> Any:
        return self._connection.connection.driver_connection

    def close(self) -> None:
        """Undo what was not committed, release the lock, and leave no file that holds no run."""
        self._connection.close()
        self._engine.dispose()
        if self._made_here:
            self.path.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            raise self._refusal(str(getattr(error, "orig", error))) from error
        except OSError as error:
            raise UserError(f"The store {self.path} cannot be opened ({error.strerror}): check `store_dir`.") from error

    def _refusal(self, problem: str) -> UserError:
        for words, sentence in PROBLEMS:
            if words in problem:
                return UserError(sentence.format(path=self.path, remedy=FULL_REFRESH))
        return UserError(f"The store {self.path} failed ({problem}): {FULL_REFRESH}.")


class ReadOnlyStore(Store):
    """A store that is read and never changed; a run that holds its lock keeps it from being read.

    Args:
        path: the database's file.
        tables: the map's tables and ``meta``.

    Raises:
        Refusal: the file is missing, is no database, or is locked.
    """

    def __init__(self, path: Path, tables: MetaData) -> None:
        self.path = path
        self.name = path.stem
        self._meta = tables.tables["meta"]
        self._tables = tables
        self._made_here = False
        # Opened to be written, because SQLite has to undo what a killed run left behind before anybody can read.
        self._engine = create_engine(
            f"sqlite:///file:{quote(str(path.absolute()))}?mode=rw&uri=true",
            poolclass=NullPool,
            connect_args={"timeout": 1},
        )
        with self._explained():
            self._connection = self._engine.connect()
            self._connection.exec_driver_sql("PRAGMA query_only=ON")

    @property
    def schema_version(self) -> int:
        """The version of the tables' form; 0 when the file is no store."""
        return self._version()

    def is_made_by_map(self, streams: Collection[str]) -> bool:
        """Return whether the map that keeps these streams made this file, and the file still has the name it gave."""
        with self._explained():
            inspector = inspect(self._connection)
            tables = set(inspector.get_table_names())
            if not tables.issuperset({"meta", *streams}):
                return False
            columns = {column["name"] for column in inspector.get_columns("meta")}
        return columns == {"name", "value"} and self.recall("name") == self.name

    def copy_to(self, path: Path) -> None:
        """Copy the database to another file."""
        with self._explained(), closing(sqlite3.connect(path)) as copy:
            self._raw_connection.backup(copy)


@contextmanager
def open_to_read(
    path: Path,
    tables: MetaData,
    migrations: Sequence[Callable[[Connection], None]],
    is_current: Callable[[Store], bool] = lambda _: True,
) -> Iterator[Store]:
    """Open a store to read it; one of an older form is read in a copy that is brought up to date.

    Args:
        path: the database's file.
        tables: the map's tables and ``meta``.
        migrations: those of the map, see ``Store``.
        is_current: returns whether the rows are as the settings want them; else the caller may change the copy.
    """
    with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
        with ReadOnlyStore(path, tables) as store:
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


def _made(path: Path) -> bool:
    """Whether this call made the file; what customers pay is nobody else's business on a shared machine."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _engine(path: Path) -> Engine:
    """An engine whose transactions begin with the exclusive lock, or fail at once."""
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 0, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _lock(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    return engine


@cache
def _upsert(table: Table) -> Insert:
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
