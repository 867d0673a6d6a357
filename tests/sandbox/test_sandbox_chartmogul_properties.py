"""ChartMogul under any paging and any input: lists are complete, and no call ends in a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.chartmogul.api import OPERATIONS

if TYPE_CHECKING:
    from conftest import ChartMogulCaller

settings.register_profile("sandbox", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROFILE = settings.get_profile("sandbox")
FEW = settings(PROFILE, max_examples=25)
MANY = settings(PROFILE)


@pytest.fixture
def full(chartmogul: ChartMogulCaller) -> ChartMogulCaller:
    """Sixty customers of Chargebee, twenty leads, thirty contacts, a merge."""
    chartmogul.sandbox.reset(customers=60, chartmogul_requests_per_second=1_000_000)
    source = chartmogul.source()
    leads = [chartmogul.customer(source, f"co-{number}", email="lead@example.com") for number in range(20)]
    for number in range(30):
        chartmogul.contact(customer_uuid=leads[number % 7], data_source_uuid=source, external_id=f"c-{number}")
    billed = chartmogul.ok("GET /customers?status=Active")["entries"][0]["uuid"]
    sides = {"from": {"customer_uuid": leads[0]}, "into": {"customer_uuid": billed}}
    chartmogul.ok("POST /customers/merges", sides)
    chartmogul.settle()
    return chartmogul


def walked(caller: ChartMogulCaller, path: str, query: dict[str, Any]) -> list[str]:
    """The uuids of all pages, to the end."""
    uuids: list[str] = []
    page: dict[str, Any] = {"has_more": True}
    while page["has_more"]:
        cursor = {"cursor": page["cursor"]} if "cursor" in page else {}
        page = caller.ok(f"GET {path}?{urlencode(query | cursor)}")
        assert len(page["entries"]) <= min(query["per_page"], 200)
        uuids += [one["uuid"] for one in page["entries"]]
    return uuids


def customers(caller: ChartMogulCaller, query: dict[str, Any]) -> set[str]:
    """Which customers fit, reckoned without pages."""
    fit = set()
    for one in caller.ok("GET /customers")["entries"]:
        status = one["status"].replace(" ", "_")
        source = query.get("data_source_uuid") in (None, *one["data_source_uuids"])
        if source and query.get("status") in (None, status):
            fit.add(one["uuid"])
    return fit


@FEW
@given(
    per_page=st.integers(1, 90),
    source=st.sampled_from([None, "Chargebee", "Intercom"]),
    status=st.sampled_from([None, "New_Lead", "Active", "Cancelled"]),
)
def test_customers_page_completely(
    full: ChartMogulCaller, per_page: int, source: str | None, status: str | None
) -> None:
    """Every customer that fits exactly once, whatever the size of the page and the filter."""
    names = {one.name: one.uuid for one in full.account.sources}
    query = {"data_source_uuid": names.get(source or ""), "status": status, "per_page": per_page}
    query = {name: value for name, value in query.items() if value is not None}
    uuids = walked(full, "/customers", query)
    assert len(uuids) == len(set(uuids))
    assert set(uuids) == customers(full, query)


@FEW
@given(per_page=st.integers(1, 40), mine=st.booleans())
def test_contacts_page_completely(full: ChartMogulCaller, per_page: int, *, mine: bool) -> None:
    """Of the account and of one customer."""
    everyone = {one.uuid: one.customer for one in full.account.contacts}
    owner = next(iter(everyone.values()))
    query = {"per_page": per_page} | ({"customer_uuid": owner.uuid} if mine else {})
    uuids = walked(full, "/contacts", query)
    assert len(uuids) == len(set(uuids))
    assert set(uuids) == {uuid for uuid, one in everyone.items() if not mine or one is owner}


def test_records_made_while_a_client_pages_disturb_nothing(full: ChartMogulCaller) -> None:
    """What was there is given once; a page's end is a place, not a number."""
    there = {one["uuid"] for one in full.ok("GET /customers")["entries"]}
    seen: list[str] = []
    page: dict[str, Any] = {"has_more": True, "cursor": ""}
    other = full.source("Other")
    for number in range(200):
        page = full.ok(f"GET /customers?per_page=3&cursor={page['cursor']}")
        seen += [one["uuid"] for one in page["entries"]]
        full.customer(other, f"late-{number}")
        if not page["has_more"]:
            break
    assert there <= set(seen)
    assert len(seen) == len(set(seen))


