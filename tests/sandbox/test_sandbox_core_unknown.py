"""Unknown paths, methods, parameters and fields of all three APIs are refused or ignored as the README says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.chargebee.endpoints import OPERATIONS as CHARGEBEE_WRITES
from sandbox.chargebee.resources import RESOURCES
from sandbox.chargebee.views import VIEWS
from sandbox.chartmogul.api import OPERATIONS as CHARTMOGUL
from sandbox.intercom.api import OPERATIONS as INTERCOM

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

CHARGEBEE = [
    *((row.catalogs[0], f"/{row.path}") for row in RESOURCES),
    *((row.catalogs[0], f"/{row.path}/{{id}}") for row in RESOURCES if row.retrieved),
    *((view.catalogs[0], view.path) for view in VIEWS),
]
BASES = {"chargebee": "/chargebee/api/v2", "intercom": "/intercom", "chartmogul": "/chartmogul/v1"}
UNKNOWN = ["shoe_size=44", "shoe_size[is]=44", "id[sounds_like]=x", "sort_by[asc]=shoe_size", "sort_by[up]=id"]


@pytest.fixture(scope="module", autouse=True)
def plenty(running_sandbox: RunningSandbox) -> None:
    """Reset to a business whose records these tests do not read."""
    running_sandbox.reset(customers=60, rate_limit_per_window=10**9, chartmogul_requests_per_second=10**9)


NEEDED = {f"/{row.path}": [f"{name}={row.equals[name].values[0]}&" for name in row.required] for row in RESOURCES}
"""The parameters that a list requires, by path; without them every other check is skipped."""


def filled(path: str, sandbox: RunningSandbox) -> str:
    """Return the path with the ids of existing parents, because a parent is looked up before parameters are checked."""
    for name in ("customers", "subscriptions", "omnichannel_subscriptions", "quotes", "items"):
        live = next(one.id for one in sandbox.world.business.table(name).records if not one.deleted)
        path = path.replace(f"/{name}/{{id}}/", f"/{name}/{live}/")
    return path.replace("{id}", "1")


@pytest.mark.parametrize(("catalog", "path"), CHARGEBEE, ids=[f"{path} {catalog}" for catalog, path in CHARGEBEE])
def test_chargebee_refuses_what_an_operation_does_not_know(
    running_sandbox: RunningSandbox, catalog: int, path: str
) -> None:
    """Chargebee refuses an unknown parameter, field, operator, sort or direction, and names the parameter."""
    if running_sandbox.world.settings.catalog != catalog:
        running_sandbox.reset(
            customers=60, rate_limit_per_window=10**9, chartmogul_requests_per_second=10**9, catalog=catalog
        )
    for query in UNKNOWN:
        needed = "".join(NEEDED.get(path, []))
        address = f"{running_sandbox.chargebee_url}{filled(path, running_sandbox)}?{needed}{query}"
        reply = requests.get(address, auth=("sandbox_key", ""), timeout=10)
        body = reply.json()
        assert (reply.status_code, body["api_error_code"], body["param"]) == (
            400,
            "invalid_request",
            query.partition("=")[0],
        ), query


@pytest.mark.parametrize("one", INTERCOM, ids=lambda one: f"{one.method} {one.path}")
def test_intercom_refuses_what_an_operation_does_not_know(running_sandbox: RunningSandbox, one: Any) -> None:
    """Intercom refuses an unknown parameter before anything else, and a write never succeeds with an unknown field."""
    token = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.16"}
    address = running_sandbox.intercom_url + one.path
    asked = requests.request(one.method, f"{address}?shoe_size=44", json={}, headers=token, timeout=10)
    errors = [{"code": "bad_request", "message": "bad 'shoe_size' parameter"}]
    assert (asked.status_code, asked.json()["errors"]) == (400, errors)
    known = running_sandbox.world.intercom
    stores = (known.contacts, known.companies, known.conversations, known.tickets)
    ids = [next(one.id for one in store.live()) for store in stores] + [known.library.list_ids("tags")[0]]
    for there in ids if one.method in ("POST", "PUT") else []:
        filled_address = re.sub(r"\{\w+\}", there, address)
        sent = requests.request(one.method, filled_address, json={"shoe_size": 44}, headers=token, timeout=10)
        assert 400 <= sent.status_code < 500, filled_address


@pytest.mark.parametrize("one", CHARTMOGUL, ids=lambda one: f"{one.method} {one.path}")
def test_chartmogul_ignores_what_an_operation_does_not_know(running_sandbox: RunningSandbox, one: Any) -> None:
    """ChartMogul gives the same reply with an unknown parameter and field as without, except for a new record's id."""
    address, key = running_sandbox.chartmogul_url + one.path, ("sandbox_key", "")
    plain = requests.request(one.method, address, json={}, auth=key, timeout=10)
    asked = requests.request(one.method, f"{address}?shoe_size=44", json={"shoe_size": 44}, auth=key, timeout=10)
    assert (asked.status_code, asked.json().keys()) == (plain.status_code, plain.json().keys())
    assert asked.text == plain.text or plain.status_code == 201


AUTH: dict[str, Any] = {
    "chargebee": {"auth": ("sandbox_key", "")},
    "intercom": {"headers": {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.16"}},
    "chartmogul": {"auth": ("sandbox_key", "")},
}
METHODS = {
    "chargebee": {
        path: {
            *("GET" for _, read in CHARGEBEE if read == path),
            *("POST" for one in CHARGEBEE_WRITES if one.path == path),
        }
        for path in (*(path for _, path in CHARGEBEE), *(one.path for one in CHARGEBEE_WRITES))
    },
    "intercom": {row.path: {one.method for one in INTERCOM if one.path == row.path} for row in INTERCOM},
    "chartmogul": {row.path: {one.method for one in CHARTMOGUL if one.path == row.path} for row in CHARTMOGUL},
}
"""The existing methods of each path, by API."""
WORDS = {"chargebee": "api_error_code", "intercom": "errors", "chartmogul": "message"}
"""For each API, a key in its refusals of a path or method."""


@pytest.mark.parametrize("api", METHODS)
def test_a_path_more_is_not_found(running_sandbox: RunningSandbox, api: str) -> None:
    """An unknown path below, above or next to a known one is a 404 in the vendor's shape."""
    with requests.Session() as session:
        for path in METHODS[api]:
            concrete = re.sub(r"\{\w+\}", "1", path)
            for odd in (f"{concrete}/shoe_size/44", f"/shoe_size{concrete}", f"{concrete}.json", f"{concrete};a=b"):
                reply = session.get(f"{running_sandbox.url}{BASES[api]}{odd}", timeout=10, **AUTH[api])
                assert reply.status_code == 404 or "configuration_incompatible" in reply.text, odd
                assert WORDS[api] in reply.text or "error" in reply.json(), odd


@pytest.mark.parametrize("api", METHODS)
def test_a_method_more_is_refused(running_sandbox: RunningSandbox, api: str) -> None:
    """An unknown method is a 404 or 405 in the vendor's shape on every path."""
    with requests.Session() as session:
        for path, known in METHODS[api].items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "SHOE"} - known:
                address = f"{running_sandbox.url}{BASES[api]}{path}"
                reply = session.request(method, address, json={}, timeout=10, **AUTH[api])
                assert reply.status_code in (404, 405), (method, path, reply.text)
                assert WORDS[api] in reply.text or "error" in reply.json(), (method, path)
