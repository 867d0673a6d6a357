"""The whole input of a stream and what ChartMogul holds for it on disk, so that memory stays flat."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_chartmogul.records.payloads import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BUFFERED = 1000
_DDL = """
CREATE TABLE row (seq INTEGER PRIMARY KEY, id TEXT, customer TEXT, record TEXT NOT NULL);
CREATE INDEX row_id ON row (id);
CREATE TABLE held (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE place (id TEXT PRIMARY KEY, uuid TEXT, reading INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE earlier (id TEXT, earlier_id TEXT, PRIMARY KEY (id, earlier_id)) WITHOUT ROWID;
CREATE INDEX earlier_id ON earlier (earlier_id);
CREATE TABLE person (key TEXT, uuid TEXT, position INTEGER, body TEXT, PRIMARY KEY (key, uuid)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Row:
    """One input record. `id` is its external id, `customer` that of the customer it is a contact of."""

    seq: int
    id: str | None
    customer: str | None
    record: dict[str, Any]


class Spool:
    """A private temporary SQLite database, gone when closed or when the process dies. Safe in several threads."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file: never visible to others, and kept in memory while it is small.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        self._db.execute("BEGIN")
        self._lock = threading.Lock()
        self._buffer: list[tuple[str | None, str | None, str]] = []

    def close(self) -> None:
        """Delete everything."""
        self._db.close()

    def add(self, record_id: str | None, customer: str | None, record: dict[str, Any]) -> None:
        """Append a record; `flush` makes it visible to the other methods."""
        self._buffer.append((record_id, customer, json.dumps(record, default=_plain)))
        if len(self._buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Make what was added visible."""
        with self._lock:
            self._db.executemany("INSERT INTO row (id, customer, record) VALUES (?, ?, ?)", self._buffer)
        self._buffer.clear()

    def count(self) -> int:
        """Count the records."""
        return int(self._one("SELECT count(*) FROM row")[0])

    def count_ids(self) -> int:
        """Count the external ids."""
        return int(self._one("SELECT count(DISTINCT id) FROM row")[0])

    def batches(self, size: int) -> Iterator[list[Row]]:
        """Yield the rows in the order they came, `size` at a time."""
        last = 0
        while found := self._all(
            "SELECT seq, id, customer, record FROM row WHERE seq > ? ORDER BY seq LIMIT ?", last, size
        ):
            last = found[-1][0]
            yield [Row(seq, one, customer, json.loads(record)) for seq, one, customer, record in found]

    def is_last(self, row: Row) -> bool:
        """Say whether no later record of the run has the same id."""
        last = self._one("SELECT max(seq) FROM row WHERE id = ?", row.id)[0]
        return last is None or bool(last == row.seq)

    def has(self, external_id: str) -> bool:
        """Say whether a record of the input has this external id, or had it before."""
        sql = "SELECT EXISTS (SELECT 1 FROM row WHERE id = ?1) OR EXISTS (SELECT 1 FROM earlier WHERE earlier_id = ?1)"
        return bool(self._one(sql, external_id)[0])

    def is_row(self, external_id: str) -> bool:
        """Say whether a record of the input has this external id."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM row WHERE id = ?)", external_id)[0])

    def add_earlier(self, record_id: str, earlier_ids: Iterable[str]) -> None:
        """Note external ids that a record had before."""
        with self._lock:
            pairs = ((record_id, one) for one in earlier_ids)
            self._db.executemany("INSERT OR IGNORE INTO earlier VALUES (?, ?)", pairs)

    def earlier(self, record_id: str) -> list[str]:
        """Give the external ids that a record had before."""
        return [found[0] for found in self._all("SELECT earlier_id FROM earlier WHERE id = ?", record_id)]

    def keep(self, external_id: str, held: Held | None) -> None:
        """Keep what ChartMogul holds under an external id; None is what it does not."""
        body = json.dumps(asdict(held)) if held else None
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (external_id, body))

    def held(self, external_id: str | None) -> Held | None:
        """Give what was kept under an external id."""
        found = self._one("SELECT body FROM held WHERE id = ?", external_id)
        return Held(**json.loads(found[0])) if found and found[0] else None

    def put_place(self, external_id: str, uuid: str | None, reading: int = 0) -> None:
        """Note whose uuid an external id has, None for nobody's, and in which reading of the index it was seen."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (external_id, uuid, reading))

    def reading(self, external_id: str) -> int:
        """Give the reading of the index in which an external id was seen, 0 for none."""
        found = self._one("SELECT reading FROM place WHERE id = ?", external_id)
        return found[0] if found else 0

    def put_person(self, key: str, held: Held) -> None:
        """Keep a contact under what stands for it."""
        with self._lock:
            values = (key, held.uuid, held.position, json.dumps(asdict(held)))
            self._db.execute("INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?)", values)

    def take_person(self, key: str) -> Held | None:
        """Take out the oldest contact that was kept under a key."""
        found = self._one("SELECT uuid, body FROM person WHERE key = ? ORDER BY position LIMIT 1", key)
        if found is None:
            return None
        with self._lock:
            self._db.execute("DELETE FROM person WHERE key = ? AND uuid = ?", (key, found[0]))
        return Held(**json.loads(found[1]))

    def knows_place(self, external_id: str) -> bool:
        """Say whether it was noted whose uuid an external id has."""
        return self._one("SELECT 1 FROM place WHERE id = ?", external_id) is not None

    def place(self, external_id: str | None) -> str | None:
        """Give the uuid of an external id."""
        found = self._one("SELECT uuid FROM place WHERE id = ?", external_id)
        return found[0] if found else None

    def _one(self, sql: str, *values: Any) -> Any:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _plain(value: Any) -> Any:
    """Give JSON's form of what a Singer record may hold beside JSON: Decimal numbers, dates that the SDK has parsed."""
    return float(value) if isinstance(value, Decimal) else value.isoformat()
