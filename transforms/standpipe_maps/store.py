"""The data that a map keeps between runs: a store, in which each run is one transaction, with SQLAlchemy Core.

https://docs.sqlalchemy.org/en/20/core/. This module has what a map does with a store, and the SQL that is the same in
every database. ``sqlite_store`` and ``postgres_store`` have what differs; ``store_places`` chooses between them.
"""

from __future__ import annotations

import abc
import json
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import Column, MetaData, Table, Text, delete, inspect, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateColumn

from standpipe_maps._kit.errors import UserError
from standpipe_maps.protocol import FULL_REFRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, CursorResult, Engine, Executable

    from standpipe_maps._kit.json_types import JsonObject, JsonValue

# PostgreSQL compares text by a language's rules unless a column says that it compares bytes, as SQLite does.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def make_meta_table(metadata: MetaData) -> Table:
    """Return the table `meta`: a store's facts about itself, as names and JSON values."""
    return Table("meta", metadata, Column("name", TEXT, primary_key=True), Column("value", TEXT, nullable=False))


@dataclass(frozen=True)
class StoreForm:
    """The tables of a map's stores."""

    tables: MetaData
    """The map's tables and ``meta``."""
    migrations: Sequence[Callable[[Connection], None]]
    """One function per schema version; the first creates the tables in an empty database."""
    streams: Sequence[str]
    """The names of tables that only this map's stores have together."""


