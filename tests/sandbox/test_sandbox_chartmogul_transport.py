"""ChartMogul over HTTP: authentication, rate limits and the shapes of refusals."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.app import create_app
from sandbox.chartmogul.limits import Gate
from sandbox.settings import Settings, read_settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import ChartMogulCaller

UNAUTHORIZED = {"code": 401, "message": "No valid API key provided", "param": None}


@pytest.mark.parametrize("password", ["", "sandbox_key"], ids=["no password", "key:key"])
def test_the_key_is_the_user_name(chartmogul: ChartMogulCaller, password: str) -> None:
    """The key is the user name, with an empty password or with the key again as password."""
    response = chartmogul("GET /ping", password=password)
    assert (response.status_code, response.json()) == (200, {"data": "pong!"})
    assert response.headers["date"] == "Thu, 15 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    "header",
    [None, "Bearer sandbox_key", "Basic", "Basic !", "Basic c2FuZGJveA==", "Basic /w==", "Basic c2FuZGJveF9rZXk6eA=="],
    ids=["none", "bearer", "empty", "no base64", "wrong key", "no text", "wrong password"],
)
@pytest.mark.parametrize("path", ["/ping", "/nothing"])
def test_another_key_is_refused(chartmogul: ChartMogulCaller, path: str, header: str | None) -> None:
    """A wrong key is a 401 on every path."""
    headers = {"Authorization": header} if header else {}
    response = requests.get(chartmogul.sandbox.chartmogul_url + path, headers=headers, timeout=10)
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


def test_the_account_tells_its_currency(chartmogul: ChartMogulCaller) -> None:
    """The account shows its currency, name, time zone and first day of the week."""
    assert chartmogul.ok("GET /account") == {
        "id": "acc_5ca1ab1e-0000-4000-8000-000000000007",
        "name": "Sandbox",
        "currency": "USD",
        "time_zone": "UTC",
        "week_start_on": "monday",
    }


@pytest.mark.parametrize("status", [403, 401])
def test_a_read_only_key_writes_nothing(chartmogul: ChartMogulCaller, status: int) -> None:
    """A read-only key can read but not write; a switch sets the status of the refusal."""
    chartmogul.sandbox.reset(customers=0, chartmogul_read_only_status=status)
    assert chartmogul("GET /data_sources", key="sandbox_read_only_key").status_code == 200
    response = chartmogul("POST /data_sources", {"name": "x"}, key="sandbox_read_only_key")
    message = "The API key provided does not have write access."
    assert (response.status_code, response.json()) == (status, {"code": status, "message": message, "param": None})
    assert [one.name for one in chartmogul.account.sources] == ["Chargebee"]


@pytest.mark.parametrize("call", ["GET /nothing", "PUT /customers", "POST /ping", "GET /customers/a/b/c/d"])
def test_an_unknown_path_or_method_is_not_found(chartmogul: ChartMogulCaller, call: str) -> None:
    """An unknown path or method is a 404 in the vendor's shape."""
    assert chartmogul.refused(call) == (404, {"code": 404, "message": "Not found", "param": None})


@pytest.mark.parametrize("text", [b"{", b"[]", b"1", b'{"a": NaN}', b"\xff", b"[" * 100_000, b'{"a": 1e999}'])
def test_a_body_that_is_no_object_is_refused(chartmogul: ChartMogulCaller, text: bytes) -> None:
    """A body that is not a JSON object is a 400, never a traceback."""
    url = f"{chartmogul.sandbox.chartmogul_url}/customers"
    response = requests.post(url, data=text, auth=("sandbox_key", ""), timeout=10)
    message = "The request body is not a JSON object"
    assert (response.status_code, response.json()) == (400, {"code": 400, "message": message, "param": None})


