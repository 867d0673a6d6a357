"""Customers and contacts are created, changed or left unchanged, and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def test_a_company_and_its_people_arrive(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A new company becomes a customer with dates, typed attributes and tags, and its people become contacts."""
    custom = {"plan": "gold", "seats": 7, "score": 1.5, "vip": False, "renewed_at": "2025-10-01T00:00:00Z"}
    records = [
        lead(
            "acme", custom, ["beta"], email="info@acme.example", website_url="acme.example", country="de", city="Bonn"
        ),
        person("ann", "acme", {"csm_owner": "Joe", "nps_score": 9}, last_name="Ash", phone="1", title="CEO"),
    ]
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 2, "created": 2}
    assert len(ran.states) == 1
    assert target.calls == {
        "GET /data_sources": 1,
        "POST /data_sources": 1,
        "GET /customers": 1,
        "POST /customers": 1,
        "GET /contacts": 2,
        "POST /contacts": 1,
    }
    held = account.customer("acme")
    told = ("name", "company", "email", "website_url", "country", "city", "lead_created_at", "free_trial_started_at")
    assert {name: held[name] for name in told} == {
        "name": "Acme",
        "company": "Acme",
        "email": "info@acme.example",
        "website_url": "acme.example",
        "country": "DE",
        "city": "Bonn",
        "lead_created_at": "2025-11-05T08:30:00.000Z",
        "free_trial_started_at": "2025-11-05T08:30:00.000Z",
    }
    assert held["attributes"]["custom"] == custom | {"renewed_at": "2025-10-01T00:00:00.000Z"}
    assert held["attributes"]["tags"] == ["beta"]
    assert account.held.attributes.types == {
        "plan": "String", "seats": "Integer", "score": "Decimal", "vip": "Boolean", "renewed_at": "Timestamp"
    }  # fmt: skip
    contact = account.contacts()["ann:acme"]
    names = ("first_name", "last_name", "email", "phone", "title", "custom", "customer_uuid")
    assert {name: contact[name] for name in names} == {
        "first_name": "Ann",
        "last_name": "Ash",
        "email": "ann@a.example",
        "phone": "1",
        "title": "CEO",
        "custom": {"csm_owner": "Joe", "nps_score": 9},
        "customer_uuid": held["uuid"],
    }


def test_the_same_again_writes_nothing(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Unchanged records cost their look-up and no write."""
    records = [
        lead("acme", {"plan": "gold", "vip": False, "score": 2}, ["beta"]),
        person("ann", "acme", {"csm_owner": "Joe"}),
    ]
    target.run(records)
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 2, "unchanged": 2}
    assert target.calls == {"GET /data_sources": 1, "GET /customers": 1, "GET /contacts": 1}
    assert account.writes() == 0


def test_only_what_differs_is_written(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Only changed fields are written: one PATCH for fields, one call for attributes."""
    target.run([lead("a", {"plan": "x"}), lead("b", {"plan": "x"}), person("ann", "a")])
    ran = target.run([lead("a", {"plan": "x"}, name="New"), lead("b", {"plan": "y"}), person("ann", "a", title="CEO")])
    assert ran.summary == {"status": "completed", "records": 3, "updated": 3}
    assert account.writes() == 3
    assert (target.calls["PATCH /customers/{uuid}"], target.calls["PATCH /contacts/{uuid}"]) == (1, 1)
    assert target.calls["POST /customers/{uuid}/attributes/custom"] == 1
    assert account.customer("a")["name"] == "New"
    assert account.customer("b")["attributes"]["custom"] == {"plan": "y"}
    assert account.contacts()["ann:a"]["title"] == "CEO"
    changes = {line["id"]: line["fields"] for line in ran.lines("changes")}
    assert changes == {
        "a": {"name": {"before": "A", "after": "New"}},
        "b": {"custom.plan": {"before": "x", "after": "y"}},
        "ann:a": {"title": {"before": None, "after": "CEO"}},
    }


def test_a_boolean_stays_false(account: Any, target: Any, lead: Record) -> None:
    """A boolean is written by the endpoint that keeps false, because a PATCH may turn it into true."""
    target.run([lead("a", {"vip": True})])
    target.run([lead("a", {"vip": False})])
    assert account.customer("a")["attributes"]["custom"] == {"vip": False}


def test_a_newly_selected_attribute_reaches_customers_that_are_there(account: Any, target: Any, lead: Record) -> None:
    """A newly selected attribute is written to existing customers."""
    target.run([lead("a")])
    before = account.customer("a")["uuid"]
    target.run([lead("a", {"seats": 3})])
    assert account.customer("a")["uuid"] == before
    assert account.customer("a")["attributes"]["custom"] == {"seats": 3}


def test_an_empty_field_leaves_chartmoguls_value(account: Any, target: Any, lead: Record, person: Record) -> None:
    """An empty field does not clear a value in ChartMogul."""
    target.run([lead("a", email="a@a.example"), person("ann", "a", title="CEO")])
    ran = target.run([lead("a", email=None, name=" "), person("ann", "a", title="")])
    assert ran.summary == {"status": "completed", "records": 2, "unchanged": 2}
    assert account.customer("a")["email"] == "a@a.example"


def test_null_takes_an_attribute_away(account: Any, target: Any, lead: Record) -> None:
    """An attribute that is null in the record is removed once."""
    target.run([lead("a", {"plan": "x", "seats": 1})])
    assert target.run([lead("a", {"plan": None, "seats": 1})]).summary["updated"] == 1
    assert account.customer("a")["attributes"]["custom"] == {"seats": 1}
    assert target.run([lead("a", {"plan": None, "seats": 1})]).summary["unchanged"] == 1


def test_tags_are_added_and_never_taken_away(account: Any, target: Any, lead: Record) -> None:
    """Missing tags are added, and other tags stay."""
    target.run([lead("a", tags=["one"])])
    uuid = account.customer("a")["uuid"]
    account.call("POST", f"/customers/{uuid}/attributes/tags", {"tags": ["own"]})
    target.run([lead("a", tags=["two"])])
    assert account.customer("a")["attributes"]["tags"] == ["one", "own", "two"]


def test_a_contact_in_three_companies(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A person in three companies becomes a contact of each of the three customers."""
    records = [*(lead(name) for name in "abc"), *(person("ann", name) for name in "abc")]
    assert target.run(records).summary == {"status": "completed", "records": 6, "created": 6}
    owners = {one["external_id"]: one["customer_external_id"] for one in account.contacts().values()}
    assert owners == {"ann:a": "a", "ann:b": "b", "ann:c": "c"}


def test_a_contact_that_moves_to_another_company(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A new pair of person and company becomes a contact; the old one stays until a record marks it as deleted."""
    target.run([lead("a"), lead("b"), person("ann", "a")])
    target.run([person("ann", "b")])
    assert sorted(account.contacts()) == ["ann:a", "ann:b"]
    ran = target.run([person("ann", "a", _sdc_deleted_at="2026-01-01T00:00:00Z")])
    assert ran.summary == {"status": "completed", "records": 1, "deleted": 1}
    assert sorted(account.contacts()) == ["ann:b"]
    ran = target.run([person("ann", "a", _sdc_deleted_at="2026-01-01T00:00:00Z")])
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"gone": 1}}


