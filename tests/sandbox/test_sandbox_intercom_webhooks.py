"""Intercom's webhooks: writes are sent to an address in order and signed, without delaying the API."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.conftest import IntercomCaller

Delivery = tuple[str, bytes]
PATIENCE = 10


class Receiver:
    """A local HTTP server that records notifications.

    `answer` is its status, and `gate` delays replies while cleared.
    """

    def __init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        self.answers: list[int] = []
        self.answer = 200
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Record the notification, and reply with the status."""
                content = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.put((self.headers["X-Hub-Signature"], content))
                receiver.gate.wait(PATIENCE)
                self.send_response(receiver.answers.pop(0) if receiver.answers else receiver.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_HEAD(self) -> None:
                """Reply to the check of the address."""
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep the test's output free of request logs."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self) -> dict[str, Any]:
        """Return the next notification."""
        notification: dict[str, Any] = json.loads(self.deliveries.get(timeout=PATIENCE)[1])
        return notification

    def topics(self, count: int) -> list[str]:
        """Return the topics of the next notifications."""
        return [self.next()["topic"] for _ in range(count)]


@pytest.fixture
def receiver(intercom: IntercomCaller) -> Iterator[Receiver]:
    """Yield a receiver that listens while the test runs."""
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, daemon=True)
    thread.start()
    yield one
    one.gate.set()
    intercom.workspace.set_webhooks(None)
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def test_a_write_is_told_with_a_signature_over_the_raw_body(intercom: IntercomCaller, receiver: Receiver) -> None:
    """`X-Hub-Signature` is the HMAC-SHA1 of the body's bytes; the envelope has the vendor's shape."""
    intercom.sandbox.webhooks(url=receiver.url, secret="s3cret")
    contact_id = intercom.user(email="ada@example.com")
    signature, content = receiver.deliveries.get(timeout=PATIENCE)
    assert signature == "sha1=" + hmac.new(b"s3cret", content, hashlib.sha1).hexdigest()
    notification = json.loads(content)
    item = notification["data"].pop("item")
    assert (item["type"], item["id"], item["email"]) == ("contact", contact_id, "ada@example.com")
    assert notification == {
        "type": "notification_event", "app_id": "sandboxws", "data": {"type": "notification_event_data"}, "links": {},
        "id": "notif_000000000000000000000001", "topic": "contact.user.created", "delivery_status": "pending",
        "delivery_attempts": 1, "delivered_at": 0, "first_sent_at": 1768478400, "created_at": 1768478400, "self": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("switches", "created"),
    [
        ({}, "2026-01-15T12:00:00.000+00:00"),
        ({"intercom_webhook_iso_times": False}, 1768478400),
    ],
    ids=["as on the wire", "as in the REST API"],
)
def test_times_in_items_are_those_of_the_wire(
    intercom: IntercomCaller, receiver: Receiver, switches: dict[str, bool], created: Any
) -> None:
    """Times inside an item are ISO strings by default.

    Times of the notification and custom attributes stay unix seconds.
    """
    intercom.sandbox.reset(customers=0, **switches)
    intercom.attribute("renewed_at", "date")
    user = intercom.user(email="ada@example.com", custom_attributes={"renewed_at": 1768000000})
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})["id"]
    intercom.sandbox.webhooks(url=receiver.url, secret="s", topics=["company.contact.attached"])
    intercom.ok(f"POST /contacts/{user}/companies", {"id": company})
    notification = receiver.next()
    item = notification["data"]["item"]
    assert (item["contact"]["created_at"], item["company"]["created_at"]) == (created, created)
    assert item["contact"]["custom_attributes"] == {"renewed_at": 1768000000}
    assert item["contact"]["last_seen_at"] is None
    assert (notification["created_at"], notification["first_sent_at"]) == (1768478400, 1768478400)


