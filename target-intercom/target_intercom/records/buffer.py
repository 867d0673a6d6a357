"""The whole input of a stream on disk. All rows are matched before the first write, and memory stays flat."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from target_intercom._kit.journal import Who
from target_intercom.records.match_keys import Keys
from target_intercom.records.remote import RemoteRecord
from target_intercom.records.values import WantedRecord
from target_intercom.records.write_options import read_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_intercom._kit.json_types import JsonObject, JsonValue

_BUFFERED = 1000
_COLUMNS = "seq, id, key, link, lookup_id, email, record, action, planned"
_DDL = """
CREATE TABLE row (
  seq INTEGER PRIMARY KEY, id TEXT, key TEXT, link TEXT, lookup_id TEXT, email TEXT, record TEXT NOT NULL,
  action TEXT, planned BLOB, result BLOB, settled INTEGER NOT NULL DEFAULT 0, begun INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX row_id ON row (id);
CREATE INDEX row_key ON row (key);
CREATE INDEX row_link ON row (link);
CREATE INDEX row_lookup_id ON row (lookup_id);
CREATE INDEX row_email ON row (email);
CREATE TABLE remote (id TEXT PRIMARY KEY, key TEXT, link TEXT, lookup_id TEXT, email TEXT, body BLOB NOT NULL);
CREATE INDEX remote_key ON remote (key);
CREATE INDEX remote_link ON remote (link);
CREATE INDEX remote_lookup_id ON remote (lookup_id);
CREATE INDEX remote_email ON remote (email);
CREATE TABLE unsent (seq INTEGER PRIMARY KEY, link TEXT NOT NULL UNIQUE, instead_of TEXT, planned BLOB, kind TEXT);
CREATE TABLE claim (slot TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
"""

Remote = TypeVar("Remote", bound=RemoteRecord)


class PlannedWrite(msgspec.Struct, Generic[Remote], frozen=True):
    """The planned write of a row.

    `wanted` is None for a record that is not sent. Then there is only something to `clear`: the contacts or companies
    that it was linked to before. `remote` is None if a record is to be created.
    """

    wanted: WantedRecord | None = None
    remote: Remote | None = None
    clear: tuple[Remote, ...] = ()


@dataclass(frozen=True)
class Row:
    """One record of the input with its plan, once it has one.

    `id` is the value of its key property; for the others see `Keys`.
    """

    seq: int
    id: str | None
    key: str | None
    link: str | None
    lookup_id: str | None
    email: str | None
    record: JsonObject
    action: str = ""
    planned: PlannedWrite[RemoteRecord] | None = None

    @property
    def label(self) -> str:
        """Its name in the journal: its id, or its link or match value if the stream has no key."""
        return self.id or self.link or self.key or f"record {self.seq}"

    def find_who(self, prefix: str) -> Who:
        """Return names by which people recognise it. `prefix` is that of the owned attributes."""
        company = read_attributes(self.record).get(f"{prefix}company_name")
        names = (self.record.get("name"), self.record.get("email"), company)
        return Who(*(name if isinstance(name, str) else "" for name in names))


class StoredResult(NamedTuple):
    """A row with its stored result: whether the result is final, and whether its write began."""

    row: Row
    result: bytes | None
    is_settled: bool
    is_begun: bool


class Unsent(NamedTuple):
    """A record that is not sent, as a row with only its link."""

    row: Row
    instead_of: str | None  #: the link of the record sent instead
    is_left_out: bool  #: whether it no longer takes part, so that its values are to be cleared


class RecordBuffer:
    """A private temporary SQLite database for several threads. It disappears when closed, or when the process dies.

    Args:
        remote: the type of Intercom's records.
    """

    def __init__(self, remote: type[RemoteRecord]) -> None:
        # An empty name is SQLite's own temporary file: never visible to others, and kept in memory while it is small.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        self._db.execute("BEGIN")
        self._lock = threading.Lock()
        self._rows: list[tuple[str | None, ...]] = []
        self._encoder = msgspec.json.Encoder()
        self._remote = msgspec.json.Decoder(remote)
        planned: Any = PlannedWrite[remote]  # type: ignore[valid-type]  # a type that is known at run time
        self._planned = msgspec.json.Decoder(planned)

    def close(self) -> None:
        """Delete everything."""
        self._db.close()

    # The input

    def add_record(self, record_id: str | None, keys: Keys, record: JsonObject) -> None:
        """Append a record. `flush` makes it visible to the other methods."""
        self._rows.append((record_id, *keys, json.dumps(record, default=_encode_plain)))
        if len(self._rows) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Make the added records visible."""
        with self._lock:
            self._db.executemany(
                "INSERT INTO row (id, key, link, lookup_id, email, record) VALUES (?, ?, ?, ?, ?, ?)", self._rows
            )
        self._rows.clear()

    def count_rows(self) -> int:
        """Count the records."""
        return int(self._fetch_one("SELECT count(*) FROM row")[0])

    def iterate_rows(self, size: int, *, planned: bool = False) -> Iterator[list[Row]]:
        """Yield all rows, or only those to be written, in the order of the input, `size` at a time."""
        where = "action IS NOT NULL AND" if planned else ""
        sql = f"SELECT {_COLUMNS} FROM row WHERE {where} seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - no value from outside
        last = 0
        while rows := [self._build_row(columns) for columns in self._fetch_all(sql, last, size)]:
            last = rows[-1].seq
            yield rows

    def is_last_of_id(self, row: Row) -> bool:
        """Return whether no later record of the run has the same id."""
        last = self._fetch_one("SELECT max(seq) FROM row WHERE id = ?", row.id)[0]
        return last is None or bool(last == row.seq)

    def has_link(self, link: str | None) -> bool:
        """Return whether a record of the input is to get this link."""
        return bool(self._fetch_one("SELECT EXISTS (SELECT 1 FROM row WHERE link = ?)", link)[0])

    # The records that are not sent

    def add_unsent(self, link: str, instead_of: str | None) -> None:
        """Store the link of a record that is not sent, and of the one sent instead, unless a record has that link."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO unsent (link, instead_of) SELECT ?1, ?2 "
                "WHERE NOT EXISTS (SELECT 1 FROM row WHERE link = ?1)",
                (link, instead_of),
            )

    def add_left_out(self, link: str, *, clear: bool) -> None:
        """Store the link of a record that no longer takes part, and whether its values are to be cleared."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO unsent (link, kind) SELECT ?1, ?2 "
                "WHERE NOT EXISTS (SELECT 1 FROM row WHERE link = ?1)",
                (link, "clear" if clear else "keep"),
            )

    def is_left_out(self, link: str | None) -> bool:
        """Return whether the record with this link no longer takes part."""
        sql = "SELECT EXISTS (SELECT 1 FROM unsent WHERE link = ? AND kind IS NOT NULL)"
        return bool(self._fetch_one(sql, link)[0])

    def count_unsent(self, *, planned: bool = False) -> int:
        """Count the links of records that are not sent; all of them, or only those to be cleared."""
        sql = f"SELECT count({'planned' if planned else '*'}) FROM unsent WHERE kind IS NOT 'keep'"  # noqa: S608 - own text
        return int(self._fetch_one(sql)[0])

    def iterate_unsent(self, size: int, *, planned: bool = False) -> Iterator[list[Unsent]]:
        """Yield the records that are not sent and may have to be cleared, `size` at a time."""
        where = "planned IS NOT NULL" if planned else "kind IS NOT 'keep'"
        sql = f"SELECT seq, link, instead_of, kind, planned FROM unsent WHERE {where} AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - own text
        last = 0
        while lines := self._fetch_all(sql, last, size):
            last = lines[-1][0]
            yield [
                Unsent(
                    Row(seq, link, None, link, None, None, {}, planned=self._decode_planned(body)),
                    instead_of,
                    kind == "clear",
                )
                for seq, link, instead_of, kind, body in lines
            ]

    def store_unsent_plan(self, row: Row, planned: PlannedWrite[RemoteRecord]) -> None:
        """Note which records lose the link of a record that is not sent."""
        with self._lock:
            self._db.execute("UPDATE unsent SET planned = ? WHERE seq = ?", (self._encoder.encode(planned), row.seq))

    # What Intercom has

    def store_remote(self, keys: Keys, remote: RemoteRecord) -> None:
        """Keep a contact or company if the input has one of its keys."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO remote SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
                "WHERE EXISTS (SELECT 1 FROM row WHERE key = ?2) OR EXISTS (SELECT 1 FROM row WHERE link = ?3) "
                "OR EXISTS (SELECT 1 FROM row WHERE lookup_id = ?4) OR EXISTS (SELECT 1 FROM row WHERE email = ?5) "
                "OR EXISTS (SELECT 1 FROM unsent WHERE link = ?3)",
                (remote.id, *keys, self._encoder.encode(remote)),
            )

    def find_remotes(self, field: str, value: str | None) -> list[RemoteRecord]:
        """Return the stored records with a `key`, `link`, `lookup_id` or `email`."""
        sql = f"SELECT body FROM remote WHERE {field} = ? ORDER BY id"  # noqa: S608 - a name of `Keys`
        return [self._remote.decode(body) for (body,) in self._fetch_all(sql, value)]

    def iterate_keys(self) -> Iterator[Keys]:
        """Yield the keys of every row."""
        for columns in self._fetch_all("SELECT key, link, lookup_id FROM row"):
            yield Keys(*columns)

    def iterate_found(self) -> Iterator[tuple[Keys, list[tuple[str, Keys]]]]:
        """Yield the keys of every row, with those of the stored records that have one of them, by Intercom's id."""
        fields = ("key", "link", "lookup_id")
        same = " UNION ".join(f"SELECT * FROM remote WHERE remote.{field} = row.{field}" for field in fields)  # noqa: S608 - own text
        found = f"SELECT json_group_array(json_array(id, key, link, lookup_id)) FROM ({same})"  # noqa: S608 - as above
        sql = f"SELECT seq, key, link, lookup_id, ({found}) FROM row WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - as above
        last = 0
        while lines := self._fetch_all(sql, last, _BUFFERED):
            for _, *keys, companies in lines:
                yield Keys(*keys), [(id_, Keys(*others)) for id_, *others in json.loads(companies)]
            last = lines[-1][0]

    # The decisions

    def claim_slot(self, slot: str, row: Row) -> bool:
        """Reserve a record of Intercom, or the match value of a new one, for a row.

        Return False if another row has it.
        """
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (slot, row.seq))
            owner = self._db.execute("SELECT seq FROM claim WHERE slot = ?", (slot,)).fetchone()[0]
        return bool(owner == row.seq)

    def is_slot_claimed(self, slot: str) -> bool:
        """Return whether a row has reserved a record of Intercom."""
        return bool(self._fetch_one("SELECT EXISTS (SELECT 1 FROM claim WHERE slot = ?)", slot)[0])

    def store_plan(
        self, row: Row, result: bytes, action: str = "", planned: PlannedWrite[RemoteRecord] | None = None
    ) -> None:
        """Store the plan for a row. A row with an action will be written."""
        body = self._encoder.encode(planned) if action else None
        self._update("action = ?, planned = ?, result = ?, settled = ?", row, action or None, body, result, not action)

    def count_planned(self) -> int:
        """Count the rows to be written."""
        return int(self._fetch_one("SELECT count(action) FROM row")[0])

    # The results

    def mark_begun(self, row: Row) -> None:
        """Note that Intercom may have received a write of a row."""
        self._update("begun = 1", row)

    def store_result(self, row: Row, result: bytes) -> None:
        """Store the outcome of a planned write."""
        self._update("result = ?, settled = 1", row, result)

    def read_result(self, row: Row) -> bytes:
        """Return the stored result of a planned row."""
        return bytes(self._fetch_one("SELECT result FROM row WHERE seq = ?", row.seq)[0])

    def find_result_by_link(self, link: str | None) -> bytes | None:
        """Return the stored result of the last row with this link."""
        line = self._fetch_one("SELECT result FROM row WHERE link = ? ORDER BY seq DESC LIMIT 1", link)
        return bytes(line[0]) if line and line[0] else None

    def find_result_by_id(self, record_id: str) -> StoredResult | None:
        """Return the last row with this id, with its stored result."""
        sql = f"SELECT {_COLUMNS}, result, settled, begun FROM row WHERE id = ? ORDER BY seq DESC LIMIT 1"  # noqa: S608 - as above
        line = self._fetch_one(sql, record_id)
        if line is None:
            return None
        *columns, result, is_settled, is_begun = line
        return StoredResult(self._build_row(columns), result, bool(is_settled), bool(is_begun))

    def iterate_results(self, size: int = _BUFFERED) -> Iterator[StoredResult]:
        """Yield every row with its stored result."""
        sql = f"SELECT {_COLUMNS}, result, settled, begun FROM row WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - as above
        last = 0
        while lines := self._fetch_all(sql, last, size):
            for *columns, result, is_settled, is_begun in lines:
                row = self._build_row(columns)
                yield StoredResult(row, result, bool(is_settled), bool(is_begun))
                last = row.seq

    def _build_row(self, columns: Sequence[Any]) -> Row:
        seq, record_id, key, link, lookup_id, email, record, action, planned = columns
        return Row(
            seq, record_id, key, link, lookup_id, email, json.loads(record), action or "", self._decode_planned(planned)
        )

    def _decode_planned(self, body: bytes | None) -> PlannedWrite[RemoteRecord] | None:
        planned: PlannedWrite[RemoteRecord] | None = self._planned.decode(body) if body else None
        return planned

    def _update(self, assignments: str, row: Row, *values: object) -> None:
        with self._lock:
            self._db.execute(f"UPDATE row SET {assignments} WHERE seq = ?", (*values, row.seq))  # noqa: S608 - own text

    def _fetch_one(self, sql: str, *values: object) -> Any:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()

    def _fetch_all(self, sql: str, *values: object) -> list[Any]:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _encode_plain(value: JsonValue) -> JsonValue:
    """Return the JSON form of other values in a Singer record: Decimal numbers, and dates that the SDK parsed."""
    return float(value) if isinstance(value, Decimal) else value.isoformat()
