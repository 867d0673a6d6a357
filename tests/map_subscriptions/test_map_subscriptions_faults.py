"""A run killed, cut off or out of space in any phase: no partial result is confirmed, and the next run is right."""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from map_stores import ON_BOTH, ON_POSTGRESQL
from moments import write_break
from standpipe_maps._kit.errors import UserError
from warm_commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Lines, Mapper

Row = tuple[str, dict[str, Any]]
COMMAND = Path(sys.executable).with_name("map-subscriptions")
STORE = "standpipe_maps.store:Store"
MODULE = "standpipe_maps.subscriptions.mapper"
BASE = "standpipe_maps.base"
ANN = {"id": "ann", "email": "one@x.io", "created_at": 100, "cf_user": "u1", "resource_version": 1}
BOB = {**ANN, "id": "bob", "created_at": 200, "cf_user": "u2"}
OLD: list[Row] = [
    ("customers", ANN),
    ("customers", BOB),
    ("subscriptions", {"id": "s1", "customer_id": "ann", "status": "cancelled", "resource_version": 1}),
]
MANY = 1500
NEW: list[Row] = [
    *(("customers", {"id": f"n{n}", "email": f"{n}@x.io", "cf_user": f"n{n}"}) for n in range(MANY)),
    ("subscriptions", {"id": "s1", "customer_id": "ann", "status": "active", "resource_version": 2}),
    ("invoices", {"id": "i1", "customer_id": "n0", "status": "not_paid", "amount_due": 5, "currency_code": "USD"}),
]
BY_USER = {"match_on": "user_id", "user_id_field": "cf_user"}
LIMIT = 100_000

# The fault, its place, and the output of the mapper: nothing, a part without STATE, or all.
DEATHS = [
    ("reading", STORE, "upsert_rows", 1, "kill", "nothing"),
    ("deriving", MODULE, "derive_record", 700, "kill", "nothing"),
    ("before the commit", STORE, "commit", 1, "kill", "nothing"),
    ("in the middle of the commit", STORE, "commit", 1, "cut", "nothing"),
    ("after the commit", BASE, "write_spool", 1, "kill", "nothing"),
    ("in the middle of emitting", BASE, "write_spool", 1, "cut", "part"),
    ("summing up", BASE, "write_summary", 1, "kill", "all"),
]
# The settings of the run with the fault, and of the next run.
SETTINGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the same settings", {}, {}),
    ("a setting changed", {**BY_USER, "resend": "changed"}, {**BY_USER, "resend": "changed"}),
    ("a setting changed and set back", BY_USER, {"resend": "changed"}),
]


def whole(mapper: Mapper, lines: Lines, rows: list[Row]) -> str:
    """Return the whole input of a run of tap-chargebee."""
    echo = lines.state(None, _map=mapper.confirmed)
    return "".join([echo, *lines.schemas, *(lines.record(*row) for row in rows), lines.state(_map=mapper.confirmed)])


def at_a_moment(mapper: Mapper, text: str, moment: tuple[Any, ...], **settings: Any) -> tuple[int, str, bytes]:
    """Run the command until a fault in this phase, and return exit code, log and output."""
    command: list[str | Path] = [COMMAND, "--config", mapper.settings_file(**settings)]
    env = {**os.environ, "TEST_STORE_URL": mapper.url or ""}
    done = run_command(command, text=text, env=env, before=write_break(*moment))
    return done.returncode, done.stderr, done.stdout.encode()


TRUTHS: dict[str, list[dict[str, Any]]] = {}


def find_truth(fresh_mapper: Callable[[], Mapper], **settings: Any) -> list[dict[str, Any]]:
    """Return the records of one whole run over the old and new rows, which is made once for all tests."""
    key = json.dumps(settings, sort_keys=True)
    if key not in TRUTHS:
        TRUTHS[key] = fresh_mapper().run(*OLD, *NEW, **settings).records
    return TRUTHS[key]


def messages(sent: bytes) -> list[dict[str, Any]]:
    """Return the messages on complete lines, which a target can read."""
    return [json.loads(line) for line in sent.splitlines(keepends=True) if line.endswith(b"\n")]


def extent(sent: bytes) -> str:
    """Return how much of the output was sent: nothing, part or all."""
    if not sent:
        return "nothing"
    return "all" if messages(sent)[-1]["type"] == "STATE" else "part"


