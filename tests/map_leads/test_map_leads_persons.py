"""A person is found in the leads' store, with the ids known to ChartMogul, and deleted from it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from standpipe_maps.leads.mapper import MapLeads

if TYPE_CHECKING:
    import pytest

    from tests.map_leads.conftest import Mapper

COMPANY = {"id": "co1", "company_id": "acme", "name": "Acme", "created_at": 1600000000, "updated_at": 1}


def contact(key: str, email: str, **members: Any) -> tuple[str, dict[str, Any]]:
    """Return a contact of the one company."""
    links = {"data": [{"id": "co1"}], "has_more": False}
    return "contacts", {"id": key, "role": "user", "email": email, "companies": links, "updated_at": 1, **members}


ROWS = [("companies", COMPANY), contact("ann", "Ann@x.io"), contact("lead", "ann@X.io"), contact("bob", "bob@x.io")]


def ask(leads: Mapper, *arguments: str, text: str = "") -> Any:
    """Run a command with this text as input, and return its JSON output."""
    # Like Meltano, with the settings in the environment.
    runner = CliRunner(env={"MAP_LEADS_STORE_DIR": str(leads.folder)})
    ran = runner.invoke(MapLeads.get_singer_command(), [*arguments, "--json"], input=text, standalone_mode=False)
    if ran.exception:
        raise ran.exception
    return json.loads(ran.stdout)


def test_a_person_is_found_and_deleted(leads: Mapper) -> None:
    """A person's names and external ids are found; erasing deletes only that person's rows."""
    leads.run(*ROWS)
    (store,) = leads.stores
    found = ask(leads, "find-person", text='["ann"]')
    rows = [{"path": str(store), "rows": 6}]
    assert found == {
        "names": ["Ann@x.io", "ann", "ann@X.io", "lead"],
        "sent_as": ["ann:acme", "ann:co1", "lead:acme", "lead:co1"],
        "stores": rows,
    }
    assert ask(leads, "erase-person", text=json.dumps(found["names"])) == {"stores": rows, "rows": 6}
    with closing(sqlite3.connect(store)) as connection:
        left = [*connection.execute("SELECT id FROM contacts"), *connection.execute("SELECT contact_id FROM links")]
        companies = [*connection.execute("SELECT id FROM companies")]
    assert (left, companies) == ([("bob",), ("bob",)], [("co1",)])
    assert b"nn@" not in store.read_bytes()


def test_stores_lists_no_store_of_the_other_map(leads: Mapper) -> None:
    """`stores` lists only stores of this map, because both maps may share a folder."""
    leads.run(*ROWS)
    (store,) = leads.stores
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("ALTER TABLE companies RENAME TO subscriptions")
    assert ask(leads, "stores")["stores"] == []


def test_about_tells_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """`--about` lists each field of both streams with its description and source."""
    MapLeads.print_about("json")
    fields = json.loads(capsys.readouterr().out)["facts"]["fields"]
    assert {stream: len(rows) for stream, rows in fields.items()} == {"customers": 9, "contacts": 10}
    assert fields["customers"][1] == {
        "name": "name", "description": "Name", "source": "company.name, else the external id",
    }  # fmt: skip
