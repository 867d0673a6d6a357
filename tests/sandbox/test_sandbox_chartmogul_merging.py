"""Merged customers: which values survive, how they are shown and unmerged, and what ChartMogul merges by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller


def sides(source: Any, into: Any) -> dict[str, Any]:
    """Return the body that merges one uuid into another."""
    return {"from": {"customer_uuid": source}, "into": {"customer_uuid": into}}


def attributes(tag: str, **values: int) -> dict[str, Any]:
    """Return a new customer's attributes: one tag and integer custom attributes."""
    return {"tags": [tag], "custom": [{"type": "Integer", "key": key, "value": value} for key, value in values.items()]}


def test_a_merge_is_accepted_at_once_and_done_later(chartmogul: ChartMogulCaller) -> None:
    """A merge takes effect two calls after it is accepted.

    Then one customer is a 404, and the other has the sources and ids of both.
    """
    mine, other = chartmogul.source(), chartmogul.source("Other")
    into = chartmogul.customer(other, "b", name="B", company="", attributes=attributes("b", x=1))
    lead = chartmogul.customer(mine, "a", name="A", company="A Ltd", attributes=attributes("a", x=2, y=3))
    contact = chartmogul.contact(customer_uuid=lead, data_source_uuid=mine)
    response = chartmogul("POST /customers/merges", sides(lead, into))
    assert (response.status_code, response.json()) == (202, {})
    assert chartmogul.ok(f"GET /customers/{lead}")["external_ids"] == ["a"]
    assert chartmogul.ok(f"GET /customers/{into}")["external_ids"] == ["b"]
    error = {"code": 404, "message": f'Customer "{lead.removeprefix("cus_")}" does not exist', "param": "customer_id"}
    assert chartmogul.refused(f"GET /customers/{lead}") == (404, error)
    one = chartmogul.ok(f"GET /customers/{into}")
    assert (one["data_source_uuids"], one["external_ids"]) == ([other, mine], ["b", "a"])
    assert (one["data_source_uuid"], one["external_id"]) == (other, "b")
    assert (one["name"], one["company"]) == ("B", "")
    assert one["attributes"] == {"custom": {"x": 1, "y": 3}, "stripe": {}, "tags": ["a", "b"]}
    moved = chartmogul.ok(f"GET /contacts/{contact}")
    assert (moved["customer_uuid"], moved["customer_external_id"]) == (into, "a")
    for source, external_id in ((mine, "a"), (other, "b")):
        query = f"data_source_uuid={source}&external_id={external_id}"
        assert [row["uuid"] for row in chartmogul.ok(f"GET /customers?{query}")["entries"]] == [into]


def test_sides_may_be_named_by_source_and_external_id(chartmogul: ChartMogulCaller) -> None:
    """A merge may name customers by source and external id.

    Two customers of one source can be merged; the source is then listed twice.
    """
    source = chartmogul.source()
    chartmogul.customer(source, "a")
    into = chartmogul.customer(source, "b")
    body = {name: {"data_source_uuid": source, "external_id": one} for name, one in (("from", "a"), ("into", "b"))}
    chartmogul.ok("POST /customers/merges", body)
    chartmogul.settle()
    one = chartmogul.ok(f"GET /customers/{into}")
    assert (one["data_source_uuids"], one["external_ids"]) == ([source, source], ["b", "a"])
    errors = {"external_id": "The external ID for this customer already exists in our system."}
    taken = {"data_source_uuid": source, "external_id": "a"}
    assert chartmogul.refused("POST /customers", taken) == (422, {"errors": errors})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"from": {"customer_uuid": "{one}"}}, 400),
        ({"from": {"customer_uuid": "{one}"}, "into": {"customer_uuid": "{one}"}}, 422),
        ({"from": {"customer_uuid": "cus_x"}, "into": {"customer_uuid": "{one}"}}, 404),
        ({"from": {"customer_uuid": 7}, "into": {"customer_uuid": "{one}"}}, 404),
        ({"from": {}, "into": {"customer_uuid": "{one}"}}, 400),
        ({"from": "x", "into": {"customer_uuid": "{one}"}}, 422),
        ({"from": {"data_source_uuid": "x", "external_id": "y"}, "into": {"customer_uuid": "{one}"}}, 404),
    ],
    ids=["empty", "no into", "itself", "unknown", "number", "nobody", "text", "unknown id"],
)
def test_a_merge_that_cannot_be_is_refused(chartmogul: ChartMogulCaller, body: Any, status: int) -> None:
    """A wrong merge is refused at once."""
    one = chartmogul.customer(chartmogul.source(), "a")
    for side in body.values():
        if isinstance(side, dict) and side.get("customer_uuid") == "{one}":
            side["customer_uuid"] = one
    assert chartmogul.refused("POST /customers/merges", body)[0] == status


