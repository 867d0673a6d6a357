"""What a run does: customers and contacts are created, changed, left alone, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def test_a_company_and_its_people_arrive(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A new company becomes a customer with dates, typed attributes and tags, its people its contacts."""
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
        "GET /contacts": 1,
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
    """Records that ChartMogul holds already cost their look-up and no write."""
    records = [
        lead("acme", {"plan": "gold", "vip": False, "score": 2}, ["beta"]),
        person("ann", "acme", {"csm_owner": "Joe"}),
    ]
    target.run(records)
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 2, "unchanged": 2}
    assert target.calls == {"GET /data_sources": 1, "GET /customers": 1, "GET /contacts": 1}
    assert account.writes() == 0
