"""Callers of the sandbox's Intercom and ChartMogul, for the tests of what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox


@dataclass(frozen=True)
class IntercomCaller:
    """Calls the API with the right token; `workspace` is what it acts upon."""

    sandbox: RunningSandbox

    @property
    def workspace(self) -> Any:
        """The workspace as it stands, to look into."""
        return self.sandbox.world.intercom

    def __call__(self, call: str, body: Any = None, **headers: str) -> requests.Response:
        """`call` is method and path, as in "GET /me"."""
        method, path = call.split(" ", 1)
        token = {"Authorization": "Bearer sandbox_token"}
        return requests.request(
            method, self.sandbox.intercom_url + path, json=body, headers=token | headers, timeout=10
        )

    def ok(self, call: str, body: Any = None) -> Any:
        """Return the body of an answer that must be a 200."""
        response = self(call, body)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, call: str, body: Any = None) -> tuple[int, list[dict[str, str]]]:
        """Status and errors of a refusal."""
        response = self(call, body)
        return response.status_code, response.json()["errors"]

    def found(self, query: Any, **rest: Any) -> list[str]:
        """Return the names of the contacts that a search finds, in its order."""
        return [one["name"] for one in self.ok("POST /contacts/search", {"query": query, **rest})["data"]]

    def user(self, **fields: Any) -> str:
        """Create a user, and return the id."""
        return str(self.ok("POST /contacts", {"role": "user", **fields})["id"])

    def attribute(self, name: str, data_type: str, model: str = "contact") -> dict[str, Any]:
        """Create a custom attribute."""
        body = {"name": name, "model": model, "data_type": data_type}
        attribute: dict[str, Any] = self.ok("POST /data_attributes", body)
        return attribute


@pytest.fixture
def intercom(sandbox: RunningSandbox) -> IntercomCaller:
    """Intercom with an empty workspace, in Sydney."""
    sandbox.reset(customers=0, intercom_timezone="Australia/Sydney")
    return IntercomCaller(sandbox)


@pytest.fixture(scope="module")
def seeded(running_sandbox: RunningSandbox) -> IntercomCaller:
    """Intercom as two hundred customers know it, only ever read."""
    running_sandbox.reset(customers=200, rate_limit_per_window=1_000_000)
    return IntercomCaller(running_sandbox)


@dataclass(frozen=True)
class ChartMogulCaller:
    """Calls the API with the right key; `account` is what it acts upon."""

    sandbox: RunningSandbox

    @property
    def account(self) -> Any:
        """The account as it stands, to look into."""
        return self.sandbox.world.chartmogul

    def __call__(self, call: str, body: Any = None, key: str = "sandbox_key", password: str = "") -> requests.Response:
        """`call` is method and path, as in "GET /ping"."""
        method, path = call.split(" ", 1)
        address = self.sandbox.chartmogul_url + path
        return requests.request(method, address, json=body, auth=(key, password), timeout=10)

    def ok(self, call: str, body: Any = None) -> Any:
        """Return the body of an answer that must be a success."""
        response = self(call, body)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def refused(self, call: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of a refusal."""
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
        """Let happen what was accepted: a few more calls."""
        for _ in range(3):
            self.ok("GET /ping")


@pytest.fixture
def chartmogul(sandbox: RunningSandbox) -> ChartMogulCaller:
    """ChartMogul with an empty Chargebee source and no limit in the way."""
    sandbox.reset(customers=0, chartmogul_requests_per_second=1_000_000)
    return ChartMogulCaller(sandbox)
