"""The input of a stream, and ChartMogul's records for it. All of it is on disk, so memory stays flat."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_chartmogul._kit.journal import Who
from target_chartmogul.records.object_types import parse_id
from target_chartmogul.records.remote import CUSTOMER_ID, EXTERNAL_ID, RemoteRecord
from target_chartmogul.records.values import WriteOptions, read_declared

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.records.object_types import ContactType, CustomerType

_FLUSH_AFTER = 1000
_DDL = """
CREATE TABLE row (seq INTEGER PRIMARY KEY, id TEXT, customer TEXT, record TEXT NOT NULL);
CREATE INDEX row_id ON row (id);
CREATE TABLE previous (id TEXT, previous_id TEXT, PRIMARY KEY (id, previous_id)) WITHOUT ROWID;
CREATE INDEX previous_id ON previous (previous_id);
CREATE TABLE remote (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE uuid (id TEXT PRIMARY KEY, uuid TEXT, reading INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE person (key TEXT, uuid TEXT, position INTEGER, body TEXT, PRIMARY KEY (key, uuid)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Row:
    """One input record. `id` is its external id, `customer` that of a contact's customer."""

    seq: int
    id: str | None
    customer: str | None
    record: JsonObject

    @property
    def label(self) -> str:
        """Its name in the journal: its external id, if it has one."""
        return self.id or f"record {self.seq}"

    @property
    def who(self) -> Who:
        """Names by which people recognise it: those of a company or a person."""
        texts = {name: value for name, value in self.record.items() if isinstance(value, str)}
        person = " ".join(texts[name] for name in ("first_name", "last_name") if texts.get(name))
        return Who(texts.get("name") or person, texts.get("email", ""), texts.get("company", ""))


class InputBuffer:
    """A private temporary SQLite database for several threads. It disappears when closed, or when the process dies.

    Its tables are `row` (the input), `previous` (earlier ids of rows), `remote` (ChartMogul's records under the ids of
    rows), `uuid` (the uuid of every known external id) and `person` (contacts by customer, address and name, if the
    account keeps no external ids).
    """

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file: never visible to others, and kept in memory while it is small.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        # One transaction that is never committed, as no data here outlives the run.
        self._db.execute("BEGIN")
        self._lock = threading.Lock()
        self._waiting: list[tuple[str | None, str | None, str]] = []

    def close(self) -> None:
        """Delete everything."""
        self._db.close()

    def add_record(self, record_id: str | None, customer: str | None, record: JsonObject) -> None:
        """Append a record. `flush` makes it visible to the other methods."""
        self._waiting.append((record_id, customer, json.dumps(record, default=_to_json)))
        if len(self._waiting) >= _FLUSH_AFTER:
            self.flush()

    def flush(self) -> None:
        """Make the appended records visible."""
        self._write_all("INSERT INTO row (id, customer, record) VALUES (?, ?, ?)", self._waiting)
        self._waiting.clear()

    def count_records(self) -> int:
        """Count the records."""
        return int(self._read_one("SELECT count(*) FROM row")[0])

    def count_ids(self) -> int:
        """Count the external ids."""
        return int(self._read_one("SELECT count(DISTINCT id) FROM row")[0])

    def read_batches(self, size: int) -> Iterator[list[Row]]:
        """Yield the rows in the order of the input, `size` at a time."""
        last = 0
        sql = "SELECT seq, id, customer, record FROM row WHERE seq > ? ORDER BY seq LIMIT ?"
        while found := self._read_all(sql, last, size):
            last = found[-1][0]
            yield [Row(seq, one, customer, json.loads(record)) for seq, one, customer, record in found]

    def is_latest(self, row: Row) -> bool:
        """Return whether no later record of the run has the same id."""
        last = self._read_one("SELECT max(seq) FROM row WHERE id = ?", row.id)[0]
        return last is None or bool(last == row.seq)

    def has_record(self, external_id: str) -> bool:
        """Return whether a record of the input has this external id."""
        return bool(self._read_one("SELECT EXISTS (SELECT 1 FROM row WHERE id = ?)", external_id)[0])

    def mentions_id(self, external_id: str) -> bool:
        """Return whether a record of the input has this external id, or had it earlier."""
        sql = "SELECT EXISTS (SELECT 1 FROM previous WHERE previous_id = ?)"
        return self.has_record(external_id) or bool(self._read_one(sql, external_id)[0])

    def add_previous_ids(self, record_id: str, previous_ids: Iterable[str]) -> None:
        """Store earlier external ids of a record."""
        self._write_all("INSERT OR IGNORE INTO previous VALUES (?, ?)", ((record_id, one) for one in previous_ids))

    def list_previous_ids(self, record_id: str) -> list[str]:
        """Return the earlier external ids of a record."""
        return [found[0] for found in self._read_all("SELECT previous_id FROM previous WHERE id = ?", record_id)]

    def put_remote(self, external_id: str, remote: RemoteRecord | None) -> None:
        """Store ChartMogul's record with an external id; None if there is none."""
        body = json.dumps(asdict(remote)) if remote else None
        self._write("INSERT OR REPLACE INTO remote VALUES (?, ?)", external_id, body)

    def get_remote(self, external_id: str | None) -> RemoteRecord | None:
        """Return the stored record of ChartMogul with an external id."""
        found = self._read_one("SELECT body FROM remote WHERE id = ?", external_id)
        return RemoteRecord(**json.loads(found[0])) if found and found[0] else None

    def put_uuid(self, external_id: str, uuid: str | None, reading: int = 0) -> None:
        """Store the uuid of an external id; None if ChartMogul does not know the id.

        Args:
            external_id: the external id.
            uuid: the uuid of the customer or contact.
            reading: the number of the index reading that had the id; 0 for none.
        """
        self._write("INSERT OR REPLACE INTO uuid VALUES (?, ?, ?)", external_id, uuid, reading)

    def get_uuid(self, external_id: str | None) -> str | None:
        """Return the stored uuid of an external id."""
        found = self._read_one("SELECT uuid FROM uuid WHERE id = ?", external_id)
        return found[0] if found else None

    def is_looked_up(self, external_id: str) -> bool:
        """Return whether it is known which uuid an external id has, if any."""
        return self._read_one("SELECT 1 FROM uuid WHERE id = ?", external_id) is not None

    def get_reading(self, external_id: str) -> int:
        """Return the number of the index reading that had an external id; 0 for none."""
        found = self._read_one("SELECT reading FROM uuid WHERE id = ?", external_id)
        return int(found[0]) if found else 0

    def put_person(self, key: str, remote: RemoteRecord) -> None:
        """Store a contact under a person's key."""
        body = json.dumps(asdict(remote))
        self._write("INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?)", key, remote.uuid, remote.position, body)

    def take_person(self, key: str) -> RemoteRecord | None:
        """Remove and return the oldest contact under a person's key."""
        found = self._read_one("SELECT uuid, body FROM person WHERE key = ? ORDER BY position LIMIT 1", key)
        if found is None:
            return None
        # Two people with the same name and address are two contacts, and each is taken once.
        self._write("DELETE FROM person WHERE key = ? AND uuid = ?", key, found[0])
        return RemoteRecord(**json.loads(found[1]))

    def _write(self, sql: str, *values: str | int | None) -> None:
        with self._lock:
            self._db.execute(sql, values)

    def _write_all(self, sql: str, rows: Iterable[tuple[str | None, ...]]) -> None:
        with self._lock:
            self._db.executemany(sql, rows)

    def _read_one(self, sql: str, *values: str | int | None) -> Any:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()

    def _read_all(self, sql: str, *values: str | int | None) -> list[Any]:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


class StreamInput:
    """Takes the messages of one stream.

    Args:
        object_type: customers or contacts.
        write_all: whether to write the billing system's fields of shared customers too.
        logger: warns about attributes that are left out.
    """

    def __init__(self, object_type: CustomerType | ContactType, logger: logging.Logger, *, write_all: bool) -> None:
        self.object_type, self._logger, self._write_all = object_type, logger, write_all
        self.buffer = InputBuffer()
        self._types: dict[str, str] = {}
        self._left_out: set[str] = set()

    @property
    def options(self) -> WriteOptions:
        """The options for writing its records."""
        return WriteOptions(dict(self._types), self.object_type, self._write_all)

    def declare(self, schema: JsonObject) -> list[str]:
        """Take the custom attributes of a SCHEMA message.

        Returns:
            The attributes that cannot be written, without those of earlier messages.
        """
        declared = read_declared(schema, self.object_type)
        self._types |= declared.types
        left_out = [key for key in declared.unfit if key not in self._left_out]
        self._left_out.update(left_out)
        for key in left_out:
            stream, reason = self.object_type.stream, declared.unfit[key]
            self._logger.warning("The attribute `%s` of the stream %s is left out: %s", key, stream, reason)
        return left_out

    def add_record(self, record: JsonObject) -> None:
        """Take a record."""
        record_id = parse_id(record.get(EXTERNAL_ID))
        self.buffer.add_record(record_id, parse_id(record.get(CUSTOMER_ID)), record)
        if record_id and (previous_ids := self.object_type.list_previous_ids(record)):
            self.buffer.add_previous_ids(record_id, previous_ids)


def _to_json(value: JsonValue) -> JsonValue:
    """Return the JSON form of other values in a Singer record: Decimal numbers, and dates that the SDK parsed."""
    return float(value) if isinstance(value, Decimal) else value.isoformat()
