"""ChartMogul with any paging and any input: lists are complete, and no request ends in a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.chartmogul.api import OPERATIONS

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller

settings.register_profile("sandbox", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROFILE = settings.get_profile("sandbox")
FEW = settings(PROFILE, max_examples=25)
MANY = settings(PROFILE)


@pytest.fixture
def full(chartmogul: ChartMogulCaller) -> ChartMogulCaller:
    """Return an account with sixty imported customers, twenty leads, thirty contacts and one merge."""
    chartmogul.sandbox.reset(customers=60, chartmogul_requests_per_second=1_000_000)
    source = chartmogul.source()
    leads = [chartmogul.customer(source, f"co-{number}", email="lead@example.com") for number in range(20)]
    for number in range(30):
        chartmogul.contact(
            customer_uuid=leads[number % 7],
            data_source_uuid=source,
            external_id=f"c-{number}",
            email=f"{number % 4}@example.com",
        )
    billed, other = (one["uuid"] for one in chartmogul.ok("GET /customers?status=Active")["entries"][:2])
    chartmogul.contact(
        customer_uuid=other, data_source_uuid=chartmogul.account.billing_source.uuid, email="lead@example.com"
    )
    sides = {"from": {"customer_uuid": leads[0]}, "into": {"customer_uuid": billed}}
    chartmogul.ok("POST /customers/merges", sides)
    chartmogul.settle()
    return chartmogul


def walked(caller: ChartMogulCaller, path: str, query: dict[str, Any]) -> list[str]:
    """Return the uuids of all pages, read by cursor."""
    uuids: list[str] = []
    page: dict[str, Any] = {"has_more": True}
    while page["has_more"]:
        cursor = {"cursor": page["cursor"]} if "cursor" in page else {}
        page = caller.ok(f"GET {path}?{urlencode(query | cursor)}")
        assert len(page["entries"]) <= min(query["per_page"], 200)
        uuids += [one["uuid"] for one in page["entries"]]
    return uuids


def by_number(caller: ChartMogulCaller, path: str, query: dict[str, Any], page: int = 0) -> list[str]:
    """Return the uuids of all pages after `page`, requested by number as clients did before cursors existed."""
    uuids: list[str] = []
    more = True
    while more:
        page += 1
        shown = caller.ok(f"GET {path}?{urlencode(query | {'page': page})}")
        uuids += [one["uuid"] for one in shown["entries"]]
        more = shown["has_more"]
    return uuids


Entry = dict[str, Any]


def systems(one: Entry) -> set[str]:
    """Return the systems of a customer; here a merged one always comes from Chargebee and from an API source."""
    merged = len(one["data_source_uuids"]) > 1
    return {"Chargebee", "Custom"} if merged else {one["billing-system-type"]}


Tests = dict[str, Callable[[Entry, str], bool]]
CUSTOMERS: Tests = {
    "data_source_uuid": lambda one, value: value in one["data_source_uuids"],
    "external_id": lambda one, value: value in one["external_ids"],
    "status": lambda one, value: one["status"].replace(" ", "_") == value,
    "system": lambda one, value: value in systems(one),
}
CONTACTS: Tests = {
    "customer_uuid": lambda one, value: one["customer_uuid"] == value,
    "data_source_uuid": lambda one, value: one["data_source_uuid"] == value,
    "email": lambda one, value: one["email"] == value,
    "external_id": lambda one, value: one["external_id"] == value,
    "customer_external_id": lambda one, value: one["customer_external_id"] == value,
}
LISTS: dict[str, Tests] = {"/customers": CUSTOMERS, "/contacts": CONTACTS}
"""The paged lists, each with its filters and the condition that a filter stands for."""
ELSEWHERE = {
    "/customers/search": "has a test of its own, below",
    "/customers/{uuid}/contacts": "has a test of its own, below",
    "/data_sources": "has no pages: test_sandbox_chartmogul_sources",
    "/customers/{uuid}/attributes": "is one record's",
    "/data_sources/{uuid}/json_imports/{id}": "is one record",
    "/data_sources/{uuid}": "is one record",
    "/customers/{uuid}": "is one record",
    "/contacts/{uuid}": "is one record",
    "/ping": "is not a record",
    "/account": "is not a record",
}
"""The other GET operations, each with the reason why it is not in the table."""


def values(caller: ChartMogulCaller, path: str, name: str) -> list[str]:
    """Return values for a filter: some that occur and one that does not."""
    entries = caller.ok(f"GET {path}")["entries"]
    fixed = {
        "status": ["New_Lead", "Active", "Cancelled", "Past_Due", "Working_Lead"],
        "data_source_uuid": [*(one.uuid for one in caller.account.sources), "ds_none"],
        "system": ["Chargebee", "Custom", "None"],
    }
    return fixed.get(name) or [*{one[name] for one in entries if one[name]}, "none"]


def test_every_list_has_a_row() -> None:
    """Every GET operation has a row in one of the two tables."""
    assert sorted([*LISTS, *ELSEWHERE]) == sorted(one.path for one in OPERATIONS if one.method == "GET")


@pytest.mark.parametrize("path", LISTS)
@FEW
@given(data=st.data())
def test_lists_page_completely(full: ChartMogulCaller, path: str, data: st.DataObject) -> None:
    """With any page size and filters, paging by cursor and by number returns each matching record once."""
    tests = LISTS[path]
    names = data.draw(st.lists(st.sampled_from(sorted(tests)), unique=True, max_size=2), "filters")
    query = {name: data.draw(st.sampled_from(sorted(values(full, path, name))), name) for name in names}
    entries = full.ok(f"GET {path}")["entries"]
    fit = sorted(one["uuid"] for one in entries if all(tests[name](one, query[name]) for name in names))
    paged = query | {"per_page": data.draw(st.integers(3, 90), "per_page")}
    assert sorted(walked(full, path, paged)) == fit
    assert sorted(by_number(full, path, paged)) == fit


@FEW
@given(per_page=st.integers(1, 30), contacts=st.booleans())
def test_the_search_pages_completely(full: ChartMogulCaller, per_page: int, *, contacts: bool) -> None:
    """The pages of a search hold every customer with the e-mail, and on request those with such a contact."""
    wanted = {one.uuid for one in full.account.customers if one.values["email"] == "lead@example.com"}
    if contacts:
        wanted |= {one.customer.uuid for one in full.account.contacts if one.values["email"] == "lead@example.com"}
    query = {"email": "lead@example.com", "per_page": per_page, "with_associated_emails": str(contacts).lower()}
    assert sorted(walked(full, "/customers/search", query)) == sorted(wanted)
    assert len(wanted) == 19 + contacts


@FEW
@given(per_page=st.integers(1, 8))
def test_a_customers_contacts_page_completely(full: ChartMogulCaller, per_page: int) -> None:
    """A customer's contacts are paged completely, newest first."""
    owner = next(one.customer for one in full.account.contacts)
    expected = [one.uuid for one in full.account.contacts.of(owner)]
    assert walked(full, f"/customers/{owner.uuid}/contacts", {"per_page": per_page}) == expected
    assert len(expected) > 3


