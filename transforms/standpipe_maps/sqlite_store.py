"""Stores as SQLite files in a folder: the default.

https://www.sqlite.org/pragma.html.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from standpipe_maps._kit.block_list import BlockList
from standpipe_maps._kit.errors import UserError
from standpipe_maps.protocol import FULL_REFRESH
from standpipe_maps.store import Store, StoreForm, update_on_conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.sql.dml import Insert

    from standpipe_maps._kit.block_list import BlockListText
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


class SqliteStore(Store):
    """An open and locked store. Closing it also deletes a new file without any committed run.

    Args:
        path: the database's file, in an existing folder.
        name: the store's name in STATE.
        form: the tables.
    """

    writes_at_end: ClassVar[bool] = False
    errors = (*Store.errors, sqlite3.Error)

    def __init__(self, path: Path, name: str, form: StoreForm) -> None:
        super().__init__(form)
        self.path = path
        self.name = name
        self.location = str(path)
        with self.explain_errors():
            # The file is created before SQLite opens it, so that nobody else can ever read it.
            self._is_new_file = _create_file(path)
            self._engine = _create_engine(path)
            self._connection = self._engine.connect()
        try:
            with self.explain_errors():
                self._connection.begin()
            self._migrate()
        # A store must release its lock if it cannot be migrated.
        except BaseException:
            self.close()
            raise

    def begin(self) -> None:
        """Do nothing, as the transaction began when the file was opened."""

    def _write_rows(self, table: Table, rows: Sequence[JsonObject]) -> None:
        self._connection.execute(_build_upsert(table), rows)

    def prepare_queries(self) -> None:
        """Do nothing, as SQLite chooses its indexes well without looking at the rows."""

    def commit(self) -> None:
        """Commit the run but keep the lock."""
        super().commit()
        self._is_new_file = False

    def rewrite_file(self) -> None:
        """Rewrite the file after a commit, so that it contains nothing of deleted rows."""
        with self.explain_errors():
            # VACUUM cannot run in a transaction, and SQLAlchemy begins one before every statement of its own.
            self._raw_connection.execute("VACUUM")

    @property
    def _raw_connection(self) -> JsonValue:
        return self._connection.connection.driver_connection

    def close(self) -> None:
        """Undo uncommitted changes, release the lock, and delete a new file without any committed run."""
        super().close()
        if self._is_new_file:
            self.path.unlink(missing_ok=True)

    def _explain(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return f"The store {self.path} cannot be opened ({error.strerror}): check `store_dir`."
        problem = str(getattr(error, "orig", error))
        sentences = (sentence for words, sentence in PROBLEMS if words in problem)
        sentence = next(sentences, "The store {path} failed ({problem}): {remedy}.")
        return sentence.format(path=self.path, problem=problem, remedy=FULL_REFRESH)


class ReadOnlySqliteStore(SqliteStore):
    """A store that is read and never changed. It cannot be read while a run holds its lock.

    Args:
        path: the database's file.
        form: the tables.

    Raises:
        UserError: the file is missing, is not a database, or is locked.
    """

    def __init__(self, path: Path, form: StoreForm) -> None:
        Store.__init__(self, form)
        self.path = path
        self.name = path.stem
        self.location = str(path)
        self._is_new_file = False
        # The file is opened for writing, because SQLite must first undo the changes of a killed run.
        self._engine = create_engine(
            f"sqlite:///file:{quote(str(path.absolute()))}?mode=rw&uri=true",
            poolclass=NullPool,
            connect_args={"timeout": 1},
        )
        with self.explain_errors():
            self._connection = self._engine.connect()
            self._connection.exec_driver_sql("PRAGMA query_only=ON")

    def copy_to(self, path: Path) -> None:
        """Copy the database to another file."""
        with self.explain_errors(), closing(sqlite3.connect(path)) as copy:
            self._raw_connection.backup(copy)


class StoreFolder:
    """The stores of a map in a folder.

    Args:
        folder: the folder.
        form: the tables of the map's stores.
    """

    def __init__(self, folder: Path, form: StoreForm) -> None:
        self._folder = folder
        self._form = form
        self.label = str(folder)

    def locate(self, name: str) -> str:
        """Return the path of a store."""
        return str(self._find_path(name))

    def _find_path(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite"

    def open_store(self, name: str, *, must_exist: bool = True) -> SqliteStore:
        """Open a store to change it, see ``StorePlace``."""
        path = self._find_path(name)
        if must_exist and not path.exists():
            raise UserError(f"The store {path} is missing: restore it, or {FULL_REFRESH}.")
        return SqliteStore(path, name, self._form)

    def list_names(self) -> list[str]:
        """Return the names of the map's stores.

        Raises:
            UserError: a run is using one of them, or one is damaged.
        """
        names = []
        for path in sorted(self._folder.glob("*.sqlite")):
            # SQLite cannot open other files, and the folder may contain another program's database.
            if _is_database(path):
                with ReadOnlySqliteStore(path, self._form) as store:
                    if store.is_made_by_map():
                        names.append(path.stem)
        return names

    def list_empty(self) -> list[str]:
        """Return the paths of files that never became a store."""
        return [str(path) for path in sorted(self._folder.glob("*.sqlite")) if not path.stat().st_size]

    @contextmanager
    def open_to_read(self, name: str, is_current: Callable[[Store], bool] = lambda _: True) -> Iterator[Store]:
        """Open a store for reading. One with an older form is copied, and the copy is migrated."""
        path = self._find_path(name)
        with tempfile.TemporaryDirectory(prefix="standpipe-") as folder:
            with ReadOnlySqliteStore(path, self._form) as store:
                # Usually nothing has changed, and the file itself is read.
                if store.schema_version == len(self._form.migrations) and is_current(store):
                    yield store
                    return
                store.copy_to(copy := Path(folder) / path.name)
            with SqliteStore(copy, path.stem, self._form) as store_copy:
                yield store_copy

    def remove(self, name: str) -> None:
        """Delete a store that no run is using."""
        with self.open_store(name):
            self._find_path(name).unlink()

    def read_block_list(self) -> BlockList:
        """Return the list of erased people, which every store of the folder shares."""
        return BlockList(self._folder)

    def change_block_list(self, change: Callable[[BlockListText], None]) -> None:
        """Change the list of erased people."""
        listed = self.read_block_list()
        change(listed)
        if listed:
            listed.save()


def open_throw_away(folder: Path, name: str, form: StoreForm) -> SqliteStore:
    """Open an empty store that disappears with its folder."""
    return SqliteStore(folder / f"{name}.sqlite", name, form)


def _is_database(path: Path) -> bool:
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


@cache
def _build_upsert(table: Table) -> Insert:
    statement: Insert = update_on_conflict(insert(table), table)
    return statement
