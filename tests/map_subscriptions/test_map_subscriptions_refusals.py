"""When the map refuses a run: one sentence with the remedy, nothing sent, and the store unchanged."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from map_stores import ON_BOTH
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    import subprocess

    from tests.map_subscriptions.conftest import Lines, Mapper

pytestmark = ON_BOTH
ANN = {"id": "c1", "email": "ann@example.com", "created_at": 1700000000}
BOB = {"id": "c2", "email": "bob@example.com", "created_at": 1700000000}


MARKERS: list[tuple[str, dict[str, Any] | None, str]] = [
    ("no marker", None, "The tap ended without saying that it read everything"),
    ("no time in it", {"streams": "customers,invoices,subscriptions"}, "The tap ended without saying"),
    ("no invoices", {"streams": "customers,subscriptions"}, "did not read the stream invoices, .* select it"),
    ("no subscriptions", {"streams": "customers,invoices"}, "did not read the stream subscriptions"),
    ("no customers", {"streams": "invoices,subscriptions"}, "did not read the stream customers"),
    ("bounded", {"from": 1600000000}, "bounded by `start_date`"),
    ("bounded by zero", {"from": 0}, "bounded by `start_date`"),
    ("subset", {"subset": 1}, "only some customers, .* mapping `preview`"),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in MARKERS], ids=[row[0] for row in MARKERS])
def test_an_input_that_is_not_whole(change: dict[str, Any] | None, sentence: str, mapper: Mapper, lines: Lines) -> None:
    """A first run is refused unless the last STATE says that everything was read; no store is left behind."""
    marker = change and {**lines.marker, **change}
    if change == MARKERS[1][1]:
        marker = change
    with pytest.raises(UserError, match=sentence):
        mapper.run(("customers", ANN), marker=marker)
    assert mapper.stores == []


def test_a_later_run_may_be_a_subset(mapper: Mapper, lines: Lines) -> None:
    """A later run may be a subset, which sends only its own customers."""
    mapper.run(("customers", ANN))
    sent = mapper.run(("customers", BOB), marker={**lines.marker, "subset": 1})
    assert sent.customers == {"c2"}
    assert mapper.run().customers == {"c1", "c2"}


def test_a_later_run_may_not_be_bounded(mapper: Mapper, lines: Lines) -> None:
    """A later run with `start_date` is refused, because its bookmarks would skip changes of older rows."""
    mapper.run(("customers", ANN))
    before = mapper.dump()
    with pytest.raises(UserError, match=r"bounded by `start_date`"):
        mapper.run(("customers", BOB), marker={**lines.marker, "from": 1600000000})
    assert mapper.dump() == before


def test_a_marker_that_an_older_run_left(mapper: Mapper, lines: Lines) -> None:
    """Only a marker after the first SCHEMA counts, because a tap may repeat an old STATE and die."""
    mapper.run(("customers", ANN))
    echo = lines.state(_map=mapper.confirmed)
    before = mapper.dump()
    with pytest.raises(UserError, match=r"without saying that it read everything"):
        mapper.feed([echo, *lines.schemas, lines.record("customers", BOB)])
    with pytest.raises(UserError, match=r"sent no stream"):
        mapper.feed([echo])
    assert mapper.dump() == before


def test_a_marker_that_a_later_state_drops(mapper: Mapper, lines: Lines) -> None:
    """Only the last STATE counts: a marker that a later STATE lacks is ignored."""
    with pytest.raises(UserError, match=r"without saying that it read everything"):
        mapper.feed([*lines.schemas, lines.state(), lines.state(None)])


@pytest.mark.parametrize(
    "marker",
    [None, {"completed_at": 1, "streams": "customers", "from": 5, "subset": 1}],
    ids=["no marker", "marker of a part"],
)
def test_allow_partial_takes_what_there_is(marker: dict[str, Any] | None, mapper: Mapper) -> None:
    """With `allow_partial`, any input is accepted."""
    sent = mapper.run(("customers", ANN), marker=marker, allow_partial=True, store_name="main")
    assert sent.customers == {"c1"}


def test_allow_partial_needs_a_named_store(mapper: Mapper) -> None:
    """`allow_partial` needs a `store_name` when the tap sends neither marker nor STATE."""
    with pytest.raises(UserError, match=r"set `store_name`"):
        mapper.run(("customers", ANN), marker=None, allow_partial=True)
    assert mapper.stores == []


def test_a_tap_without_echo_continues_the_named_store(mapper: Mapper, lines: Lines) -> None:
    """With a named store, earlier rows are joined with new ones, even when the tap repeats no STATE."""
    settings = {"allow_partial": True, "store_name": "main"}
    mapper.feed([*lines.schemas, lines.record("customers", ANN)], **settings)
    sent = mapper.feed([*lines.schemas, lines.record("customers", BOB)], **settings)
    assert (sent.customers, sent.kinds) == ({"c1", "c2"}, ["SCHEMA", "RECORD", "RECORD"])
    sent = mapper.feed([lines.state(None), *lines.schemas, lines.state(None)], **settings)
    assert sent.bookmarks["_map"] == {"store": "main", "gen": 3}


def test_an_unknown_named_store_is_missing_when_there_are_bookmarks(mapper: Mapper, lines: Lines) -> None:
    """A named store that does not exist is refused when STATE has bookmarks."""
    with pytest.raises(UserError, match=r"main\S* is missing.*--full-refresh"):
        mapper.feed([lines.state(None), *lines.schemas], allow_partial=True, store_name="main")


def test_a_missing_store(mapper: Mapper) -> None:
    """A missing store that STATE names is refused."""
    mapper.run(("customers", ANN))
    mapper.lose_store()
    with pytest.raises(UserError, match=r"The store \S+ is missing: restore it, or run once with --full-refresh"):
        mapper.run(("customers", BOB))
    assert mapper.stores == []


def test_an_older_copy_of_the_store(mapper: Mapper) -> None:
    """An old copy of the store is refused, because the tap will not send the missing rows again."""
    mapper.run(("customers", ANN))
    put_back = mapper.copy_store()
    mapper.run(("customers", BOB))
    put_back()
    before = mapper.dump()
    with pytest.raises(UserError, match=r"is an old copy \(run 1, STATE says 2\).*--full-refresh"):
        mapper.run()
    assert mapper.dump() == before


def test_an_unconfirmed_generation_is_no_older_copy(mapper: Mapper) -> None:
    """A store newer than STATE is accepted: its last run was never confirmed."""
    mapper.run(("customers", ANN))
    confirmed = mapper.confirmed
    mapper.run(("customers", BOB))
    mapper.confirmed = confirmed
    sent = mapper.run()
    assert (sent.customers, sent.bookmarks["_map"]["gen"]) == ({"c1", "c2"}, 3)


def test_a_store_under_another_name(mapper: Mapper) -> None:
    """A store of another pipeline under the expected name is refused."""
    mapper.run(("customers", ANN))
    mapper.rename_store("other")
    mapper.confirmed["store"] = "other"
    with pytest.raises(UserError, match=r"under another name.*--full-refresh"):
        mapper.run()


BOOKMARKS = [
    ("bookmarks without the map's", {"bookmarks": {"customers": {}}}, "does not name the map's store.*--full-refresh"),
    ("state of another shape", {"customers": "2026-01-01"}, "does not name the map's store.*--full-refresh"),
    (
        "damaged",
        {"bookmarks": {"customers": {}, "_map": {"store": 7}}},
        "does not name the map's store.*--full-refresh",
    ),
    (
        "a path",
        {"bookmarks": {"customers": {}, "_map": {"store": "../other", "gen": 1}}},
        "cannot be a file.*--full-refresh",
    ),
]


@pytest.mark.parametrize(("echo", "sentence"), [row[1:] for row in BOOKMARKS], ids=[row[0] for row in BOOKMARKS])
def test_a_state_that_names_no_store(echo: dict[str, Any], sentence: str, mapper: Mapper, lines: Lines) -> None:
    """A STATE with bookmarks but without a store is refused, even when `store_name` is set."""
    for settings in ({}, {"store_name": "main"}):
        with pytest.raises(UserError, match=sentence if not settings or "cannot" not in sentence else "STATE names"):
            mapper.feed([lines.line("STATE", value=echo), *lines.schemas, lines.state()], **settings)
    assert mapper.stores == []


@pytest.mark.parametrize("value", [{}, {"bookmarks": {}}, {"bookmarks": {"_sync": {}}}], ids=["{}", "none", "marker"])
def test_a_state_without_bookmarks_is_a_first_run(value: dict[str, Any], mapper: Mapper, lines: Lines) -> None:
    """A STATE without bookmarks is a first run."""
    sent = mapper.feed(
        [lines.line("STATE", value=value), *lines.schemas, lines.record("customers", ANN), lines.state()]
    )
    assert sent.customers == {"c1"}


FOREIGN: dict[str, Any] = {
    "a fraction": 1.1,
    "nothing": None,
    "a list": [1.5, [2, {"deep": [0.1]}]],
    "text": "2026-01-01",
    "an object": {"partitions": [{"context": {"id": 7}, "replication_key_value": 1e-7}]},
}


@pytest.mark.parametrize("settings", [{}, {"allow_partial": True, "store_name": "main"}], ids=["marker", "partial"])
def test_a_state_comes_out_as_it_came(settings: dict[str, Any], mapper: Mapper, lines: Lines) -> None:
    """STATE passes unchanged, including fractions and unknown members; only the map's own bookmark is added."""
    value: dict[str, Any] = {
        "bookmarks": {**FOREIGN, "_sync": lines.marker},
        "version": 2.5,
        "other tap": {"bookmarks": [0.5]},
    }
    sent = mapper.feed([*lines.schemas, lines.record("customers", ANN), lines.line("STATE", value=value)], **settings)
    assert [message["value"] for message in sent.messages if message["type"] == "STATE"] == [
        {**value, "bookmarks": {**value["bookmarks"], "_map": sent.bookmarks["_map"]}}
    ]


