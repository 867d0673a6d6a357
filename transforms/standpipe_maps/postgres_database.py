"""The database of `store_url`: it has a schema for each store, and one for what all stores share."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import URL, Column, MetaData, Table, create_engine, event, func, inspect, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from standpipe_maps._kit.block_list import BlockListText
from standpipe_maps._kit.errors import UserError
from standpipe_maps.postgres_errors import explain_error
from standpipe_maps.postgres_store import PREFIX, PostgresStore, ReadOnlyPostgresStore, name_schema
from standpipe_maps.protocol import FULL_REFRESH
from standpipe_maps.store import TEXT, Store, StoreForm, make_meta_table, update_on_conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

SHARED = "standpipe_stores"
"""The schema of what all stores of the database share."""
SESSION = (
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    # A client can vanish without closing its connection. The server must notice that to release the client's lock.
    "SET tcp_keepalives_idle = 60",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 6",
    "SET jit = off",
)
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6, "connect_timeout": 10}
BLOCK_LIST = Table(
    "block_list", MetaData(schema=SHARED), Column("id", TEXT, primary_key=True), Column("content", TEXT, nullable=False)
)


class StoreDatabase:
    """The stores of a map in a database.

    Args:
        url: the address, with the user, the password and the driver's options.
        form: the tables of the map's stores.
    """

    def __init__(self, url: URL, form: StoreForm) -> None:
        self._url = url
        self._form = form
        # Without the user, the password and the driver's options.
        self.label = URL.create("postgresql", host=url.host, port=url.port, database=url.database).render_as_string()

    def locate(self, name: str) -> str:
        """Return the address of a store, without the user and the password."""
        return f"{self.label}/{name_schema(name)}"

    def create_engine(self, schema: str, *session: str) -> Engine:
        """Return an engine whose sessions see one schema only."""
        # Values of rows are personal data, so no error may show them.
        engine = create_engine(self._url, poolclass=NullPool, connect_args=KEEPALIVES, hide_parameters=True)

        @event.listens_for(engine, "connect")
        def _set_session(connection: Any, _record: object) -> None:
            for statement in (f'SET search_path = "{schema}"', *SESSION, *session):
                connection.execute(statement)
            connection.commit()

        return engine

    def open_store(self, name: str, *, must_exist: bool = True) -> PostgresStore:
        """Open a store to change it, see ``StorePlace``."""
        store = PostgresStore(self, name, self._form)
        if must_exist and not store.has_table("meta"):
            store.close()
            raise UserError(f"The store {self.locate(name)} is missing: restore it, or {FULL_REFRESH}.")
        return store

    def list_names(self) -> list[str]:
        """Return the names of the map's stores."""
        names = []
        with self._connect() as connection:
            schemas = [one for one in inspect(connection).get_schema_names() if one.startswith(PREFIX)]
            for schema in sorted(schemas):
                if inspect(connection).has_table("meta", schema):
                    meta = make_meta_table(MetaData(schema=schema))
                    name = connection.scalar(select(meta.c.value).where(meta.c.name == "name"))
                    names += [json.loads(name)] if name else []
        return [name for name in names if self._is_own(name)]

    def _is_own(self, name: str) -> bool:
        with ReadOnlyPostgresStore(self, name, self._form) as store:
            return store.is_made_by_map()

    def list_empty(self) -> list[str]:
        """Return nothing, as a run that fails leaves no schema."""
        return []

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        engine = self.create_engine(SHARED)
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
        except (DBAPIError, psycopg.Error) as error:
            raise UserError(explain_error(error, self.label)) from error
        finally:
            engine.dispose()

    @contextmanager
    def open_to_read(self, name: str, is_current: Callable[[Store], bool] = lambda _: True) -> Iterator[Store]:
        """Open a store for reading. One with an older form is changed in a transaction that is undone."""
        with ReadOnlyPostgresStore(self, name, self._form) as store:
            if store.check_version() == len(self._form.migrations) and is_current(store):
                yield store
                return
        with PostgresStore(self, name, self._form) as changed:
            changed.begin()
            yield changed

    def remove(self, name: str) -> None:
        """Delete a store that no run is using."""
        with self.open_store(name) as store:
            store.drop()

    def read_block_list(self) -> BlockListText:
        """Return the list of erased people, which every store of the database shares."""
        with self._connect() as connection:
            return self._read_block_list(connection)

    def _read_block_list(self, connection: Connection) -> BlockListText:
        if not connection.scalar(select(func.to_regclass(f"{SHARED}.{BLOCK_LIST.name}"))):
            return BlockListText(None, self.label)
        return BlockListText(connection.scalar(select(BLOCK_LIST.c.content)), self.label)

    def change_block_list(self, change: Callable[[BlockListText], None]) -> None:
        """Change the list of erased people."""
        with self._connect() as connection:
            # Of two changes at the same time, one would be lost.
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(SHARED))))
            listed = self._read_block_list(connection)
            change(listed)
            if not listed:
                return
            if not connection.scalar(select(func.to_regnamespace(SHARED))):
                connection.execute(text(f"CREATE SCHEMA {SHARED}"))
            BLOCK_LIST.create(connection, checkfirst=True)
            row = {"id": "names", "content": listed.format()}
            connection.execute(update_on_conflict(insert(BLOCK_LIST), BLOCK_LIST), [row])
