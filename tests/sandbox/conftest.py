"""Callers of the sandbox's Intercom and ChartMogul, used by the tests of both APIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox


@dataclass(frozen=True)
class IntercomCaller:
    """Calls Intercom's API with the right token; `workspace` is the data behind the API."""

    sandbox: RunningSandbox

    @property
    def workspace(self) -> Any:
        """The sandbox's workspace in memory, for tests that look at it directly."""
        return self.sandbox.world.intercom

    def __call__(self, call: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request; `call` is the method and the path, as in "GET /me"."""
        method, path = call.split(" ", 1)
        token = {"Authorization": "Bearer sandbox_token"}
        return requests.request(
            method, self.sandbox.intercom_url + path, json=body, headers=token | headers, timeout=10
        )

    def ok(self, call: str, body: Any = None) -> Any:
        """Send a request that must be answered with 200, and return the body."""
        response = self(call, body)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, call: str, body: Any = None) -> tuple[int, list[dict[str, str]]]:
        """Send a request that must be refused, and return its status and errors."""
        response = self(call, body)
        return response.status_code, response.json()["errors"]

    def found(self, query: Any, **rest: Any) -> list[str]:
        """Return the names of the contacts that a search finds, in the order of the search."""
        return [one["name"] for one in self.ok("POST /contacts/search", {"query": query, **rest})["data"]]

    def user(self, **fields: Any) -> str:
        """Create a user, and return its id."""
        return str(self.ok("POST /contacts", {"role": "user", **fields})["id"])

    def attribute(self, name: str, data_type: str, model: str = "contact") -> dict[str, Any]:
        """Create a custom attribute."""
        body = {"name": name, "model": model, "data_type": data_type}
        attribute: dict[str, Any] = self.ok("POST /data_attributes", body)
        return attribute


@pytest.fixture
def intercom(running_sandbox: RunningSandbox) -> IntercomCaller:
    """Return a caller of an empty workspace whose time zone is Sydney."""
    running_sandbox.reset(customers=0, intercom_timezone="Australia/Sydney")
    return IntercomCaller(running_sandbox)


@pytest.fixture(scope="module")
def seeded(running_sandbox: RunningSandbox) -> IntercomCaller:
    """Return a caller of a workspace seeded from 200 customers; its tests only read."""
    running_sandbox.reset(customers=200, rate_limit_per_window=1_000_000)
    return IntercomCaller(running_sandbox)


@dataclass(frozen=True)
class ChartMogulCaller:
    """Calls ChartMogul's API with the right key; `account` is the data behind the API."""

    sandbox: RunningSandbox

    @property
    def account(self) -> Any:
        """The sandbox's account in memory, for tests that look at it directly."""
        return self.sandbox.world.chartmogul

    def __call__(self, call: str, body: Any = None, key: str = "sandbox_key", password: str = "") -> requests.Response:
        """Send a request; `call` is the method and the path, as in "GET /ping"."""
        method, path = call.split(" ", 1)
        address = self.sandbox.chartmogul_url + path
        return requests.request(method, address, json=body, auth=(key, password), timeout=10)

    def ok(self, call: str, body: Any = None) -> Any:
        """Send a request that must succeed, and return the body."""
        response = self(call, body)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def refused(self, call: str, body: Any = None) -> tuple[int, Any]:
        """Send a request that must be refused, and return its status and body."""
        response = self(call, body)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()

    def source(self, name: str = "Intercom") -> str:
        """Create a data source, and return its uuid."""
        return str(self.ok("POST /data_sources", {"name": name})["uuid"])

    def customer(self, source: str, external_id: str, **fields: Any) -> str:
        """Create a customer, and return its uuid."""
        body = {"data_source_uuid": source, "external_id": external_id, **fields}
        return str(self.ok("POST /customers", body)["uuid"])

    def contact(self, **fields: Any) -> str:
        """Create a contact, and return its uuid."""
        return str(self.ok("POST /contacts", fields)["uuid"])

    def settle(self) -> None:
        """Send a few more calls, so that the sandbox carries out what it accepted."""
        for _ in range(3):
            self.ok("GET /ping")


@pytest.fixture
def chartmogul(running_sandbox: RunningSandbox) -> ChartMogulCaller:
    """Return a caller of an account that has an empty Chargebee source and practically no rate limit."""
    running_sandbox.reset(customers=0, chartmogul_requests_per_second=1_000_000)
    return ChartMogulCaller(running_sandbox)
