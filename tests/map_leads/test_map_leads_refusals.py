"""When map-leads refuses a run: one sentence with the remedy, nothing sent, and the store unchanged."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from map_stores import ON_BOTH
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_leads.conftest import Mapper, Say


pytestmark = ON_BOTH
MARKERS: list[tuple[str, dict[str, Any] | None, str]] = [
    ("no marker", None, "The tap ended without saying that it read everything"),
    ("no contacts", {"streams": "companies"}, "did not read the stream contacts, .* select it"),
    ("no companies", {"streams": "contacts"}, "did not read the stream companies, .* select it"),
    ("bounded", {"from": 1600000000}, "bounded by `start_date`"),
    ("subset", {"subset": 1}, "only some customers, .*of leads, `leads-preview`"),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in MARKERS], ids=[row[0] for row in MARKERS])
def test_an_input_that_is_not_whole(change: dict[str, Any] | None, sentence: str, leads: Mapper, say: Say) -> None:
    """A first run is refused unless the last STATE says that both streams were read; no store is left behind."""
    with pytest.raises(UserError, match=sentence):
        leads.run(say.company(1), say.contact("ann", 1), marker=change and {**say.marker, **change})
    assert leads.stores == []


def test_a_state_comes_out_as_it_came(leads: Mapper, say: Say) -> None:
    """STATE passes unchanged, including fractions and unknown members; only the map's own bookmark is added."""
    foreign = {"a fraction": 1.1, "nothing": None, "a list": [1.5, {"deep": [0.1]}], "text": "2026", "small": 1e-7}
    value: dict[str, Any] = {"bookmarks": {**foreign, "_sync": say.marker}, "version": 2.5}
    sent = leads.feed([*say.schemas, say.record(*say.company(1)), say.line("STATE", value=value)])
    assert [message["value"] for message in sent.messages if message["type"] == "STATE"] == [
        {**value, "bookmarks": {**value["bookmarks"], "_map": sent.bookmarks["_map"]}}
    ]


@pytest.mark.parametrize("bookmarks", [[1.5], "contacts", None], ids=str)
def test_bookmarks_that_are_no_object(bookmarks: Any, leads: Mapper, say: Say) -> None:
    """Bookmarks that are not an object are refused, because the map could not add its own."""
    odd = say.line("STATE", value={"bookmarks": bookmarks})
    with pytest.raises(UserError, match="are not an object, so nothing is sent: check the tap"):
        leads.feed([*say.schemas, odd], allow_partial=True, store_name="main")
    assert leads.stores == []


def test_a_refused_run_leaves_the_store(leads: Mapper, say: Say) -> None:
    """A refused run leaves the store unchanged, and the next run sends everything that is due."""
    leads.run(say.company(1), say.contact("ann", 1))
    before = leads.dump()
    with pytest.raises(UserError, match="without saying that it read everything"):
        leads.run(say.company(1, name="Other"), marker=None)
    assert leads.dump() == before
    assert leads.run(say.company(1, name="Other")).ids("customers") == {"acme-1"}


def _lose_store(leads: Mapper, _: Say) -> None:
    leads.lose_store()


def _roll_back(leads: Mapper, say: Say) -> None:
    put_back = leads.copy_store()
    leads.run(say.company(2))
    put_back()


def _lose_name(leads: Mapper, _: Say) -> None:
    leads.confirmed = {"store": 7}


def _damage(leads: Mapper, _: Say) -> None:
    leads.damage_store()


LOSSES: list[tuple[str, Callable[[Mapper, Say], None], str]] = [
    ("store lost", _lose_store, "is missing: restore it"),
    ("store rolled back", _roll_back, "is an old copy"),
    ("name lost", _lose_name, "does not name the map's store"),
    ("store damaged", _damage, "is not a store, or is damaged"),
]


@pytest.mark.parametrize(("loss", "sentence"), [row[1:] for row in LOSSES], ids=[row[0] for row in LOSSES])
def test_a_loss_between_runs(loss: Callable[[Mapper, Say], None], sentence: str, leads: Mapper, say: Say) -> None:
    """A lost, outdated or damaged store is refused with the remedy; a full refresh sends everything."""
    leads.run(say.company(1), say.contact("ann", 1))
    loss(leads, say)
    with pytest.raises(UserError, match=rf"{sentence}.*--full-refresh"):
        leads.run(say.contact("bob", 1))
    leads.confirmed = {}
    sent = leads.run(say.company(1), say.contact("ann", 1), say.contact("bob", 1))
    assert (sent.ids("customers"), sent.ids("contacts")) == ({"acme-1"}, {"ann:acme-1", "bob:acme-1"})


def test_a_preview(leads: Mapper, say: Say) -> None:
    """The mapping `leads-preview` sends all records and no STATE, and keeps no store."""
    sent = leads.run(say.company(1), say.contact("ann", 1), marker={**say.marker, "subset": 1}, preview=True)
    assert sent.kinds == ["SCHEMA", "RECORD", "SCHEMA", "RECORD"]
    assert leads.stores == []
    assert leads.summary("preview")["customers_out"] == 1
    with pytest.raises(UserError, match=r"A preview reads everything"):
        leads.feed([say.state(None), *say.schemas, say.state()], preview=True)