@pytest.mark.parametrize("bookmarks", [[], [1.5], "customers", 7, 1.5, True, None], ids=str)
@pytest.mark.parametrize("settings", [{}, {"allow_partial": True, "store_name": "main"}], ids=["marker", "partial"])
@pytest.mark.parametrize("early", [True, False], ids=["what was confirmed", "what is to be"])
def test_bookmarks_that_are_no_object(
    bookmarks: Any, settings: dict[str, Any], mapper: Mapper, lines: Lines, *, early: bool
) -> None:
    """Bookmarks that are not an object are refused, because the map could not add its own."""
    odd = lines.line("STATE", value={"bookmarks": bookmarks})
    given = [odd, *lines.schemas, lines.state()] if early else [*lines.schemas, lines.record("customers", ANN), odd]
    with pytest.raises(
        UserError, match=r"^The `bookmarks` of a STATE .* are not an object, so nothing is sent: check the tap"
    ):
        mapper.feed(given, **settings)
    assert mapper.dump() == []


def test_a_store_named_otherwise_than_state_says(mapper: Mapper) -> None:
    """A changed `store_name` is refused, because the rows would be joined with others than were confirmed."""
    mapper.run(("customers", ANN))
    with pytest.raises(UserError, match=r"the setting `store_name` is `main`.*--full-refresh"):
        mapper.run(store_name="main")


