"""A person is found in every store by any id or address, and deleted from them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from standpipe_maps._kit.errors import UserError
from standpipe_maps.subscriptions.mapper import MapSubscriptions

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Mapper

ROWS = [
    ("customers", {"id": "ann", "email": "Ann.Example@x.io"}),
    ("customers", {"id": "twin", "email": "ann.example@X.IO "}),
    ("customers", {"id": "bob", "email": "bob@x.io"}),
    ("subscriptions", {"id": "s1", "customer_id": "twin", "status": "active", "currency_code": "EUR"}),
    ("subscriptions", {"id": "s2", "customer_id": "bob", "status": "active", "currency_code": "EUR"}),
    ("invoices", {"id": "i1", "customer_id": "ann", "status": "paid", "currency_code": "EUR"}),
]


def ask(mapper: Mapper, command: str, text: str) -> Any:
    """Run a command with this text as input, and return its JSON output."""
    arguments = ["--config", str(mapper.settings_file()), command, "--json"]
    ran = CliRunner().invoke(MapSubscriptions.get_singer_command(), arguments, input=text, standalone_mode=False)
    if ran.exception:
        raise ran.exception
    return json.loads(ran.stdout)


def test_all_names_of_a_person_are_found(mapper: Mapper) -> None:
    """An address leads to all ids with that address, and these to the person's rows."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    assert ask(mapper, "find-person", '["ANN.EXAMPLE@x.io"]') == {
        "names": ["ANN.EXAMPLE@x.io", "Ann.Example@x.io", "ann", "ann.example@X.IO", "twin"],
        "sent_as": [],
        "stores": [{"path": str(store), "rows": 4}],
    }
    assert ask(mapper, "find-person", '["nobody"]') == {"names": ["nobody"], "sent_as": [], "stores": []}


def test_the_rows_of_a_person_are_deleted(mapper: Mapper) -> None:
    """Erasing deletes all rows of a person, and the file has no trace of them."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    names = json.dumps(ask(mapper, "find-person", '["ann"]')["names"])
    assert ask(mapper, "erase-person", names) == {"stores": [{"path": str(store), "rows": 4}], "rows": 4}
    assert ask(mapper, "erase-person", names) == {"stores": [], "rows": 0}
    with closing(sqlite3.connect(store)) as connection:
        left = list(connection.execute("SELECT id FROM customers UNION ALL SELECT id FROM subscriptions"))
        left += connection.execute("SELECT id FROM invoices")
    assert left == [("bob",), ("s2",)]
    assert b"xample" not in store.read_bytes()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("ann", "is not a JSON list"), ('[{"id": 1}]', "is not a JSON list"), ('["", " "]', "has no id and no address")],
    ids=["text", "objects", "blanks"],
)
@pytest.mark.parametrize("command", ["find-person", "erase-person"])
def test_nobody_is_named(command: str, text: str, sentence: str, mapper: Mapper) -> None:
    """Input without a usable name is refused in a sentence that does not repeat it."""
    mapper.run(*ROWS)
    with pytest.raises(UserError, match=sentence):
        ask(mapper, command, text)


def test_a_store_that_a_run_holds_stays_as_it_is(mapper: Mapper) -> None:
    """While a run uses the store, erasing ends in one sentence and changes nothing."""
    mapper.run(*ROWS)
    (store,) = mapper.stores
    before = store.read_bytes()
    with closing(sqlite3.connect(store, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="Another run is using the store"):
            ask(mapper, "erase-person", '["ann"]')
    assert store.read_bytes() == before