def test_records_made_while_a_client_pages_disturb_nothing(full: ChartMogulCaller) -> None:
    """Customers created during paging neither hide nor repeat others, because a cursor is not a count."""
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


def test_a_lead_that_begins_to_pay_is_met_twice_and_nobody_is_missed(full: ChartMogulCaller) -> None:
    """Leads are listed before paying customers.

    A lead that begins to pay during paging moves to the end and appears twice; nobody is missed.
    """
    account = full.account
    first = full.ok("GET /customers?per_page=15")
    business = full.sandbox.world.business
    subscribed = {one.customer_id: one for one in business.subscriptions.records}
    lead = next(one for one in first["entries"] if one["external_id"] in subscribed)
    row = subscribed[lead["external_id"]]
    business.edit("subscriptions", row.id, activated_at=1_768_000_000, status="active")
    account.customers.billed_anew()
    rest = walked(full, "/customers", {"per_page": 5, "cursor": first["cursor"]})
    seen = [*(one["uuid"] for one in first["entries"]), *rest]
    assert seen.count(lead["uuid"]) == 2
    assert set(seen) == {one.uuid for one in account.customers}


@pytest.mark.parametrize(("path", "by", "lost"), [
    ("/customers", "cursor", 0), ("/customers", "number", 5), ("/contacts", "cursor", 0), ("/contacts", "number", 5),
])  # fmt: skip
def test_deletions_while_a_client_pages_lose_others_by_number_only(
    full: ChartMogulCaller, path: str, by: str, lost: int
) -> None:
    """After five records of the first page are deleted, paging by number misses five others, and by cursor none."""
    source = next(one.uuid for one in full.account.sources if one.name == "Intercom")
    query = {"per_page": 6, "data_source_uuid": source}
    there = walked(full, path, query)
    first = full.ok(f"GET {path}?{urlencode(query)}")
    seen = [one["uuid"] for one in first["entries"]]
    for uuid in seen[:5]:
        full.ok(f"DELETE {path}/{uuid}")
    if by == "cursor":
        seen += walked(full, path, query | {"cursor": first["cursor"]})
    else:
        seen += by_number(full, path, query, 1)
    assert len(set(there) - set(seen)) == lost


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
    """Return the value with placeholders replaced by ids of the account."""
    if isinstance(value, dict):
        return {key: filled(one, ids) for key, one in value.items()}
    return ids.get(value, value) if isinstance(value, str) else value


def known_ids(caller: ChartMogulCaller) -> dict[str, str]:
    """Return the id of one customer, one contact and one source, by placeholder."""
    account = caller.account
    return {
        "{customer}": next(iter(account.customers)).uuid,
        "{contact}": next((one.uuid for one in account.contacts), "con_x"),
        "{source}": next((one.uuid for one in account.sources if one.is_custom), "ds_x"),
    }


def owner_of(operation: Any) -> str:
    """Return the placeholder for the kind of record that the path's uuid names."""
    kinds = {"/data_sources": "{source}", "/contacts": "{contact}"}
    return next((kind for start, kind in kinds.items() if operation.path.startswith(start)), "{customer}")


@pytest.mark.fuzz
@MANY
@given(operation=st.sampled_from(OPERATIONS), known=st.booleans(), query=QUERIES, body=BODIES)
def test_no_input_ends_in_a_traceback(
    full: ChartMogulCaller, operation: Any, query: dict[str, str], body: Any, *, known: bool
) -> None:
    """Any request is answered with a success or with a refusal in one of the vendor's shapes."""
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
