"""A run of tap-intercom over some companies and contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.contacts import Contact
    from sandbox.testing import RunningSandbox

    Truth = Callable[[], dict[str, dict[str, Any]]]
    Calls = Callable[[], dict[str, int]]

OLD = {"replication_key": "updated_at", "replication_key_value": 1_768_400_000, "read_at": 1_768_400_000}


class Business:
    """A workspace of two companies with three people, and one person who belongs to none."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        sandbox.reset(customers=0, seed=7)
        self.known = known = sandbox.world.intercom
        self.now = known.clock.now()
        self.acme, self.ham = (
            known.companies.add(known.new_company({"company_id": name, "name": name.title()}, self.now), "test")
            for name in ("acme", "ham")
        )
        self.ann, self.bob, self.cid, self.dan = (self.add_person(name) for name in ("ann", "bob", "cid", "dan"))
        for person, company in (
            (self.ann, self.acme),
            (self.bob, self.acme),
            (self.bob, self.ham),
            (self.cid, self.ham),
        ):
            known.attach(person, company, self.now, "test")

    def add_person(self, name: str) -> Contact:
        """Add a user, and return it."""
        document = self.known.new_contact({"role": "user", "email": f"{name}@x.io", "name": name.title()}, self.now)
        return self.known.contacts.create(document, "test")


@pytest.fixture
def business(sandbox: RunningSandbox) -> Business:
    """Return the workspace."""
    return Business(sandbox)


def marker(run: Any) -> dict[str, Any]:
    """Return the marker of a run over some records."""
    rows = ",".join(f"{name}:{len(run.records.get(name, ()))}" for name in ("companies", "contacts"))
    whole = {"from": None, "subset": 1, "whole": ""}
    return {"completed_at": "set", "streams": "companies,contacts", **whole, "rows": rows}


def ids(run: Any) -> dict[str, list[str]]:
    """Return the sorted ids of the records that were sent, by stream."""
    return {name: sorted(record["id"] for record in records) for name, records in run.records.items()}


def named(**records: tuple[Any, ...]) -> dict[str, list[str]]:
    """Return the sorted ids of these records, by stream."""
    return {name: sorted(one.id for one in found) for name, found in records.items()}


def test_a_company_comes_with_its_contacts(run_tap: Callable[..., Any], business: Business, truth: Truth) -> None:
    """`company_ids` reads the company and all of its contacts as a plain run does, and no other company."""
    run = run_tap(company_ids=[business.acme.id])
    assert ids(run) == named(companies=(business.acme,), contacts=(business.ann, business.bob))
    everything = truth()
    assert run.records == {
        name: [everything[name][one["id"]] for one in records] for name, records in run.records.items()
    }


def test_a_contact_comes_with_its_companies(run_tap: Callable[..., Any], business: Business) -> None:
    """`contact_ids` reads the contact and the companies that it belongs to, and none of their other contacts."""
    run = run_tap(contact_ids=[business.bob.id, business.dan.id])
    assert ids(run) == named(companies=(business.acme, business.ham), contacts=(business.bob, business.dan))


def test_the_calls_for_one_company_and_two_contacts(
    run_tap: Callable[..., Any], business: Business, calls: Calls
) -> None:
    """Each named record and each linked company costs one call, and the contacts of a named company one per page."""
    calls()
    run = run_tap(company_ids=[business.acme.id] * 2, contact_ids=[business.bob.id, business.cid.id])
    assert ids(run) == named(
        companies=(business.acme, business.ham), contacts=(business.ann, business.bob, business.cid)
    )
    assert calls() == {
        "/me": 1,
        "/data_attributes": 2,
        "/companies/{id}": 2,
        "/companies/{id}/contacts": 1,
        "/contacts/{id}": 2,
    }


