"""The control API: counting calls, advancing time, resetting; and how a bug in the sandbox is reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from sandbox.world import World

AUTH = ("sandbox_key", "")


def get(sandbox: RunningSandbox, path: str) -> requests.Response:
    """Send a GET request to Chargebee's API, and return the response."""
    return requests.get(f"{sandbox.chargebee_url}{path}", auth=AUTH, timeout=10)


def served(world: World) -> list[bytes]:
    """Return every record of a world as the bytes that the API serves."""
    return [table.json(record) for table in world.business.tables().values() for record in table.records]


def test_calls_are_counted_by_api_method_and_template(sandbox: RunningSandbox) -> None:
    """Calls are counted by API, method and path, with {id} for ids.

    Refused and unknown calls count; control calls do not.
    """
    for path in ("/customers", "/customers?limit=5", "/customers/one", "/customers/two", "/nowhere"):
        get(sandbox, path)
    requests.get(f"{sandbox.intercom_url}/contacts/1", timeout=10)
    assert sandbox.calls() == {
        "total": 6,
        "calls": [
            {"api": "chargebee", "method": "GET", "path": "/customers", "count": 2},
            {"api": "chargebee", "method": "GET", "path": "/customers/{id}", "count": 2},
            {"api": "chargebee", "method": "GET", "path": "/nowhere", "count": 1},
            {"api": "intercom", "method": "GET", "path": "/contacts/{id}", "count": 1},
        ],
    }


def test_calls_can_be_counted_from_nought_again(sandbox: RunningSandbox) -> None:
    """DELETE /sandbox/calls resets the counts and nothing else."""
    get(sandbox, "/customers")
    sandbox.advance(seconds=5)
    sandbox.clear_calls()
    assert sandbox.calls() == {"total": 0, "calls": []}
    assert sandbox.world.clock.now() == 1768478405


def test_the_date_header_is_the_business_clock(sandbox: RunningSandbox) -> None:
    """The Date header shows the business clock, which moves only when it is advanced."""
    assert get(sandbox, "/customers").headers["Date"] == "Thu, 15 Jan 2026 12:00:00 GMT"
    assert get(sandbox, "/customers").headers["Date"] == "Thu, 15 Jan 2026 12:00:00 GMT"
    assert sandbox.advance(days=30)["now"] == 1771070400
    assert get(sandbox, "/nowhere").headers["Date"] == "Sat, 14 Feb 2026 12:00:00 GMT"


def test_a_month_brings_what_a_business_lives_through(sandbox: RunningSandbox) -> None:
    """The reply of advance counts what happened: payments, renewals, cancellations and more."""
    sandbox.reset(customers=500)
    assert sandbox.advance(days=30)["happened"].keys() >= {
        "cancellations",
        "customer_edits",
        "failed_payments",
        "new_customers",
        "non_renewals",
        "payments",
        "renewals",
        "trials_converted",
        "upgrades",
    }


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        pytest.param("advance", {}, 'Say how far: {"days": 30} or {"seconds": 90}.', id="nothing"),
        pytest.param("advance", {"days": -1}, "days is a whole number, 0 or more, not -1.", id="backwards"),
        pytest.param(
            "advance", {"days": 10**20}, f"The clock moves at most ten years at once, not {10**20} days.", id="for ever"
        ),
        pytest.param("advance", {"days": 1, "seconds": 1}, 'Say how far: {"days": 30} or {"seconds": 90}.', id="both"),
        pytest.param("advance", [], "The body is a JSON object.", id="list"),
        pytest.param("reset", {"seed": "7"}, "Setting 'seed' takes int, not '7'.", id="type"),
        pytest.param("reset", {"catalog": 3}, "Setting 'catalog' is 1 or 2, not 3.", id="catalog"),
        pytest.param(
            "faults", {"share": 2, "effect": {"delay": 1}}, "Key 'share' of the fault cannot be 2.", id="share"
        ),
        pytest.param("faults", {"nth": 0, "effect": {"delay": 1}}, "Key 'nth' of the fault cannot be 0.", id="nth"),
        pytest.param(
            "faults", {"effect": {"status": 204, "body": {}}}, "A status 204 has no body.", id="a body that cannot be"
        ),
        pytest.param(
            "faults",
            {"effect": {"status": 500, "headers": {"a": "b\n"}}},
            "Key 'headers' of the effect cannot be {'a': 'b\\n'}.",
            id="a header of two lines",
        ),
        pytest.param("reset", {"list_lag": -5}, "Setting 'list_lag' is 0 or more, not -5.", id="lag"),
        pytest.param("reset", {"customers": -1}, "Setting 'customers' is 0 or more, not -1.", id="size"),
    ],
)
def test_a_control_call_that_makes_no_sense_is_refused(
    sandbox: RunningSandbox, path: str, body: Any, sentence: str
) -> None:
    """A wrong control call is a 400 with one sentence that names the key."""
    reply = requests.post(f"{sandbox.url}/sandbox/{path}", json=body, timeout=10)
    assert (reply.status_code, reply.json()) == (400, {"error": sentence})


def test_an_unknown_setting_is_named(sandbox: RunningSandbox) -> None:
    """The test helper raises a ValueError with the sentence of the control API."""
    with pytest.raises(ValueError, match="Unknown setting 'costumers'"):
        sandbox.reset(costumers=3)


