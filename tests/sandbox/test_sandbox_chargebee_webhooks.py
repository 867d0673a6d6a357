"""Chargebee's webhook endpoints and their deliveries."""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox

PATIENCE = 10
FAST = 1_000_000
"""The seven retries take a third of a second."""
FORM = {"name": "Standpipe", "url": "http://127.0.0.1:9/hooks/chargebee"}
CREATED = {
    "id": "whv2_7Zz000000003",
    "name": "Standpipe",
    "url": "http://127.0.0.1:9/hooks/chargebee",
    "send_card_resource": False,
    "disabled": False,
    "primary_url": False,
    "api_version": "v2",
    "chargebee_response_schema_type": "compat",
    "enabled_events": [],
    "object": "webhook_endpoint",
}


class Receiver:
    """A local HTTP server that records deliveries; `answers` holds the statuses to reply with, then 200."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.answers: queue.Queue[int] = queue.Queue()
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Record the delivery, and reply with the next status."""
                content = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.put((self.headers["Authorization"] or "", json.loads(content)))
                receiver.gate.wait(PATIENCE)
                try:
                    status = receiver.answers.get_nowait()
                except queue.Empty:
                    status = 200
                self.send_response(status)
                self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep the test's output free of request logs."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def take(self, count: int) -> list[dict[str, Any]]:
        """Return the events of the next deliveries."""
        return [self.deliveries.get(timeout=PATIENCE)[1] for _ in range(count)]


