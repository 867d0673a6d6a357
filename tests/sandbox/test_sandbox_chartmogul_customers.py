"""ChartMogul's customers: creation, updates, lists, search and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller

BAD_EMAIL = "The value provided does not appear to be a valid email address."


def test_a_new_customer_reads_back_whole(chartmogul: ChartMogulCaller) -> None:
    """A new customer is returned whole.

    Text fields are never null, dates have milliseconds, and the address has full names. Some keys are spelt with
    hyphens, as at the vendor.
    """
    source = chartmogul.source()
    body = {
        "data_source_uuid": source,
        "external_id": "co-1",
        "name": "Acme",
        "country": "us",
        "state": "US-CA",
        "lead_created_at": "2025-03-01",
        "free_trial_started_at": "2025-03-01 14:30:00 UTC",
        "website_url": "https://acme.example",
        "owner": "nobody@example.com",
        "unknown": "ignored",
    }
    response = chartmogul("POST /customers", body)
    assert response.status_code == 201
    one = response.json()
    assert one == {
        "id": 10_000_001,
        "uuid": one["uuid"],
        "external_id": "co-1",
        "external_ids": ["co-1"],
        "data_source_uuid": source,
        "data_source_uuids": [source],
        "name": "Acme",
        "email": "",
        "company": "",
        "country": "US",
        "state": "CA",
        "city": None,
        "zip": None,
        "website_url": "https://acme.example",
        "owner": None,
        "status": "New Lead",
        "lead_status": "New Lead",
        "paid_subscriber_status": None,
        "lead_created_at": "2025-03-01T00:00:00.000Z",
        "free_trial_started_at": "2025-03-01T14:30:00.000Z",
        "customer-since": None,
        "attributes": {"custom": {}, "stripe": {}, "tags": []},
        "address": {"country": "United States", "state": "California", "city": None, "address_zip": None},
        "mrr": 0,
        "arr": 0,
        "billing-system-url": None,
        "chartmogul-url": "https://app.chartmogul.com/#/customers/10000001",
        "billing-system-type": "Custom",
        "currency": "USD",
        "currency-sign": "$",
        "last_seen": None,
    }
    assert one["uuid"].startswith("cus_")
    assert chartmogul.ok(f"GET /customers/{one['uuid']}") == one


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"external_id": None}, {"external_id": "A unique external ID is required for each customer."}),
        ({"name": None}, {"name": "A name is required for each customer."}),
        ({"data_source_uuid": "x"}, {"data_source_uuid": "A valid data source UUID is required for each customer."}),
        ({"email": "no"}, {"email": BAD_EMAIL}),
        ({"email": "a@b.c", "name": 7}, {"name": "The value provided is not a string."}),
        ({"country": "XX"}, {"country": "The value provided is not a valid country code."}),
        ({"lead_created_at": "2026-01-15T12:00:01Z"}, {"lead_created_at": "The value provided must be in the past."}),
        ({"lead_created_at": "soon"}, {"lead_created_at": "The value provided is not a valid date."}),
        (
            {"lead_created_at": "9999-12-31T23:00:00-12:00"},
            {"lead_created_at": "The value provided must be in the past."},
        ),
        ({"free_trial_started_at": 5}, {"free_trial_started_at": "The value provided is not a valid date."}),
    ],
)
def test_a_customer_that_cannot_be_is_refused(chartmogul: ChartMogulCaller, body: Any, errors: Any) -> None:
    """A wrong field is a 422 that names the field."""
    whole = {"data_source_uuid": chartmogul.source(), "external_id": "a", "name": "A"} | body
    assert chartmogul.refused("POST /customers", whole) == (422, {"errors": errors})


def test_all_bad_fields_are_told_at_once(chartmogul: ChartMogulCaller) -> None:
    """A 422 lists all wrong fields at once, as recorded from the vendor for a body of nulls."""
    body = {"data_source_uuid": None, "external_id": None, "name": None}
    errors = {
        "data_source_uuid": "A valid data source UUID is required for each customer.",
        "external_id": "A unique external ID is required for each customer.",
        "name": "A name is required for each customer.",
    }
    assert chartmogul.refused("POST /customers", body) == (422, {"errors": errors})


@pytest.mark.parametrize("name", ["data_source_uuid", "external_id"])
def test_a_missing_parameter_is_a_400(chartmogul: ChartMogulCaller, name: str) -> None:
    """A missing data source or external id is a 400; the name may be missing."""
    body = {"data_source_uuid": chartmogul.source(), "external_id": "a"}
    del body[name]
    error = {"code": 400, "message": f'Parameter "{name}" is missing', "param": name}
    assert chartmogul.refused("POST /customers", body) == (400, error)


def test_an_external_id_is_unique_in_its_source_only(chartmogul: ChartMogulCaller) -> None:
    """An external id is unique within its source only; a list filtered by it returns both sources' customers."""
    first, second = chartmogul.source(), chartmogul.source("Other")
    uuids = {chartmogul.customer(source, "a", email="a@b.c") for source in (first, second)}
    body = {"data_source_uuid": first, "external_id": "a"}
    errors = {"external_id": "The external ID for this customer already exists in our system."}
    assert chartmogul.refused("POST /customers", body) == (422, {"errors": errors})
    assert {one["uuid"] for one in chartmogul.ok("GET /customers?external_id=a")["entries"]} == uuids
    both = f"GET /customers?external_id=a&data_source_uuid={second}"
    assert [one["data_source_uuid"] for one in chartmogul.ok(both)["entries"]] == [second]


