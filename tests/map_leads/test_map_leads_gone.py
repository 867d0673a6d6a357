"""People who no longer exist in Intercom, and contacts that were sent under an earlier external id."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.block_list import BlockList
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from tests.map_leads.conftest import Mapper, Say

WHOLE = {"whole": "companies,contacts"}
IRELAND, GERMANY = {"country": "Ireland", "city": "Cork"}, {"country": "Germany", "city": "Ulm"}


def whole(leads: Mapper, say: Say, *rows: Any, **settings: Any) -> Any:
    """Run the map over a complete read of the tap."""
    return leads.run(*rows, marker={**say.marker, **WHOLE}, **settings)


def speaks(leads: Mapper) -> list[Any]:
    """Return the address and place that the single customer takes from its main contact."""
    (found,) = leads.run(resend="all").of("customers")
    return [found["email"], found["country"], found["city"]]


def test_who_is_gone_stops_speaking_then_leaves(leads: Mapper, say: Say) -> None:
    """After one complete read without a person, another represents the company; after two, the contact is deleted."""
    ann = say.contact("ann", 1, created_at=1500000000, location=IRELAND)
    bob = say.contact("bob", 1, location=GERMANY)
    whole(leads, say, say.company(1), ann, bob, on_unlinked="delete")
    assert speaks(leads) == ["ann@x.io", "IE", "Cork"]

    sent = whole(leads, say, say.company(1), bob, on_unlinked="delete")
    assert (sent.ids("customers"), sent.deleted) == ({"acme-1"}, set())
    assert speaks(leads) == ["bob@x.io", "DE", "Ulm"]

    assert whole(leads, say, say.company(1), bob, on_unlinked="delete").deleted == {"ann:acme-1"}
    assert leads.summary()["people_gone"] == 1
    assert leads.run(on_unlinked="delete", resend="all").ids("contacts") == {"bob:acme-1"}


@pytest.mark.parametrize(
    ("reads", "deleted"),
    [
        (["whole", "whole"], True),
        (["whole", "part", "part", "whole"], True),
        (["part", "part", "part"], False),
        (["whole", "back", "whole"], False),
        (["whole"], False),
    ],
    ids=["two whole reads", "with others between", "no whole read", "back in between", "one whole read"],
)
def test_two_whole_reads_in_a_row(*, reads: list[str], deleted: bool, leads: Mapper, say: Say) -> None:
    """Only complete reads count an absence, and a person who reappears starts again at zero."""
    ann, bob = say.contact("ann", 1), say.contact("bob", 1)
    whole(leads, say, say.company(1), ann, bob, on_unlinked="delete")
    gone = set()
    for read in reads:
        marker = {**say.marker, **({} if read == "part" else WHOLE)}
        rows = [say.company(1), bob, *([ann] if read == "back" else [])]
        gone |= leads.run(*rows, marker=marker, on_unlinked="delete").deleted
    assert gone == ({"ann:acme-1"} if deleted else set())


def test_an_older_version_of_a_contact_shows_that_it_is_there(leads: Mapper, say: Say) -> None:
    """An older version of a contact, from a lagging search, still shows that the person exists."""
    whole(leads, say, say.company(1), say.contact("ann", 1))
    for _ in range(3):
        sent = whole(leads, say, say.company(1), say.contact("ann", 1, updated_at=1600000000), on_unlinked="delete")
        assert sent.deleted == set()


def test_a_lead_that_became_a_user(leads: Mapper, say: Say) -> None:
    """When a lead becomes a user, only the user's contact stays."""
    whole(leads, say, say.company(1), say.contact("lead", 1, role="lead", email="ann@x.io"), on_unlinked="delete")
    user = say.contact("user", 1, email="ann@x.io")
    held = {"lead:acme-1"}
    for _ in range(2):
        sent = whole(leads, say, say.company(1), user, on_unlinked="delete")
        held = (held | sent.ids("contacts")) - sent.deleted
    assert held == {"user:acme-1"}


def test_who_is_gone_and_comes_back(leads: Mapper, say: Say) -> None:
    """A person who is unarchived is sent as no longer deleted."""
    ann = say.contact("ann", 1)
    for rows in ([ann], [], []):
        whole(leads, say, say.company(1), *rows, on_unlinked="delete")
    sent = leads.run(ann, on_unlinked="delete")
    assert sent.one("contacts", "ann:acme-1")["_sdc_deleted_at"] is None
    assert speaks(leads) == ["ann@x.io", None, None]


def make_old(leads: Mapper, *rows: tuple[str, str, str, int | None]) -> None:
    """Turn the store into one of an earlier version with these rows: contact, company, customer, left_at."""
    with closing(sqlite3.connect(leads.stores[0])) as database, database:
        database.execute("delete from sent_contacts")
        database.execute("delete from meta where name = 'contact_ids'")
        for contact, company, customer, left_at in rows:
            database.execute(
                "insert into sent_contacts (external_id, contact_id, customer_external_id, digest, generation, left_at)"
                " values (?, ?, ?, x'00', 1, ?)",
                (f"{contact}:{company}", contact, customer, left_at),
            )
        database.execute("alter table sent_contacts drop column previous")
        database.execute("alter table contacts drop column seen")
        database.execute("alter table contacts drop column absences")
        database.execute("drop table awaited_companies")
        database.execute("update meta set value = '1' where name = 'schema_version'")