def test_an_address_is_checked_on_request(intercom: IntercomCaller, receiver: Receiver) -> None:
    """On request, the address is checked with a HEAD and a signed ping before the first notification."""
    intercom.sandbox.webhooks(url=receiver.url, secret="s", topics=["contact.user.created"], check=True)
    intercom.user(email="ada@example.com")
    ping, created = receiver.next(), receiver.next()
    assert (ping["topic"], ping["id"], ping["data"]["item"]["type"]) == ("ping", None, "ping")
    assert created["topic"] == "contact.user.created"
    assert intercom.sandbox.webhooks()["head"] == 204


def test_each_kind_of_write_has_its_topic(intercom: IntercomCaller, receiver: Receiver) -> None:
    """Each kind of write sends its topics, in the order of the writes."""
    user = intercom.user(email="ada@example.com")
    lead = intercom.ok("POST /contacts", {"role": "lead", "name": "Lin"})["id"]
    tag = intercom.ok("POST /tags", {"name": "VIP"})["id"]
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})["id"]
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    intercom.ok(f"PUT /contacts/{lead}", {"email": "lin@example.com"})
    intercom.ok(f"PUT /contacts/{user}", {"unsubscribed_from_emails": True})
    intercom.ok(f"POST /contacts/{user}/tags", {"id": tag})
    intercom.ok(f"POST /contacts/{user}/companies", {"id": company})
    intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme Ltd"})
    intercom.ok("POST /conversations", {"from": {"type": "user", "id": user}, "body": "Hello"})
    intercom.ok(f"POST /contacts/{user}/archive")
    intercom.ok(f"DELETE /contacts/{user}")
    assert receiver.topics(12) == [
        "contact.lead.added_email", "contact.lead.updated",
        "contact.unsubscribed", "contact.user.updated",
        "contact.user.updated", "contact.user.tag.created",
        "company.contact.attached",
        "company.updated",
        "contact.user.updated", "conversation.user.created",
        "contact.archived",
        "contact.deleted",
    ]  # fmt: skip


def test_only_the_topics_asked_for_are_told(intercom: IntercomCaller, receiver: Receiver) -> None:
    """Only subscribed topics are sent. A deletion is sent once it takes effect, and holds only identifiers."""
    company = intercom.ok("POST /companies", {"company_id": "c1", "name": "Acme"})["id"]
    intercom.sandbox.webhooks(url=receiver.url, secret="s", topics=["company.deleted"])
    intercom.ok("POST /companies", {"company_id": "c2", "name": "Other"})
    intercom.ok(f"DELETE /companies/{company}")
    assert intercom.sandbox.webhooks()["waiting"] == 0
    intercom.sandbox.advance(seconds=1)
    notification = receiver.next()
    assert (notification["topic"], notification["data"]["item"]) == (
        "company.deleted",
        {"type": "company", "id": company, "deleted": True},
    )


def test_a_slow_receiver_does_not_slow_the_api(intercom: IntercomCaller, receiver: Receiver) -> None:
    """API calls are answered while the first notification still waits for its receiver."""
    receiver.gate.clear()
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    for number in range(5):
        intercom.user(email=f"p{number}@example.com")
    assert intercom.sandbox.webhooks()["waiting"] == 5
    receiver.gate.set()
    assert receiver.topics(5) == ["contact.user.created"] * 5


def test_a_delivery_that_fails_is_tried_once_more(intercom: IntercomCaller, receiver: Receiver) -> None:
    """A failed notification is sent once more with the same id and a higher attempt number."""
    receiver.answer = 500
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    intercom.user(email="ada@example.com")
    first, second = receiver.next(), receiver.next()
    assert (first["id"], first["delivery_attempts"]) == (second["id"], 1)
    assert second["delivery_attempts"] == 2


def wait_for(intercom: IntercomCaller, **expected: Any) -> None:
    """Wait until the report of the webhooks says this."""
    deadline = time.monotonic() + PATIENCE
    while (report := intercom.sandbox.webhooks()).items() & expected.items() != expected.items():
        assert time.monotonic() < deadline, report
        time.sleep(0.01)


def test_a_throttled_delivery_comes_again(intercom: IntercomCaller, receiver: Receiver) -> None:
    """After a 429 the notification waits a minute, then longer; it is not tried again at once, as after an error."""
    intercom.sandbox.reset(customers=0, intercom_webhook_speed=10_000)
    receiver.answers = [429, 429]
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    intercom.user(email="ada@example.com")
    assert [receiver.next()["delivery_attempts"] for _ in range(3)] == [1, 1, 1]
    wait_for(intercom, delivered=1, failed=0, dropped=0, waiting=0)


