"""The commands `inspect` (one customer in the store and what a run derives), `stores` and `--about`."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from standpipe_maps._kit.errors import UserError
from standpipe_maps.subscriptions.mapper import MapSubscriptions

if TYPE_CHECKING:
    from click.testing import Result

    from tests.map_subscriptions.conftest import Mapper

CUSTOMERS: list[dict[str, Any]] = [
    {"id": "c1", "email": "Ada@Example.com", "cf_user": "User-42A", "cf_company": "ACME", "company": "Straße AG"},
    {"id": "c2", "email": "jos\u00e9@x.io", "cf_user": "user-42a", "cf_company": "acme", "company": "Acme Ltd"},
    {"id": "c3", "cf_user": 42},
]
SUBSCRIPTIONS: list[dict[str, Any]] = [
    {"id": "s1", "customer_id": "c1", "status": "cancelled", "currency_code": "EUR", "created_at": 1700000000},
    {"id": "s2", "customer_id": "c1", "status": "active", "currency_code": "EUR", "mrr": 900, "created_at": 1700000001},
    {"id": "s3", "customer_id": "c1", "status": "active", "currency_code": "EUR", "deleted": True},
]
INVOICES: list[dict[str, Any]] = [
    {
        "id": "i1", "customer_id": "c1", "status": "paid", "recurring": True, "date": 1700000000, "total": 900,
        "amount_due": 0, "currency_code": "EUR", "exchange_rate": 1.08, "base_currency_code": "USD", "deleted": False,
    },
    {"id": "i2", "customer_id": "c1", "currency_code": "EUR", "total": "much", "date": 1700000001, "status": "paid"},
]  # fmt: skip
ROWS: list[tuple[str, dict[str, Any]]] = [
    *(("customers", {**row, "created_at": 1700000000 + place}) for place, row in enumerate(CUSTOMERS)),
    *(("subscriptions", row) for row in SUBSCRIPTIONS),
    *(("invoices", row) for row in INVOICES),
]
FIELDS: dict[str, Any] = {"user_id_field": "cf_user", "company_id_field": "cf_company"}


def run_command(mapper: Mapper, *arguments: str, text: str = "", **settings: Any) -> Result:
    """Run the command with these settings."""
    command = MapSubscriptions.get_singer_command()
    return CliRunner().invoke(command, ["--config", str(mapper.settings_file(**settings)), *arguments], input=text)


def ask(mapper: Mapper, *arguments: str, text: str = "", **settings: Any) -> dict[str, Any]:
    """Run a command, and return its JSON output."""
    ran = run_command(mapper, *arguments, "--json", text=text, **settings)
    assert ran.exit_code == 0, ran.exception
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(
    ("match_on", "wanted", "customer", "found_by"),
    [
        ("email", "c1", "c1", "id"),
        ("email", " ADA@example.COM ", "c1", "match_value"),
        ("email", "JOSE\u0301@x.io", "c2", "match_value"),
        ("user_id", "User-42A", "c1", "match_value"),
        ("user_id", "user-42a", "c2", "match_value"),
        ("user_id", "42", "c3", "match_value"),
        ("company_id", "ACME", "c1", "match_value"),
        ("company_name", "Straße AG", "c1", "match_value"),
        ("company_name", "STRASSE AG", "c1", "match_value"),
        ("company_name", "ada@example.com", "c1", "email"),
        ("email", "User-42A", "c1", "user_id"),
        ("email", "acme", "c2", "company_id"),
        ("email", "strasse ag", "c1", "company_name"),
    ],
    ids=[
        "id", "e-mail in capitals", "e-mail in another normal form", "user id in capitals", "user id", "whole number",
        "company id in capitals", "company name with ß", "company name in capitals", "e-mail beside company names",
        "user id beside e-mails", "company id beside e-mails", "company name beside e-mails",
    ],
)  # fmt: skip
def test_a_customer_is_found_by_every_value_that_could_match(
    match_on: str, wanted: str, customer: str, found_by: str, mapper: Mapper
) -> None:
    """A customer is found by id or match value, normalised as the map does."""
    mapper.run(*ROWS, match_on=match_on, **FIELDS)
    found = ask(mapper, "inspect", wanted, match_on=match_on, **FIELDS)
    assert (found["customer_id"], found["found_by"]) == (customer, found_by)


def test_everything_that_is_known_of_a_customer(mapper: Mapper) -> None:
    """`inspect` shows rows, group, winner, chosen subscription, odd members, runs, and the record that a run sends."""
    twin = ("customers", {"id": "c9", "email": "ada@example.com", "created_at": 1600000000})
    sent = mapper.run(*ROWS, twin)
    found = ask(mapper, "inspect", "c9")
    (store,) = mapper.stores
    messages = found.pop("messages")
    assert found == {
        "customer_id": "c9",
        "found_by": "id",
        "store": {"name": store.stem, "generation": 1, "path": str(store)},
        "match": {"match_on": "email", "field": "email", "value": "ada@example.com"},
        "group": [
            {"customer_id": "c1", "is_sent": True, "reason": None},
            {"customer_id": "c9", "is_sent": False, "reason": "shares_match_value"},
        ],
        "only_customers": None,
        "sent_is": "c1",
        "chargebee": {"customers": [twin[1]], "subscriptions": [], "invoices": []},
        "counted_subscriptions": [],
        "chosen_subscription": None,
        "derived": next(one for one in sent.records if one["customer_id"] == "c1"),
        "notes": {"unknown_catalog": ["c1"], "without_card": [], "odd_value": ["c1 (invoice i2: total)"]},
        "runs": {"touched": 1, "sent": 1, "reconciled_at": "2026-01-15T12:00:00+00:00"},
    }
    assert [(one["type"], one["stream"]) for one in messages] == [
        ("SCHEMA", "contacts"),
        ("RECORD", "contacts"),
    ]
    assert messages[0] == sent.schema


@pytest.mark.parametrize(
    ("text", "sent_is", "reasons"),
    [
        ("sub_status == 'active'", "c1", [None, "left_out"]),
        ("sub_status != 'active' or is_empty(sub_status)", "c9", ["left_out", None]),
        ("false", None, ["left_out", "left_out"]),
        ("1 / (cust_mrr - 9) > 0", None, ["undecided", "left_out"]),
        ("1 / (cust_mrr - 9) < 5", None, ["undecided", "undecided"]),
    ],
    ids=[
        "the winner takes part",
        "the other takes part",
        "none",
        "left out, and no result",
        "no result for the winner",
    ],
)
def test_who_is_left_out(mapper: Mapper, text: str, sent_is: str | None, reasons: list[str | None]) -> None:
    """`inspect` says who of a group the filter leaves out, and who is sent then."""
    twin = ("customers", {"id": "c9", "email": "ada@example.com", "created_at": 1600000000})
    mapper.run(*ROWS, twin, only_customers=text)
    found = ask(mapper, "inspect", "c9", only_customers=text)
    assert (found["sent_is"], [one["reason"] for one in found["group"]]) == (sent_is, reasons)
    assert (found["derived"].get("customer_id"), found["only_customers"]) == (sent_is, text)


def test_messages_are_those_of_a_preview(mapper: Mapper) -> None:
    """The messages equal those of a preview over the customers that share the match value."""
    twin = ("customers", {"id": "c9", "email": "ada@example.com", "created_at": 1600000000})
    own = [row for row in ROWS if "c1" in {row[1]["id"], row[1].get("customer_id")}]
    mapper.run(*ROWS, twin, report_not_sent=True)
    found = ask(mapper, "inspect", "c1", report_not_sent=True)
    preview = mapper.feed(
        [*map(_schema, ("customers", "subscriptions", "invoices")), *(_line(row) for row in [*own, twin]), _state()],
        preview=True,
        report_not_sent=True,
    )
    assert found["messages"] == preview.messages


def _schema(stream: str) -> str:
    return json.dumps({"type": "SCHEMA", "stream": stream, "schema": {}, "key_properties": ["id"]}) + "\n"


def _line(row: tuple[str, dict[str, Any]]) -> str:
    return json.dumps({"type": "RECORD", "stream": row[0], "record": row[1]}) + "\n"


def _state() -> str:
    marker = {"completed_at": 1768478400000, "streams": "customers,invoices,subscriptions", "from": None, "subset": 0}
    return json.dumps({"type": "STATE", "value": {"bookmarks": {"_sync": marker}}}) + "\n"


def test_the_rows_of_a_customer_are_shown_as_chargebee_sent_them(mapper: Mapper) -> None:
    """Rows are shown as Chargebee sent them; of an invoice only the members that the store keeps."""
    mapper.run(*ROWS)
    found = ask(mapper, "inspect", "c1")
    assert found["chargebee"] == {
        "customers": [{**CUSTOMERS[0], "created_at": 1700000000}],
        "subscriptions": [SUBSCRIPTIONS[2], *SUBSCRIPTIONS[:2]],
        "invoices": [INVOICES[0], {**INVOICES[1], "total": [], "recurring": True, "deleted": False}],
    }
    assert (found["counted_subscriptions"], found["chosen_subscription"]) == (["s1", "s2"], "s2")


def test_the_run_that_touched_a_customer_and_the_run_that_sent_it(mapper: Mapper) -> None:
    """`inspect` shows in which run a customer last changed and was last sent."""
    for rows in (ROWS, [], [ROWS[1]]):
        mapper.run(*rows, resend="changed")
    runs = {customer: ask(mapper, "inspect", customer, resend="changed")["runs"] for customer in ("c1", "c2")}
    at = "2026-01-15T12:00:00+00:00"
    assert runs == {
        "c1": {"touched": 1, "sent": 1, "reconciled_at": at},
        "c2": {"touched": 3, "sent": 3, "reconciled_at": at},
    }


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("nobody@x.io", "No customer in the store has this id or match value"),
        ("ada@example.com", "Several customers share this value: ask for one of c1, c9."),
    ],
    ids=["nobody", "several"],
)
def test_no_customer_or_several_are_one_sentence(wanted: str, sentence: str, mapper: Mapper) -> None:
    """No match or several give one sentence that does not repeat an address."""
    mapper.run(*ROWS, ("customers", {"id": "c9", "email": "ada@example.com"}))
    ran = run_command(mapper, "inspect", wanted)
    assert isinstance(ran.exception, SystemExit | UserError)
    assert ran.exit_code == 1
    assert ran.stdout == ""
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}") as refused:
        run_standalone(mapper, "inspect", wanted)
    assert wanted not in refused.value.message


def run_standalone(mapper: Mapper, *arguments: str, **settings: Any) -> None:
    """Run the command in a mode that raises its error."""
    command = MapSubscriptions.get_singer_command()
    command.main(["--config", str(mapper.settings_file(**settings)), *arguments], standalone_mode=False)


def test_changed_settings_are_applied_to_a_copy(mapper: Mapper) -> None:
    """Changed settings are applied as in the next run, without changing the store."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    before = store.read_bytes()
    found = ask(mapper, "inspect", "strasse AG", match_on="company_name")
    assert (found["found_by"], found["match"]["value"]) == ("match_value", "strasse ag")
    assert "cb_cust_mrr" in found["derived"]["custom_attributes"]
    assert found["messages"][0]["stream"] == "companies"
    assert store.read_bytes() == before


