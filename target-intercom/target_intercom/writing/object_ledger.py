"""The ledger of custom objects: what was last written, where, and for which contact.

Intercom creates or changes an instance by its external id, so that a write may safely be repeated, and no read is
needed to know whether an interrupted one arrived. The ledger therefore saves calls only: one that is lost has every
subscription written once more. It is a SQLite file in `memory_dir`, whose lock lets only one run write.

- `object`: one row per subscription, from before its first request on. Without `body` it is unknown what Intercom has.
  `is_gone` says that the instance is to be deleted. Customers are hashes.
- `reference`: the instances that a contact refers to; null while that is unknown.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from target_intercom.writing.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_intercom._kit.json_types import JsonObject

FILE = "objects.sqlite"
#: All files of the ledger; SQLite's own journal remains only after a kill.
LEDGER_FILES = (FILE, f"{FILE}-journal")
_DDL = """
CREATE TABLE IF NOT EXISTS object (
  subscription_id TEXT PRIMARY KEY, customer BLOB NOT NULL, contact_id TEXT NOT NULL, instance_id TEXT, body TEXT,
  is_gone INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS object_customer ON object (customer);
CREATE INDEX IF NOT EXISTS object_contact ON object (contact_id);
CREATE TABLE IF NOT EXISTS reference (contact_id TEXT PRIMARY KEY, ids TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kind (name TEXT PRIMARY KEY, reference TEXT NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE seen (customer BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE matched (contact_id TEXT PRIMARY KEY, customer BLOB NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE received (subscription_id TEXT PRIMARY KEY, customer BLOB NOT NULL) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """What the ledger has of a subscription."""

    contact_id: str
    instance_id: str | None
    body: JsonObject | None  #: the values that Intercom has; None if nobody knows


class References(NamedTuple):
    """The instances that a contact is to refer to, and those that it refers to, if that is known."""

    contact_id: str
    wanted: list[str]
    known: list[str] | None


class ObjectLedger(Ledger):
    """The ledger of one `memory_dir`. Several threads may use it.

    Args:
        folder: the memory folder.
        read_only: whether nothing is changed, for a validation.

    Raises:
        ConfigurationError: it cannot be opened.
    """

    file, ddl = FILE, _DDL
    problem = (
        "The ledger of custom objects {path} cannot be used ({error}), and none is written without it: "
        "make room, set `memory_dir` to another folder, or delete the file to have all written again."
    )

    def choose_type(self, name: str, reference: str) -> None:
        """Forget everything if the objects have another type, or another attribute refers to them, than before."""
        known = self._fetch("SELECT name, reference FROM kind")
        if known != [(name, reference)]:
            for table in ("kind", "object", "reference"):
                self._execute(f"DELETE FROM {table}")  # noqa: S608 - own text
            self._execute("INSERT INTO kind VALUES (?, ?)", name, reference)

    # What the input says

    @contextmanager
    def note_input(self) -> Iterator[None]:
        """Keep everything that is noted inside together, or nothing of it if the run stops there."""
        self._execute("BEGIN")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")

    def count(self) -> tuple[int, int]:
        """Return the number of subscriptions that may have an instance, and of those whose instance is to go."""
        known, gone = self._fetch("SELECT COUNT(*), COALESCE(SUM(is_gone), 0) FROM object")[0]
        return known, gone

    def receive(self, subscription_id: str, customer_id: str) -> None:
        """Note that the input has a subscription of a customer. One of another customer moves to this one."""
        customer = _hash(customer_id)
        self._execute("INSERT OR REPLACE INTO received VALUES (?, ?)", subscription_id, customer)
        self._execute(
            "UPDATE object SET customer = ? WHERE subscription_id = ? AND customer <> ?",
            customer,
            subscription_id,
            customer,
        )

    def see(self, customer_id: str) -> None:
        """Note that the input has a customer."""
        self._execute("INSERT OR IGNORE INTO seen VALUES (?)", _hash(customer_id))

    def assign(self, customer_id: str, contact_id: str) -> None:
        """Note the contact of a customer. What the customer has elsewhere moves, and what it no longer has is gone."""
        customer = _hash(customer_id)
        self._execute("INSERT OR REPLACE INTO matched VALUES (?, ?)", contact_id, customer)
        self._execute(
            "UPDATE object SET contact_id = ? WHERE customer = ? AND contact_id <> ?", contact_id, customer, contact_id
        )
        self._execute(
            "UPDATE object SET is_gone = NOT EXISTS (SELECT 1 FROM received WHERE "
            "received.subscription_id = object.subscription_id AND received.customer = object.customer) "
            "WHERE customer = ?",
            customer,
        )

    def remove_customer(self, customer_id: str) -> None:
        """Note that all objects of a customer are gone."""
        self._execute("UPDATE object SET is_gone = 1 WHERE customer = ?", _hash(customer_id))

    def remove_others(self, *, is_whole: bool) -> None:
        """Note that objects are gone that stand at a contact of another customer, or whose customer did not come.

        Args:
            is_whole: whether the input has every customer.
        """
        self._execute(
            "UPDATE object SET is_gone = 1 WHERE EXISTS (SELECT 1 FROM matched WHERE "
            "matched.contact_id = object.contact_id AND matched.customer <> object.customer)"
        )
        if is_whole:
            self._execute("UPDATE object SET is_gone = 1 WHERE customer NOT IN (SELECT customer FROM seen)")

    # Instances

    def find(self, subscription_id: str) -> Known | None:
        """Return what is known of a subscription; None if it was never written."""
        sql = "SELECT contact_id, instance_id, body FROM object WHERE subscription_id = ?"
        rows = self._fetch(sql, subscription_id)
        return Known(rows[0][0], rows[0][1], json.loads(rows[0][2]) if rows[0][2] else None) if rows else None

    def begin(self, subscription_id: str, customer_id: str, contact_id: str) -> None:
        """Note that a subscription is about to be written, so that its instance can be deleted whatever happens."""
        self._execute(
            "INSERT INTO object (subscription_id, customer, contact_id) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
            "customer = excluded.customer, contact_id = excluded.contact_id, body = NULL, is_gone = 0",
            subscription_id,
            _hash(customer_id),
            contact_id,
        )

    def settle(self, subscription_id: str, instance_id: str, body: JsonObject) -> None:
        """Note what Intercom has."""
        self._execute(
            "UPDATE object SET instance_id = ?, body = ? WHERE subscription_id = ?",
            instance_id,
            json.dumps(body),
            subscription_id,
        )

    def list_gone(self) -> list[tuple[str, str, str | None]]:
        """Return the subscriptions whose instances are to be deleted, with contact and instance."""
        return self._fetch("SELECT subscription_id, contact_id, instance_id FROM object WHERE is_gone ORDER BY 1")

    def forget(self, subscription_id: str) -> None:
        """Note that Intercom has no instance of a subscription."""
        self._execute("DELETE FROM object WHERE subscription_id = ?", subscription_id)

    # References

    def list_changed_references(self) -> Iterator[References]:
        """Yield the contacts whose set of instances differs from what they refer to."""
        rows = self._fetch(
            "SELECT contact_id, "
            "(SELECT json_group_array(instance_id) FROM (SELECT instance_id FROM object WHERE NOT is_gone "
            "AND object.contact_id = contacts.contact_id AND instance_id IS NOT NULL ORDER BY 1)) AS wanted, "
            "(SELECT ids FROM reference WHERE reference.contact_id = contacts.contact_id) AS known, "
            "EXISTS (SELECT 1 FROM reference WHERE reference.contact_id = contacts.contact_id) "
            "FROM (SELECT contact_id FROM object UNION SELECT contact_id FROM reference) AS contacts ORDER BY 1"
        )
        for contact_id, wanted, known, is_noted in rows:
            # A contact without instances that never had any is left alone.
            if wanted != known and (is_noted or wanted != "[]"):
                yield References(contact_id, json.loads(wanted), json.loads(known) if known else None)

    def begin_references(self, contact_id: str) -> None:
        """Note that the references of a contact are about to be written."""
        self._execute("INSERT OR REPLACE INTO reference VALUES (?, NULL)", contact_id)

    def settle_references(self, contact_id: str, ids: list[str]) -> None:
        """Note what a contact refers to."""
        if ids:
            self._execute("INSERT OR REPLACE INTO reference VALUES (?, ?)", contact_id, _encode(ids))
        else:
            self._execute("DELETE FROM reference WHERE contact_id = ?", contact_id)

    def doubt(self, contact_id: str) -> None:
        """Note that nobody knows which instances of a contact Intercom has, so that they are written again."""
        self._execute("UPDATE object SET body = NULL WHERE contact_id = ?", contact_id)

    def _execute(self, sql: str, *values: object) -> None:
        with self._lock, self._explain_errors():
            self._db.execute(sql, values)

    def _fetch(self, sql: str, *values: object) -> list[Any]:
        with self._lock, self._explain_errors():
            return self._db.execute(sql, values).fetchall()


def _hash(customer_id: str) -> bytes:
    return hashlib.blake2b(customer_id.encode(), digest_size=12).digest()


def _encode(ids: list[str]) -> str:
    return json.dumps(ids, separators=(",", ":"))