def test_another_tap(leads: Mapper, say: Say) -> None:
    """A tap without marker and STATE needs `allow_partial` and a `store_name`; then every run sends everything."""
    rows = [say.record(*say.company(1)), say.record(*say.contact("ann", 1))]
    with pytest.raises(UserError, match=r"set `store_name`"):
        leads.feed([*say.schemas, *rows], allow_partial=True)
    for _ in range(2):
        sent = leads.feed([*say.schemas, *rows], allow_partial=True, store_name="main")
        assert (sent.ids("customers"), sent.ids("contacts")) == ({"acme-1"}, {"ann:acme-1"})
        rows = []


BAD = [
    ("no id", {"id": None}, "The record None of contacts does not have the form that Intercom documents"),
    ("a number as id", {"id": 5}, r"The record 5 of contacts .*\$.id"),
    ("text as time", {"updated_at": "2026-01-01"}, r"The record ann of contacts .*\$.updated_at"),
    ("a time without end", {"created_at": 10**30}, r"The record ann of contacts .*\$.created_at"),
    ("a list of names", {"companies": ["co1"]}, r"The record ann of contacts .*\$.companies"),
    ("attributes in a list", {"custom_attributes": []}, r"The record ann of contacts .*\$.custom_attributes"),
    ("a list cut short", {"companies": {"data": [], "has_more": True}}, "The contact ann belongs to more companies"),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_record_ends_the_run(change: dict[str, Any], sentence: str, leads: Mapper, say: Say) -> None:
    """A bad record ends the run with its id but not its content, and nothing is sent."""
    with pytest.raises(UserError, match=sentence) as refused:
        leads.run(say.company(1), say.contact("bob", 1), say.contact("ann", 1, **change))
    assert "@" not in refused.value.message
    assert leads.stores == []


def test_contacts_without_their_companies(leads: Mapper, say: Say) -> None:
    """A contacts stream without `companies` is refused, because every person would seem to leave every company."""
    shape = {"type": "object", "properties": {"id": {"type": "string"}, "email": {"type": "string"}}}
    bare = say.line("SCHEMA", stream="contacts", schema=shape, key_properties=["id"])
    with pytest.raises(UserError, match=r"contacts comes without `companies`.*select it"):
        leads.feed([say.schemas[0], bare, say.state()])


SETTINGS: list[tuple[dict[str, Any], str]] = [
    (
        {"company_attributes": ["seats"]},
        "`company_attributes` names `seats`, .* companies does not declare: did you mean `seats_",
    ),
    ({"company_attributes": ["nps_score"]}, "`company_attributes` names `nps_score`, .* companies does not declare"),
    ({"contact_attributes": ["seats_used"]}, "`contact_attributes` names `seats_used`, .* contacts does not declare"),
    ({"company_attributes": ["history"]}, "`history`, which is not one text, number, date or yes/no"),
    ({"trial_date_field": "seats_used"}, "`trial_date_field` names `seats_used`, which is not a date"),
    ({"trial_date_field": "created"}, "`trial_date_field` names `created`, .* does not declare"),
    ({"country_field": "seats_used"}, "`country_field` names `seats_used`, which is not a text"),
    ({"city_field": "town"}, "`city_field` names `town`, .* does not declare"),
    ({"title_attribute": "nps_score"}, "`title_attribute` names `nps_score`, which is not a text"),
]


@pytest.mark.parametrize(("settings", "sentence"), SETTINGS, ids=[str(row[0]) for row in SETTINGS])
def test_a_setting_that_the_tap_does_not_fit(settings: dict[str, Any], sentence: str, leads: Mapper, say: Say) -> None:
    """A setting that the stream's schema contradicts is refused before the first record."""
    with pytest.raises(UserError, match=sentence):
        leads.feed([*say.schemas], **settings)
    assert leads.stores == []


COMMANDS: list[tuple[dict[str, Any], str]] = [
    ({"company_attributes": ["a b", "a_b"]}, "`company_attributes` selects `a b` and `a_b`, which would both be `a_b`"),
    ({"contact_attributes": ["a-b", "a_b"]}, "`contact_attributes` selects `a-b` and `a_b`"),
    ({"customer_id_field": "name"}, "The setting `customer_id_field` must be one of `company_id`, `id`"),
    ({"on_unlinked": "forget"}, "The setting `on_unlinked` must be one of `keep`, `delete`"),
    ({"company_atributes": ["*"]}, "There is no setting `company_atributes`: did you mean `company_attributes`?"),
]


@pytest.mark.parametrize(("settings", "sentence"), COMMANDS, ids=[str(row[0]) for row in COMMANDS])
def test_a_refusal_of_the_command(settings: dict[str, Any], sentence: str, leads: Mapper) -> None:
    """A wrong setting ends the command with exit code 1 and one sentence in the log, without output."""
    done = leads.command([], **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert leads.stores == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_killed_in_the_middle(how: signal.Signals, leads: Mapper, say: Say) -> None:
    """A killed run changes no store and sends nothing, and the next run sends everything."""
    rows = [say.company(1), *(say.contact(f"p{n}", 1) for n in range(1500))]
    leads.run(*rows[:2])
    done = leads.command([])  # writes the settings file
    lines = leads.lines(*rows)[:-1]
    command = [*done.args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(lines))
        while not leads.is_in_use():
            assert process.poll() is None
            process.stdin.write("\n" * 10_000)
            process.stdin.flush()
        process.send_signal(how)
        assert process.stdout.read() == ""
    assert process.returncode != 0
    assert len(leads.run(*rows).ids("contacts")) == 1499
