"""How many calls a run makes, counted by the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

START = {"GET /me": 1, "GET /data_attributes": 2}


def test_ten_thousand_contacts(workspace: Any, target: Any, customer: Record) -> None:
    """Ten thousand unchanged contacts cost seventy calls; each changed one costs one more."""
    records = [customer(f"c{number}") for number in range(10_000)]
    target.run(records[:1], on_no_match="create")
    made = {"cb_created_by": False}
    workspace.fill({"email": one["email"], "custom_attributes": one["custom_attributes"] | made} for one in records[1:])
    assert target.run(records).summary["unchanged"] == 10_000
    assert target.calls == START | {"GET /contacts": 67}

    changed = [customer(f"c{number}", cb_cust_mrr=99) for number in range(1000)]
    assert target.run([*changed, *records[1000:]]).summary["updated"] == 1000
    assert target.calls == START | {"GET /contacts": 67, "PUT /contacts/{id}": 1000}


def test_new_contacts(workspace: Any, target: Any, customer: Record) -> None:
    """A new contact costs three calls: a look-up by external id, the creation, and setting the external id."""
    assert target.run([customer(f"c{number}") for number in range(200)], on_no_match="create").summary["created"] == 200
    assert target.calls == START | {
        "GET /contacts": 1,
        "POST /data_attributes": 6,
        "GET /contacts/find_by_external_id/{external_id}": 200,
        "POST /contacts": 200,
        "PUT /contacts/{id}": 200,
    }
    assert len(workspace.contacts()) == 200


def test_ten_thousand_companies(workspace: Any, target: Any, company: Record) -> None:
    """Ten thousand unchanged companies cost one call per hundred, and one for the scroll's empty last page."""
    records = [company(f"c{number}") for number in range(10_000)]
    workspace.add_company(company_id="c0", name="C0")
    target.run(records[:1])
    made = {"cb_created_by": False}
    workspace.fill_companies(
        {"company_id": one["company_id"], "name": one["name"], "custom_attributes": one["custom_attributes"] | made}
        for one in records[1:]
    )
    assert target.run(records).summary["unchanged"] == 10_000
    assert target.calls == START | {"GET /companies/scroll": 101}


def test_new_companies(workspace: Any, target: Any, company: Record) -> None:
    """A new company costs three calls: two look-ups and the creation."""
    assert target.run([company(f"c{number}") for number in range(200)], on_no_match="create").summary["created"] == 200
    assert target.calls == START | {
        "GET /companies/scroll": 1,
        "POST /data_attributes": 6,
        "GET /companies": 400,
        "POST /companies": 200,
    }
    assert len(workspace.companies()) == 200


def test_new_companies_matched_by_name(workspace: Any, target: Any, company: Record) -> None:
    """When matched by name, a new company costs one more call, which looks for an unlisted company of that name."""
    records = [company(f"c{number}", f"Company {number}") for number in range(100)]
    ran = target.run(records, on_no_match="create", match_companies_on="name")
    assert ran.summary["created"] == 100
    assert target.calls == START | {
        "GET /companies/scroll": 1,
        "POST /data_attributes": 6,
        "GET /companies": 300,
        "POST /companies": 100,
    }
    assert len(workspace.companies()) == 100