class Site:
    """Calls Chargebee's API with a key."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox

    def post(self, path: str, key: str = "sandbox_key", **form: str) -> tuple[int, dict[str, Any]]:
        """Send a form to a path below webhook_endpoints, and return status and body."""
        url = f"{self.sandbox.chargebee_url}/webhook_endpoints{path}"
        reply = requests.post(url, data=form, auth=(key, ""), timeout=PATIENCE)
        return reply.status_code, reply.json()

    def create(self, **form: str) -> str:
        """Create an endpoint, and return its id."""
        status, body = self.post("", **FORM | form)
        assert status == 200, body
        return str(body["webhook_endpoint"]["id"])

    def get(self, path: str) -> dict[str, Any]:
        """Send a GET request, and return the JSON."""
        reply = requests.get(f"{self.sandbox.chargebee_url}{path}", auth=("sandbox_key", ""), timeout=PATIENCE)
        body: dict[str, Any] = reply.json()
        return body

    def list_names(self) -> list[str]:
        """Return the names of all endpoints, sorted."""
        return sorted(one["webhook_endpoint"]["name"] for one in self.get("/webhook_endpoints")["list"])

    def edit_customer(self, number: int = 0, **facts: Any) -> str:
        """Edit one of the customers that have a card, and return its id."""
        business = self.sandbox.world.business
        customer = [one for one in business.customers.records if one.card and not one.deleted][number]
        business.edit("customers", customer.id, **facts or {"first_name": f"Ada {number}"})
        return customer.id

    def wait_for_status(self, event_id: str, status: str) -> dict[str, Any]:
        """Return the event once its webhook_status is the expected one."""
        deadline = time.monotonic() + PATIENCE
        while (event := self.get(f"/events/{event_id}")["event"])["webhook_status"] != status:
            assert time.monotonic() < deadline, event
        return dict(event)


@pytest.fixture
def site(sandbox: RunningSandbox) -> Site:
    """Return a site of sixty customers that retries failed deliveries almost at once."""
    sandbox.reset(customers=60, chargebee_webhook_speed=FAST)
    return Site(sandbox)


@pytest.fixture
def receiver(sandbox: RunningSandbox) -> Iterator[Receiver]:
    """Yield a receiver that listens while the test runs."""
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, daemon=True)
    thread.start()
    yield one
    one.gate.set()
    sandbox.world.chargebee_webhooks.close()
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def test_an_endpoint_is_created_updated_and_deleted(site: Site) -> None:
    """An endpoint can be created, updated and deleted; its credentials are stored but never returned."""
    status, body = site.post("", **FORM, basic_auth_username="standpipe", basic_auth_password="s3cret")
    assert (status, body) == (200, {"webhook_endpoint": CREATED})
    changed = {"enabled_events[0]": "customer_changed", "enabled_events[1]": "mrr_updated", "disabled": "true"}
    expected = CREATED | {"enabled_events": ["customer_changed", "mrr_updated"], "disabled": True}
    assert site.post(f"/{CREATED['id']}", **changed) == (200, {"webhook_endpoint": expected})
    assert site.get(f"/webhook_endpoints/{CREATED['id']}") == {"webhook_endpoint": expected}
    assert site.list_names() == ["Endpoint 1", "Endpoint 2", "Endpoint 3", "Standpipe"]
    cleared = {"webhook_endpoint": expected | {"enabled_events": []}}
    assert site.post(f"/{CREATED['id']}", **{"enabled_events[0]": ""}) == (200, cleared)
    assert site.post(f"/{CREATED['id']}/delete") == (200, cleared)
    assert site.list_names() == ["Endpoint 1", "Endpoint 2", "Endpoint 3"]
    assert site.get(f"/webhook_endpoints/{CREATED['id']}")["api_error_code"] == "resource_not_found"
    assert site.post(f"/{CREATED['id']}")[0] == 404


REFUSED = {
    "no name": ({"name": ""}, "param_wrong_value", "name", "name : cannot be blank"),
    "a long name": (
        {"name": "x" * 51},
        "param_wrong_value",
        "name",
        "name : The length should not exceed 50 characters",
    ),
    "a long url": (
        {"url": "http://127.0.0.1/" + "x" * 496},
        "param_wrong_value",
        "url",
        "url : The length should not exceed 512 characters",
    ),
    "no address": ({"url": "hooks"}, "param_wrong_value", "url", "url : invalid url"),
    "an unknown event": (
        {"enabled_events[0]": "customer_sung"},
        "param_wrong_value",
        "enabled_events[0]",
        "enabled_events[0] : 'customer_sung' is not one of ",
    ),
    "events without an index": (
        {"enabled_events": "customer_changed"},
        "invalid_request",
        "enabled_events",
        "enabled_events : unknown parameter",
    ),
    "no boolean": (
        {"disabled": "maybe"},
        "param_wrong_value",
        "disabled",
        "disabled : 'maybe' is neither true nor false",
    ),
    "an unknown version": (
        {"api_version": "v3"},
        "param_wrong_value",
        "api_version",
        "api_version : 'v3' is not one of v1, v2",
    ),
    "an unknown parameter": ({"shoe_size": "44"}, "invalid_request", "shoe_size", "shoe_size : unknown parameter"),
}


@pytest.mark.parametrize(("form", "code", "param", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_an_endpoint_cannot_be_is_refused(
    site: Site, form: dict[str, str], code: str, param: str, message: str
) -> None:
    """A wrong parameter is a 400 that names it, and no endpoint is created."""
    status, body = site.post("", **FORM | form)
    assert (status, body["api_error_code"], body["param"]) == (400, code, param)
    assert body["message"].startswith(message)
    assert site.list_names() == ["Endpoint 1", "Endpoint 2", "Endpoint 3"]


def test_a_site_has_five_endpoints_at_most(site: Site) -> None:
    """A site has at most five endpoints, one of them primary; a sixth is refused until one is deleted."""
    first = site.create()
    site.create(name="Fifth", primary_url="true")
    status, body = site.post("", **FORM)
    assert (status, body["api_error_code"]) == (400, "resource_limit_exceeded")
    assert body["message"] == "A site has at most 5 webhook endpoints."
    site.post(f"/{first}/delete")
    site.create(name="Another")
    shown = [one["webhook_endpoint"] for one in site.get("/webhook_endpoints")["list"]]
    assert [one["name"] for one in shown if one["primary_url"]] == ["Fifth"]


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("sandbox_read_only_key", 403, "api_authorization_failed"),
        ("guess", 401, "api_authentication_failed"),
    ],
    ids=["a key that reads", "an unknown key"],
)
def test_a_key_that_may_not_write_is_refused(site: Site, key: str, status: int, code: str) -> None:
    """A read-only key can list endpoints but not create one; an unknown key can do neither."""
    answered, body = site.post("", key=key, **FORM)
    assert (answered, body["api_error_code"]) == (status, code)
    url = f"{site.sandbox.chargebee_url}/webhook_endpoints"
    assert requests.get(url, auth=(key, ""), timeout=PATIENCE).status_code == (200 if status == 403 else 401)


def test_a_json_body_is_refused(site: Site) -> None:
    """A JSON body is a 415, because Chargebee's writes are forms."""
    url = f"{site.sandbox.chargebee_url}/webhook_endpoints"
    reply = requests.post(url, json=FORM, auth=("sandbox_key", ""), timeout=PATIENCE)
    assert (reply.status_code, reply.json()["api_error_code"]) == (415, "unsupported_content_type")


