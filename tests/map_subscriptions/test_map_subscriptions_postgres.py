"""What is particular to stores in PostgreSQL: addresses, names, locks, and texts that it cannot store."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from map_stores import ON_POSTGRESQL, run_sql
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.map_subscriptions.conftest import Lines, Mapper

ANN = {"id": "c1", "email": "ann@example.com"}
BOB = {"id": "c2", "email": "bob@example.com"}
SUBSCRIPTION = {"id": "s1", "customer_id": "c1", "status": "active", "mrr": 900, "currency_code": "USD"}
ADDRESSES = [
    ("no address", "the-password", "`store_url` is not the address of a PostgreSQL database"),
    ("another database", "mysql://ann:the-password@db/x", "`store_url` is not the address of a PostgreSQL database"),
    ("SQLite", "sqlite:///the-password.db", "`store_url` is not the address of a PostgreSQL database"),
    ("nobody there", "postgresql://ann:the-password@127.0.0.1:1/x", "cannot be reached .*: check `store_url`"),
]


@pytest.mark.parametrize(("url", "sentence"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES])
def test_an_address_that_leads_nowhere(
    url: str, sentence: str, mapper: Mapper, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong `store_url` is refused in one sentence without the password."""
    caplog.set_level(logging.DEBUG)
    mapper.url = url
    with pytest.raises(UserError, match=sentence) as refused:
        mapper.run(("customers", ANN))
    assert "the-password" not in refused.value.message + caplog.text