def test_a_contact_of_many_companies_comes_with_all_of_them(
    run_tap: Callable[..., Any], business: Business, truth: Truth, calls: Calls
) -> None:
    """A contact shows only ten of its companies; the list of all is fetched once and serves both streams."""
    for number in range(12):
        values = {"company_id": f"more-{number}", "name": f"More {number}"}
        company = business.known.companies.add(business.known.new_company(values, business.now), "test")
        business.known.attach(business.dan, company, business.now, "test")
    calls()
    run = run_tap(contact_ids=[business.dan.id])
    (dan,) = run.records["contacts"]
    assert dan == truth()["contacts"][business.dan.id]
    assert sorted(one["id"] for one in dan["companies"]["data"]) == ids(run)["companies"]
    assert len(ids(run)["companies"]) == 12
    assert calls() == {
        "/me": 1,
        "/data_attributes": 2,
        "/contacts/{id}": 1,
        "/contacts/{id}/companies": 1,
        "/companies/{id}": 12,
    }


def test_what_is_gone_is_named_in_the_log_and_is_no_error(
    run_tap: Callable[..., Any], business: Business, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleted, archived and unknown records are listed in the log and cause no error."""
    known = business.known
    known.set_archived(business.ann, archived=True, source="test")
    known.companies.delete(business.ham, takes_effect_at=business.now)
    run = run_tap(company_ids=[business.ham.id, "6a/../x"], contact_ids=[business.ann.id, business.bob.id])
    assert run.refusal is None
    assert ids(run) == named(companies=(business.acme,), contacts=(business.bob,))
    assert f"The workspace has no such contacts: {business.ann.id}" in caplog.messages
    assert f"The workspace has no such companies: {business.ham.id}, 6a/../x" in caplog.messages


def test_no_bookmark_is_used_or_moved(run_tap: Callable[..., Any], business: Business) -> None:
    """The state is returned unchanged, with a marker that says that the run was a subset.

    scroll_every has no effect.
    """
    old = {"contacts": OLD, "companies": {**OLD, "listed": 5000}, "_map": {"gen": 2}}
    run = run_tap(state={"bookmarks": old}, company_ids=[business.acme.id], scroll_every=10**9, start_date="2025-06-01")
    assert ids(run)["companies"] == [business.acme.id]
    assert run.states == [old, {**old, "_sync": {**marker(run), "from": 1_748_736_000}}]


def test_a_first_run_over_a_subset_leaves_no_bookmark(run_tap: Callable[..., Any], business: Business) -> None:
    """A first run over a subset writes only the marker as STATE; its rows count only existing records."""
    run = run_tap(contact_ids=[business.dan.id, "nobody"], activate_version=True)
    assert run.states == [{"_sync": {**marker(run), "rows": "companies:0,contacts:1"}}]
    assert {message["type"] for message in run.messages} == {"SCHEMA", "RECORD", "STATE"}


def test_other_streams_are_left_out(
    run_tap: Callable[..., Any], business: Business, catalog_of: Callable[..., dict[str, Any]]
) -> None:
    """Streams other than companies and contacts are not read, and the marker does not name them."""
    run = run_tap(catalog=catalog_of("companies", "contacts", "tags", "contact_tags"), contact_ids=[business.dan.id])
    assert run.records.keys() == {"contacts"}
    assert run.states == [{"_sync": marker(run)}]


@pytest.mark.parametrize("streams", [("contacts",), ("companies",)], ids=" ".join)
def test_one_stream_alone(
    streams: tuple[str, ...],
    run_tap: Callable[..., Any],
    business: Business,
    catalog_of: Callable[..., dict[str, Any]],
) -> None:
    """Each of the two streams is sent even when only it is selected."""
    run = run_tap(catalog=catalog_of(*streams), company_ids=[business.ham.id], contact_ids=[business.ann.id])
    whole = named(companies=(business.acme, business.ham), contacts=(business.ann, business.bob, business.cid))
    assert ids(run) == {name: whole[name] for name in streams}
