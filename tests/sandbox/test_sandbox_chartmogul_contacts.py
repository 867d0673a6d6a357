"""ChartMogul's contacts: creation, dropped fields, lists and merges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller


def test_a_new_contact_reads_back_whole(chartmogul: ChartMogulCaller) -> None:
    """A new contact is returned whole. Defined custom attributes become a map; undefined ones are silently dropped."""
    source = chartmogul.source()
    customer = chartmogul.customer(source, "co-1")
    body = {
        "customer_uuid": customer,
        "data_source_uuid": source,
        "external_id": "c1:co-1",
        "first_name": "Ada",
        "email": "ada@example.com",
        "last_seen": "2026-01-02",
        "custom": [{"key": "csm_owner", "value": "Amara"}, {"key": "undefined", "value": 1}],
    }
    response = chartmogul("POST /contacts", body)
    assert response.status_code == 201
    one = response.json()
    assert one == {
        "uuid": one["uuid"],
        "customer_uuid": customer,
        "customer_external_id": "co-1",
        "data_source_uuid": source,
        "external_id": "c1:co-1",
        "first_name": "Ada",
        "last_name": None,
        "title": None,
        "email": "ada@example.com",
        "phone": None,
        "linked_in": None,
        "twitter": None,
        "notes": None,
        "position": 1,
        "last_seen": "2026-01-02T00:00:00.000Z",
        "custom": {"csm_owner": "Amara"},
    }
    assert chartmogul.ok(f"GET /contacts/{one['uuid']}") == one
    second = chartmogul.ok(f"POST /customers/{customer}/contacts", {"data_source_uuid": source})
    assert (second["position"], second["customer_uuid"]) == (2, customer)


@pytest.mark.parametrize(("defined", "kept"), [("", {}), ("a", {"a": 1}), ("*", {"a": 1, "b": None})])
def test_which_attributes_are_defined_is_a_switch(
    chartmogul: ChartMogulCaller, defined: str, kept: dict[str, Any]
) -> None:
    """A switch lists the contact attributes that are defined, because no API call can define one."""
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, chartmogul_contact_attributes=defined)
    custom = [{"key": "a", "value": 1}, {"key": "b", "value": None}]
    assert chartmogul.ok("POST /contacts", {"custom": custom})["custom"] == kept


def test_a_contact_needs_no_customer(chartmogul: ChartMogulCaller) -> None:
    """A contact can be created without a customer and without a source."""
    one = chartmogul.ok("POST /contacts", {"first_name": "Ada"})
    assert (one["customer_uuid"], one["customer_external_id"], one["data_source_uuid"]) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"email": "no"}, 422, "email"),
        ({"first_name": 1}, 422, "first_name"),
        ({"position": 0}, 422, "position"),
        ({"custom": {"a": 1}}, 422, "custom"),
        ({"custom": [{"key": 1, "value": 1}]}, 422, "custom/key"),
        ({"custom": [{"key": "a", "value": []}]}, 422, "custom/value"),
        ({"overrides": {"colour": True}}, 422, "overrides"),
        ({"customer_uuid": "cus_x"}, 404, "customer_id"),
        ({"data_source_uuid": "ds_x"}, 422, "data_source_uuid"),
    ],
)
def test_a_contact_that_cannot_be_is_refused(chartmogul: ChartMogulCaller, body: Any, status: int, param: str) -> None:
    """A wrong contact is refused with code, message and param."""
    refused, error = chartmogul.refused("POST /contacts", body)
    assert (refused, error["code"], error["param"]) == (status, status, param)


def test_a_contacts_source_is_one_of_its_customers(chartmogul: ChartMogulCaller) -> None:
    """The data source of a contact is required, and must be one of its customer's."""
    customer, other = chartmogul.customer(chartmogul.source(), "a"), chartmogul.source("Other")
    missing = {"code": 400, "message": 'Parameter "data_source_uuid" is missing', "param": "data_source_uuid"}
    assert chartmogul.refused("POST /contacts", {"customer_uuid": customer}) == (400, missing)
    body = {"customer_uuid": customer, "data_source_uuid": other}
    assert chartmogul.refused("POST /contacts", body)[0] == 422


@pytest.mark.parametrize("unique", [True, False])
def test_whether_an_external_id_is_unique_is_a_switch(chartmogul: ChartMogulCaller, *, unique: bool) -> None:
    """A switch makes a contact's external id unique within its source. An update may repeat the contact's own id."""
    switches = {"chartmogul_unique_contact_external_ids": unique}
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, **switches)
    first, second = chartmogul.source(), chartmogul.source("Other")
    one = chartmogul.contact(data_source_uuid=first, external_id="a")
    chartmogul.contact(data_source_uuid=second, external_id="a")
    chartmogul.ok(f"PATCH /contacts/{one}", {"external_id": "a"})
    again = chartmogul("POST /contacts", {"data_source_uuid": first, "external_id": "a"})
    assert again.status_code == (422 if unique else 201)
    if unique:
        message = "The external ID for this contact already exists in our system."
        assert again.json() == {"code": 422, "message": message, "param": "external_id"}