def test_a_missing_driver(mapper: Mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `postgres`, the refusal says how to install it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("postgres_database", "postgres_errors", "postgres_store"):
        monkeypatch.delitem(sys.modules, f"standpipe_maps.{name}", raising=False)
    mapper.url = "postgresql://db/x"
    with pytest.raises(UserError, match=r"needs the driver psycopg: .* `-e ./transforms\[postgres\]`"):
        mapper.run(("customers", ANN))


@ON_POSTGRESQL
def test_a_store_is_a_schema(mapper: Mapper) -> None:
    """A store is a schema; a name that PostgreSQL would cut off ends with a hash instead."""
    mapper.run(("customers", ANN), store_name="main")
    mapper.confirmed = {}
    mapper.run(("customers", ANN), store_name="Main-" + "x" * 90)
    assert mapper.stores == ["standpipe_store_Main-" + "x" * 25 + "_1dfafb10667b3bb0", "standpipe_store_main"]
    assert mapper.run().customers == {"c1"}


@ON_POSTGRESQL
def test_a_run_over_part_reads_no_table_from_end_to_end(mapper: Mapper) -> None:
    """A run with `resend: changed` finds what changed by indexes, also those who share or shared a match value."""
    many = range(3000)
    mapper.run(
        *(("customers", {"id": f"c{n}", "email": f"{n // 2}@x.io", "created_at": n}) for n in many),
        *(("subscriptions", {**SUBSCRIPTION, "id": f"s{n}", "customer_id": f"c{n}"}) for n in many),
        *(("invoices", {"id": f"i{n}", "customer_id": f"c{n}", "status": "paid"}) for n in many),
        resend="changed",
    )
    assert mapper.url
    database = sa.make_url(mapper.url).database
    # With so few rows, reading all of them would be right: this way it happens only where there is no other.
    run_sql(mapper.url, f"ALTER DATABASE {database} SET enable_seqscan = off")
    before = _count_scanned(mapper.url)
    sent = mapper.run(("customers", {"id": "c0", "email": "new@x.io", "updated_at": 9}), resend="changed")
    after = _count_scanned(mapper.url)
    run_sql(mapper.url, f"ALTER DATABASE {database} RESET enable_seqscan")
    assert sent.customers == {"c0", "c1"}
    assert after == before


def _count_scanned(url: str) -> dict[str, int]:
    """Return the number of rows of large tables that were read from end to end."""
    large = {"customers", "invoices", "subscriptions"}
    counts = run_sql(url, "SELECT relname, seq_tup_read FROM pg_stat_user_tables")
    return {name: count for name, count in counts if name in large}


@ON_POSTGRESQL
def test_nul_is_removed_with_a_note(mapper: Mapper, caplog: pytest.LogCaptureFixture) -> None:
    """PostgreSQL cannot store NUL: it is removed from the texts of a record, and a warning says how many there were."""
    subscription = {**SUBSCRIPTION, "plan_id": "ba\0sic", "cf_note": r"not \u0000"}
    sent = mapper.run(("customers", {**ANN, "company": "\0Acme\0"}), ("subscriptions", subscription))
    assert sent.attributes()["cb_company_name"] == "Acme"
    assert sent.attributes()["cb_sub_plan_name"] == "basic"
    notes = [message for message in caplog.messages if "NUL" in message]
    assert notes == [
        "NUL characters, which PostgreSQL cannot store, were removed from 1 customers",
        "NUL characters, which PostgreSQL cannot store, were removed from 1 subscriptions",
    ]
    assert mapper.url
    (schema,) = mapper.stores
    ((*_, body),) = run_sql(mapper.url, f'TABLE "{schema}".subscriptions')
    assert rb"not \\u0000" in bytes(body)


@ON_POSTGRESQL
@pytest.mark.enable_socket  # the server may be reached by a file only
def test_a_pooler_is_refused(mapper: Mapper) -> None:
    """A connection pooler is refused, because a lock needs a server process of its own."""
    assert mapper.url
    with _start_pooler(sa.make_url(mapper.url)) as url:
        mapper.url = url
        with pytest.raises(UserError, match=r"`store_url` leads to a connection pooler, .*: give the address"):
            mapper.run(("customers", ANN))


@contextmanager
def _start_pooler(url: sa.URL) -> Iterator[str]:
    """Yield the address of a proxy that names another process than the server's, as poolers do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, url), daemon=True)
        thread.start()
        proxy = url.set(host="127.0.0.1", port=listener.getsockname()[1]).difference_update_query(["host"])
        yield proxy.render_as_string(hide_password=False)
        thread.join(10)


def _serve(listener: socket.socket, url: sa.URL) -> None:
    """Pass one connection on to the server."""
    client, _ = listener.accept()
    with client, socket.socket(socket.AF_UNIX if url.query.get("host") else socket.AF_INET) as server:
        port = url.port or 5432
        server.connect(f"{url.query['host']}/.s.PGSQL.{port}" if url.query.get("host") else (url.host, port))
        back = threading.Thread(target=_pump, args=(client, server), daemon=True)
        back.start()
        _pump(server, client, key=b"K\x00\x00\x00\x0c")
        back.join(10)


def _pump(source: socket.socket, target: socket.socket, key: bytes | None = None) -> None:
    """Pass bytes on; change the number of the process after ``key``."""
    while data := source.recv(65536):
        start = data.find(key) + len(key) if key and key in data else 0
        changed = data[:start] + b"\x00\x00\x00\x07" + data[start + 4 :] if start else data
        target.sendall(changed)
    with suppress(OSError):  # the other side has closed it already
        target.shutdown(socket.SHUT_WR)


def _copy(mapper: Mapper, source: str, target: str, *options: str) -> Any:
    return mapper.ask("store", "copy", "--from", source, "--to", target, *options)


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("customers", ANN),
    ("customers", {**BOB, "deleted": True}),
    ("subscriptions", SUBSCRIPTION),
    ("subscriptions", {**SUBSCRIPTION, "id": "s2", "customer_id": "later"}),
    ("invoices", {"id": "i1", "customer_id": "c1", "status": "not_paid", "amount_due": 5, "exchange_rate": 1.25}),
]


@ON_POSTGRESQL
def test_a_store_moves_to_the_database_and_back(mapper: Mapper) -> None:
    """A copied store has the same rows by digest, and the next run continues it in either place."""
    url, mapper.url = mapper.url, None
    mapper.run(*ROWS, resend="changed")
    mapper.url = url
    there = _copy(mapper, "store_dir", "store_url")["stores"]
    name = mapper.confirmed["store"]
    assert [(one["name"], one["from"], one["rows"]) for one in there] == [
        (name, str(mapper.folder / f"{name}.sqlite"), 16)
    ]
    assert there[0]["to"].endswith(f"/standpipe_store_{name}")
    assert mapper.run(("customers", {**ANN, "updated_at": 5}), resend="changed").customers == {"c1"}

    (mapper.folder / f"{name}.sqlite").unlink()
    back = _copy(mapper, "store_url", "store_dir")["stores"]
    mapper.url = None
    assert back[0]["digest"] != there[0]["digest"]
    assert mapper.run(resend="changed").customers == set()
    assert mapper.run(*ROWS).customers == {"c1", "c2"}


@ON_POSTGRESQL
def test_a_store_is_not_copied_over_another(mapper: Mapper) -> None:
    """A copy over a store that is there is refused, and neither is changed."""
    mapper.run(*ROWS)
    _copy(mapper, "store_url", "store_dir")
    before = mapper.dump()
    with pytest.raises(UserError, match=r"is a store already: remove it, or copy to another place"):
        _copy(mapper, "store_url", "store_dir")
    with pytest.raises(UserError, match=r"is a store already: remove it, or copy to another place"):
        _copy(mapper, "store_dir", "store_url")
    assert mapper.dump() == before


@ON_POSTGRESQL
def test_erased_people_stay_out_in_either_place(mapper: Mapper) -> None:
    """The list of erased people is in the database, goes along with a copy, and keeps them out of every run."""
    mapper.run(*ROWS)
    assert mapper.ask("find-person", text='["c1"]')["names"] == ["ann@example.com", "c1"]
    mapper.ask("block-person", text='["c1", "ann@example.com"]')
    assert mapper.ask("erase-person", text='["c1", "ann@example.com"]')["rows"] == 3
    assert mapper.run(*ROWS).customers == {"c2"}
    assert mapper.summary()["customers"] == 1
    _copy(mapper, "store_url", "store_dir")
    mapper.url = None
    assert mapper.run(*ROWS).customers == {"c2"}


@ON_POSTGRESQL
def test_a_store_can_be_read_while_a_run_uses_it(mapper: Mapper, lines: Lines) -> None:
    """A store in a database is shown as the last run left it, also during a run; only a change has to wait."""
    mapper.run(*ROWS)
    process = mapper.start()
    assert process.stdin
    process.stdin.write("".join([lines.state(None, _map=mapper.confirmed), *lines.schemas]))
    process.stdin.flush()
    while not mapper.is_in_use():
        assert process.poll() is None
    assert mapper.ask("inspect", "c1")["derived"]["email"] == "ann@example.com"
    assert [one["generation"] for one in mapper.ask("stores")["stores"]] == [1]
    with pytest.raises(UserError, match="Another run is using the store"):
        mapper.ask("erase-person", text='["c1"]')
    process.communicate(lines.state(_map=mapper.confirmed), timeout=60)
    assert process.returncode == 0


@ON_POSTGRESQL
def test_a_store_is_removed_by_name(mapper: Mapper) -> None:
    """`store remove` removes a store of this map."""
    mapper.run(*ROWS)
    with pytest.raises(UserError, match="There is no store `other`"):
        mapper.ask("store", "remove", "other")
    assert mapper.ask("store", "remove", mapper.confirmed["store"]) == {"removed": mapper.confirmed["store"]}
    assert mapper.stores == []