def test_an_integrations_source_takes_no_customers(chartmogul: ChartMogulCaller) -> None:
    """A customer can be created only in a source that was created over the API."""
    (billing,) = chartmogul.ok("GET /data_sources")["data_sources"]
    body = {"data_source_uuid": billing["uuid"], "external_id": "a"}
    errors = {"data_source_uuid": "A valid data source UUID is required for each customer."}
    assert chartmogul.refused("POST /customers", body) == (422, {"errors": errors})


def test_a_change_leaves_the_rest(chartmogul: ChartMogulCaller) -> None:
    """A PATCH leaves other fields alone.

    Null clears a field, and a lead status may be spelt with space or underscore.
    """
    one = chartmogul.customer(chartmogul.source(), "a", name="Acme", company="Acme Ltd", city="Leeds", country="GB")
    changed = chartmogul.ok(f"PATCH /customers/{one}", {"company": None, "city": None, "status": "Working_Lead"})
    assert (changed["name"], changed["company"], changed["city"], changed["country"]) == ("Acme", "", None, "GB")
    assert (changed["status"], changed["lead_status"]) == ("Working Lead", "Working Lead")
    assert chartmogul.ok(f"GET /customers/{one}") == changed


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"email": "no"}, {"code": 422, "message": BAD_EMAIL, "param": "email"}),
        ({"status": "Active"}, {"code": 422, "message": "The value provided is not a lead status.", "param": "status"}),
        (
            {"attributes": {"custom": [1]}},
            {
                "code": 422,
                "message": "The property '#/custom' of type array did not match the following type: object",
                "param": "custom",
            },
        ),
    ],
)
def test_a_bad_change_is_refused_in_another_shape(chartmogul: ChartMogulCaller, body: Any, error: Any) -> None:
    """A wrong PATCH is a 422 with code, message and param, and writes nothing."""
    one = chartmogul.customer(chartmogul.source(), "a", name="Acme")
    assert chartmogul.refused(f"PATCH /customers/{one}", {"name": "New"} | body) == (422, error)
    assert chartmogul.ok(f"GET /customers/{one}")["name"] == "Acme"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_customer_is_named_without_its_prefix(chartmogul: ChartMogulCaller, method: str) -> None:
    """An unknown customer is a 404, whose message has the uuid without its prefix."""
    error = {"code": 404, "message": 'Customer "1-2" does not exist', "param": "customer_id"}
    assert chartmogul.refused(f"{method} /customers/cus_1-2") == (404, error)