class Store(abc.ABC):
    """An open store. Closing it undoes uncommitted changes."""

    name: str
    """Its name in STATE."""
    location: str
    """What messages call it."""
    writes_at_end: ClassVar[bool]
    """Whether rows can be written only from ``begin`` on, when the input has ended."""
    errors: tuple[type[Exception], ...] = (DBAPIError, OSError)
    """What the database raises. Subclasses add their driver's errors, as they also use it without SQLAlchemy."""
    _connection: Connection
    _engine: Engine

    def __init__(self, form: StoreForm) -> None:
        self._form = form
        self._meta = form.tables.tables["meta"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What differs between databases.

    @abc.abstractmethod
    def begin(self) -> None:
        """Begin the run's transaction, and bring the tables up to date."""

    @abc.abstractmethod
    def _write_rows(self, table: Table, rows: Sequence[JsonObject]) -> None:
        """Insert each row, or update it, see ``upsert_rows``."""

    def is_in(self, column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
        """Return the condition that a column has one of many values."""
        return column.in_(list(values))

    @abc.abstractmethod
    def _explain(self, error: Exception) -> str:
        """Return one sentence about an error of the database, and what to do."""

    @abc.abstractmethod
    def prepare_queries(self) -> None:
        """Let the database look at the written rows, so that it finds them fast."""

    @abc.abstractmethod
    def rewrite_file(self) -> None:
        """Rewrite the tables after a commit, so that their files contain nothing of deleted rows."""

    # What is the same.

    def _migrate(self) -> None:
        migrations = self._form.migrations
        version = self.check_version()
        with self.explain_errors():
            for migrate in migrations[version:]:
                migrate(self._connection)
        if version < len(migrations):
            self.write_value("schema_version", len(migrations))
            # The name inside distinguishes a renamed or copied store from the store in STATE.
            self.write_value("name", self.name)
        if (written := self.read_value("name")) != self.name:
            raise UserError(f"{self.location} is the store `{written}` under another name: {FULL_REFRESH}.")

    def check_version(self) -> int:
        """Return the version of the tables' form; 0 when there are none.

        Raises:
            UserError: a newer version may have changed the meaning of rows, not only their form.
        """
        version = self.schema_version
        if version > len(self._form.migrations):
            raise UserError(
                f"The store {self.location} was written by a newer version of standpipe-maps: upgrade this one."
            )
        return version

    @property
    def schema_version(self) -> int:
        """The version of the tables' form; 0 when there are none."""
        return self.read_value("schema_version", 0) if self.has_table("meta") else 0

    def is_made_by_map(self) -> bool:
        """Return whether this map made the store, and it still has its original name."""
        with self.explain_errors():
            inspector = inspect(self._connection)
            if not all(inspector.has_table(name) for name in ("meta", *self._form.streams)):
                return False
            columns = {column["name"] for column in inspector.get_columns("meta")}
        return columns == {"name", "value"} and self.read_value("name") == self.name

    def has_table(self, name: str) -> bool:
        """Return whether the database has a table of this name."""
        with self.explain_errors():
            return inspect(self._connection).has_table(name)

    def read_value(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the JSON value with a name."""
        text = self.execute(select(self._meta.c.value).where(self._meta.c.name == name)).scalar()
        return default if text is None else json.loads(text)

    def write_value(self, name: str, value: JsonValue) -> None:
        """Store a JSON value under a name."""
        with self.explain_errors():
            self._write_rows(self._meta, [{"name": name, "value": json.dumps(value)}])

    @property
    def generation(self) -> int:
        """The number of the last committed run."""
        generation: int = self.read_value("generation", 0)
        return generation

    def delete_rows(self) -> None:
        """Delete all rows except those of `meta`."""
        for table in self._form.tables.sorted_tables:
            if table is not self._meta:
                self.execute(delete(table))

    def execute(self, statement: Executable, parameters: Sequence[JsonObject] | None = None) -> CursorResult[Any]:
        """Run a statement in the run's transaction.

        Raises:
            UserError: the database fails.
        """
        with self.explain_errors():
            return self._connection.execute(statement, parameters)

    def upsert_rows(self, table: Table, rows: Sequence[JsonObject]) -> None:
        """Insert each row, or update it unless the table has a greater version.

        A version is the columns named in ``table.info["version"]``. Of two equal versions the later arrival is kept,
        because Chargebee adds a subscription's ``mrr`` a while after it made the version.
        """
        if rows:
            with self.explain_errors():
                self._write_rows(table, rows)

    def read_pages(self, statement: Executable, size: int) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query in pages of this size, of which memory contains one."""
        with self.explain_errors():
            yield from self._connection.execute(statement, execution_options={"yield_per": size}).partitions()

    def commit(self) -> None:
        """Commit the run but keep the lock."""
        with self.explain_errors():
            self._connection.commit()

    def close(self) -> None:
        """Undo uncommitted changes, and release the lock."""
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Raise an error of the database as one sentence."""
        try:
            yield
        except self.errors as error:
            raise UserError(self._explain(error)) from error


def add_columns(table: Table, *names: str) -> Callable[[Connection], None]:
    """Return a migration that adds columns, which new stores have from the beginning."""

    def migrate(connection: Connection) -> None:
        known = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for name in names:
            if name not in known:
                clause = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {clause}")

    return migrate


def update_on_conflict(statement: Any, table: Table) -> Any:
    """Return a dialect's INSERT as one that updates a known row unless the table has a greater version of it."""
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if not values:
        return statement.on_conflict_do_nothing()
    version = table.info.get("version", ())
    if not version:
        return statement.on_conflict_do_update(index_elements=keys, set_=values)
    incoming = tuple_(*(statement.excluded[name] for name in version))
    return statement.on_conflict_do_update(
        index_elements=keys, set_=values, where=incoming >= tuple_(*(table.c[name] for name in version))
    )


def choose_newest(table: Table, rows: Sequence[JsonObject]) -> Collection[JsonObject]:
    """Return the newest version of each row; of equal versions the last."""
    keys = [column.name for column in table.primary_key]
    get_key = itemgetter(*keys)
    if len(set(map(get_key, rows))) == len(rows):
        return rows
    version = table.info.get("version", ())
    newest: dict[Any, Any] = {}
    for row in rows:
        key = get_key(row)
        at = tuple(row[name] for name in version)
        if key not in newest or at >= newest[key][0]:
            newest[key] = at, row
    return [row for _, row in newest.values()]
