"""Accounts that drop, do not filter by or do not change contacts' external ids; and ids of earlier versions."""

from __future__ import annotations

import signal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

EMPTY = {"status": 200, "body": {"entries": [], "has_more": False, "cursor": None}}


def names(account: Any) -> list[str]:
    """Return the first names of all contacts, sorted."""
    return sorted(one.values["first_name"] for one in account.held.contacts)


def test_an_account_that_keeps_and_filters_is_asked_once(
    account: Any, target: Any, lead: Record, person: Record
) -> None:
    """The first contact ever created is looked up by its external id; later runs rely on the result."""
    target.run([lead("a"), person("ann", "a"), person("bob", "a")])
    assert target.calls["GET /contacts"] == 2
    account.sandbox.clear_calls()
    target.run([person("eve", "a")])
    assert (target.calls["GET /contacts"], names(account)) == (2, ["Ann", "Bob", "Eve"])


@pytest.mark.parametrize("switch", ["chartmogul_keeps_contact_external_ids", "chartmogul_filters_contact_external_ids"])
def test_an_account_without_external_ids_has_everybody_once(
    account: Any, target: Any, lead: Record, person: Record, switch: str
) -> None:
    """When external ids are dropped or not filtered by, contacts are found in the index, in every run."""
    account.reset(**{switch: False})
    records = [lead("a"), lead("b"), *(person(f"p{number}", "ab"[number % 2]) for number in range(30))]
    assert target.run(records).summary["created"] == 32
    for some in (records, records[2:4], records[2:3]):
        assert target.run(some).summary == {"status": "completed", "records": len(some), "unchanged": len(some)}
        assert (account.writes(), len(list(account.held.contacts))) == (0, 30)
    changed = person("p1", "b", phone="1")
    assert target.run([changed]).summary == {"status": "completed", "records": 1, "updated": 1}
    assert target.run([*records, person("new", "a")]).summary["created"] == 1
    assert len(list(account.held.contacts)) == 31


def test_contacts_that_were_there_before_it_was_known(account: Any, target: Any, lead: Record, person: Record) -> None:
    """The contact that reveals that external ids are dropped is deleted if it is a repeat; no other is created."""
    account.reset(chartmogul_keeps_contact_external_ids=False)
    records = [lead("a"), *(person(f"p{number}", "a") for number in range(5))]
    account.fill(records[:1], records[1:])
    before = {one.uuid for one in account.held.contacts}
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 6, "unchanged": 6}
    assert {one.uuid for one in account.held.contacts} == before
    assert (target.calls["POST /contacts"], target.calls["DELETE /contacts/{uuid}"]) == (1, 1)
    target.run(records)
    assert account.writes() == 0