def test_a_merge_of_one_that_is_gone_by_then_does_nothing(chartmogul: ChartMogulCaller) -> None:
    """A merge does nothing if one of its customers is deleted before it takes effect."""
    source = chartmogul.source()
    lead, into = chartmogul.customer(source, "a"), chartmogul.customer(source, "b")
    chartmogul.ok("POST /customers/merges", sides(lead, into))
    chartmogul.ok("POST /customers/merges", sides(lead, into))
    chartmogul.ok(f"DELETE /customers/{into}")
    chartmogul.settle()
    assert chartmogul.ok(f"GET /customers/{lead}")["external_ids"] == ["a"]


def test_what_was_merged_parts_again(chartmogul: ChartMogulCaller) -> None:
    """An unmerge creates a customer with a new uuid.

    Attributes, tags and contacts return to their origin; both customers keep the standard fields.
    """
    mine, other = chartmogul.source(), chartmogul.source("Other")
    into = chartmogul.customer(other, "b", name="B", attributes=attributes("b", x=1))
    lead = chartmogul.customer(mine, "a", attributes=attributes("a", y=3))
    contact = chartmogul.contact(customer_uuid=lead, data_source_uuid=mine)
    chartmogul.ok("POST /customers/merges", sides(lead, into))
    chartmogul.settle()
    body = {"customer_uuid": into, "data_source_uuid": mine, "external_id": "a"}
    response = chartmogul("POST /customers/unmerges", body)
    assert (response.status_code, response.json()) == (202, {})
    chartmogul.settle()
    (split,) = chartmogul.ok(f"GET /customers?data_source_uuid={mine}")["entries"]
    assert split["uuid"] not in (lead, into)
    assert (split["name"], split["attributes"]) == ("B", {"custom": {"y": 3}, "stripe": {}, "tags": ["a"]})
    kept = chartmogul.ok(f"GET /customers/{into}")
    assert (kept["external_ids"], kept["attributes"]) == (["b"], {"custom": {"x": 1}, "stripe": {}, "tags": ["b"]})
    assert chartmogul.ok(f"GET /contacts/{contact}")["customer_uuid"] == split["uuid"]
    assert chartmogul.refused("POST /customers/unmerges", body)[0] == 422


def test_the_primary_can_be_split_off(chartmogul: ChartMogulCaller) -> None:
    """An unmerge of the primary customer leaves the uuid with the remaining one."""
    source = chartmogul.source()
    into, lead = chartmogul.customer(source, "a"), chartmogul.customer(source, "b")
    chartmogul.ok("POST /customers/merges", sides(lead, into))
    chartmogul.settle()
    chartmogul.ok("POST /customers/unmerges", {"customer_uuid": into, "data_source_uuid": source, "external_id": "a"})
    chartmogul.settle()
    assert chartmogul.ok(f"GET /customers/{into}")["external_id"] == "b"


@pytest.mark.parametrize(
    ("rules", "fields", "other", "merged"),
    [
        ("external_id", {"external_id": "x"}, {"external_id": "x"}, True),
        ("external_id", {"external_id": "x"}, {"external_id": "X"}, False),
        ("domain", {"website_url": "https://www.acme.example/a"}, {"website_url": "acme.example"}, True),
        ("domain", {"website_url": "https://gmail.com"}, {"website_url": "https://gmail.com"}, False),
        ("domain", {"website_url": "http://[a"}, {"website_url": "http://[a"}, False),
        ("company", {"company": "Acme"}, {"company": "Acme"}, True),
        ("company", {}, {}, False),
        ("external_id,company", {"email": "a@b.c"}, {"email": "a@b.c"}, False),
        ("", {"company": "Acme"}, {"company": "Acme"}, False),
    ],
    ids=["id", "other case", "domain", "free mail", "no address", "company", "empty", "email", "off"],
)
def test_the_accounts_automation_merges_duplicates(
    chartmogul: ChartMogulCaller, rules: str, fields: Any, other: Any, *, merged: bool
) -> None:
    """The account's automation merges duplicates of two sources some calls after the second was created.

    The first customer survives. There is no rule for e-mails.
    """
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, chartmogul_automation=rules)
    first = chartmogul.customer(chartmogul.source("Other"), **{"external_id": "1"} | fields)
    second = chartmogul.customer(chartmogul.source(), **{"external_id": "2"} | other)
    assert chartmogul("GET /customers/" + second).status_code == 200
    chartmogul.settle()
    assert chartmogul("GET /customers/" + second).status_code == (404 if merged else 200)
    assert len(chartmogul.ok(f"GET /customers/{first}")["external_ids"]) == 1 + merged


def test_automation_leaves_the_ambiguous_alone(chartmogul: ChartMogulCaller) -> None:
    """The automation merges nothing when a customer has two candidates."""
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, chartmogul_automation="company")
    other = chartmogul.source("Other")
    for external_id in ("1", "2"):
        chartmogul.customer(other, external_id, company="Acme")
    lead = chartmogul.customer(chartmogul.source(), "3", company="Acme")
    chartmogul.settle()
    assert chartmogul.ok(f"GET /customers/{lead}")["external_ids"] == ["3"]