@pytest.mark.parametrize("on_unlinked", ["keep", "delete"])
def test_contacts_under_an_earlier_id_are_renamed(on_unlinked: str, leads: Mapper, say: Say) -> None:
    """Each contact is sent once with both ids and none as deleted; an unconfirmed run is repeated."""
    rows = [say.company(1), say.company(2), say.contact("ann", 1, 2), say.contact("bob", 1)]
    leads.run(*rows, on_unlinked=on_unlinked)
    make_old(leads, ("ann", "co1", "acme-1", None), ("ann", "co2", "acme-2", None), ("bob", "co1", "acme-1", None))
    confirmed = leads.confirmed
    for _ in range(2):
        leads.confirmed = confirmed
        sent = leads.run(on_unlinked=on_unlinked)
        assert {one["external_id"]: one["previous_external_id"] for one in sent.of("contacts")} == {
            "ann:acme-1": "ann:co1",
            "ann:acme-2": "ann:co2",
            "bob:acme-1": "bob:co1",
        }
        assert sent.deleted == set()
    assert leads.run(on_unlinked=on_unlinked).of("contacts") == []


TWICE: list[tuple[str, str, int | None, str, set[str]]] = [
    ("kept, the first had left", "keep", 1700000000, "ann:co1", set()),
    ("deleted, the first had left", "delete", 1700000000, "ann:co9", set()),
    ("both are there", "delete", None, "ann:co1", {"ann:co9"}),
]


@pytest.mark.parametrize(
    ("on_unlinked", "left_at", "renamed", "deleted"), [row[1:] for row in TWICE], ids=[row[0] for row in TWICE]
)
def test_who_was_sent_twice(  # noqa: PLR0913 one row of the table, and what runs it
    *, on_unlinked: str, left_at: int | None, renamed: str, deleted: set[str], leads: Mapper, say: Say
) -> None:
    """When a company was deleted and created again, the oldest contact is renamed, and the other is treated as left."""
    again = say.company(9, company_id="acme-1", created_at=1650000000)
    leads.run(say.company(1), again, say.contact("ann", 9), on_unlinked=on_unlinked)
    make_old(leads, ("ann", "co1", "acme-1", left_at), ("ann", "co9", "acme-1", None))
    sent = leads.run(on_unlinked=on_unlinked)
    assert sent.ids("contacts") == {"ann:acme-1"}
    assert sent.one("contacts", "ann:acme-1")["previous_external_id"] == renamed
    assert sent.deleted == deleted


def test_a_company_deleted_and_made_again(leads: Mapper, say: Say) -> None:
    """A company deleted and created again keeps its ids, so that unchanged contacts are not sent again."""
    whole(leads, say, say.company(1), say.contact("ann", 1), on_unlinked="delete")
    again = say.company(9, company_id="acme-1", created_at=1600000000 + 5)
    sent = whole(leads, say, again, say.contact("ann", 9), on_unlinked="delete")
    assert sent.of("contacts") == []
    sent = whole(leads, say, again, say.contact("ann", 9, phone="+1"), on_unlinked="delete")
    assert (sent.ids("contacts"), sent.deleted) == ({"ann:acme-1"}, set())


@pytest.mark.parametrize("numbers", [(1, 9), (9, 1)], ids=["older first", "younger first"])
@pytest.mark.parametrize("linked", [(1, 9), (1,), (9,)], ids=["of both", "of the older", "of the younger"])
def test_the_earlier_id_is_that_of_the_oldest_company(
    numbers: tuple[int, int], linked: tuple[int, ...], leads: Mapper, say: Say
) -> None:
    """With two companies of one external id, the earlier id is the oldest company's in any order."""
    companies = {one: say.company(one, company_id="acme-1", created_at=1600000000 + one) for one in numbers}
    for number in numbers:
        leads.run(companies[number], say.contact("ann", *linked), on_unlinked="delete")
    sent = leads.run(resend="all", on_unlinked="delete")
    assert [one["previous_external_id"] for one in sent.of("contacts")] == ["ann:co1"]


def test_an_id_that_was_written_stays_the_earlier_id(leads: Mapper, say: Say) -> None:
    """An earlier id that was already written stays, even when an older company arrives later."""
    leads.run(say.company(9, company_id="acme-1"), say.contact("ann", 9), on_unlinked="delete")
    make_old(leads, ("ann", "co9", "acme-1", None))
    leads.run(on_unlinked="delete")
    older = say.company(1, company_id="acme-1", created_at=1500000000)
    sent = leads.run(older, say.contact("ann", 1, 9), resend="all", on_unlinked="delete")
    assert [one["previous_external_id"] for one in sent.of("contacts")] == ["ann:co9"]


def test_ids_by_intercoms_own_id_need_no_other(leads: Mapper, say: Say) -> None:
    """With `customer_id_field: id`, external ids do not change and there is no earlier id."""
    sent = leads.run(say.company(1), say.contact("ann", 1), customer_id_field="id")
    assert sent.one("contacts", "ann:co1")["previous_external_id"] is None


def test_a_damaged_block_list_is_refused(leads: Mapper, say: Say) -> None:
    """A damaged block list is refused, so that no erased person comes back."""
    leads.folder.mkdir()
    (leads.folder / "erased.json").write_text("{")
    with pytest.raises(UserError, match=r"The block list .*erased.json is damaged: restore it from a copy"):
        leads.run(say.company(1))


def test_who_was_erased_is_left_out(leads: Mapper, say: Say) -> None:
    """Erased people are left out by id or address, whether user or lead, and are not stored."""
    BlockList(leads.folder).add_names(["ann@x.io", "eve"])
    people = [say.contact("ann", 1, created_at=1), say.contact("lead", 1, role="lead", email="ANN@x.io")]
    sent = whole(leads, say, say.company(1), *people, say.contact("eve", 1, email="e@x.io"), say.contact("bob", 1))
    assert (sent.one("customers", "acme-1")["email"], sent.ids("contacts")) == ("bob@x.io", {"bob:acme-1"})
    assert b"ann@x.io" not in leads.stores[0].read_bytes()
