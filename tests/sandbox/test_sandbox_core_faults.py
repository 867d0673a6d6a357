"""Faults: which calls they affect, and what a client sees over a real connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.faults import Faults

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

AUTH = ("sandbox_key", "")
BEARER = {"Authorization": "Bearer sandbox_token"}
MARIE = {"role": "user", "email": "marie@example.com"}


def customers(sandbox: RunningSandbox) -> requests.Response:
    """Send a request that only reads."""
    return requests.get(f"{sandbox.chargebee_url}/customers", auth=AUTH, timeout=10)


def create(sandbox: RunningSandbox) -> requests.Response:
    """Send a write that conflicts when it is repeated."""
    return requests.post(f"{sandbox.intercom_url}/contacts", json=MARIE, headers=BEARER, timeout=10)


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6], id="every call"),
        pytest.param({"nth": 3}, [3], id="the third only"),
        pytest.param({"from": 4}, [4, 5, 6], id="the fourth and all later"),
        pytest.param({"times": 2}, [1, 2], id="twice"),
        pytest.param({"from": 2, "times": 2}, [2, 3], id="twice from the second"),
        pytest.param({"share": 0.0}, [], id="none of them"),
        pytest.param({"share": 0.5}, [1, 2, 4, 6], id="a seeded half"),
        pytest.param({"api": "chargebee"}, [], id="another API"),
        pytest.param({"api": "intercom", "method": "GET"}, [1, 2, 3, 4, 5, 6], id="API and method"),
        pytest.param({"method": "PUT"}, [], id="another method"),
        pytest.param({"path": "/contacts/*"}, [1, 2, 3, 4, 5, 6], id="a glob"),
        pytest.param({"path": "/contacts"}, [], id="another path"),
    ],
)
def test_a_fault_strikes_the_calls_it_names(fault: dict[str, Any], struck: list[int]) -> None:
    """A fault affects only matching calls, and counts them from 1 since it was set."""
    faults = Faults(seed=7)
    faults.add({**fault, "effect": {"status": 500}})
    hits = [faults.strike("intercom", "GET", "/contacts/1") is not None for _ in range(6)]
    assert [number for number, hit in enumerate(hits, start=1) if hit] == struck


def test_the_oldest_fault_wins_and_the_others_still_count() -> None:
    """When two faults apply to a call, the older one takes effect, and the newer one still counts the call."""
    faults = Faults(seed=7)
    faults.add({"nth": 1, "effect": {"status": 500}})
    faults.add({"nth": 2, "effect": {"status": 429}})
    effects = [faults.strike("chargebee", "GET", "/customers") for _ in range(3)]
    assert [effect and effect.status for effect in effects] == [500, 429, None]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        pytest.param({}, "A fault needs an effect: status, delay, drop or truncate.", id="no effect"),
        pytest.param({"effect": {}}, "A fault needs an effect: status, delay, drop or truncate.", id="empty effect"),
        pytest.param(
            {"nht": 1, "effect": {"delay": 1}},
            "Unknown key 'nht' in the fault; there are api, method, path, nth, from, times, share.",
            id="misspelt",
        ),
        pytest.param({"nth": "1", "effect": {"delay": 1}}, "Key 'nth' of the fault cannot be '1'.", id="type"),
        pytest.param({"effect": {"drop": "during"}}, "Key 'drop' of the effect cannot be 'during'.", id="drop"),
        pytest.param({"effect": {"status": 20}}, "Key 'status' of the effect cannot be 20.", id="status"),
        pytest.param(
            {"effect": {"status": 500, "truncate": True}}, "An effect is one of status, drop and truncate.", id="two"
        ),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: RunningSandbox, fault: dict[str, Any], sentence: str) -> None:
    """A wrong fault is a 400 with a sentence that names the key."""
    reply = requests.post(f"{sandbox.url}/sandbox/faults", json=fault, timeout=10)
    assert (reply.status_code, reply.json()) == (400, {"error": sentence})


def test_a_status_comes_with_its_headers_and_body(sandbox: RunningSandbox) -> None:
    """A fault can replace a reply by its own status, headers and body, here once."""
    body = {"api_error_code": "api_request_limit_exceeded", "type": "operation_failed", "message": "Slow down."}
    sandbox.fault(api="chargebee", times=1, effect={"status": 429, "headers": {"Retry-After": "7"}, "body": body})
    struck, spared = customers(sandbox), customers(sandbox)
    assert (struck.status_code, struck.headers["Retry-After"], struck.json()) == (429, "7", body)
    assert spared.status_code == 200


def test_a_body_that_is_no_json_is_sent_as_it_stands(sandbox: RunningSandbox) -> None:
    """A fault's text body is sent unchanged as HTML, as gateways do."""
    sandbox.fault(effect={"status": 503, "body": "<h1>Service Unavailable</h1>"})
    reply = customers(sandbox)
    assert (reply.headers["Content-Type"], reply.text) == ("text/html; charset=utf-8", "<h1>Service Unavailable</h1>")


def test_a_delay_holds_a_reply_back(sandbox: RunningSandbox) -> None:
    """A delayed reply arrives late: a client with a shorter timeout gives up."""
    sandbox.fault(times=2, effect={"delay": 0.2})
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sandbox.chargebee_url}/customers", auth=AUTH, timeout=0.05)
    began = time.monotonic()
    assert customers(sandbox).status_code == 200
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("when", "status"), [pytest.param("before", 200, id="not done"), pytest.param("after", 409, id="done")]
)
def test_a_dropped_call_gets_no_reply(sandbox: RunningSandbox, when: str, status: int) -> None:
    """A call dropped before it is carried out can be sent again. Dropped afterwards, it has taken effect."""
    sandbox.fault(api="intercom", method="POST", path="/contacts", nth=1, effect={"drop": when})
    with pytest.raises(requests.ConnectionError):
        create(sandbox)
    assert create(sandbox).status_code == status


def test_who_hangs_up_while_waiting_is_no_bug(sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A client that disconnects before its call is carried out changes nothing, and nothing is logged."""
    sandbox.fault(api="chartmogul", method="POST", nth=1, effect={"delay": 0.3})
    url, body = f"{sandbox.chartmogul_url}/data_sources", {"name": "Late"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=body, auth=AUTH, timeout=0.1)
    time.sleep(0.4)
    assert caplog.messages == []
    assert requests.post(url, json=body, auth=AUTH, timeout=10).status_code == 201


def test_a_truncated_reply_ends_before_its_announced_length(sandbox: RunningSandbox) -> None:
    """A truncated reply ends halfway through its body; the next reply is complete."""
    sandbox.fault(times=1, effect={"truncate": True})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        customers(sandbox)
    assert len(customers(sandbox).json()["list"]) == 10


def test_a_struck_connection_leaves_the_others_alone(sandbox: RunningSandbox) -> None:
    """After a dropped connection, the same session opens a new one and continues."""
    with requests.Session() as session:
        session.auth = AUTH
        url = f"{sandbox.chargebee_url}/customers"
        assert session.get(url, timeout=10).status_code == 200
        sandbox.fault(nth=1, effect={"drop": "before"})
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=10)
        assert session.get(url, timeout=10).status_code == 200


def test_faults_can_be_cleared(sandbox: RunningSandbox) -> None:
    """DELETE /sandbox/faults removes all faults; control calls and pages are never affected by any."""
    sandbox.fault(effect={"status": 500})
    assert customers(sandbox).status_code == 500
    assert requests.get(f"{sandbox.url}/sandbox/calls", timeout=10).status_code == 200
    sandbox.clear_faults()
    assert customers(sandbox).status_code == 200