def test_nothing_is_deleted_because_it_vanished(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Records that are no longer sent stay, and a customer stays even when its record is marked as deleted."""
    target.run([lead("a"), lead("b"), person("ann", "a")])
    ran = target.run([lead("b", _sdc_deleted_at="2026-01-01T00:00:00Z")])
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"retained": 1}}
    assert (sorted(account.customers()), sorted(account.contacts())) == (["a", "b"], ["ann:a"])


def test_a_contact_without_a_customer_is_told_of(account: Any, target: Any, person: Record) -> None:
    """A contact whose customer is unknown is skipped and reported."""
    ran = target.run([person("ann", "nobody")])
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"no_customer": 1}}
    assert ran.rows("skipped") == [["contacts", "ann:nobody", "nobody", "", "no_customer", "", "", ""]]
    assert account.contacts() == {}


def test_a_contact_that_names_no_customer_is_told_of(account: Any, target: Any, person: Record) -> None:
    """A contact without a company, sent with `only_linked_contacts: false`, is skipped and reported."""
    ran = target.run([person("ann", "") | {"external_id": "ann:", "customer_external_id": None}])
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"no_customer": 1}}
    assert ran.rows("skipped") == [["contacts", "ann:", "", "", "no_customer", "", "", ""]]
    assert account.contacts() == {}


@pytest.mark.parametrize("records", [0, 1], ids=["nothing", "a change"])
def test_a_source_that_is_gone_is_told_of(
    account: Any, target: Any, lead: Record, caplog: pytest.LogCaptureFixture, records: int
) -> None:
    """When the data source is missing, the log says once how to fill it again."""
    everything = [lead("a"), lead("b")]
    target.run(everything)
    account.call("DELETE", f"/data_sources/{account.source()}")
    account.settle()
    for comes, told in ((everything[:records], 1), (everything, 1 - records), (everything, 0)):
        caplog.clear()
        target.run(comes)
        assert sum("meltano run resync-leads" in line for line in caplog.messages) == told
    assert sorted(account.customers()) == ["a", "b"]


def test_a_contact_on_another_customer_is_told_of_once(account: Any, target: Any, lead: Record, person: Record) -> None:
    """ChartMogul cannot move a contact; the target tries once, reports it, and still writes other changes."""
    target.run([lead("a"), lead("b"), person("ann", "a")])
    moved = person("ann", "a", title="CEO") | {"customer_external_id": "b"}
    ran = target.run([moved])
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1, "values_held": 1}
    ran = target.run([moved])
    assert ran.summary == {"status": "completed", "records": 1, "held": 1, "values_held": 1}
    assert ran.rows("held") == [
        ["contacts", "ann:a", "b", account.contacts()["ann:a"]["uuid"], "", "", "customer_external_id", ""]
    ]
    assert account.writes() == 0


def test_the_last_of_two_records_counts(account: Any, target: Any, lead: Record) -> None:
    """When an id is sent twice, the later record is written and the earlier one reported."""
    ran = target.run([lead("a", name="Old"), lead("a", name="New"), lead("", name="None")])
    assert ran.summary["skipped"] == {"no_identifier": 1, "superseded": 1}
    assert account.customer("a")["name"] == "New"
    assert len(ran.ids()) == 3


def test_an_index_and_look_ups_find_the_same(target: Any, lead: Record, person: Record) -> None:
    """A look-up of one record and a read of pages find the same data."""
    records = [*(lead(f"c{n}") for n in range(2)), *(person("ann", f"c{n}") for n in range(2))]
    target.run(records)
    for some in ([records[0], records[2]], records):
        assert target.run(some).summary["unchanged"] == len(some)
        assert target.calls == {"GET /data_sources": 1, "GET /customers": 1, "GET /contacts": 1}


def test_a_validation_writes_nothing(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A validation reports what a sync would do; it creates no data source and prints no STATE."""
    ran = target.run([lead("a", {"plan": "x"}), person("ann", "a")], mode="validate")
    assert ran.summary == {"status": "completed", "records": 2, "created": 2}
    assert (ran.states, account.writes()) == ([], 0)
    assert [one.name for one in account.held.sources] == ["Chargebee"]
