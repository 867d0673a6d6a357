"""How many calls a run makes, counted by the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def test_ten_thousand_companies_and_their_people(account: Any, target: Any, lead: Record, person: Record) -> None:
    """60,000 unchanged records cost 301 calls: one per 200 records, and one for the sources."""
    customers = [lead(f"c{number}", {"plan": "x"}) for number in range(10_000)]
    people = [person(f"p{number}", f"c{number // 5}") for number in range(50_000)]
    account.fill(customers, people)
    assert target.run([*customers, *people]).summary == {"status": "completed", "records": 60_000, "unchanged": 60_000}
    assert target.calls == {"GET /data_sources": 1, "GET /customers": 50, "GET /contacts": 250}


def test_a_small_first_load(target: Any, lead: Record, person: Record) -> None:
    """In a source that this run created, nothing is looked up except the first contact, to check external ids."""
    records = [*(lead(f"c{number}") for number in range(40)), *(person("ann", f"c{number}") for number in range(40))]
    target.run(records)
    assert sum(target.calls.values()) == 4 + 80 + 1


def test_a_first_load(account: Any, target: Any, lead: Record, person: Record) -> None:
    """A new record costs one call, including attributes and tags."""
    records = [lead(f"c{number}", {"plan": "x", "vip": False}, ["t"]) for number in range(100)]
    records += [person(f"p{number}", f"c{number // 5}", {"nps_score": 3}) for number in range(500)]
    assert target.run(records).summary["created"] == 600
    assert target.calls == {
        "GET /data_sources": 1,
        "POST /data_sources": 1,
        "GET /customers": 1,
        "GET /contacts": 2,
        "POST /customers": 100,
        "POST /contacts": 500,
    }
    assert sum(target.calls.values()) <= 1.05 * 600
    assert (len(account.customers()), len(account.contacts())) == (100, 500)


def test_a_first_load_into_a_source_that_somebody_has_made(
    account: Any, target: Any, lead: Record, person: Record
) -> None:
    """In an empty existing source, the first twenty creations are looked up, and one contact to check external ids."""
    account.source()
    records = [*(lead(f"c{number}") for number in range(100)), *(person(f"p{number}", "c1") for number in range(500))]
    assert target.run(records).summary["created"] == 600
    assert target.calls == {
        "GET /data_sources": 1,
        "GET /customers": 1 + 20,
        "GET /contacts": 1 + 1,
        "POST /customers": 100,
        "POST /contacts": 500,
    }
    assert sum(target.calls.values()) <= 1.05 * 600


def test_a_first_load_whose_attributes_follow(account: Any, target: Any, lead: Record) -> None:
    """When a creation drops attributes, a customer costs two calls."""
    account.reset(chartmogul_create_takes_attributes=False)
    assert target.run([lead(f"c{number}", {"vip": False}) for number in range(200)]).summary["created"] == 200
    assert sum(target.calls.values()) == 3 + 400 <= 2.05 * 200


def test_a_changed_record_costs_one_call(target: Any, lead: Record, person: Record) -> None:
    """One changed record among two hundred costs one more call."""
    records = [*(lead(f"c{number}") for number in range(100)), *(person(f"p{number}", "c1") for number in range(100))]
    target.run(records)
    target.run([lead("c0", name="New"), *records[1:]])
    assert target.calls == {
        "GET /data_sources": 1,
        "GET /customers": 1,
        "GET /contacts": 1,
        "PATCH /customers/{uuid}": 1,
    }


def test_new_contacts_of_many_customers_that_have_not_changed(
    account: Any, target: Any, lead: Record, person: Record
) -> None:
    """The customers of many contacts are read in pages; the first twenty creations are looked up."""
    account.fill([lead(f"c{number}") for number in range(150)], [])
    assert target.run([person("ann", f"c{number}") for number in range(150)]).summary["created"] == 150
    assert target.calls == {"GET /data_sources": 1, "GET /contacts": 22, "GET /customers": 1, "POST /contacts": 150}


#: The numbers of customers and contacts in the source, of records, and of calls per list.
COSTS = {
    "one record": (1000, 0, 1, 0, 1, 0),
    "all of a small source": (80, 83, 80, 83, 1, 1),
    "two records of a small source": (80, 83, 2, 2, 1, 1),
    "fewer customers than pages": (1000, 0, 3, 0, 1 + 3, 0),
    "more customers than pages": (1000, 0, 5, 0, 5, 0),
    "more contacts than pages": (1, 1000, 0, 40, 0, 5),
    "few contacts of many": (1, 1000, 0, 3, 0, 1 + 3),
}


@pytest.mark.parametrize("case", COSTS)
def test_what_costs_less(account: Any, target: Any, lead: Record, person: Record, case: str) -> None:
    """Records are looked up or read in pages, whichever takes fewer calls."""
    customers, contacts, came, people, pages, contact_pages = COSTS[case]
    owners = [lead(f"c{number:04}") for number in range(customers)]
    members = [person(f"p{number:04}", f"c{number % customers:04}") for number in range(contacts)]
    account.fill(owners, members)
    records = [*owners[customers - came :], *members[:people]]
    assert target.run(records).summary["unchanged"] == len(records)
    found = {"GET /data_sources": 1, "GET /customers": pages, "GET /contacts": contact_pages}
    assert target.calls == {call: count for call, count in found.items() if count}