def test_an_event_is_delivered_as_it_is_shown(site: Site, receiver: Receiver) -> None:
    """A delivery holds the event as the API shows it, and sends the endpoint's credentials.

    The card is left out unless the endpoint asks for it. Afterwards the event's status is `succeeded`.
    """
    plain = site.create(url=receiver.url, basic_auth_username="standpipe", basic_auth_password="pa:ss")
    with_card = site.create(url=receiver.url, name="With cards", send_card_resource="true")
    customer = site.edit_customer()
    (header, first), (no_header, second) = (receiver.deliveries.get(timeout=PATIENCE) for _ in range(2))
    assert (base64.b64decode(header.removeprefix("Basic ")), no_header) == (b"standpipe:pa:ss", "")
    scheduled = [{"id": one, "webhook_status": "scheduled"} for one in (plain, with_card)]
    assert (second["webhook_status"], second["webhooks"]) == ("scheduled", scheduled)
    assert (first["event_type"], first["content"].keys()) == ("customer_changed", {"customer"})
    assert first["content"]["customer"]["id"] == customer
    assert first | {"content": second["content"]} == second
    shown = site.wait_for_status(second["id"], "succeeded")
    succeeded = [one | {"webhook_status": "succeeded"} for one in scheduled]
    assert shown == second | {"webhook_status": "succeeded", "webhooks": succeeded}
    assert shown["content"].keys() == {"customer", "card"}


def test_an_endpoint_gets_its_types_only(site: Site, receiver: Receiver) -> None:
    """An endpoint receives only its event types, and a disabled one nothing.

    No address outside this machine is called.
    """
    site.create(url=receiver.url, **{"enabled_events[0]": "customer_deleted"})
    disabled = site.create(url=receiver.url, name="Disabled", disabled="true")
    site.edit_customer()
    site.edit_customer(1, deleted=True)
    (deleted,) = receiver.take(1)
    assert deleted["event_type"] == "customer_deleted"
    assert deleted["webhooks"] == [
        {"id": "whv2_7Zz000000003", "webhook_status": "scheduled"},
        {"id": disabled, "webhook_status": "disabled"},
    ]
    site.wait_for_status(deleted["id"], "succeeded")
    (changed,) = (
        one["event"]
        for one in site.get("/events?event_type[is]=customer_changed&occurred_at[after]=1768478399")["list"]
    )
    assert [one["webhook_status"] for one in changed["webhooks"]] == ["not_applicable", "disabled"]
    assert receiver.deliveries.empty()