def test_whether_external_ids_are_kept_is_a_switch(chartmogul: ChartMogulCaller) -> None:
    """A switch makes ChartMogul silently drop a contact's external id, both on creation and on update."""
    chartmogul.sandbox.reset(customers=0, chartmogul_keeps_contact_external_ids=False)
    one = chartmogul.contact(data_source_uuid=chartmogul.source(), external_id="a")
    assert chartmogul.ok(f"GET /contacts/{one}")["external_id"] is None
    assert chartmogul.ok(f"PATCH /contacts/{one}", {"external_id": "a"})["external_id"] is None


def test_whether_external_ids_filter_is_a_switch(chartmogul: ChartMogulCaller) -> None:
    """A switch makes the list ignore the external_id filter, like any unknown parameter."""
    chartmogul.sandbox.reset(customers=0, chartmogul_filters_contact_external_ids=False)
    source = chartmogul.source()
    for name in "ab":
        chartmogul.contact(data_source_uuid=source, external_id=name)
    assert len(chartmogul.ok("GET /contacts?external_id=a")["entries"]) == 2


def test_whether_external_ids_change_is_a_switch(chartmogul: ChartMogulCaller) -> None:
    """A switch makes a PATCH keep the contact's external id, while other fields still change."""
    chartmogul.sandbox.reset(customers=0, chartmogul_renames_contacts=False)
    one = chartmogul.contact(data_source_uuid=chartmogul.source(), external_id="a")
    shown = chartmogul.ok(f"PATCH /contacts/{one}", {"external_id": "b", "title": "CEO"})
    assert (shown["external_id"], shown["title"]) == ("a", "CEO")


def test_a_change_leaves_the_rest(chartmogul: ChartMogulCaller) -> None:
    """A PATCH leaves other fields alone; false stays false, and overrides work on contacts as well."""
    one = chartmogul.contact(first_name="Ada", title="Engineer")
    body = {"title": None, "custom": [{"key": "nps_score", "value": False}], "overrides": {"first_name": True}}
    shown = chartmogul.ok(f"PATCH /contacts/{one}", body)
    assert (shown["first_name"], shown["title"], shown["custom"]) == ("Ada", None, {"nps_score": False})
    assert shown["overrides"] == {"first_name": True}
    assert chartmogul.ok(f"PATCH /contacts/{one}", {"first_name": "Eve"})["first_name"] == "Ada"
    read = chartmogul.ok(f"GET /contacts/{one}?with_overrides=true&attributes_with_history=title")
    assert read["overrides"] == {"first_name": True}
    assert [entry["value"] for entry in read["historical_values"]["title"]] == [None, "Engineer"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_contact_is_named_without_its_prefix(chartmogul: ChartMogulCaller, method: str) -> None:
    """An unknown or deleted contact is a 404, whose message has the uuid without its prefix."""
    one = chartmogul.contact(first_name="Ada")
    response = chartmogul(f"DELETE /contacts/{one}")
    assert (response.status_code, response.json()) == (202, {"message": "Contact deleted"})
    message = f'Contact "{one.removeprefix("con_")}" does not exist'
    error = {"code": 404, "message": message, "param": "contact_uuid"}
    assert chartmogul.refused(f"{method} /contacts/{one}") == (404, error)


def test_lists_are_newest_first_and_filtered(chartmogul: ChartMogulCaller) -> None:
    """Contacts are listed newest first, and filtered by customer, source, e-mail or either external id.

    The list of an unknown customer is empty.
    """
    source = chartmogul.source()
    first, second = chartmogul.customer(source, "a"), chartmogul.customer(source, "b")
    for number, customer in enumerate((first, first, second)):
        fields = {"external_id": f"c{number}", "email": f"c{number}@example.com"}
        chartmogul.contact(customer_uuid=customer, data_source_uuid=source, **fields)
    expected = {
        "": ["c2", "c1", "c0"],
        f"?customer_uuid={first}": ["c1", "c0"],
        f"?data_source_uuid={source}": ["c2", "c1", "c0"],
        "?email=c1@example.com": ["c1"],
        "?external_id=c0": ["c0"],
        "?customer_external_id=b": ["c2"],
        "?customer_uuid=cus_x": [],
    }
    for query, names in expected.items():
        assert [one["external_id"] for one in chartmogul.ok(f"GET /contacts{query}")["entries"]] == names
    mine = chartmogul.ok(f"GET /customers/{first}/contacts")["entries"]
    assert [one["external_id"] for one in mine] == ["c1", "c0"]


def test_merged_contacts_fill_each_other(chartmogul: ChartMogulCaller) -> None:
    """The contact named first in the path survives a merge, keeps its values and gains missing ones.

    Notes are joined; the reply has no customer.
    """
    source = chartmogul.source()
    customer = chartmogul.customer(source, "a")
    common = {"customer_uuid": customer, "data_source_uuid": source}
    into = chartmogul.contact(**common, first_name="Ada", notes="one")
    other = chartmogul.contact(**common, first_name="Eve", phone="1", notes="two")
    merged = chartmogul.ok(f"POST /contacts/{into}/merge/{other}")
    assert (merged["first_name"], merged["phone"], merged["notes"], merged["position"]) == ("Ada", "1", "one two", 1)
    assert merged["customer_uuid"] is None
    assert chartmogul.ok(f"GET /contacts/{into}")["customer_uuid"] == customer
    assert chartmogul.refused(f"POST /contacts/{into}/merge/{other}")[0] == 404
    assert chartmogul.refused(f"POST /contacts/{into}/merge/{into}")[0] == 422