def test_reset_forgets_everything(sandbox: RunningSandbox) -> None:
    """A reset restores the first day: no edits, no faults and no counted calls."""
    before = served(sandbox.world)
    sandbox.advance(days=10)
    sandbox.fault(effect={"status": 500})
    get(sandbox, "/customers")
    sandbox.reset(customers=60, seed=7)
    assert get(sandbox, "/customers").status_code == 200
    assert sandbox.calls()["total"] == 1
    assert served(sandbox.world) == before


def test_one_seed_is_one_business_to_the_byte() -> None:
    """The same settings and steps of time give the same bytes; another seed gives different ones."""
    settings = Settings(customers=120, seed=11)
    one, same, other = World(settings), World(settings), World(replace(settings, seed=12))
    assert one.advance(40 * 86_400) == same.advance(40 * 86_400)
    assert served(one) == served(same)
    assert served(one) != served(other)


def test_a_bug_in_the_sandbox_is_a_500_in_the_vendors_shape(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is a 500 in the vendor's shape; the traceback goes to the sandbox's own log."""
    monkeypatch.setattr(sandbox.world, "business", None)
    reply = get(sandbox, "/customers")
    assert (reply.status_code, reply.json()["api_error_code"]) == (500, "internal_error")
    assert "A bug in the sandbox: GET /chargebee/api/v2/customers" in caplog.text
    assert "AttributeError" in caplog.text


def test_two_sandboxes_run_side_by_side(sandbox: RunningSandbox) -> None:
    """Two sandboxes can run at once, each with its own data and port."""
    with RunningSandbox(Settings(customers=1)) as other:
        get(other, "/customers")
        assert (other.calls()["total"], sandbox.calls()["total"]) == (1, 0)


OWN_HEADERS = [
    pytest.param({}, id="a client"),
    pytest.param({"Host": "localhost:{port}"}, id="localhost"),
    pytest.param({"Host": "127.0.0.2"}, id="another loopback address"),
    pytest.param({"Host": "[::1]:{port}"}, id="loopback of IPv6"),
    pytest.param({"Origin": "http://127.0.0.1:{port}"}, id="its own page"),
]
FOREIGN_HEADERS = [
    pytest.param({"Origin": "https://evil.example"}, "Origin", id="another site"),
    pytest.param({"Origin": "http://127.0.0.1:1"}, "Origin", id="another port"),
    pytest.param({"Origin": "https://127.0.0.1:{port}"}, "Origin", id="another scheme"),
    pytest.param({"Origin": "null"}, "Origin", id="a page without a site"),
    pytest.param({"Origin": ""}, "Origin", id="an empty origin"),
    pytest.param({"Host": "evil.example:{port}"}, "Host", id="a name that points here"),
    pytest.param({"Host": "localhost.evil.example"}, "Host", id="a name that begins as ours"),
    pytest.param({"Host": "127.0.0.1.evil.example"}, "Host", id="a name that begins as our address"),
    pytest.param({"Host": "10.0.0.1"}, "Host", id="another address"),
    pytest.param({"Host": "[::1"}, "Host", id="no host"),
    pytest.param({"Host": "evil.example", "Origin": "http://evil.example"}, "Host", id="both, in agreement"),
]


def filled(headers: dict[str, str], sandbox: RunningSandbox) -> dict[str, str]:
    """Return the headers with the sandbox's port filled in."""
    return {name: value.replace("{port}", str(sandbox.port)) for name, value in headers.items()}


@pytest.mark.parametrize("headers", OWN_HEADERS)
def test_a_client_on_this_machine_drives_the_sandbox(sandbox: RunningSandbox, headers: dict[str, str]) -> None:
    """The control API accepts every loopback name and address, and the sandbox's own pages."""
    reply = requests.post(
        f"{sandbox.url}/sandbox/advance", json={"seconds": 5}, headers=filled(headers, sandbox), timeout=10
    )
    assert (reply.status_code, reply.json()["now"]) == (200, 1768478405)


@pytest.mark.parametrize(("headers", "blamed"), FOREIGN_HEADERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "advance"),
        ("POST", "change"),
        ("POST", "reset"),
        ("POST", "faults"),
        ("DELETE", "faults"),
        ("POST", "webhooks"),
        ("GET", "webhooks"),
        ("DELETE", "webhooks"),
        ("GET", "calls"),
        ("DELETE", "calls"),
        ("GET", "answers"),
    ],
)
def test_a_page_in_a_browser_does_not_drive_the_sandbox(
    sandbox: RunningSandbox, method: str, path: str, headers: dict[str, str], blamed: str
) -> None:
    """The control API answers a foreign Origin or Host header with 403 and does nothing."""
    get(sandbox, "/customers")
    world, calls = sandbox.world.business, sandbox.calls()
    reply = requests.request(
        method, f"{sandbox.url}/sandbox/{path}", data='{"seconds": 5}', headers=filled(headers, sandbox), timeout=10
    )
    assert reply.status_code == 403
    assert f"the {blamed} header" in reply.json()["error"]
    assert (sandbox.world.clock.now(), sandbox.world.business, sandbox.calls()) == (1768478400, world, calls)
