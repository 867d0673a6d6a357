"""The inbox: the changed records that no run has read yet. It survives a kill. It contains ids and times, never a body.

A vendor's delivery is answered with 2xx only after `add` has returned, so the vendor repeats whatever was lost before.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from standpipe_console.engines import create_engine
from standpipe_console.errors import ConsoleError

from .rings import MAX_ID, Subject, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from standpipe_console._kit.json_types import JsonValue

    from .rings import Ring

#: Chargebee repeats a delivery for three days and seven hours, Intercom for two hours.
KEEP_SEEN_SECONDS = 4 * 86_400

#: The schema of the tables in PostgreSQL, as other programs may use the same database.
SCHEMA = "standpipe_live"
#: The number of an advisory lock, so that two programs on PostgreSQL do not create the tables at the same time.
_ADVISORY_LOCK = 7_413_922_002

#: The first of the two numbers of the lock that one `live` holds on an inbox; the second is of its schema.
_LIVE_LOCK = 7_413_922
#: Without these, PostgreSQL would take two hours to notice that the machine of a `live` is gone.
_KEEPALIVES = (
    "SET tcp_keepalives_idle = 60",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 6",
)

_METADATA = sa.MetaData()
_WAITING = sa.Table(
    "waiting",
    _METADATA,
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("subject", sa.String(20), primary_key=True),
    sa.Column("id", sa.String(MAX_ID), primary_key=True),
    sa.Column("first_rung_at", sa.Float, nullable=False),
    sa.Column("last_rung_at", sa.Float, nullable=False),
    sa.Column("rings", sa.Integer, nullable=False),
)
_SEEN = sa.Table(
    "seen_events",
    _METADATA,
    sa.Column("source", sa.String(20), primary_key=True),
    sa.Column("event_id", sa.String(MAX_ID), primary_key=True),
    sa.Column("seen_at", sa.Float, nullable=False, index=True),
)
_COUNTS = sa.Table(
    "event_counts",
    _METADATA,
    sa.Column("source", sa.String(20), primary_key=True),
    sa.Column("type", sa.String(100), primary_key=True),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("last_at", sa.Float, nullable=False),
)
_FACTS = sa.Table(
    "facts",
    _METADATA,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
#: The longest name of an event type. Longer ones could only be an attempt to fill the disk.
_MAX_TYPE = 100


class InboxUnavailableError(ConsoleError):
    """The inbox's database does not answer. Nothing was written, and everything that waits is still there."""


@dataclass(frozen=True)
class Waiting:
    """One thing that waits to be read again; times in unix seconds of this machine."""

    target: Target
    first_rung_at: float
    last_rung_at: float
    rings: int


