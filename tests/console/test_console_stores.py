"""What the console asks a map about its stores, and the messages of a dry run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.errors import ConsoleError
from standpipe_console.project.dry_run import build_messages
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import inspect_customer, list_store_files, list_stores
from standpipe_maps.sqlite_store import SqliteStore
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.store import STREAMS, BillingStore
from standpipe_maps.subscriptions.tables import FORM

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project

CUSTOMERS = [
    {"id": "c1", "email": "Ada@Example.com", "created_at": 1700000000},
    {"id": "c2", "email": "ada@example.com", "created_at": 1700000001},
    {"id": "c3", "created_at": 1700000002},
    {"id": "c4", "email": "jos\u00e9@x.io", "company": "Stra\u00dfe AG", "created_at": 1700000003},
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
def store(installed_project: Project) -> Path:
    """Make a store with three customers. Two share an e-mail address, and one has none."""
    folder = installed_project.system_dir / "transforms"
    folder.mkdir()
    installed_project.set_settings(SYNC.map, {"store_dir": str(folder)})
    with SqliteStore(folder / "s.sqlite", "s", FORM) as written:
        billing = BillingStore(written, 4, lambda customer: rules.compute_match_value(customer, "email", "email"))
        for stream, rows in {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "invoices": [INVOICE]}.items():
            STREAMS[stream](billing, stream, [json.dumps(row).encode() for row in rows])
        written.write_value("generation", 4)
        written.commit()
    return folder / "s.sqlite"


def test_rows_come_back_as_chargebee_sent_them(installed_project: Project, store: Path) -> None:
    """Customers and subscriptions are complete. Invoices have the fields that the rules need."""
    (listed,) = list_stores(installed_project, SYNC).stores
    assert (listed.name, listed.generation, listed.path) == ("s", 4, str(store))
    assert inspect_customer(installed_project, SYNC, "c1", "s", "")["chargebee"] == {
        "customers": CUSTOMERS[:1],
        "subscriptions": SUBSCRIPTIONS[:1],
        "invoices": [INVOICE],
    }


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("wanted", "customer_id"),
    [("c1", "c1"), ("JOSE\u0301@x.io", "c4"), ("STRA\u00dfE ag ", "c4"), ("nobody", None)],
    ids=["id", "e-mail in another normal form", "another field than the one to match by", "nobody"],
)
def test_a_customer_is_found_by_id_or_match_value(
    wanted: str, customer_id: str | None, installed_project: Project
) -> None:
    """Values are compared as the map compares them."""
    if customer_id is None:
        with pytest.raises(ConsoleError, match=r"^No customer in the store has this id or match value: "):
            inspect_customer(installed_project, SYNC, wanted, "s", "")
    else:
        assert inspect_customer(installed_project, SYNC, wanted, "s", "")["customer_id"] == customer_id


@pytest.mark.usefixtures("store")
def test_who_shares_a_match_value_is_a_group(installed_project: Project) -> None:
    """Two customers share the value, and one of them is sent."""
    with pytest.raises(ConsoleError, match=r"^Several customers share this value: ask for one of c1, c2\.$"):
        inspect_customer(installed_project, SYNC, "ADA@example.com ", "s", "")
    found = inspect_customer(installed_project, SYNC, "c2", "s", "")
    assert [one["customer_id"] for one in found["group"]] == ["c1", "c2"]
    assert (found["sent_is"], found["derived"]["customer_id"]) == ("c1", "c1")


def test_a_store_that_a_run_holds_is_one_sentence(installed_project: Project, store: Path) -> None:
    """So is the error about a missing store."""
    with closing(sqlite3.connect(store, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConsoleError, match=r"^Another run is using the store"):
            inspect_customer(installed_project, SYNC, "c1", "s", "")
    with pytest.raises(ConsoleError, match=r"^There is no store `t` in .*--full-refresh"):
        inspect_customer(installed_project, SYNC, "c1", "t", "")


def test_before_the_first_run_no_map_is_asked(project: Project) -> None:
    """The map may not be installed yet."""
    project.set_settings(SYNC.map, {"store_dir": str(project.root / "none")})
    assert list_stores(project, SYNC).stores == []
    assert list_store_files(project, SYNC) == []


def test_a_dry_run_is_a_taps_run_over_a_part() -> None:
    """All streams of the join are declared, with or without rows, and the marker says that it is a subset."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in build_messages(SYNC, {"customers": [{"id": "c1"}]}, {}).splitlines()
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
