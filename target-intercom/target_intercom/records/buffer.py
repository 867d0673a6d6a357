"""A run's whole input on disk, so that everything can be matched before the first write, in flat memory."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFERED = 1000
_COLUMNS = "seq, id, key, link, identity, email, record, action, found"
_DDL = """
CREATE TABLE row (
  seq INTEGER PRIMARY KEY, id TEXT, key TEXT, link TEXT, identity TEXT, email TEXT, record TEXT NOT NULL, action TEXT,
  found TEXT, result BLOB, settled INTEGER NOT NULL DEFAULT 0, begun INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX row_id ON row (id);
CREATE INDEX row_key ON row (key);
CREATE INDEX row_link ON row (link);
CREATE INDEX row_identity ON row (identity);
CREATE INDEX row_email ON row (email);
CREATE TABLE held (id TEXT PRIMARY KEY, key TEXT, link TEXT, identity TEXT, email TEXT, body TEXT NOT NULL);
CREATE INDEX held_key ON held (key);
CREATE INDEX held_link ON held (link);
CREATE INDEX held_identity ON held (identity);
CREATE INDEX held_email ON held (email);
CREATE TABLE unsent (seq INTEGER PRIMARY KEY, link TEXT NOT NULL UNIQUE, instead_of TEXT, found TEXT);
CREATE TABLE claim (slot TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
"""


#: What was found for a row that is to be written: its match, and those that it was linked to before.
Planned = tuple[dict[str, Any] | None, Sequence[dict[str, Any]]]


class Keys(NamedTuple):
    """What finds a record: its match value as compared, its link, the caller's own id, an address not to be taken."""

    key: str | None = None
    link: str | None = None
    identity: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Row:
    """One input record, and once it is planned what is to be done with it.

    `id` is the value of its key property, `key` what it is matched by, `link` what the link attribute should hold,
    `identity` the caller's own id in Intercom, `email` the address that no other user may have if it is created, `held`
    the contact or company that was found for it, `clear` those that it was linked to before, to be cleared first.
    """

    seq: int
    id: str | None
    key: str | None
    link: str | None
    identity: str | None
    email: str | None
    record: dict[str, Any]
    action: str = ""
    held: dict[str, Any] | None = None
    clear: tuple[dict[str, Any], ...] = ()


class Spool:
    """A private temporary SQLite database, gone when closed or when the process dies. Safe in several threads."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file: never visible to others, and kept in memory while it is small.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_DDL)
        self._db.execute("BEGIN")
        self._lock = threading.Lock()
        self._buffer: list[tuple[str | None, ...]] = []

    def close(self) -> None:
        """Delete everything."""
        self._db.close()

    def add(self, record_id: str | None, keys: Keys, record: dict[str, Any]) -> None:
        """Append a record; `flush` makes it visible to the other methods."""
        self._buffer.append((record_id, *keys, json.dumps(record, default=_plain)))
        if len(self._buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Make what was added visible."""
        with self._lock:
            self._db.executemany(
                "INSERT INTO row (id, key, link, identity, email, record) VALUES (?, ?, ?, ?, ?, ?)", self._buffer
            )
        self._buffer.clear()

    def count(self) -> int:
        """Count the records."""
        return int(self._one("SELECT count(*) FROM row")[0])

    def count_planned(self) -> int:
        """Count the rows to be written."""
        return int(self._one("SELECT count(action) FROM row")[0])

    def batches(self, size: int, *, planned: bool = False) -> Iterator[list[Row]]:
        """Yield the rows in the order they came, `size` at a time; all of them, or those to be written."""
        where = "action IS NOT NULL AND" if planned else ""
        sql = f"SELECT {_COLUMNS} FROM row WHERE {where} seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - no value from outside
        last = 0
        while rows := [_row(columns) for columns in self._all(sql, last, size)]:
            last = rows[-1].seq
            yield rows

    def is_last(self, row: Row) -> bool:
        """Say whether no later record of the run has the same id."""
        last = self._one("SELECT max(seq) FROM row WHERE id = ?", row.id)[0]
        return last is None or bool(last == row.seq)

    def has_link(self, link: str | None) -> bool:
        """Say whether a record of the input is to be linked so."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM row WHERE link = ?)", link)[0])

    def keep(self, keys: Keys, held: dict[str, Any]) -> None:
        """Keep what Intercom holds, if one of its keys is one of the input's."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO held SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
                "WHERE EXISTS (SELECT 1 FROM row WHERE key = ?2) OR EXISTS (SELECT 1 FROM row WHERE link = ?3) "
                "OR EXISTS (SELECT 1 FROM row WHERE identity = ?4) OR EXISTS (SELECT 1 FROM row WHERE email = ?5) "
                "OR EXISTS (SELECT 1 FROM unsent WHERE link = ?3)",
                (held["id"], *keys, json.dumps(held)),
            )

    def held_by(self, field: str, value: str | None) -> list[dict[str, Any]]:
        """Give what was kept of one `key`, `link`, `identity` or `email`."""
        sql = f"SELECT body FROM held WHERE {field} = ? ORDER BY id"  # noqa: S608 - a name of `Keys`
        return [json.loads(body) for (body,) in self._all(sql, value)]

    def claim(self, slot: str, row: Row) -> bool:
        """Take a record of Intercom, or the place of one to be made, for a row; False when another row has it."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (slot, row.seq))
            owner = self._db.execute("SELECT seq FROM claim WHERE slot = ?", (slot,)).fetchone()[0]
        return bool(owner == row.seq)

    def is_claimed(self, slot: str) -> bool:
        """Say whether a row has taken a record of Intercom."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM claim WHERE slot = ?)", slot)[0])

    def add_unsent(self, link: str, instead_of: str | None) -> None:
        """Keep the link of a record that is not sent, and of the one sent instead; not if a record has that link."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO unsent (link, instead_of) SELECT ?1, ?2 "
                "WHERE NOT EXISTS (SELECT 1 FROM row WHERE link = ?1)",
                (link, instead_of),
            )

    def count_unsent(self, *, planned: bool = False) -> int:
        """Count the links of records that are not sent; all of them, or those that are to be cleared away."""
        return int(self._one(f"SELECT count({'found' if planned else '*'}) FROM unsent")[0])  # noqa: S608 - own text

    def unsent(self, size: int, *, planned: bool = False) -> Iterator[list[tuple[Row, str | None]]]:
        """Yield the records that are not sent, with the link of what is sent instead, `size` at a time."""
        where = "found IS NOT NULL AND" if planned else ""
        sql = f"SELECT seq, link, instead_of, found FROM unsent WHERE {where} seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - own text
        last = 0
        while found := self._all(sql, last, size):
            last = found[-1][0]
            yield [(_unsent_row(seq, link, held), instead_of) for seq, link, instead_of, held in found]

    def plan_unsent(self, row: Row, clear: Sequence[dict[str, Any]]) -> None:
        """Note which records lose the link of a record that is not sent."""
        with self._lock:
            self._db.execute("UPDATE unsent SET found = ? WHERE seq = ?", (json.dumps(clear), row.seq))

    def result_by_link(self, link: str | None) -> bytes | None:
        """Return what was noted of the last row with this link."""
        found = self._one("SELECT result FROM row WHERE link = ? ORDER BY seq DESC LIMIT 1", link)
        return bytes(found[0]) if found and found[0] else None

    def plan(self, row: Row, result: bytes, action: str = "", found: Planned | None = None) -> None:
        """Note what is to become of a row; with an action it is to be written."""
        body = json.dumps(found) if found else None
        self._set("action = ?, found = ?, result = ?, settled = ?", row, action or None, body, result, not action)

    def result_of(self, row: Row) -> bytes:
        """Return what was noted of a row that is planned."""
        return bytes(self._one("SELECT result FROM row WHERE seq = ?", row.seq)[0])

    def begin(self, row: Row) -> None:
        """Note that Intercom may have taken a write of a row."""
        self._set("begun = 1", row)

    def settle(self, row: Row, result: bytes) -> None:
        """Note what became of a row that was to be written."""
        self._set("result = ?, settled = 1", row, result)

    def results(self, size: int = _BUFFERED) -> Iterator[tuple[Row, bytes | None, bool, bool]]:
        """Yield every row with what was noted of it, whether that has come to pass, and whether it was begun."""
        sql = f"SELECT {_COLUMNS}, result, settled, begun FROM row WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - as above
        last = 0
        while found := self._all(sql, last, size):
            for *columns, result, settled, begun in found:
                row = _row(columns)
                yield row, result, bool(settled), bool(begun)
                last = row.seq

    def _set(self, assignments: str, row: Row, *values: Any) -> None:
        with self._lock:
            self._db.execute(f"UPDATE row SET {assignments} WHERE seq = ?", (*values, row.seq))  # noqa: S608 - own text

    def _one(self, sql: str, *values: Any) -> Any:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _row(columns: Sequence[Any]) -> Row:
    seq, record_id, key, link, identity, email, record, action, found = columns
    held, clear = json.loads(found) if found else (None, ())
    return Row(seq, record_id, key, link, identity, email, json.loads(record), action or "", held, tuple(clear))


def _unsent_row(seq: int, link: str, found: str | None) -> Row:
    return Row(seq, link, None, link, None, None, {}, clear=tuple(json.loads(found)) if found else ())


def _plain(value: Any) -> Any:
    """Give JSON's form of what a Singer record may hold beside JSON: Decimal numbers, dates that the SDK has parsed."""
    return float(value) if isinstance(value, Decimal) else value.isoformat()