def by_customer(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the last record of each customer."""
    return {one["customer_id"]: one for one in records}


def records(sent: bytes) -> list[dict[str, Any]]:
    """Return the records on complete lines."""
    return [message["record"] for message in messages(sent) if message["type"] == "RECORD"]


@pytest.mark.parametrize("settings", [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
@pytest.mark.parametrize("death", [row[1:] for row in DEATHS], ids=[row[0] for row in DEATHS])
def test_a_death_at_each_phase(
    death: tuple[Any, ...],
    settings: tuple[dict[str, Any], ...],
    mapper: Mapper,
    fresh_mapper: Callable[[], Mapper],
    lines: Lines,
) -> None:
    """Every record sent before and after a kill is right, and none sent by the killed run is wrong."""
    *moment, expected = death
    during, after = settings
    last = by_customer(mapper.run(*OLD).records)
    code, _, sent = at_a_moment(mapper, whole(mapper, lines, NEW), (*moment, LIMIT), **during)
    assert (code, extent(sent)) == (-signal.SIGXFSZ if "cut" in moment else -signal.SIGKILL, expected)
    truth = by_customer(find_truth(fresh_mapper, **during))
    assert all(truth[one["customer_id"]] == one for one in records(sent))
    last.update(by_customer(records(sent)))
    if expected == "all":
        mapper.confirmed = messages(sent)[-1]["value"]["bookmarks"]["_map"]
    last.update(by_customer(mapper.run(*([] if expected == "all" else NEW), **after).records))
    for customer, record in by_customer(find_truth(fresh_mapper, **after)).items():
        assert last[customer] == record


# The same for a store in a database, whose commit is no file of this process.
WITH_DATABASE = [
    ("reading", "standpipe_maps.input_spool:InputSpool", "write", 1, "kill", "nothing"),
    ("loading", STORE, "upsert_rows", 1, "kill", "nothing"),
    ("deriving", MODULE, "derive_record", 700, "kill", "nothing"),
    ("before the commit", STORE, "commit", 1, "kill", "nothing"),
    ("after the commit", BASE, "write_spool", 1, "kill", "nothing"),
    ("in the middle of emitting", BASE, "write_spool", 1, "cut", "part"),
    ("summing up", BASE, "write_summary", 1, "kill", "all"),
]


@ON_POSTGRESQL
@pytest.mark.parametrize("death", [row[1:] for row in WITH_DATABASE], ids=[row[0] for row in WITH_DATABASE])
def test_a_death_at_each_phase_with_a_database(
    death: tuple[Any, ...], mapper: Mapper, fresh_mapper: Callable[[], Mapper], lines: Lines
) -> None:
    """The same holds when the store is in a database: a killed run leaves nothing of its transaction."""
    test_a_death_at_each_phase(death, (BY_USER, {"resend": "changed"}), mapper, fresh_mapper, lines)


CUTS = [
    ("loading", STORE, "upsert_rows", 2),
    ("deriving", MODULE, "derive_record", 700),
    ("committing", STORE, "commit", 1),
]


@ON_POSTGRESQL
@pytest.mark.parametrize("cut", [row[1:] for row in CUTS], ids=[row[0] for row in CUTS])
def test_a_database_that_goes_away(
    cut: tuple[Any, ...], mapper: Mapper, fresh_mapper: Callable[[], Mapper], lines: Lines
) -> None:
    """When the database goes away in the transaction, the run ends in one sentence; the next run sends everything."""
    mapper.run(*OLD)
    code, log, sent = at_a_moment(mapper, whole(mapper, lines, NEW), (*cut, "disconnect", 0))
    assert (code, extent(sent), "Traceback" in log, "Exception ignored" in log) == (1, "nothing", False, False), log
    assert "The connection to the database of the store" in log
    assert mapper.run(*NEW).records == find_truth(fresh_mapper)


@ON_POSTGRESQL
def test_a_database_that_is_restarted_while_the_tap_reads(
    mapper: Mapper, fresh_mapper: Callable[[], Mapper], lines: Lines
) -> None:
    """When the connection breaks before the input has ended, the run takes another one and goes on."""
    mapper.run(*OLD)
    moment = ("standpipe_maps.input_spool:InputSpool", "write", 1, "disconnect", 0)
    code, log, sent = at_a_moment(mapper, whole(mapper, lines, NEW), moment)
    assert (code, extent(sent)) == (0, "all"), log
    assert records(sent) == find_truth(fresh_mapper)


@ON_POSTGRESQL
def test_an_input_that_does_not_fit(mapper: Mapper, lines: Lines) -> None:
    """When the input does not fit into the folder, the run ends in one sentence."""
    mapper.run(*OLD)
    moment = ("standpipe_maps.input_spool:InputSpool", "write", 1, "full", 0)
    code, log, sent = at_a_moment(mapper, whole(mapper, lines, NEW), moment)
    assert (code, extent(sent), "Traceback" in log, "Exception ignored" in log) == (1, "nothing", False, False), log
    assert "The input does not fit into" in log


FULL = [
    ("reading", STORE, "upsert_rows", 1, 0, "nothing", "The disk that holds the store"),
    ("deriving", MODULE, "derive_record", 700, 0, "nothing", "no space for the records to send, next to the store"),
    (
        "deriving the last record",
        MODULE,
        "derive_record",
        MANY + 1,
        0,
        "nothing",
        "no space for the records to send, next to the store",
    ),
    ("committing", STORE, "commit", 1, LIMIT, "nothing", "The disk that holds the store"),
    ("emitting", BASE, "write_spool", 1, LIMIT, "part", "The output cannot be written"),
]


@pytest.mark.parametrize("full", [row[1:] for row in FULL], ids=[row[0] for row in FULL])
def test_a_disk_full_at_each_phase(
    full: tuple[Any, ...], mapper: Mapper, fresh_mapper: Callable[[], Mapper], lines: Lines
) -> None:
    """A full disk ends the run in one sentence with exit code 1 and no STATE; the next run sends everything."""
    place, name, nth, limit, expected, sentence = full
    mapper.run(*OLD)
    code, log, sent = at_a_moment(mapper, whole(mapper, lines, NEW), (place, name, nth, "full", limit))
    assert (code, extent(sent), "Traceback" in log, "Exception ignored" in log) == (1, expected, False, False), log
    assert sentence in log
    assert mapper.run(*NEW).records == find_truth(fresh_mapper)


def test_a_disk_full_when_all_is_sent(mapper: Mapper, lines: Lines) -> None:
    """When the disk is full after the last message, only the summary is lost."""
    mapper.run(*OLD)
    code, log, sent = at_a_moment(mapper, whole(mapper, lines, NEW), (BASE, "write_summary", 1, "full", 0))
    assert (code, extent(sent), len(records(sent))) == (0, "all", MANY + 1)
    assert "cannot be written (File too large)" in log


ENDS = ["customers", "subscriptions", "invoices"]


@ON_BOTH
@pytest.mark.parametrize("rest", ["", '{"type": "RECORD", "stream": "'], ids=["between lines", "within a line"])
@pytest.mark.parametrize("stream", ENDS)
def test_a_tap_that_dies_in_each_stream(
    stream: str, rest: str, mapper: Mapper, fresh_mapper: Callable[[], Mapper], lines: Lines
) -> None:
    """Whatever a dying tap had sent, the map sends nothing, and the next run sends the right records."""
    mapper.run(*OLD)
    names = ENDS[: ENDS.index(stream) + 1]
    streams = [[lines.schema(name), *(lines.record(*row) for row in NEW if row[0] == name)] for name in names]
    states = [lines.state(None, _map=mapper.confirmed)] * 2
    with pytest.raises(UserError, match=r"without saying that it read everything|Line \d+ of the input is not a"):
        mapper.feed([states[0], *chain.from_iterable(streams), states[1], rest])
    assert mapper.run(*NEW).records == find_truth(fresh_mapper)


def _lose_state(mapper: Mapper, other: str) -> None:  # noqa: ARG001
    mapper.confirmed = {}


def _lose_store(mapper: Mapper, other: str) -> None:  # noqa: ARG001
    mapper.lose_store()


def _roll_back(mapper: Mapper, other: str) -> None:  # noqa: ARG001
    put_back = mapper.copy_store()
    mapper.run(*NEW)
    put_back()


def _take_another_store(mapper: Mapper, other: str) -> None:
    mapper.rename_store(other)
    mapper.confirmed["store"] = other


def _take_another_state(mapper: Mapper, other: str) -> None:
    mapper.confirmed = {"store": other, "gen": 1}


def _damage(mapper: Mapper, other: str) -> None:  # noqa: ARG001
    mapper.damage_store()


LOSSES: list[tuple[str, Callable[[Mapper, str], None], str | None]] = [
    ("state lost", _lose_state, None),
    ("store lost", _lose_store, "is missing"),
    ("store rolled back", _roll_back, "is an old copy"),
    ("store of another pipeline", _take_another_store, "under another name"),
    ("state of another pipeline", _take_another_state, "is missing"),
    ("store damaged", _damage, "is not a store, or is damaged"),
]


@ON_BOTH
@pytest.mark.parametrize("resend", ["all", "changed"])
@pytest.mark.parametrize(("loss", "sentence"), [row[1:] for row in LOSSES], ids=[row[0] for row in LOSSES])
def test_a_loss_between_runs(
    loss: Callable[[Mapper, str], None],
    sentence: str | None,
    resend: str,
    mapper: Mapper,
    fresh_mapper: Callable[[], Mapper],
) -> None:
    """A lost, outdated or foreign store is refused; a full refresh sends everything."""
    other = fresh_mapper()
    other.run(("customers", {"id": "stranger", "email": "stranger@x.io"}))
    mapper.run(*OLD, resend=resend)
    loss(mapper, other.store_name)
    if sentence:
        with pytest.raises(UserError, match=rf"{sentence}.*--full-refresh"):
            mapper.run(*NEW, resend=resend)
        mapper.confirmed = {}
    assert mapper.run(*OLD, *NEW, resend=resend).records == find_truth(fresh_mapper)