def test_a_store_of_the_first_version_is_read(mapper: Mapper) -> None:
    """A store of the first version, without the column for odd members, is read."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    with closing(sqlite3.connect(store)) as connection, connection:
        for table in ("customers", "subscriptions", "invoices", "names"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN odd")
        connection.execute("UPDATE meta SET value = '1' WHERE name = 'schema_version'")
    before = store.read_bytes()
    assert ask(mapper, "inspect", "c1")["chosen_subscription"] == "s2"
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    ("catalog", "value"), [(None, "7"), ({"type": ["integer", "null"]}, 7)], ids=["without", "with"]
)
def test_the_catalog_types_extra_fields(catalog: dict[str, Any] | None, value: object, mapper: Mapper) -> None:
    """A catalog gives extra fields their types; without one, they are text."""
    settings: dict[str, Any] = {"extra_customer_fields": ["cf_seats"]}
    mapper.run(("customers", {"id": "c1", "cf_seats": 7}), **settings)
    stream = {"tap_stream_id": "customers", "schema": {"properties": {"cf_seats": catalog}}}
    given = ["--catalog", "-"] if catalog else []
    found = ask(mapper, "inspect", "c1", *given, text=json.dumps({"streams": [stream]}), **settings)
    assert found["derived"]["custom_attributes"]["cb_cust_cf_seats"] == value


def test_stores_lists_the_maps_own(mapper: Mapper) -> None:
    """`stores` lists only the map's own stores, and empty files separately."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    (mapper.folder / "copy.sqlite").write_bytes(store.read_bytes())
    (mapper.folder / "text.sqlite").write_text("no database")
    (mapper.folder / "empty.sqlite").touch()
    with closing(sqlite3.connect(mapper.folder / "foreign.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE customers (id TEXT)")
    listed = ask(mapper, "stores")
    assert listed["stores"][0].pop("committed_at") <= time.time()
    assert listed == {
        "store_dir": str(mapper.folder),
        "stores": [
            {
                "name": store.stem,
                "path": str(store),
                "generation": 1,
                "summary": str(store.with_suffix("")) + ".summary.json",
            }
        ],
        "empty": [str(mapper.folder / "empty.sqlite")],
        "preview_summary": None,
    }


def test_stores_of_a_folder_that_is_not_there(mapper: Mapper) -> None:
    """Before the first run, `stores` lists nothing, and `inspect` says that there is no store."""
    assert ask(mapper, "stores") == {
        "store_dir": str(mapper.folder), "stores": [], "empty": [], "preview_summary": None,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"There is no store in .* yet"):
        run_standalone(mapper, "inspect", "c1")


def test_several_stores_want_a_name(mapper: Mapper) -> None:
    """With several stores, `inspect` asks for a name, and refuses an unknown one."""
    for name in ("one", "two"):
        mapper.confirmed = {}
        mapper.run(*ROWS, store_name=name)
    with pytest.raises(UserError, match="name one of one, two with --store"):
        run_standalone(mapper, "inspect", "c1")
    with pytest.raises(UserError, match="There is no store `three`"):
        run_standalone(mapper, "inspect", "c1", "--store", "three")
    assert ask(mapper, "inspect", "c1", "--store", "two")["store"]["name"] == "two"


@pytest.mark.parametrize("arguments", [("stores",), ("inspect", "c1")], ids=["stores", "inspect"])
def test_a_store_that_a_run_holds_is_one_sentence(arguments: tuple[str, ...], mapper: Mapper) -> None:
    """A store in use or damaged is reported in one sentence."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    with closing(sqlite3.connect(store, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="Another run is using the store"):
            run_standalone(mapper, *arguments)
    store.write_bytes(store.read_bytes()[:100] + b"\xff" * 5000)
    with pytest.raises(UserError, match="is not a store, or is damaged"):
        run_standalone(mapper, *arguments)


def test_a_person_reads_lines(mapper: Mapper) -> None:
    """Without `--json` the output is readable lines without messages."""
    mapper.run(*ROWS)
    shown = run_command(mapper, "inspect", "c1").stdout
    assert "\nsent_is: c1\n" in shown
    assert "\n    cb_sub_status: active\n" in shown
    assert "messages" not in shown


def test_about_tells_attributes_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """`--about` lists the attributes of docs/attributes.md, and each reason with words and a remedy."""
    MapSubscriptions.print_about("json")
    facts = json.loads(capsys.readouterr().out)["facts"]
    made = [(one["name"], one["type"], one["description"], one["source"]) for one in facts["attributes"]]
    text = (Path(__file__).parents[2] / "docs/attributes.md").read_text()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines() if "| `cb_" in line]
    assert [(row[0].strip("`"), row[1], row[2], row[3].strip("()")) for row in rows] == made
    assert len(made) == 33
    assert list(facts["reasons"]) == ["shares_match_value", "replaced", "left_out", "undecided"]
    assert all(one["text"] and one["remedy"] for one in facts["reasons"].values())
    assert facts["defaults"]["attribute_prefix"] == "cb_"