@pytest.mark.parametrize(
    ("switches", "status", "message"),
    [
        ({"chartmogul_requests_per_second": 0}, 429, "Your request rate has exceeded our rate limit."),
        ({"chartmogul_max_connections": 0}, 503, "Too many simultaneous connections."),
    ],
)
def test_a_request_beyond_a_limit_is_refused_and_counted(
    chartmogul: ChartMogulCaller, switches: dict[str, int], status: int, message: str
) -> None:
    """A request over a limit is refused without a `Retry-After`, and counted under its status."""
    chartmogul.sandbox.reset(customers=0, **switches)
    response = chartmogul("GET /ping")
    assert (response.status_code, response.json()) == (status, {"code": status, "message": message, "param": None})
    assert "retry-after" not in response.headers
    expected = [{"api": "chartmogul", "status": status, "count": 1}]
    assert chartmogul.sandbox.answers() == {"answers": expected}
    chartmogul.sandbox.clear_calls()
    assert chartmogul.sandbox.answers() == {"answers": []}


def test_a_switch_makes_a_refusal_tell_how_long_to_wait(chartmogul: ChartMogulCaller) -> None:
    """A switch adds a `Retry-After` in whole seconds to a 429."""
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=0, chartmogul_retry_after=7)
    assert chartmogul("GET /ping").headers["retry-after"] == "7"


def let_in(gate: Gate) -> bool:
    """Return whether the gate admits a request that ends at once."""
    with gate.enter() as refusal:
        return refusal is None


def test_no_second_holds_more_requests_than_allowed() -> None:
    """No period of one second admits more requests than allowed; a refused request does not count."""
    now = [0.0]
    gate = Gate(2, 20, monotonic=lambda: now[0])
    times = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
    seen = []
    for now[0] in times:
        seen.append(let_in(gate))
    assert seen == [True, True, False, True, False, True, False]


def test_requests_at_once_are_counted_until_they_are_answered() -> None:
    """Concurrent requests over the limit are refused until one of those in progress has been answered."""
    gate = Gate(100, 2, monotonic=lambda: 0.0)
    with ExitStack() as first, ExitStack() as others:
        assert first.enter_context(gate.enter()) is None
        assert others.enter_context(gate.enter()) is None
        assert not let_in(gate)
        first.close()
        assert let_in(gate)


async def pinged(app: Any) -> int:
    """Return the status of a ping that is sent straight to the application."""
    sent: list[Any] = []
    headers = [(b"authorization", b"Basic c2FuZGJveF9rZXk6")]
    scope = {"type": "http", "method": "GET", "path": "/chartmogul/v1/ping", "query_string": b"", "headers": headers}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"])


def test_a_slow_answer_keeps_its_connection() -> None:
    """A request counts as a connection until its reply is sent, also while a fault delays it."""
    world = World(Settings(customers=0, chartmogul_max_connections=1))
    world.faults.add({"effect": {"delay": 0}})

    async def both() -> list[int]:
        app = create_app(world)
        return list(await asyncio.gather(pinged(app), pinged(app)))

    assert asyncio.run(both()) == [200, 503]


def test_a_fault_strikes_chartmogul_too(chartmogul: ChartMogulCaller) -> None:
    """A fault applies to ChartMogul's paths, which are written without the base of the API."""
    chartmogul.sandbox.fault(api="chartmogul", path="/customers*", effect={"status": 504, "body": "Gateway timeout"})
    response = chartmogul("GET /customers")
    assert (response.status_code, response.text) == (504, "Gateway timeout")
    assert chartmogul("GET /ping").status_code == 200
    assert chartmogul.sandbox.calls()["calls"] == [
        {"api": "chartmogul", "method": "GET", "path": "/customers", "count": 1},
        {"api": "chartmogul", "method": "GET", "path": "/ping", "count": 1},
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"chartmogul_automation": "email"},
            "Setting 'chartmogul_automation' is of external_id, domain, company, not 'email'.",
        ),
        ({"chartmogul_read_only_status": 200}, "Setting 'chartmogul_read_only_status' is 4xx, not 200."),
    ],
)
def test_a_switch_that_cannot_be_is_refused(values: dict[str, Any], sentence: str) -> None:
    """A wrong value of a switch is refused in one sentence."""
    check: Callable[[dict[str, Any]], Any] = read_settings
    with pytest.raises(ValueError, match=sentence):
        check(values)