def test_an_echo_that_comes_too_late(mapper: Mapper, lines: Lines) -> None:
    """A STATE that names a store after the first SCHEMA is refused."""
    mapper.run(("customers", ANN))
    with pytest.raises(UserError, match=r"too late.*`store_name`"):
        mapper.feed([*lines.schemas, lines.state(_map=mapper.confirmed)])
    assert len(mapper.stores) == 1


def test_a_preview_sends_no_state_and_keeps_no_store(mapper: Mapper, lines: Lines) -> None:
    """A preview sends the records, even of a subset, but no STATE, and keeps no store."""
    sent = mapper.run(("customers", ANN), marker={**lines.marker, "subset": 1}, preview=True)
    assert sent.kinds == ["SCHEMA", "RECORD"]
    assert mapper.stores == []
    assert mapper.summary("preview")["customers_out"] == 1


@pytest.mark.parametrize(("marker", "sentence"), [(None, "without saying"), ({"from": 5}, "bounded by `start_date`")])
def test_a_preview_is_whole(marker: dict[str, Any] | None, sentence: str, mapper: Mapper, lines: Lines) -> None:
    """A preview over incomplete input is refused."""
    with pytest.raises(UserError, match=sentence):
        mapper.run(("customers", ANN), marker=marker and {**lines.marker, **marker}, preview=True)


