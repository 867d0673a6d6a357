"""ChartMogul's data sources: names, deletions, imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller


def test_a_new_source_is_listed_after_the_billing_one(chartmogul: ChartMogulCaller) -> None:
    """A new source is listed after the billing source. The list has no pages; it is filtered by name and by system."""
    created = chartmogul("POST /data_sources", {"name": "Intercom"})
    assert created.status_code == 201
    one = created.json()
    assert one == {
        "uuid": one["uuid"],
        "name": "Intercom",
        "system": "Custom",
        "created_at": "2026-01-15T12:00:00.000Z",
        "status": "idle",
    }
    listed = chartmogul.ok("GET /data_sources")["data_sources"]
    assert [(row["name"], row["system"]) for row in listed] == [("Chargebee", "Chargebee"), ("Intercom", "Custom")]
    assert chartmogul.ok("GET /data_sources?name=Intercom") == {"data_sources": [one]}
    assert chartmogul.ok("GET /data_sources?system=custom") == {"data_sources": []}
    assert chartmogul.ok(f"GET /data_sources/{one['uuid']}") == one


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"code": 400, "message": 'Parameter "name" is missing', "param": "name"}),
        ({"name": None}, 422, {"errors": {"name": "A name is required for each data source."}}),
        ({"name": " "}, 422, {"errors": {"name": "A name is required for each data source."}}),
        ({"name": 7}, 422, {"errors": {"name": "A name is required for each data source."}}),
        ({"name": "Chargebee"}, 422, {"errors": {"name": "Has already been taken."}}),
    ],
    ids=["missing", "null", "blank", "number", "taken by an integration"],
)
def test_a_source_that_cannot_be_is_refused(
    chartmogul: ChartMogulCaller, body: Any, status: int, expected: Any
) -> None:
    """A missing name is a 400, and a wrong one a 422."""
    assert chartmogul.refused("POST /data_sources", body) == (status, expected)


@pytest.mark.parametrize("call", ["GET /data_sources/x", "DELETE /data_sources/x", "DELETE /data_sources/x/all"])
def test_an_unknown_source_is_not_found(chartmogul: ChartMogulCaller, call: str) -> None:
    """An unknown source is a 404 in a shape that only data sources use."""
    assert chartmogul.refused(call) == (404, {"error": "Data source not found"})


def test_a_deleted_sources_name_is_released_some_time_later(chartmogul: ChartMogulCaller) -> None:
    """The name of a deleted source stays taken for two further calls."""
    source = chartmogul.source()
    response = chartmogul(f"DELETE /data_sources/{source}")
    assert (response.status_code, response.json()) == (202, {"message": "Source deleted"})
    assert chartmogul("GET /data_sources?name=Intercom").json() == {"data_sources": []}
    assert chartmogul.refused("POST /data_sources", {"name": "Intercom"})[0] == 422
    assert chartmogul.source() != source


def test_time_releases_a_name_too(chartmogul: ChartMogulCaller) -> None:
    """The name of a deleted source is free once the business clock has moved."""
    chartmogul.ok(f"DELETE /data_sources/{chartmogul.source()}")
    chartmogul.sandbox.advance(seconds=1)
    assert chartmogul.source()


def test_deletions_of_the_elder_era_have_no_body(chartmogul: ChartMogulCaller) -> None:
    """With the older behaviour, a deletion is a 204 without a body, and a contact's a 200 with an empty object."""
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, chartmogul_delete_messages=False)
    source = chartmogul.source()
    customer, contact = chartmogul.customer(source, "a"), chartmogul.contact(first_name="Ada")
    chartmogul.ok(f"POST /customers/{customer}/attributes/custom", {"custom": [custom("seats", 1)]})
    calls = [
        (f"DELETE /customers/{customer}/attributes/custom", {"custom": ["seats"]}),
        (f"DELETE /contacts/{contact}", None),
        (f"DELETE /customers/{customer}", None),
        (f"DELETE /data_sources/{source}", None),
    ]
    answers = [chartmogul(call, body) for call, body in calls]
    assert [(one.status_code, one.text) for one in answers] == [(204, ""), (200, "{}"), (204, ""), (204, "")]


def custom(key: str, value: Any) -> dict[str, Any]:
    """Return a custom attribute in the form that a write takes."""
    return {"type": "Integer", "key": key, "value": value}


