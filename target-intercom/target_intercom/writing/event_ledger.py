"""The ledger of data events: which were sent, and since when each name is.

Intercom's events can neither be changed nor deleted, so each must be sent once, even if a process is killed. The ledger
is a SQLite file in `memory_dir`, beside everything else that this target must remember: there it outlives STATE,
`--full-refresh` and the stores of the map, and the lock of that folder lets only one run write. Every change is on the
disk (`fsync`) before the request that it announces.

- `sent`: one row per event. Without `is_sent` its request began, and nobody knows whether Intercom received it: the
  next run looks it up before it sends it again.
- `begun`: since when a name is sent. What happened before is never sent. So without this file nothing is sent twice: a
  new one begins at the start of the run that creates it.

Intercom may ignore an event with the contact, name and second of another one. The second of such an event is the next
free one (`slot` is a hash of contact and name), and the ledger keeps it for a repetition.
"""

from __future__ import annotations

import hashlib
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from target_intercom.writing.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_intercom.records.data_events import DataEvent, Switch

FILE = "events.sqlite"
#: All files of the ledger; SQLite's own journal remains only after a kill.
LEDGER_FILES = (FILE, f"{FILE}-journal")
#: The seconds for which sent events are remembered. Chargebee lists its events for 90 days.
KEPT = 120 * 86_400
_DDL = """
CREATE TABLE IF NOT EXISTS sent (
  event_id TEXT PRIMARY KEY, slot BLOB NOT NULL, second INTEGER NOT NULL, is_sent INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS sent_slot ON sent (slot, second);
CREATE TABLE IF NOT EXISTS begun (event_name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""


class Entry(NamedTuple):
    """What the ledger has of an event."""

    second: int  #: its time in Intercom
    is_sent: bool  #: whether Intercom has it; otherwise nobody knows


class EventLedger(Ledger):
    """The ledger of one `memory_dir`. Several threads may use it.

    Args:
        folder: the memory folder.
        read_only: whether nothing is changed, for a validation.

    Raises:
        ConfigurationError: it cannot be opened.
    """

    file, ddl = FILE, _DDL
    problem = (
        "The ledger of events {path} cannot be used ({error}), and no event is sent without it: make "
        "room, set `memory_dir` to another folder, or delete the file to start a new ledger from now on."
    )

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        super().__init__(folder, read_only=read_only)
        with self._explain_errors():
            self._since: dict[str, int] = dict(self._db.execute("SELECT event_name, at FROM begun"))

    def begin_names(self, switch: Switch, now: int, *, is_subset: bool) -> None:
        """Note since when the chosen names are sent, and forget the names that are no longer chosen.

        A run over some customers changes nothing here: its time of reading is that of an earlier run.

        Args:
            switch: what the source says.
            now: unix seconds, if the source does not say when it began to read.
            is_subset: whether the input contains only some records.
        """
        if is_subset or switch.names is None:
            return
        at = now if switch.read_at is None else switch.read_at
        with self._lock, self._explain_errors(), self._transaction():
            for name in self._since.keys() - set(switch.names):
                self._db.execute("DELETE FROM begun WHERE event_name = ?", (name,))
            for name in set(switch.names) - self._since.keys():
                self._db.execute("INSERT INTO begun VALUES (?, ?)", (name, at))
        self._since = {name: self._since.get(name, at) for name in switch.names}

    def begin_name(self, name: str, now: int) -> None:
        """Note that a name is sent from now on, for a source that does not say which names it has."""
        if name not in self._since:
            self._since[name] = now
            with self._lock, self._explain_errors():
                self._db.execute("INSERT OR IGNORE INTO begun VALUES (?, ?)", (name, now))

    def clear_names(self) -> None:
        """Forget since when names are sent."""
        self._since = {}
        with self._lock, self._explain_errors():
            self._db.execute("DELETE FROM begun")

    def find_since(self, name: str) -> int | None:
        """Return since when a name is sent, in unix seconds; None if it is not."""
        return self._since.get(name)

    def find(self, event_id: str) -> Entry | None:
        """Return what is known of an event; None if it was never sent."""
        with self._lock, self._explain_errors():
            row = self._db.execute("SELECT second, is_sent FROM sent WHERE event_id = ?", (event_id,)).fetchone()
        return Entry(row[0], bool(row[1])) if row else None

    def begin(self, event: DataEvent, contact_id: str) -> int:
        """Note that an event is about to be sent, and return its time in Intercom."""
        slot = hashlib.blake2b(f"{contact_id}\n{event.event_name}".encode(), digest_size=12).digest()
        with self._lock, self._explain_errors(), self._transaction():
            second = event.created_at
            query = "SELECT event_id FROM sent WHERE slot = ? AND second = ? AND event_id <> ?"
            while self._db.execute(query, (slot, second, event.event_id)).fetchone():
                second += 1
            self._db.execute("INSERT OR REPLACE INTO sent VALUES (?, ?, ?, 0)", (event.event_id, slot, second))
        return second

    def settle(self, event_id: str) -> None:
        """Note that Intercom has an event."""
        with self._lock, self._explain_errors():
            self._db.execute("UPDATE sent SET is_sent = 1 WHERE event_id = ?", (event_id,))

    def forget(self, event_id: str) -> None:
        """Note that Intercom refused an event, so that it does not have it."""
        with self._lock, self._explain_errors():
            self._db.execute("DELETE FROM sent WHERE event_id = ?", (event_id,))

    def prune(self, now: int) -> None:
        """Drop old events. Events that are older than this are no longer sent, so none of them can come again."""
        oldest = now - KEPT
        with self._lock, self._explain_errors(), self._transaction():
            self._db.execute("DELETE FROM sent WHERE second < ?", (oldest,))
            self._db.execute("UPDATE begun SET at = ? WHERE at < ?", (oldest, oldest))
        self._since = {name: max(at, oldest) for name, at in self._since.items()}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def forget_names(folder: Path) -> None:
    """Note that no names are sent any more. What happens until they are chosen again is then never sent."""
    if (folder / FILE).exists():
        with closing(EventLedger(folder)) as ledger:
            ledger.clear_names()