def test_a_suppressed_change_is_not_delivered(site: Site, receiver: Receiver) -> None:
    """A suppressed change writes its event, but delivers nothing; its webhook_status is `skipped`."""
    site.create(url=receiver.url)
    with site.sandbox.world.chargebee_webhooks.suppress():
        site.edit_customer()
    site.edit_customer(1)
    (delivered,) = receiver.take(1)
    (suppressed,) = (one["event"] for one in site.get("/events?webhook_status[is]=skipped")["list"])
    assert suppressed["event_type"] == "customer_changed"
    assert suppressed["id"] < delivered["id"]


@pytest.mark.parametrize(
    ("answers", "status", "attempts"),
    [([500, 302, 404], "succeeded", 4), ([500] * 8, "failed", 8)],
    ids=["taken at last", "never taken"],
)
def test_what_is_not_taken_is_delivered_again(
    site: Site, receiver: Receiver, answers: list[int], status: str, attempts: int
) -> None:
    """A delivery is retried unchanged up to seven times until the receiver answers with a 2xx.

    A redirect counts as a failure.
    """
    for one in answers:
        receiver.answers.put(one)
    site.create(url=receiver.url)
    site.edit_customer()
    delivered = receiver.take(attempts)
    assert delivered == delivered[:1] * attempts
    shown = site.wait_for_status(delivered[0]["id"], status)
    assert shown.get("webhook_failure_reason") == ("HTTP 500" if status == "failed" else None)
    assert receiver.deliveries.empty()


def test_a_failed_delivery_waits_for_its_time(site: Site, receiver: Receiver) -> None:
    """A failed delivery waits before its retry, by default for two minutes of real time."""
    site.sandbox.reset(customers=60)
    receiver.answers.put(503)
    site.create(url=receiver.url)
    site.edit_customer()
    (delivered,) = receiver.take(1)
    assert site.wait_for_status(delivered["id"], "re_scheduled")["webhook_failure_reason"] == "HTTP 503"
    assert receiver.deliveries.empty()


def test_a_slow_receiver_slows_no_call(site: Site, receiver: Receiver) -> None:
    """A slow receiver delays no API call; its delivery times out and is repeated."""
    site.sandbox.reset(customers=60, chargebee_webhook_speed=FAST, chargebee_webhook_patience_ms=50)
    receiver.gate.clear()
    site.create(url=receiver.url)
    site.edit_customer()
    (delivered,) = receiver.take(1)
    assert site.get("/customers?limit=1")["list"]
    site.wait_for_status(delivered["id"], "re_scheduled")
    receiver.gate.set()
    site.wait_for_status(delivered["id"], "succeeded")


def test_deliveries_are_doubled_and_disordered_on_request(site: Site, receiver: Receiver) -> None:
    """Switches repeat and reorder deliveries, as the vendor warns may happen; every event still arrives."""
    site.sandbox.reset(customers=60, chargebee_webhook_duplicates=100, chargebee_webhook_shuffle=True)
    site.create(url=receiver.url)
    for number in range(12):
        site.edit_customer(number)
    ids = [one["id"] for one in receiver.take(24)]
    assert sorted(ids) == sorted(2 * list(dict.fromkeys(ids)))
    assert len(set(ids)) == 12
    assert list(dict.fromkeys(ids)) != sorted(set(ids))


def test_a_deleted_endpoint_gets_nothing_more(site: Site, receiver: Receiver) -> None:
    """A deleted endpoint receives neither new events nor pending retries.

    After a reset, nothing of the old world is delivered.
    """
    site.sandbox.reset(customers=60)
    receiver.answers.put(500)
    endpoint = site.create(url=receiver.url)
    site.edit_customer()
    (delivered,) = receiver.take(1)
    site.wait_for_status(delivered["id"], "re_scheduled")
    site.post(f"/{endpoint}/delete")
    site.edit_customer(1)
    site.create(url=receiver.url)
    site.edit_customer(2)
    (third,) = receiver.take(1)
    assert third["webhooks"] == [{"id": "whv2_7Zz000000004", "webhook_status": "scheduled"}]
    site.sandbox.reset(customers=60)
    site.edit_customer()
    assert receiver.deliveries.empty()
