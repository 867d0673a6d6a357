"""Every list in the sandbox's table of Chargebee resources: records, envelopes, parents, catalogs, paging, refusals."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.app import create_app
from sandbox.chargebee.resources import RESOURCES, Resource
from sandbox.chargebee.views import VIEWS
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

KEY = b"Basic " + base64.b64encode(b"sandbox_key:")
Reply = tuple[int, dict[str, Any]]


class Site:
    """A site of sixty customers, called in the test's own process."""

    def __init__(self, catalog: int) -> None:
        self.world = World(Settings(customers=60, catalog=catalog))
        self._app = create_app(self.world)

    def get(self, path: str, params: dict[str, str] | str = "") -> Reply:
        """Send a GET request, and return status and JSON."""
        query = params if isinstance(params, str) else urlencode(params)
        return asyncio.run(self._get(path, query.encode()))

    async def _get(self, path: str, query: bytes) -> Reply:
        sent: list[MutableMapping[str, Any]] = []
        scope = {"type": "http", "method": "GET", "path": f"/chargebee/api/v2/{path}", "query_string": query}

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app({**scope, "headers": [(b"authorization", KEY)]}, receive, send)
        return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))

    def path(self, resource: Resource, place: int = 0) -> str:
        """Return the list's path; a list of children gets a parent that has some."""
        if resource.parent is None:
            return resource.path
        table = self.world.business.table(resource.table)
        parents = self.world.business.table(resource.parent)
        ids = [table.value(record, resource.parent_key) for record in table.records]
        live = [one for one in ids if (found := parents.get(one)) is not None and not found.deleted]
        return resource.path.replace("{id}", live[place % len(live)])

    def pages(self, resource: Resource, params: dict[str, str], limit: int) -> list[dict[str, Any]]:
        """Return all items of a list, read page by page; only the last page may be short."""
        asked = {**needed(resource), **params, "limit": str(limit)}
        status, page = self.get(self.path(resource), asked)
        assert status == 200, page
        items: list[dict[str, Any]] = page["list"]
        while "next_offset" in page:
            assert len(page["list"]) == limit
            _, page = self.get(self.path(resource), {**asked, "offset": page["next_offset"]})
            items += page["list"]
        return items


@cache
def site(catalog: int) -> Site:
    """Return the site of a catalog, which all tests share and only read."""
    return Site(catalog)


def needed(resource: Resource) -> dict[str, str]:
    """Return the parameters that the list requires."""
    return {name: resource.equals[name].values[0] for name in resource.required}


PAIRS = [(row, catalog) for row in RESOURCES for catalog in row.catalogs]


def rows_of(held: Callable[[Resource], object] = lambda _: True) -> list[Any]:
    """Return one test parameter for each resource that passes the condition, and for each of its catalogs."""
    return [pytest.param(row, catalog, id=f"{row.path} {catalog}") for row, catalog in PAIRS if held(row)]


HELD = rows_of()
FOREIGN = [
    pytest.param(row.path.replace("{id}", "x") + tail, 3 - row.catalogs[0], id=f"{row.path}{tail}")
    for row in RESOURCES
    if len(row.catalogs) == 1
    for tail in ("", "/x")
    if not tail or row.retrieved
]


@pytest.mark.parametrize(("resource", "catalog"), HELD)
def test_every_list_has_records_in_their_envelope(resource: Resource, catalog: int) -> None:
    """Every list has items: the record and its siblings under their names, each with its type.

    No member of a record is null.
    """
    items = site(catalog).pages(resource, {}, 100)
    assert items
    for item in items:
        assert set(item) - {resource.object} <= set(resource.siblings)
        assert all(part["object"] == name for name, part in item.items())
        assert None not in item[resource.object].values()


@pytest.mark.parametrize(("resource", "catalog"), rows_of(lambda row: row.retrieved))
def test_every_record_is_retrieved_as_it_is_listed(resource: Resource, catalog: int) -> None:
    """A record retrieved by its id equals its item in the list; an unknown id is a 404."""
    items = site(catalog).pages(resource, {}, 100)[:5]
    for item in items:
        record = item[resource.object]
        path = f"{resource.path}/{record.get('id', record.get('code'))}"
        assert site(catalog).get(path) == (200, item)
    status, refusal = site(catalog).get(f"{resource.path}/nobody")
    assert (status, refusal["api_error_code"]) == (404, "resource_not_found")