def test_a_preview_after_bookmarks(mapper: Mapper, lines: Lines) -> None:
    """A preview is refused after a STATE with bookmarks, because the tap would read only changes."""
    with pytest.raises(UserError, match=r"A preview reads everything.*--full-refresh"):
        mapper.feed([lines.state(None), *lines.schemas, lines.state()], preview=True)


RECORD = '{"type": "RECORD", "stream": "customers", "record": {"id": "c1", "email": "ann@example.com"}}\n'
BAD_LINES = [
    ("broken JSON", '{"type": "RECORD", "stream": "customers", "rec', "Line 4 .* not a Singer message"),
    ("text", "Traceback ann@example.com\n", "Line 4 .* not a Singer message"),
    ("no object", "[1]\n", "Line 4 .* not a Singer message"),
    ("no type", '{"stream": "customers"}\n', "Line 4 .* not a Singer message"),
    ("unknown type", '{"type": "EVENT"}\n', "Line 4 .* not a Singer message"),
    ("record without its stream", '{"type": "RECORD", "record": {}}\n', "Line 4 .* not a Singer message"),
    ("state without its value", '{"type": "STATE"}\n', "Line 4 .* not a Singer message"),
    ("batch", '{"type": "BATCH", "stream": "customers"}\n', "customers as BATCH files: remove `batch_config`"),
    (
        "record before its schema",
        '{"type": "RECORD", "stream": "plans", "record": {"id": "p"}}\n',
        "stream plans came before its schema",
    ),
    ("no id", RECORD.replace('"id"', '"key"'), "The record None of customers .*`id`"),
    ("number as id", RECORD.replace('"c1"', "1"), r"The record 1 of customers .*\$.id"),
    ("no record", RECORD.replace("{", "[").replace("}", "]"), "Line 4"),
]


@pytest.mark.parametrize(("bad", "sentence"), [row[1:] for row in BAD_LINES], ids=[row[0] for row in BAD_LINES])
def test_bad_lines_end_the_run(bad: str, sentence: str, mapper: Mapper, lines: Lines) -> None:
    """A bad line ends the run with its number or its record's id, but never with its content."""
    with pytest.raises(UserError, match=sentence) as refused:
        mapper.feed([*lines.schemas, bad, lines.state()])
    assert "ann@example.com" not in refused.value.message
    assert mapper.stores == []


def test_other_streams_and_blank_lines_pass_by(mapper: Mapper, lines: Lines) -> None:
    """Other streams, blank lines and ACTIVATE_VERSION are ignored."""
    more = [lines.schema("events"), lines.record("events", {"id": 7}), "\n"]
    version = lines.line("ACTIVATE_VERSION", stream="customers", version=1)
    sent = mapper.feed([*lines.schemas, *more, version, lines.record("customers", ANN), lines.state()])
    assert sent.customers == {"c1"}


COMMANDS = [
    ("no marker", lambda lines: [*lines.schemas, lines.state(None)], {}, "without saying that it read everything"),
    ("no input", lambda _: [], {}, "The tap sent no stream"),
    ("broken JSON", lambda _: ["{"], {}, "Line 1 of the input"),
    ("late echo", lambda lines: [lines.state(None), *lines.schemas], {}, "--full-refresh"),
    (
        "collision",
        lambda _: [],
        {"extra_customer_fields": ["mrr"]},
        "`extra_customer_fields` names `mrr`, but `cb_cust_mrr` is already an attribute: remove it.",
    ),
    ("setting", lambda _: [], {"match_on": "phone"}, "The setting `match_on` must be one of `email`, `user_id`,"),
    ("misspelt", lambda _: [], {"mach_on": "email"}, "There is no setting `mach_on`: did you mean `match_on`?"),
    ("unheard of", lambda _: [], {"zebra": 5}, "There is no setting `zebra`."),
]