def test_two_people_of_one_name_and_address(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When nothing distinguishes two people, there are as many contacts as people."""
    account.reset(chartmogul_keeps_contact_external_ids=False)
    twins = [person(name, "a", first_name="Ann", email="ann@a.example") for name in ("p1", "p2")]
    target.run([lead("a"), *twins])
    assert target.run([lead("a"), *twins]).summary["unchanged"] == 3
    assert names(account) == ["Ann", "Ann"]


def test_an_account_that_shows_no_contacts(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When a created contact is not listed at all, it is deleted again and the run stops."""
    account.sandbox.fault(method="GET", path="/contacts", effect=EMPTY)
    for _ in range(2):
        with pytest.raises(FatalAPIError, match=r"^ChartMogul does not show the contact that was just created"):
            target.run([lead("a"), person("ann", "a"), person("bob", "a")])
        assert target.out == ""
        assert names(account) == []
        assert (target.calls["POST /contacts"], target.calls["DELETE /contacts/{uuid}"]) == (1, 1)


def test_a_look_up_that_is_not_filtered_reads_on(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A look-up that is not filtered reads further pages; several look-ups become one read of all contacts."""
    account.reset(chartmogul_filters_contact_external_ids=False)
    people = [person(f"p{number}", "a") for number in range(450)]
    account.fill([lead("a")], people)
    assert target.run(people[:1]).summary == {"status": "completed", "records": 1, "unchanged": 1}
    assert target.calls["GET /contacts"] == 3
    assert target.run(people[:3]).summary == {"status": "completed", "records": 3, "unchanged": 3}


def renamed(person: Record, name: str, *earlier: str, **fields: Any) -> dict[str, Any]:
    """Return a contact record with its earlier external ids: one as a string, several as a list."""
    found = earlier[0] if len(earlier) == 1 else list(earlier)
    return person(name, "a", previous_external_id=found, **fields)


@pytest.mark.parametrize("some", [1, 5])
def test_a_contact_is_renamed(account: Any, target: Any, lead: Record, person: Record, some: int) -> None:
    """A contact under an earlier external id gets the new id in the same call as its changes."""
    account.fill([lead("a")], [person(f"p{n}", "a", external_id=f"p{n}:row7") for n in range(5)])
    before = {one.uuid for one in account.held.contacts}
    records = [renamed(person, f"p{n}", f"p{n}:row7", phone="1") for n in range(some)]
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": some, "updated": some}
    assert {one.uuid for one in account.held.contacts} == before
    assert min(account.contacts()) == "p0:a"
    assert account.contacts()["p0:a"]["phone"] == "1"
    fields = next(line["fields"] for line in ran.lines("changes") if line["id"] == "p0:a")
    assert fields["external_id"] == {"before": "p0:row7", "after": "p0:a"}
    assert target.calls["PATCH /contacts/{uuid}"] == some
    assert target.run(records).summary["unchanged"] == some
    assert target.run([person("p0", "a", phone="1")]).summary["unchanged"] == 1
    assert (account.writes(), len(list(account.held.contacts))) == (0, 5)


@pytest.mark.parametrize("previous", [None, "", [], "ann:a"])
def test_a_contact_without_an_earlier_id(
    account: Any, target: Any, lead: Record, person: Record, previous: Any
) -> None:
    """An empty previous id, or the record's own, is ignored."""
    ran = target.run([lead("a"), person("ann", "a", previous_external_id=previous)])
    assert ran.summary == {"status": "completed", "records": 2, "created": 2}
    assert sorted(account.contacts()) == ["ann:a"]


def test_of_two_old_contacts_the_oldest_is_renamed(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Of several contacts under earlier ids the oldest is renamed; the others stay and are counted."""
    account.fill([lead("a")], [person("ann", "a", external_id=f"ann:row{n}") for n in (2, 1, 3)])
    oldest = account.contacts()["ann:row2"]["uuid"]
    ran = target.run([renamed(person, "ann", "ann:row1", "ann:row2", "ann:row3")])
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1, "left_under_earlier_ids": 2}
    assert sorted(account.contacts()) == ["ann:a", "ann:row1", "ann:row3"]
    assert account.contacts()["ann:a"]["uuid"] == oldest


def test_an_old_contact_beside_the_new_one(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When the new external id is taken, nothing is renamed."""
    account.fill([lead("a")], [person("ann", "a", external_id=one) for one in ("ann:row1", "ann:a")])
    assert target.run([renamed(person, "ann", "ann:row1")]).summary["unchanged"] == 1
    assert sorted(account.contacts()) == ["ann:a", "ann:row1"]


def test_an_old_contact_of_two_people(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When two records name the same earlier id, the first renames the contact and the second creates one."""
    account.fill([lead("a")], [person("ann", "a", external_id="x")])
    ran = target.run([renamed(person, "ann", "x"), renamed(person, "bob", "x")])
    assert (ran.summary["created"], ran.summary["updated"]) == (1, 1)
    assert sorted(account.contacts()) == ["ann:a", "bob:a"]


def test_an_old_contact_that_is_gone(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A deleted person's contact is also deleted under its earlier external id."""
    account.fill([lead("a")], [person("ann", "a", external_id="ann:row1")])
    record = renamed(person, "ann", "ann:row1", _sdc_deleted_at="2026-01-01T00:00:00Z")
    assert target.run([record]).summary == {"status": "completed", "records": 1, "deleted": 1}
    assert account.contacts() == {}


@pytest.mark.parametrize("answer", ["ignored", "refused"])
def test_an_account_that_does_not_rename(account: Any, target: Any, lead: Record, person: Record, answer: str) -> None:
    """When ChartMogul does not rename a contact, the earlier id is remembered as an alias for later records."""
    account.reset(chartmogul_renames_contacts=False)
    account.fill([lead("a")], [person(f"p{n}", "a", external_id=f"p{n}:row1") for n in range(3)])
    if answer == "refused":
        body = {"errors": {"external_id": "cannot be changed"}}
        account.sandbox.fault(method="PATCH", path="/contacts/*", effect={"status": 422, "body": body})
    ran = target.run([renamed(person, f"p{n}", f"p{n}:row1") for n in range(3)])
    account.sandbox.clear_faults()
    assert ran.summary["held"] == 3
    assert next(row[2:5] for row in ran.rows("held_values")) == ["external_id", '"p0:a"', '"p0:row1"']
    later = [person(f"p{n}", "a") for n in range(3)]
    for some in (later, later[:1]):
        assert target.run(some).summary["held"] == len(some)
        assert account.writes() == 0
    assert target.run([person("p0", "a", phone="1")]).summary["updated"] == 1
    assert sorted(account.contacts()) == ["p0:row1", "p1:row1", "p2:row1"]
    gone = person("p0", "a", _sdc_deleted_at="2026-01-01T00:00:00Z")
    assert target.run([gone]).summary["deleted"] == 1
    assert sorted(account.contacts()) == ["p1:row1", "p2:row1"]


@pytest.mark.faults
@pytest.mark.parametrize("end", ["a", "row1"])
@pytest.mark.parametrize("moment", range(5))
def test_a_run_that_renames_is_killed(account: Any, target: Any, person: Record, moment: int, end: str) -> None:
    """When a run that renames is killed, the next run completes the work without duplicates."""
    account.reset(chartmogul_renames_contacts=end == "a", chartmogul_unique_contact_external_ids=False)
    account.add("a")
    account.fill([], [person(f"p{n}", "a", external_id=f"p{n}:row1") for n in range(20)])
    before = {one.uuid for one in account.held.contacts}
    records = [renamed(person, f"p{n}", f"p{n}:row1") for n in range(20)]
    random = Random(moment)  # noqa: S311 - the moments are the same in every run
    calls = random.randint(2, 22)
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.02})
    account.sandbox.clear_calls()
    process = target.start(records, max_concurrency=4)
    target.wait_for(process, lambda: sum(account.calls().values()) >= calls)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    account.sandbox.clear_faults()
    target.run(records)
    assert {one.uuid for one in account.held.contacts} == before
    assert sorted(account.contacts()) == sorted(f"p{n}:{end}" for n in range(20))
    target.run([person(f"p{n}", "a") for n in range(20)])
    assert (account.writes(), {one.uuid for one in account.held.contacts}) == (0, before)