@pytest.mark.parametrize(("path", "catalog"), FOREIGN)
def test_the_other_catalog_is_refused(path: str, catalog: int) -> None:
    """Lists of the other catalog are a 400 with the code configuration_incompatible."""
    status, refusal = site(catalog).get(path)
    assert (status, refusal["api_error_code"], refusal["type"]) == (
        400,
        "configuration_incompatible",
        "invalid_request",
    )


@pytest.mark.parametrize(("resource", "catalog"), rows_of(lambda row: row.parent))
def test_children_are_their_parents_own(resource: Resource, catalog: int) -> None:
    """A list of children holds only that parent's children; an unknown parent is a 404."""
    business = site(catalog).world.business
    path = site(catalog).path(resource)
    parent_id = path.split("/")[1]
    table = business.table(resource.table)
    own = [one for one in table.records if table.value(one, resource.parent_key) == parent_id]
    items = site(catalog).pages(resource, {}, 100)
    assert len(items) == len(own)
    status, refusal = site(catalog).get(resource.path.replace("{id}", "nobody"), needed(resource))
    assert (status, refusal["api_error_code"]) == (404, "resource_not_found")


def test_records_refer_to_records_of_the_business() -> None:
    """Every id of a customer, subscription or invoice in a record belongs to a record that exists."""
    business = site(2).world.business
    known = {
        f"{name.removesuffix('s')}_id": {record.id for record in table.records}
        for name, table in business.tables().items()
    }
    named = 0
    for resource in RESOURCES:
        table = business.table(resource.table)
        for body in (table.body(record) for record in table.records if 2 in resource.catalogs):
            for key in known.keys() & body.keys():
                assert body[key] in known[key], (resource.path, key)
                named += 1
    assert named > 500


def spelled(value: Any) -> str:
    """Return a value as it is written in a query parameter."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def filtered(data: st.DataObject, resource: Resource, records: list[dict[str, Any]], catalog: int) -> dict[str, str]:
    """Draw a filter that the list accepts, with a value of one of its records."""
    names = [name for name, kind in resource.filters.items() if catalog in kind.catalogs]
    if not names or data.draw(st.booleans()):
        return {}
    name = data.draw(st.sampled_from(sorted(names)))
    found = [record[name] for record in records if isinstance(record.get(name), str | int)]
    if not found:
        return {f"{name}[is_present]": "false"} if resource.filters[name].kind != "boolean" else {}
    value = data.draw(st.sampled_from(found))
    operators = {
        "string": {"is": value, "is_not": value, "starts_with": str(value)[:2], "in": json.dumps([value])},
        "enum": {"is": value, "is_not": value, "not_in": f"['{value}']"},
        "number": {"is": value, "gte": value, "lt": value, "between": f"[0,{value}]"},
        "boolean": {"is": value},
        "timestamp": {"after": value, "before": value, "on": value, "between": f"[{value}, 2000000000]"},
    }[resource.filters[name].kind]
    operator = data.draw(st.sampled_from(sorted(operators)))
    return {f"{name}[{operator}]": spelled(operators[operator])}


@pytest.mark.parametrize(("resource", "catalog"), HELD)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_paging_is_complete_and_disjoint(resource: Resource, catalog: int, data: st.DataObject) -> None:
    """With any page size, filter and sort, the pages of an unchanging list equal the whole list in order."""
    everything = [item[resource.object] for item in site(catalog).pages(resource, {}, 100)]
    params = filtered(data, resource, everything, catalog)
    if resource.include_deleted and data.draw(st.booleans()):
        params["include_deleted"] = "true"
    if bool(resource.sorts) and data.draw(st.booleans()):
        sort = data.draw(st.sampled_from(resource.sorts))
        params[f"sort_by[{data.draw(st.sampled_from(['asc', 'desc']))}]"] = sort
    limit = data.draw(st.integers(3, 60))
    paged = site(catalog).pages(resource, params, limit)
    assert paged == site(catalog).pages(resource, params, 100)
    if "include_deleted" not in params:
        assert all(item[resource.object] in everything for item in paged)
    for name in params:
        if name.startswith("sort_by"):
            keys = [item[resource.object].get(params[name], 0) for item in paged]
            assert keys == sorted(keys, reverse="desc" in name)


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("custom_field_configs", {"entity_type": "invoice"}, ["cf_cost_centre"]),
        ("custom_field_configs", {"entity_type": "quote"}, ["cf_sales_rep"]),
    ],
)
def test_parameters_without_operator_are_filters(path: str, params: dict[str, str], expected: list[str]) -> None:
    """A parameter without an operator filters the list where the vendor documents one."""
    _, page = site(2).get(path, params)
    assert [item["custom_field_config"]["api_name"] for item in page["list"]] == expected


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("custom_field_configs", "entity_type=planet", "param_wrong_value"),
        ("coupons", "include_deleted=perhaps", "param_wrong_value"),
        ("coupons", "sort_by[asc]=updated_at", "invalid_request"),
        ("credit_notes", "sort_by[asc]=updated_at", "invalid_request"),
        ("item_families", "sort_by[asc]=id", "invalid_request"),
        ("differential_prices", "updated_at[after]=1700000000", "invalid_request"),
        ("gifts", "updated_at[after]=1700000000", "invalid_request"),
        ("unbilled_charges", "updated_at[after]=1700000000", "invalid_request"),
        ("unbilled_charges", "is_voided=perhaps", "param_wrong_value"),
        ("customers", "include_deprecated=perhaps", "param_wrong_value"),
        ("item_prices", 'offset=["1",0,"x"]', "param_wrong_value"),
        ("items", "offset=[1e999,1e999,1]", "param_wrong_value"),
        ("events", "event_type[is]=party_thrown", "param_wrong_value"),
        ("invoices/1", "limit=3", "invalid_request"),
        ("currencies/get_auto_exchange_rates", "", "param_wrong_value"),
        ("currencies/get_auto_exchange_rates", "exchange_rate_date=2026-02-30", "param_wrong_value"),
        ("currencies/get_auto_exchange_rates", "day=1", "invalid_request"),
    ],
)
def test_what_a_list_does_not_take_is_refused(path: str, query: str, code: str) -> None:
    """Each list refuses filters, sorts and parameters that it does not have, as the vendor does."""
    status, refusal = site(2).get(path, quote(query, safe="=&[]"))
    assert (status, refusal["api_error_code"]) == (400, code)


def test_rates_of_a_day() -> None:
    """An undocumented operation, which other connectors use, returns a day's exchange rates to the base currency."""
    assert site(2).get("currencies/get_auto_exchange_rates", {"exchange_rate_date": "2026-01-15"}) == (
        200,
        {
            "exchange_rates": {
                "exchange_rate_date": "2026-01-15",
                "exchange_rate_base_currency_code": "USD",
                "rates": {"USD": 1.0, "EUR": 1.08, "JPY": 0.0067},
            }
        },
    )