def test_a_deleted_source_takes_its_customers_and_contacts(chartmogul: ChartMogulCaller) -> None:
    """Deleting a source deletes its customers and contacts, and leaves those of other sources."""
    mine, other = chartmogul.source(), chartmogul.source("Other")
    gone, kept = chartmogul.customer(mine, "a"), chartmogul.customer(other, "a")
    contact = chartmogul.contact(customer_uuid=gone, data_source_uuid=mine)
    chartmogul.ok(f"DELETE /data_sources/{mine}")
    assert chartmogul(f"GET /customers/{gone}").status_code == 404
    assert chartmogul(f"GET /contacts/{contact}").status_code == 404
    assert chartmogul(f"GET /customers/{kept}").status_code == 200


@pytest.mark.parametrize(
    ("takes_all", "tags", "custom_map", "contacts"), [(True, [], {}, 0), (False, ["t"], {"s": 1}, 1)]
)
def test_a_merged_customer_outlives_one_of_its_sources(
    chartmogul: ChartMogulCaller, *, takes_all: bool, tags: list[str], custom_map: dict[str, int], contacts: int
) -> None:
    """A merged customer survives the deletion of one of its sources.

    A switch selects whether attributes, tags and contacts go with the source.
    """
    chartmogul.sandbox.reset(
        customers=0, chartmogul_requests_per_second=1_000, chartmogul_source_delete_takes_all=takes_all
    )
    mine, other = chartmogul.source(), chartmogul.source("Other")
    attributes = {"tags": ["t"], "custom": [custom("s", 1)]}
    lead, into = chartmogul.customer(mine, "a", attributes=attributes), chartmogul.customer(other, "b")
    chartmogul.contact(customer_uuid=lead, data_source_uuid=mine)
    chartmogul.ok("POST /customers/merges", {"from": {"customer_uuid": lead}, "into": {"customer_uuid": into}})
    chartmogul.settle()
    chartmogul.ok(f"DELETE /data_sources/{mine}")
    one = chartmogul.ok(f"GET /customers/{into}")
    assert (one["external_ids"], one["data_source_uuids"]) == (["b"], [other])
    assert (one["attributes"]["tags"], one["attributes"]["custom"]) == (tags, custom_map)
    assert len(chartmogul.ok(f"GET /customers/{into}/contacts")["entries"]) == contacts


def test_an_emptied_source_stays(chartmogul: ChartMogulCaller) -> None:
    """Emptying a source is a 204; the source stays, without customers."""
    source = chartmogul.source()
    chartmogul.customer(source, "a")
    assert chartmogul(f"DELETE /data_sources/{source}/all").status_code == 204
    assert chartmogul.ok(f"GET /customers?data_source_uuid={source}")["entries"] == []
    assert chartmogul.ok(f"GET /data_sources/{source}")["name"] == "Intercom"


def test_an_import_is_queued_and_done_later(chartmogul: ChartMogulCaller) -> None:
    """An import is queued and done some calls later.

    A customer that exists or is wrong fails alone; the source counts imported and failed ones.
    """
    source = chartmogul.source()
    chartmogul.customer(source, "there")
    rows = [{"external_id": "new", "name": "New"}, {"external_id": "there"}, {"external_id": "bad", "email": "no"}]
    queued = chartmogul.ok(f"POST /data_sources/{source}/json_imports", {"external_id": "run-1", "customers": rows})
    assert (queued["status"], queued["external_id"], queued["status_details"]) == ("queued", "run-1", {})
    status = chartmogul.ok(f"GET /data_sources/{source}?with_processing_status=true")["processing_status"]
    assert status == {"processed": 1, "failed": 0, "pending": 1}
    chartmogul.settle()
    done = chartmogul.ok(f"GET /data_sources/{source}/json_imports/run-1")
    assert done["status"] == "completed"
    assert {key: detail["status"] for key, detail in done["status_details"].items()} == {
        "new": "imported",
        "there": "failed",
        "bad": "failed",
    }
    assert chartmogul.ok(f"GET /data_sources/{source}/json_imports/{queued['id']}") == done
    status = chartmogul.ok(f"GET /data_sources/{source}?with_processing_status=true")["processing_status"]
    assert status == {"processed": 2, "failed": 2, "pending": 0}


def test_an_unknown_import_is_not_found(chartmogul: ChartMogulCaller) -> None:
    """An unknown import is a 404."""
    source = chartmogul.source()
    assert chartmogul.refused(f"GET /data_sources/{source}/json_imports/x") == (404, {"error": "Import not found"})