@pytest.mark.parametrize(
    ("input_lines", "settings", "sentence"), [row[1:] for row in COMMANDS], ids=[row[0] for row in COMMANDS]
)
def test_a_refusal_of_the_command(
    input_lines: Any, settings: dict[str, Any], sentence: str, mapper: Mapper, lines: Lines
) -> None:
    """A refusal ends the command with exit code 1 and one sentence in the log, without output."""
    done = mapper.command(input_lines(lines), **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(re.findall("ERROR", done.stderr)) <= 2
    assert "Traceback" not in done.stderr
    assert mapper.stores == []


def half_way(mapper: Mapper, lines: Lines, **settings: Any) -> subprocess.Popen[str]:
    """Return a running command in the middle of its input, with uncommitted rows."""
    process = mapper.start(**settings)
    assert process.stdin
    echo = [lines.state(None, _map=mapper.confirmed)] if mapper.confirmed else []
    many = [lines.record("customers", {"id": f"n{number}", "email": f"{number}@x.io"}) for number in range(1500)]
    process.stdin.write("".join([*echo, *lines.schemas, *many]))
    while not mapper.is_in_use():
        assert process.poll() is None
        process.stdin.write("\n" * 10_000)
        process.stdin.flush()
    return process


def test_two_runs_at_once(mapper: Mapper, lines: Lines) -> None:
    """A second run finds the store locked until the first has ended, and does not disturb it."""
    mapper.run(("customers", ANN))
    first = half_way(mapper, lines)
    with pytest.raises(UserError, match=r"Another run is using the store \S+: wait until it has ended"):
        mapper.run(("customers", BOB))
    output, _ = first.communicate(lines.state(_map=mapper.confirmed), timeout=60)
    assert first.returncode == 0
    assert output.count('"type":"RECORD"') == 1501


def test_a_run_that_is_still_sending_holds_the_store(mapper: Mapper, lines: Lines) -> None:
    """While a slow target still reads, the next run finds the store locked."""
    many = [lines.record("customers", {"id": f"n{number}", "email": f"{number}@x.io"}) for number in range(500)]
    first = mapper.start(store_name="main")
    with first:
        assert first.stdin
        assert first.stdout
        first.stdin.write("".join([*lines.schemas, *many, lines.state()]))
        first.stdin.close()
        assert first.stdout.read(1) == "{"
        with pytest.raises(UserError, match=r"Another run is using the store"):
            mapper.run(("customers", BOB), store_name="main")
        assert first.stdout.read().count('"type":"RECORD"') == 500
    assert first.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_killed_in_the_middle(how: signal.Signals, mapper: Mapper, lines: Lines) -> None:
    """A killed run changes no store and sends nothing, and the next run sends everything."""
    mapper.run(("customers", ANN))
    process = half_way(mapper, lines)
    process.send_signal(how)
    output, log = process.communicate(timeout=60)
    assert (process.returncode != 0, output) == (True, "")
    assert "Traceback" not in log
    sent = mapper.run(("customers", BOB))
    assert (sent.customers, sent.bookmarks["_map"]["gen"]) == ({"c1", "c2"}, 2)


def test_a_first_run_told_to_stop_leaves_no_store(mapper: Mapper, lines: Lines) -> None:
    """A terminated first run leaves no store."""
    process = half_way(mapper, lines)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (process.returncode, mapper.stores) == (128 + signal.SIGTERM, [])


def test_a_folder_that_cannot_be_made(mapper: Mapper) -> None:
    """A `store_dir` that is a file is refused."""
    mapper.folder.write_text("")
    with pytest.raises(UserError, match=r"cannot be created .* check `store_dir`"):
        mapper.run(("customers", ANN))


def test_a_target_that_stops_reading(mapper: Mapper, lines: Lines) -> None:
    """When the target stops reading, the run ends with exit code 1 and one sentence."""
    many = [lines.record("customers", {"id": f"n{number}", "email": f"{number}@x.io"}) for number in range(500)]
    process = mapper.start()
    assert process.stdout
    assert process.stdin
    assert process.stderr
    process.stdout.close()
    with process.stdin as stdin:
        stdin.write("".join([*lines.schemas, *many, lines.state()]))
    with process.stderr as stderr:
        log = stderr.read()
    assert process.wait(timeout=60) == 1
    assert "The target stopped reading" in log
    assert "Traceback" not in log
    assert "Exception ignored" not in log