IGNORING = rows_of(lambda row: not row.include_deleted)


@pytest.mark.parametrize(("resource", "catalog"), IGNORING)
def test_include_deleted_is_ignored_by_a_list_that_does_not_know_it(resource: Resource, catalog: int) -> None:
    """A list that does not have include_deleted returns the same items with it as without."""
    params = {**needed(resource), "limit": "100"}
    path = site(catalog).path(resource)
    expected = site(catalog).get(path, params)
    for asked in ("true", "false"):
        assert site(catalog).get(path, {**params, "include_deleted": asked})[1]["list"] == expected[1]["list"]


@pytest.mark.parametrize("path", ["customers", "subscriptions", "invoices", "transactions", "coupons"])
def test_every_change_is_after_the_beginning_of_time(path: str) -> None:
    """`updated_at[after]=0` returns every record that has an updated_at."""
    everything = site(2).pages(next(row for row in RESOURCES if row.path == path), {}, 100)
    after = site(2).pages(next(row for row in RESOURCES if row.path == path), {"updated_at[after]": "0"}, 100)
    name = path.removesuffix("s")
    assert after == [item for item in everything if "updated_at" in item[name]]
    assert len(everything) > len(after) > 0


PATHS = sorted({row.path for row in RESOURCES} | {view.path.lstrip("/") for view in VIEWS})
NAMES = sorted(
    {"limit", "offset", "include_deleted", "line_items_limit", "line_items_offset", "sort_by[asc]"}
    | {f"{name}[{operator}]" for row in RESOURCES for name in row.filters for operator in ("is", "in", "between")}
)


@pytest.mark.fuzz
@settings(deadline=None)
@given(
    path=st.sampled_from(PATHS),
    tail=st.sampled_from(["", "/x", "/1"]),
    query=st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), st.text() | st.from_regex(r"\[.{0,9}\]")), max_size=3)
    | st.text(),
)
def test_any_query_is_answered_in_the_vendors_shape(path: str, tail: str, query: Any) -> None:
    """Any query is answered with a 200 or with a 4xx in the vendor's shape, never with a 5xx."""
    text = quote(query, safe="&=[]%") if isinstance(query, str) else urlencode(query, errors="surrogatepass")
    for catalog in (1, 2):
        status, body = site(catalog).get(path.replace("{id}", "1") + tail, text)
        assert status in (200, 400, 404), body
        assert status == 200 or body["http_status_code"] == status