class Inbox:
    """The table of what waits, in SQLite or PostgreSQL; safe for several threads and processes.

    Args:
        url: the address of the database.
        schema: the schema on PostgreSQL, if not the usual one.

    Every method raises InboxUnavailableError while the database does not answer.
    """

    def __init__(self, url: str, schema: str = "") -> None:
        # After a restart of the database, the connection is opened again.
        self._engine = create_engine("LIVE_INBOX_URL", url, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            if self._engine.url.database:
                Path(self._engine.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin_immediately)
        else:
            self._engine = self._engine.execution_options(schema_translate_map={None: schema or SCHEMA})
        self._insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[self._engine.dialect.name]
        self._schema = schema or SCHEMA
        self._lock: sa.Connection | None = None
        self._is_made = False
        with self._begin() as connection:
            _create_tables(connection, self._schema)
        self._is_made = True

    def close(self) -> None:
        """Close all connections. A lock of `lock_for_live` ends with its own."""
        if self._lock:
            self._lock.close()
            self._lock = None
        self._engine.dispose()

    def lock_for_live(self) -> bool:
        """Keep every other `live` from a PostgreSQL inbox until `close`; return False if there is one.

        A repeated call takes the lock again if its connection was lost. On SQLite the lock of the project is enough.
        """
        if self._engine.dialect.name == "sqlite":
            return True
        try:
            if self._lock and _is_alive(self._lock):
                return True
            self._lock = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            # Back in the pool, the connection would keep the lock.
            self._lock.detach()
            for statement in _KEEPALIVES:
                self._lock.exec_driver_sql(statement)
            taken = sa.select(sa.func.pg_try_advisory_lock(_LIVE_LOCK, sa.func.hashtext(self._schema)))
            return bool(self._lock.scalar(taken))
        except sa.exc.DBAPIError as error:
            raise InboxUnavailableError(self._describe_outage(type(error.orig).__name__)) from None

    def add(self, rings: Iterable[Ring], now: float) -> int:
        """Commit some rings in one transaction; return how many of them were new.

        A ring whose event was seen before is a repeated delivery and is ignored.
        """
        rings = list(rings)
        with self._begin() as connection:
            new = self._drop_seen(connection, rings, now)
            if new:
                # Everywhere in the same order, so that two programs on PostgreSQL never wait for each other's rows.
                counts = Counter(sorted((ring.source, ring.type[:_MAX_TYPE]) for ring in new))
                self._add_counts(connection, counts, now)
                self._add_waiting(connection, Counter(sorted(one for ring in new for one in ring.targets)), now)
        return len(new)

    def _add_counts(self, connection: sa.Connection, counts: Mapping[tuple[str, str], int], now: float) -> None:
        """Add the numbers of events by source and type."""
        statement = self._insert(_COUNTS)
        update = {"events": _COUNTS.c.events + statement.excluded.events, "last_at": now}
        statement = statement.on_conflict_do_update(index_elements=["source", "type"], set_=update)
        rows = [{"source": source, "type": kind, "events": n, "last_at": now} for (source, kind), n in counts.items()]
        connection.execute(statement, rows)

    def _add_waiting(self, connection: sa.Connection, targets: Mapping[Target, int], now: float) -> None:
        """Add records to read again. Records that already wait keep their first time."""
        if not targets:
            return
        statement = self._insert(_WAITING)
        update = {"last_rung_at": now, "rings": _WAITING.c.rings + statement.excluded.rings}
        statement = statement.on_conflict_do_update(index_elements=["job", "subject", "id"], set_=update)
        rows = [
            {
                "job": target.job,
                "subject": target.subject.value,
                "id": target.id,
                "first_rung_at": now,
                "last_rung_at": now,
                "rings": n,
            }
            for target, n in targets.items()
        ]
        connection.execute(statement, rows)

    def list_waiting(self, job: str) -> list[Waiting]:
        """Return the records that wait for a run of this job, the oldest first."""
        statement = sa.select(_WAITING).where(_WAITING.c.job == job).order_by(_WAITING.c.first_rung_at, _WAITING.c.id)
        with self._begin() as connection:
            return [
                Waiting(Target(row.job, Subject(row.subject), row.id), row.first_rung_at, row.last_rung_at, row.rings)
                for row in connection.execute(statement)
            ]

    def settle(self, done: Sequence[Waiting], started_at: float) -> None:
        """Remove the records that a run has read.

        Records that changed after its start stay, and count as waiting since then.
        """
        if not done:
            return
        same = [_WAITING.c[name] == sa.bindparam(f"b_{name}") for name in ("job", "subject", "id")]
        # The count shows whether it rang again. A clock may be set back, but a count only grows.
        rings: sa.BindParameter[int] = sa.bindparam("b_rings")
        values = [_bind(one) for one in done]
        with self._begin() as connection:
            connection.execute(sa.delete(_WAITING).where(*same, _WAITING.c.rings == rings), values)
            rang_again = sa.update(_WAITING).where(*same, _WAITING.c.rings > rings)
            connection.execute(rang_again.values(first_rung_at=started_at), values)

    def replace(self, subscription: Target, customers: Iterable[str]) -> None:
        """Replace a waiting subscription by its customers."""
        with self._begin() as connection:
            row = connection.execute(sa.select(_WAITING).where(*_is(subscription))).one_or_none()
            if row is None:
                return
            connection.execute(sa.delete(_WAITING).where(*_is(subscription)))
            for customer in customers:
                statement = self._insert(_WAITING).values(
                    job=row.job,
                    subject=Subject.CUSTOMER.value,
                    id=customer,
                    first_rung_at=row.first_rung_at,
                    last_rung_at=row.last_rung_at,
                    rings=row.rings,
                )
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["job", "subject", "id"],
                        set_={"rings": _WAITING.c.rings + row.rings},
                    )
                )

    def list_counts(self) -> dict[tuple[str, str], int]:
        """Return how many events of each source and type came."""
        with self._begin() as connection:
            return {(row.source, row.type): row.events for row in connection.execute(sa.select(_COUNTS))}

    def get_last_ring(self) -> float | None:
        """Return when an event came last."""
        with self._begin() as connection:
            found: float | None = connection.execute(sa.select(sa.func.max(_COUNTS.c.last_at))).scalar_one()
            return found

    def read_fact(self, name: str) -> JsonValue:
        """Return the value that is stored under a name; None if there is none."""
        with self._begin() as connection:
            found = connection.execute(sa.select(_FACTS.c.value).where(_FACTS.c.name == name)).scalar_one_or_none()
        return None if found is None else json.loads(found)

    def write_fact(self, name: str, value: JsonValue) -> None:
        """Remember a value."""
        text = json.dumps(value)
        statement = self._insert(_FACTS).values(name=name, value=text)
        with self._begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": text}))

    def prune(self, now: float) -> None:
        """Forget the events that are too old for any vendor to deliver again."""
        with self._begin() as connection:
            connection.execute(sa.delete(_SEEN).where(_SEEN.c.seen_at < now - KEEP_SEEN_SECONDS))

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """Open a transaction, which is committed at the end.

        Raises:
            InboxUnavailableError: the database does not answer.
        """
        try:
            self._check_file()
            with self._engine.begin() as connection:
                yield connection
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.ProgrammingError, sa.exc.TimeoutError) as error:
            cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise InboxUnavailableError(self._describe_outage(cause)) from None

    def _check_file(self) -> None:
        """Raise an error if the file of an SQLite database was deleted, as SQLite itself would go on writing into it.

        Raises:
            InboxUnavailableError: the file was deleted.
        """
        path = self._engine.url.database if self._engine.dialect.name == "sqlite" else None
        if path and self._is_made and not Path(path).exists():
            raise InboxUnavailableError(self._describe_outage("its file is gone"))

    def _describe_outage(self, cause: str) -> str:
        address = self._engine.url.render_as_string(hide_password=True)
        return f"The inbox {address} does not answer ({cause}): check LIVE_INBOX_URL and its database."

    def erase(self, ids: Iterable[str]) -> int:
        """Delete everything that waits under one of these ids, and return the number of rows."""
        with self._engine.begin() as connection:
            removed = connection.execute(sa.delete(_WAITING).where(_WAITING.c.id.in_(list(ids)))).rowcount
        self._rewrite_file()
        return removed

    def forget(self, job: str) -> None:
        """Forget everything about a job."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_WAITING).where(_WAITING.c.job == job))
            connection.execute(sa.delete(_FACTS).where(_FACTS.c.name.startswith(f"{job}.", autoescape=True)))
        self._rewrite_file()

    def _rewrite_file(self) -> None:
        """Rewrite an SQLite file, because its free pages still contain what was deleted."""
        if self._engine.dialect.name != "sqlite":
            return
        connection = self._engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.cursor().execute(statement)
        finally:
            connection.close()

    def _drop_seen(self, connection: sa.Connection, rings: Sequence[Ring], now: float) -> list[Ring]:
        """Return the rings whose event is new, and remember it; those without an event id are always new."""
        by_id = {(ring.source, ring.event_id): ring for ring in rings if ring.event_id}
        new = [ring for ring in rings if not ring.event_id]
        if by_id:
            rows = connection.execute(
                self._insert(_SEEN).on_conflict_do_nothing().returning(_SEEN.c.source, _SEEN.c.event_id),
                [{"source": source, "event_id": id_, "seen_at": now} for source, id_ in sorted(by_id)],
            )
            new += [by_id[row.source, row.event_id] for row in rows]
        return new


def _is_alive(connection: sa.Connection) -> bool:
    try:
        return bool(connection.scalar(sa.select(1)) == 1)
    except sa.exc.DBAPIError:
        return False


def _is(target: Target) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _WAITING.c.job == target.job,
        _WAITING.c.subject == target.subject.value,
        _WAITING.c.id == target.id,
    )


def _bind(waiting: Waiting) -> dict[str, str | int]:
    target = waiting.target
    return {"b_job": target.job, "b_subject": target.subject.value, "b_id": target.id, "b_rings": waiting.rings}


def _create_tables(connection: sa.Connection, schema: str) -> None:
    if connection.dialect.name == "postgresql":
        # Two programs that start at once must not both create them.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    _METADATA.create_all(connection)


def _configure_sqlite(connection: Any, _record: object) -> None:
    """Make commits durable, and let readers read while a writer writes."""
    connection.isolation_level = None  # transactions begin by `_begin_immediately`, not by the driver's guess
    for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {setting}")


def _begin_immediately(connection: sa.Connection) -> None:
    """Take the write lock at once. A transaction that reads first may not get it later if there is another writer."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