TEXT = st.text(max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ANYTHING = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
NAMES = (
    "data_source_uuid", "customer_uuid", "external_id", "name", "email", "status", "country", "state",
    "lead_created_at", "owner", "attributes", "custom", "tags", "overrides", "primary_contact", "position",
    "from", "into", "customers", "last_seen", "free_trial_started_at", "website_url",
)  # fmt: skip
ENTRY = st.fixed_dictionaries(
    {"key": st.sampled_from(["x", "csm_owner", ""]) | ANYTHING, "value": ANYTHING},
    optional={"type": st.sampled_from(["String", "Integer", "Decimal", "Timestamp", "Boolean"]) | ANYTHING},
)
FLAGS = st.fixed_dictionaries({}, optional={"name": ANYTHING, "address": st.booleans(), "attributes": ANYTHING})
SHAPED = {
    "custom": st.lists(ENTRY, max_size=3),
    "tags": st.lists(TEXT, max_size=3),
    "overrides": FLAGS,
    "attributes": st.fixed_dictionaries(
        {}, optional={"custom": st.lists(ENTRY, max_size=3) | ANYTHING, "tags": st.lists(TEXT, max_size=2)}
    ),
    "data_source_uuid": st.sampled_from(["{source}"]),
    "customer_uuid": st.sampled_from(["{customer}"]),
    "from": st.fixed_dictionaries({"customer_uuid": st.sampled_from(["{customer}"]) | ANYTHING}),
    "lead_created_at": st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-01-01 UTC"]),
}
BODIES = st.fixed_dictionaries({}, optional={name: SHAPED.get(name, TEXT) | ANYTHING for name in NAMES}) | ANYTHING
QUERIES = st.dictionaries(
    st.sampled_from(["per_page", "page", "cursor", "status", "system", "external_id", "email", "data_source_uuid",
                     "customer_uuid", "with_overrides", "attributes_with_history", "name"]) | TEXT,
    st.sampled_from(["true", "1", "2", "name", "custom.x", "Active"]) | TEXT,
    max_size=4,
)  # fmt: skip


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The value with ids of the account in place of their names."""
    if isinstance(value, dict):
        return {key: filled(one, ids) for key, one in value.items()}
    return ids.get(value, value) if isinstance(value, str) else value


def known_ids(caller: ChartMogulCaller) -> dict[str, str]:
    """One of each kind of record."""
    account = caller.account
    return {
        "{customer}": next(iter(account.customers)).uuid,
        "{contact}": next((one.uuid for one in account.contacts), "con_x"),
        "{source}": next((one.uuid for one in account.sources if one.is_custom), "ds_x"),
    }


def owner_of(operation: Any) -> str:
    """What the path's uuid belongs to."""
    kinds = {"/data_sources": "{source}", "/contacts": "{contact}"}
    return next((kind for start, kind in kinds.items() if operation.path.startswith(start)), "{customer}")


@pytest.mark.fuzz
@MANY
@given(operation=st.sampled_from(OPERATIONS), known=st.booleans(), query=QUERIES, body=BODIES)
def test_no_input_ends_in_a_traceback(
    full: ChartMogulCaller, operation: Any, query: dict[str, str], body: Any, *, known: bool
) -> None:
    """Every answer is a success or a refusal in one of the vendor's shapes."""
    ids = known_ids(full)
    names = {"uuid": ids[owner_of(operation)], "into": ids["{contact}"], "from": ids["{contact}"], "id": "x"}
    path = operation.path.format_map(names if known else dict.fromkeys(names, "x"))
    response = requests.request(
        operation.method,
        f"{full.sandbox.chartmogul_url}{path}?{urlencode(query)}",
        data=json.dumps(filled(body, ids)).encode(),
        auth=("sandbox_key", ""),
        timeout=10,
    )
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        told = response.json()
        assert told.keys() in ({"code", "message", "param"}, {"errors"}, {"error"})