def test_a_deleted_customer_is_gone_with_its_contacts(chartmogul: ChartMogulCaller) -> None:
    """Deleting a customer deletes its contacts and frees its external id."""
    source = chartmogul.source()
    one = chartmogul.customer(source, "a", primary_contact={"email": "ada@example.com"})
    response = chartmogul(f"DELETE /customers/{one}")
    assert (response.status_code, response.json()) == (202, {"message": "Customer deleted"})
    assert chartmogul.ok("GET /contacts")["entries"] == []
    assert chartmogul.customer(source, "a") != one


def test_search_by_email_is_exact(chartmogul: ChartMogulCaller) -> None:
    """The search finds all customers with exactly that e-mail, or a 404.

    With associated e-mails it also finds customers with such a contact.
    """
    source = chartmogul.source()
    first, second = (chartmogul.customer(source, name, email="a@example.com") for name in ("a", "b"))
    third = chartmogul.customer(source, "c", primary_contact={"email": "a@example.com"})
    found = chartmogul.ok("GET /customers/search?email=a@example.com")
    assert [one["uuid"] for one in found["entries"]] == [first, second]
    assert (found["total_pages"], found["has_more"]) == (None, False)
    wider = chartmogul.ok("GET /customers/search?email=a@example.com&with_associated_emails=true")
    assert [one["uuid"] for one in wider["entries"]] == [first, second, third]
    error = {"code": 404, "message": 'Can\'t find any customers with email: "A@example.com"', "param": "email"}
    assert chartmogul.refused("GET /customers/search?email=A@example.com") == (404, error)
    missing = {"code": 400, "message": 'Parameter "email" is missing', "param": "email"}
    assert chartmogul.refused("GET /customers/search") == (400, missing)


def test_the_last_page_still_has_a_cursor(chartmogul: ChartMogulCaller) -> None:
    """Only `has_more` marks the last page, which still has a cursor.

    Deprecated page numbers are on the first page only.
    """
    source = chartmogul.source()
    for name in ("a", "b", "c"):
        chartmogul.customer(source, name)
    first = chartmogul.ok("GET /customers?per_page=2")
    assert [one["external_id"] for one in first.pop("entries")] == ["a", "b"]
    cursor = first.pop("cursor")
    assert first == {"has_more": True, "current_page": 1, "total_pages": 2, "per_page": 2, "page": 1}
    last = chartmogul.ok(f"GET /customers?per_page=2&cursor={cursor}")
    assert [one["external_id"] for one in last["entries"]] == ["c"]
    assert (last["has_more"], "page" in last) == (False, False)
    assert chartmogul.ok(f"GET /customers?cursor={last['cursor']}") == {
        "entries": [],
        "has_more": False,
        "cursor": None,
    }


def test_pages_by_number_still_work(chartmogul: ChartMogulCaller) -> None:
    """Pages can still be requested by number, which is deprecated but used by other connectors."""
    source = chartmogul.source()
    for name in ("a", "b", "c"):
        chartmogul.customer(source, name)
    second = chartmogul.ok("GET /customers?per_page=2&page=2")
    assert [one["external_id"] for one in second["entries"]] == ["c"]
    assert (second["current_page"], second["total_pages"], second["has_more"]) == (2, 2, False)


@pytest.mark.parametrize(
    ("query", "param"),
    [("per_page=0", "per_page"), ("per_page=x", "per_page"), ("per_page=-1", "per_page"), ("page=0", "page"),
     ("cursor=!", "cursor"), ("cursor=YQ==", "cursor"), ("cursor=/w==", "cursor"), ("status=New%20Lead", "status"),
     ("status=gone", "status")],
)  # fmt: skip
def test_a_query_that_cannot_be_read_is_refused(chartmogul: ChartMogulCaller, query: str, param: str) -> None:
    """A wrong query parameter is a 400 that names it."""
    error = {"code": 400, "message": f'Parameter "{param}" is invalid', "param": param}
    assert chartmogul.refused(f"GET /customers?{query}") == (400, error)


def test_more_than_200_a_page_are_200(chartmogul: ChartMogulCaller) -> None:
    """A page size above 200 is silently treated as 200, and unknown parameters are ignored."""
    listed = chartmogul.ok("GET /customers?per_page=500&colour=red")
    assert (listed["per_page"], listed["total_pages"], listed["entries"]) == (200, 0, [])
