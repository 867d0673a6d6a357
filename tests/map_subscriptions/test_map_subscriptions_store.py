"""The store on disk: permissions, upgrades, and the summary of a run."""

from __future__ import annotations

import logging
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError
from standpipe_maps.sqlite_store import PRAGMAS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.map_subscriptions.conftest import Lines, Mapper

ANN = {"id": "c1", "email": "ann@example.com"}


def ask(store: Path, statement: str) -> list[Any]:
    """Return the rows of an SQL statement on the store."""
    with closing(sqlite3.connect(store)) as database, database:
        return database.execute(statement).fetchall()


def test_a_store_is_its_owners_alone(mapper: Mapper) -> None:
    """Only the owner can read a store."""
    mapper.run(("customers", ANN))
    assert stat.S_IMODE(mapper.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(mapper.stores[0].stat().st_mode) == 0o600


def test_a_commit_is_on_the_disk(mapper: Mapper) -> None:
    """Commits are fully synchronised, and no journal stays beside the store."""
    assert "PRAGMA synchronous=FULL" in PRAGMAS
    mapper.run(("customers", ANN))
    assert [path.suffix for path in sorted(mapper.folder.iterdir())] == [".sqlite", ".json"]


def test_customers_and_subscriptions_are_kept_whole(mapper: Mapper) -> None:
    """Customers and subscriptions are stored unchanged, so that later settings find all fields."""
    mapper.run(("customers", {**ANN, "cf_later": 1.50}), ("subscriptions", {"id": "s1", "cf_later": [1]}))
    (store,) = mapper.stores
    assert ask(store, "select body from customers") == [(b'{"id": "c1", "email": "ann@example.com", "cf_later": 1.5}',)]
    assert ask(store, "select body from subscriptions") == [(b'{"id": "s1", "cf_later": [1]}',)]


def test_a_store_of_a_newer_version_is_refused(mapper: Mapper) -> None:
    """A store of a newer version is refused."""
    mapper.run(("customers", ANN))
    (store,) = mapper.stores
    assert ask(store, "select value from meta where name = 'schema_version'") == [("4",)]
    ask(store, "update meta set value = '5' where name = 'schema_version'")
    with pytest.raises(UserError, match=r"written by a newer version of standpipe-maps: upgrade"):
        mapper.run()


OLD = [
    {"id": "c1", "email": "jos\u00e9@x.io", "created_at": 1},
    {"id": "c2", "email": "JOSE\u0301@x.io", "created_at": 2, "phone": 7},
]


@pytest.mark.parametrize("resend", ["all", "changed"])
def test_a_store_of_the_first_version_is_read_again(resend: str, mapper: Mapper) -> None:
    """A store of the first version is upgraded: match values are normalised again and odd members recorded."""
    mapper.run(*[("customers", row) for row in OLD], ("subscriptions", {"id": "s1", "customer_id": "c1"}))
    (store,) = mapper.stores
    for table in ("customers", "subscriptions", "invoices", "names"):
        ask(store, f"alter table {table} drop column odd")
    for table in ("waiting", "counts"):
        ask(store, f"drop table {table}")
    ask(store, "update meta set value = '1' where name = 'schema_version'")
    ask(store, """update meta set value = '["email", "email", "0.1.0"]' where name = 'match'""")
    ask(store, "update meta set value = '\"of the first version\"' where name = 'fingerprint'")
    ask(store, "update customers set match = id")
    sent = mapper.run(resend=resend, report_not_sent=True)
    assert sent.customers == {"c1"}
    assert [(one["customer_id"], one["reason"]) for one in sent.not_sent] == [("c2", "shares_match_value")]
    assert mapper.summary()["missing_member"] == 1
    assert ask(store, "select match from customers") == [("jos\u00e9@x.io",)] * 2
    assert ask(store, "select odd from customers order by id") == [(None,), ("odd_value phone",)]
    assert ask(store, "select value from meta where name = 'schema_version'") == [("4",)]


def test_a_store_that_was_never_finished_is_begun_again(mapper: Mapper) -> None:
    """An empty file that a killed first run left is used as a new store."""
    mapper.folder.mkdir()
    (mapper.folder / "main.sqlite").touch()
    assert mapper.run(("customers", ANN), store_name="main").customers == {"c1"}


def test_a_file_that_is_no_store(mapper: Mapper) -> None:
    """A file with the store's name that is not a store is refused."""
    mapper.run(("customers", ANN), store_name="main")
    mapper.stores[0].write_bytes(b"something else entirely, " * 100)
    with pytest.raises(UserError, match=r"is not a store, or is damaged: run once with --full-refresh"):
        mapper.run()


def test_a_full_disk_is_one_sentence(mapper: Mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk ends the run in one sentence, nothing is sent, and the store is unchanged."""
    mapper.run(("customers", ANN))
    before = mapper.stores[0].read_bytes()
    monkeypatch.setattr("standpipe_maps.sqlite_store.PRAGMAS", (*PRAGMAS, "PRAGMA max_page_count=1"))
    with pytest.raises(UserError, match=r"The disk that holds the store .* is full: free some space"):
        mapper.run(*[("customers", {"id": f"n{number}", "company": "x" * 100}) for number in range(2000)])
    assert mapper.stores[0].read_bytes() == before
    monkeypatch.undo()
    assert mapper.run().customers == {"c1"}


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("customers", {"id": "c1", "email": "one@x.io", "card": {"expiry_month": 1, "expiry_year": 2030}}),
    ("customers", {"id": "c2", "email": "one@x.io", "deleted": True}),
    ("customers", {"id": "c3"}),
    ("subscriptions", {"id": "s1", "customer_id": "c1", "status": "active", "plan_id": "p", "currency_code": "USD"}),
    ("subscriptions", {"id": "s3", "customer_id": "c3", "status": "odd", "currency_code": "usd", "mrr": -5}),
    ("subscriptions", {"id": "s4", "customer_id": "later", "status": "active"}),
    ("subscriptions", {"id": "s5", "status": "active"}),
    ("invoices", {"id": "i1", "customer_id": "c1", "status": "paid", "total": -1, "currency_code": "USD"}),
]
SUMMARY = {
    "map": "map-subscriptions",
    "generation": 1,
    "rows_in": {"customers": 3, "invoices": 1, "subscriptions": 4},
    "customers": 3,
    "customers_out": 2,
    "shadowed": 1,
    "shares_match_value": 0,
    "replaced": 1,
    "unchanged": 0,
    "without_match_value": 1,
    "without_subscription": 0,
    "without_mrr": 1,
    "without_card": 1,
    "several_currencies": 0,
    "unknown_currency": 1,
    "no_exchange_rate": 0,
    "unknown_status": 1,
    "unknown_catalog": 1,
    "negative_amount": 2,
    "unfit_extra_field": 0,
    "odd_value": 0,
    "missing_member": 1,
    "waiting_for_customer": 1,
}


def test_the_summary(mapper: Mapper, caplog: pytest.LogCaptureFixture) -> None:
    """The summary is written as JSON and logged as one block, with odd records by id and no addresses."""
    caplog.set_level(logging.INFO)
    mapper.run(*ROWS)
    (store,) = mapper.stores
    summary = mapper.summary(store.stem)
    assert isinstance(summary.pop("seconds"), float)
    assert summary == SUMMARY

    (block,) = [message for message in caplog.messages if message.startswith("Summary")]
    assert block.splitlines()[0] == f"Summary of {store.stem}"
    assert "  rows in: customers 3, invoices 1, subscriptions 4" in block.splitlines()
    assert "  customers out: 2" in block.splitlines()
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert sorted(warnings) == [
        "missing member: subscription s5: customer_id",
        "negative amount: c3, c1",
        "unknown catalog: c3",
        "unknown currency: c3",
        "unknown status: c3",
        "waiting for customer: s4",
    ]
    assert "@" not in caplog.text


def test_a_summary_that_cannot_be_written_stops_nobody(mapper: Mapper, caplog: pytest.LogCaptureFixture) -> None:
    """A summary that cannot be written is only logged, because everything was sent already."""
    (mapper.folder / "main.summary.json").mkdir(parents=True)
    assert mapper.run(("customers", ANN), store_name="main").customers == {"c1"}
    assert "The summary of main cannot be written (Is a directory)" in caplog.messages


def test_a_subscription_that_came_before_its_customer_is_joined_later(mapper: Mapper) -> None:
    """A subscription without its customer waits in the store until the customer arrives."""
    mapper.run(("subscriptions", {"id": "s1", "customer_id": "c1", "status": "active"}), resend="changed")
    assert mapper.summary()["waiting_for_customer"] == 1
    sent = mapper.run(("customers", ANN), resend="changed")
    assert sent.attributes()["cb_sub_status"] == "active"
    assert mapper.summary()["waiting_for_customer"] == 0


def test_a_thousand_odd_customers_are_ten_ids_in_the_log(mapper: Mapper, caplog: pytest.LogCaptureFixture) -> None:
    """A warning lists at most ten ids; the summary has the count."""
    rows = [("subscriptions", {"id": f"s{n:04}", "customer_id": f"c{n:04}", "status": "odd"}) for n in range(1000)]
    mapper.run(*rows, *[("customers", {"id": f"c{n:04}"}) for n in range(1000)])
    (warning,) = [message for message in caplog.messages if message.startswith("unknown status")]
    assert warning == "unknown status: " + ", ".join(f"c{n:04}" for n in range(10))
    assert mapper.summary()["unknown_status"] == 1000


def test_more_customers_than_one_page(mapper: Mapper) -> None:
    """A group of customers is joined even when a page of the store ends within it."""
    rows = [("customers", {"id": f"c{n:04}", "email": f"{n // 3:04}@x.io", "created_at": n}) for n in range(1600)]
    rows += [("invoices", {"id": f"i{n}", "customer_id": f"c{n:04}", "status": "not_paid", "amount_due": n,
                           "currency_code": "JPY"}) for n in range(1600)]  # fmt: skip
    sent = mapper.run(*rows)
    assert {one["customer_id"] for one in sent.records} == {f"c{min(n + 2, 1599):04}" for n in range(0, 1600, 3)}
    for one in sent.records:
        assert one["custom_attributes"]["cb_cust_unpaid_amt"] == float(one["customer_id"][1:])


def test_the_tables_of_a_first_run_are_not_half_made(mapper: Mapper, lines: Lines) -> None:
    """A refused first run with a named store leaves no file."""
    with pytest.raises(UserError):
        mapper.feed([*lines.schemas, lines.record("customers", ANN)], store_name="main")
    assert mapper.stores == []