def test_a_delivery_that_is_throttled_for_two_hours_is_dropped(intercom: IntercomCaller, receiver: Receiver) -> None:
    """After eight attempts a delivery is dropped, and later events are delivered."""
    intercom.sandbox.reset(customers=0, intercom_webhook_speed=100_000)
    receiver.answers = [429] * 8
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    intercom.user(email="ada@example.com")
    wait_for(intercom, delivered=0, dropped=1, waiting=0)
    intercom.user(email="bob@example.com")
    assert [receiver.next()["id"][-1] for _ in range(9)] == ["1"] * 8 + ["2"]
    wait_for(intercom, delivered=1, dropped=1, waiting=0)


def test_many_errors_pause_the_deliveries(intercom: IntercomCaller, receiver: Receiver) -> None:
    """For a quarter of an hour nothing is sent; then what was waiting comes."""
    intercom.sandbox.reset(customers=0, intercom_webhook_errors=2, intercom_webhook_speed=1_000)
    receiver.answers = [500] * 6
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    for number in range(4):
        intercom.user(email=f"p{number}@example.com")
    wait_for(intercom, state="paused", failed=3, delivered=0, waiting=1)
    wait_for(intercom, state="live", failed=3, delivered=1, waiting=0)


def test_errors_for_a_week_suspend_the_deliveries(intercom: IntercomCaller, receiver: Receiver) -> None:
    """After a week of errors, deliveries are suspended until the address is set again."""
    intercom.sandbox.reset(customers=0, intercom_webhook_speed=100_000_000)
    receiver.answer = 500
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    for number in range(3):
        intercom.user(email=f"p{number}@example.com")
        wait_for(intercom, failed=number + 1)
    wait_for(intercom, state="suspended", failed=3, waiting=0)
    receiver.answer = 200
    intercom.user(email="late@example.com")
    wait_for(intercom, state="suspended", failed=4, delivered=0)
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    intercom.user(email="again@example.com")
    wait_for(intercom, state="live", delivered=1, failed=0)


def test_deliveries_come_twice_and_in_any_order(intercom: IntercomCaller, receiver: Receiver) -> None:
    """As switches: every notification comes twice with the same id, and not in the order of the writes."""
    intercom.sandbox.reset(customers=0, intercom_webhook_duplicates=100, intercom_webhook_shuffle=True)
    intercom.sandbox.webhooks(url=receiver.url, secret="s")
    for number in range(10):
        intercom.user(email=f"p{number}@example.com")
    numbers = [int(receiver.next()["id"][-3:]) for _ in range(20)]
    assert sorted(numbers) == sorted([*range(1, 11)] * 2)
    assert list(dict.fromkeys(numbers)) != list(range(1, 11))
    wait_for(intercom, delivered=10, failed=0, waiting=0)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"url": "ftp://x", "secret": "s"}, "url is an http or https address, not 'ftp://x'."),
        ({"url": 7, "secret": "s"}, "url is an http or https address, not 7."),
        ({"url": "http://x:99999/", "secret": "s"}, "url is an http or https address, not 'http://x:99999/'."),
        ({"url": "http://x"}, "secret is a string that signs each delivery."),
        ({"url": "http://x", "secret": "s", "topics": "all"}, "topics is a list of strings; an empty one means every "),
        ({"url": "http://x", "secret": "s", "on": 1}, "A webhook has url, secret, topics and check."),
    ],
    ids=["scheme", "no string", "port", "no secret", "topics no list", "unknown key"],
)  # fmt: skip
def test_a_webhook_that_makes_no_sense_is_refused(intercom: IntercomCaller, body: Any, sentence: str) -> None:
    """A wrong webhook is refused with one sentence that says why."""
    with pytest.raises(ValueError, match="^" + sentence.replace("?", r"\?").replace("'", ".")):
        intercom.sandbox.webhooks(**body)
