"""The stores of a map under test: SQLite files, or schemas of a PostgreSQL database, and what can happen to them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import sqlalchemy as sa
from postgres import needs_postgres
from standpipe_maps.store_copy import compute_digest
from standpipe_maps.store_places import open_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from standpipe_maps.store import StoreForm

#: Runs a test against both databases, if it takes a map.
ON_BOTH = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=needs_postgres)], indirect=True
)
ON_POSTGRESQL = pytest.mark.parametrize("database", [pytest.param("postgresql", marks=needs_postgres)], indirect=True)
PREFIX = "standpipe_store"
#: Several folders of tests have databases in one process.
NUMBERS = count()


class Databases:
    """Empty databases of a server, which are used again after each test."""

    def __init__(self, server: str) -> None:
        self._url = sa.make_url(server).set(drivername="postgresql+psycopg")
        self._server = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._all: list[str] = []
        self._free: list[str] = []

    def take(self) -> str:
        """Return the address of an empty database, as a user writes it."""
        if not self._free:
            self._free = [f"standpipe_maps_{os.getpid()}_{next(NUMBERS)}"]
            self._all += self._free
            with self._server.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {self._free[0]}")
        database = self._url.set(drivername="postgresql", database=self._free.pop())
        return database.render_as_string(hide_password=False)

    def empty(self) -> None:
        """Remove every store, and take the databases back."""
        self._free = list(self._all)
        for name in self._all:
            run_sql(self._url.set(database=name), *(f'DROP SCHEMA "{one}" CASCADE' for one in self.list_schemas(name)))

    def list_schemas(self, name: str) -> list[str]:
        """Return the schemas that a map made in a database."""
        return list_schemas(self._url.set(database=name))

    def drop(self) -> None:
        """Remove the databases."""
        with self._server.connect() as connection:
            for name in self._all:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self._server.dispose()


def run_sql(url: str | sa.URL, *statements: str) -> list[Any]:
    """Run statements in one transaction, and return the rows of the last."""
    rows: list[Any] = []
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def list_schemas(url: str | sa.URL) -> list[str]:
    """Return the schemas that a map made."""
    found = run_sql(url, "SELECT nspname FROM pg_namespace ORDER BY nspname")
    return [name for (name,) in found if name.startswith(PREFIX)]


@dataclass
class StoredMap:
    """A map with stores, and what the target has confirmed."""

    folder: Path
    url: str | None = None
    """The database of its stores; None for files in the folder."""
    confirmed: dict[str, Any] = field(default_factory=dict)
    """``_map`` of the last run that was confirmed; empty before the first."""
    form: ClassVar[StoreForm]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that say where the stores are."""
        return {"store_dir": str(self.folder), **({"store_url": self.url} if self.url else {})}

    @property
    def stores(self) -> list[Any]:
        """The files of the stores, or the names of the schemas."""
        if self.url:
            return [one for one in list_schemas(self.url) if one != f"{PREFIX}s"]
        return sorted(self.folder.glob("*.sqlite"))

    @property
    def store_name(self) -> str:
        """The name of the only store."""
        (name,) = open_place(self.url, self.folder, self.form).list_names()
        return name

    def dump(self) -> list[Any]:
        """Return the content of the stores, for comparisons."""
        if not self.url:
            return [path.read_bytes() for path in self.stores]
        place = open_place(self.url, self.folder, self.form)
        found = []
        for name in place.list_names():
            with place.open_to_read(name) as store:
                found.append((name, store.generation, *compute_digest(store, self.form)))
        return found

    def lose_store(self) -> None:
        """Remove the only store."""
        (store,) = self.stores
        if self.url:
            run_sql(self.url, f'DROP SCHEMA "{store}" CASCADE')
        else:
            store.unlink()

    def copy_store(self) -> Callable[[], object]:
        """Copy the only store; return a function that puts the copy in its place."""
        (store,) = self.stores
        if not self.url:
            content = store.read_bytes()
            return lambda: store.write_bytes(content)
        url, tables = self.url, list(self.form.tables.tables)
        run_sql(url, "CREATE SCHEMA copy", *(f'CREATE TABLE copy."{one}" AS TABLE "{store}"."{one}"' for one in tables))
        return lambda: run_sql(
            url,
            *(f'TRUNCATE "{store}"."{one}"' for one in tables),
            *(f'INSERT INTO "{store}"."{one}" TABLE copy."{one}"' for one in tables),
            "DROP SCHEMA copy CASCADE",
        )

    def damage_store(self) -> None:
        """Damage the only store: half of a file, or a table without a column."""
        (store,) = self.stores
        if self.url:
            table = self.form.streams[0]
            run_sql(self.url, f'ALTER TABLE "{store}"."{table}" DROP COLUMN body')
        else:
            store.write_bytes(store.read_bytes()[:5000])

    def rename_store(self, name: str) -> None:
        """Give the only store the file or the schema of another name."""
        (store,) = self.stores
        if self.url:
            run_sql(self.url, f'ALTER SCHEMA "{store}" RENAME TO "{PREFIX}_{name}"')
        else:
            store.rename(self.folder / f"{name}.sqlite")

    def is_in_use(self) -> bool:
        """Return whether a run is reading its input with the store open."""
        if self.url:
            return bool(run_sql(self.url, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"))
        return bool(list(self.folder.glob("*.sqlite-journal")))


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    """Yield databases for this process."""
    found = Databases(postgres_server)
    yield found
    found.drop()


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str | None]]:
    """Yield a function that returns the address of an empty database; None for files."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield lambda: None
        return
    # Nobody has to wait for a killed run here.
    monkeypatch.setattr("standpipe_maps.postgres_store.LOCK_WAIT", "200ms")
    found: Databases = request.getfixturevalue("databases")
    yield found.take
    found.empty()
