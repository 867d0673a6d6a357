"""Reading a store that the map itself has made."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.errors import ConsoleError
from standpipe_console.project.dry_run import messages
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import Store
from standpipe_maps.store import Store as Written
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.store import MIGRATIONS, STREAMS, TABLES, BillingStore

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMERS = [
    {"id": "c1", "email": "Ada@Example.com", "created_at": 1700000000},
    {"id": "c2", "email": "ada@example.com", "created_at": 1700000001},
    {"id": "c3", "created_at": 1700000002},
    {"id": "c4", "email": "jos\u00e9@x.io", "created_at": 1700000003},
]
SUBSCRIPTIONS = [
    {"id": "s1", "customer_id": "c1", "status": "active", "created_at": 1700000000},
    {"id": "s3", "customer_id": "c3", "status": "active", "created_at": 1700000000, "mrr": 500},
]
INVOICE = {
    "id": "i1", "customer_id": "c1", "status": "paid", "recurring": True, "date": 1700000000, "total": 900,
    "amount_due": 0, "currency_code": "EUR", "exchange_rate": 1.08, "base_currency_code": "USD", "deleted": False,
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two customers who share an e-mail address, and one who has none."""
    path = tmp_path / "s.sqlite"
    with Written(path, "s", TABLES, MIGRATIONS) as written:
        ledger = BillingStore(written, 4, lambda customer: rules.match_value(customer, "email", "email"))
        for stream, rows in {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "invoices": [INVOICE]}.items():
            STREAMS[stream](ledger, stream, [json.dumps(row).encode() for row in rows])
        written.remember("generation", 4)
        written.commit()
    return Store(path)


def test_rows_come_back_as_chargebee_sent_them(store: Store) -> None:
    """Customers and subscriptions whole; of an invoice what the rules need."""
    assert store.generation == 4
    assert store.has(SYNC.table)
    assert store.bodies("customers", "id", ["c1", "c2"]) == CUSTOMERS[:2]
    assert store.bodies("subscriptions", "customer_id", ["c1"]) == SUBSCRIPTIONS[:1]
    assert store.invoices(["c1"]) == [INVOICE]
    assert store.any_with_mrr() == [SUBSCRIPTIONS[1]]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [("c1", ["c1"]), ("ADA@example.com ", ["c1", "c2"]), ("JOSE\u0301@x.io", ["c4"]), ("nobody", [])],
    ids=["id", "e-mail", "e-mail in another normal form", "nobody"],
)
def test_a_customer_is_found_by_id_or_match_value(wanted: str, ids: list[str], store: Store) -> None:
    """Of which several may share one."""
    assert store.customer_ids(wanted) == ids


def test_an_odd_member_of_an_invoice_is_odd_again(store: Store) -> None:
    """The store keeps its name and not its value; a missing one stays missing."""
    odd = {**INVOICE, "id": "i2", "customer_id": "c3", "amount_due": "much", "status": None}
    with Written(store.path, "s", TABLES, MIGRATIONS) as written:
        ledger = BillingStore(written, 5, lambda _: None)
        STREAMS["invoices"](ledger, "invoices", [json.dumps(odd).encode()])
        written.commit()
    expected = {**INVOICE, "id": "i2", "customer_id": "c3", "amount_due": []}
    del expected["status"]
    assert store.invoices(["c3"]) == [expected]


def test_who_shares_a_match_value_is_a_group(store: Store) -> None:
    """Nobody shares the lack of one."""
    assert store.group("c1") == store.group("c2") == ["c1", "c2"]
    assert store.group("c3") == ["c3"]


def test_a_store_that_a_run_holds_is_one_sentence(store: Store) -> None:
    """And one that is missing, and a file that is none."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConsoleError, match=r"^A run is using the store"):
            store.customer_ids("c1")
    store.path.write_bytes(b"no database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(ConsoleError, match="cannot be read"):
        store.customer_ids("c1")
    store.path.unlink()
    with pytest.raises(ConsoleError, match="--full-refresh"):
        Store(store.path)


def test_a_rehearsal_is_a_taps_run_over_a_part() -> None:
    """Every stream that the join needs is declared, with rows or without, and the mark says that it is a subset."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in messages(SYNC, {"customers": [{"id": "c1"}]}, {}).splitlines()
    ]
    assert [(line["type"], line.get("stream")) for line in lines] == [
        ("SCHEMA", "customers"),
        ("RECORD", "customers"),
        ("SCHEMA", "subscriptions"),
        ("SCHEMA", "invoices"),
        ("STATE", None),
    ]
    marker = lines[-1]["value"]["bookmarks"]["_sync"]
    assert (marker["streams"], marker["subset"], marker["from"]) == ("customers,invoices,subscriptions", 1, None)
