"""The receiver answers the vendors and stores only ids."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
import uvicorn
from standpipe_console.live.commits import GroupCommits
from standpipe_console.live.credentials import Credentials
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.receiver import MAX_BODY, Receiver
from standpipe_console.live.rings import Subject, Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREDENTIALS = Credentials("standpipe", "pa:ss", "client-secret")
EVENT = {
    "id": "ev_1",
    "occurred_at": 1768478400,
    "event_type": "customer_changed",
    "content": {"customer": {"id": "c1", "email": "ada@example.com"}},
}
NOTIFICATION = {
    "type": "notification_event",
    "id": "notif_1",
    "topic": "company.updated",
    "data": {
        "item": {"type": "company", "id": "co1", "name": "Ada Ltd", "updated_at": "2026-01-10T04:11:34.013+00:00"}
    },
}


@dataclass
class Running:
    """A running receiver."""

    url: str
    inbox: Inbox
    folder: Path
    health: dict[str, Any]

    def post_chargebee(self, body: Any, password: str = CREDENTIALS.chargebee_password) -> int:
        """Deliver an event with Basic credentials; return the status."""
        return requests.post(
            f"{self.url}/hooks/chargebee", json=body, auth=("standpipe", password), timeout=30
        ).status_code

    def post_intercom(self, body: bytes, secret: bytes = b"client-secret") -> int:
        """Deliver a notification with its signature; return the status."""
        signature = f"sha1={hmac.new(secret, body, hashlib.sha1).hexdigest()}"
        headers = {"X-Hub-Signature": signature, "Content-Type": "application/json"}
        return requests.post(f"{self.url}/hooks/intercom", data=body, headers=headers, timeout=30).status_code

    def list_ids(self) -> list[tuple[str, str, int]]:
        """Return subject, id and number of rings of all waiting entries of both jobs."""
        waiting = self.inbox.list_waiting("sync") + self.inbox.list_waiting("sync-leads")
        return [(one.target.subject.value, one.target.id, one.rings) for one in waiting]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    """Run a receiver on a free port."""
    inbox = Inbox(f"sqlite:///{tmp_path}/inbox.sqlite")
    commits = GroupCommits(inbox)
    health: dict[str, Any] = {"healthy": True, "waiting": 0}
    app = Receiver(CREDENTIALS, commits, lambda: health).build_app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    (port,) = (listening.getsockname()[1] for one in server.servers for listening in one.sockets)
    yield Running(f"http://127.0.0.1:{port}", inbox, tmp_path, health)
    server.should_exit = True
    thread.join()
    commits.close()
    inbox.close()


def test_deliveries_of_both_vendors_are_kept(receiver: Running) -> None:
    """Each is answered with 200 after it is stored."""
    assert receiver.post_chargebee(EVENT) == 200
    assert receiver.post_intercom(json.dumps(NOTIFICATION).encode()) == 200
    assert receiver.list_ids() == [("customer", "c1", 1), ("company", "co1", 1)]


def test_three_copies_side_by_side_are_one(receiver: Running) -> None:
    """Vendors repeat a delivery when they see no answer."""
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(receiver.post_chargebee, [EVENT] * 3)) == [200, 200, 200]
    assert receiver.list_ids() == [("customer", "c1", 1)]


def test_events_in_reversed_order_are_one_reading(receiver: Running) -> None:
    """The order does not matter, as the run reads the record's current state."""
    later = EVENT | {"id": "ev_2", "occurred_at": 1768478500, "event_type": "customer_deleted"}
    assert [receiver.post_chargebee(one) for one in (later, EVENT)] == [200, 200]
    assert receiver.list_ids() == [("customer", "c1", 2)]


REFUSED: dict[str, tuple[dict[str, str], int]] = {
    "no credentials": ({}, 401),
    "another password": ({"Authorization": "Basic " + base64.b64encode(b"standpipe:guess").decode()}, 401),
    "another scheme": ({"Authorization": "Bearer pa:ss"}, 401),
    "not ASCII": ({"Authorization": "Basic \xe9"}, 401),
    "a signature of the other vendor": ({"X-Hub-Signature": "sha1=00"}, 401),
}


@pytest.mark.parametrize(("headers", "status"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("vendor", ["chargebee", "intercom"])
def test_wrong_credentials_leave_nothing_behind(
    receiver: Running, vendor: str, headers: dict[str, str], status: int
) -> None:
    """The answer is 401 for any body, and nothing is stored."""
    for body in (json.dumps(EVENT), "{", ""):
        answer = requests.post(f"{receiver.url}/hooks/{vendor}", data=body, headers=headers, timeout=30)
        assert (answer.status_code, answer.text) == (status, "Wrong credentials.")
    assert receiver.list_ids() == []
    assert receiver.inbox.list_counts() == {}


def test_a_signature_is_of_the_body(receiver: Running) -> None:
    """A changed body and a wrong secret are both refused."""
    body = json.dumps(NOTIFICATION).encode()
    signature = f"sha1={hmac.new(b'client-secret', body, hashlib.sha1).hexdigest()}"
    changed = requests.post(
        f"{receiver.url}/hooks/intercom",
        data=body.replace(b"co1", b"co2"),
        headers={"X-Hub-Signature": signature},
        timeout=30,
    )
    assert changed.status_code == 401
    assert receiver.post_intercom(body, b"other") == 401
    assert receiver.list_ids() == []


def test_intercom_checks_the_address_with_head(receiver: Running) -> None:
    """It does so without a signature, when somebody saves the address."""
    assert requests.head(f"{receiver.url}/hooks/intercom", timeout=30).status_code == 200


def test_unknown_types_are_counted(receiver: Running) -> None:
    """A ping without an id and an unknown topic are answered with 200 and start no run."""
    ping = {"topic": "ping", "id": None, "data": {"item": {"type": "ping", "message": "hello"}}}
    tomorrow = {"topic": "company.teleported", "id": "notif_2", "data": {"item": {"id": "co1"}}}
    for body in (ping, ping, tomorrow):
        assert receiver.post_intercom(json.dumps(body).encode()) == 200
    assert receiver.list_ids() == []
    assert receiver.inbox.list_counts() == {("intercom", "ping"): 2, ("intercom", "company.teleported"): 1}


MALFORMED = {"no JSON": b"{", "a list": b"[1]", "text": b'"a"', "not UTF-8": b'{"a": "\xff"}', "empty": b""}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_object_is_refused(receiver: Running, body: bytes) -> None:
    """The answer is 400 although the signature is right."""
    assert receiver.post_intercom(body) == 400
    assert receiver.list_ids() == []


def test_a_body_is_limited(receiver: Running) -> None:
    """A body up to the limit is accepted, and a larger one is refused."""
    large = EVENT | {"padding": "x" * (MAX_BODY - 1_000)}
    assert receiver.post_chargebee(large) == 200
    assert receiver.post_chargebee(large | {"more": "x" * 2_000}) == 413
    assert receiver.list_ids() == [("customer", "c1", 1)]


def test_no_personal_data_is_kept(receiver: Running) -> None:
    """No file of the inbox contains a name, an e-mail address or a password."""
    receiver.post_chargebee(EVENT)
    receiver.post_intercom(json.dumps(NOTIFICATION).encode())
    receiver.post_chargebee(EVENT, password="guess-of-ada@example.com")
    kept = b"".join(path.read_bytes() for path in receiver.folder.iterdir())
    assert b"ev_1" in kept
    for private in (b"ada@example.com", b"Ada Ltd", b"pa:ss", b"client-secret"):
        assert private not in kept


def test_an_inbox_that_fails_is_answered_503(receiver: Running, caplog: pytest.LogCaptureFixture) -> None:
    """So the vendor delivers again; the log says once what is wrong, and nothing of the body."""
    receiver.inbox.close()
    for path in receiver.folder.iterdir():
        path.unlink()
    receiver.folder.rmdir()
    receiver.folder.write_text("no folder any more")
    assert [receiver.post_chargebee(EVENT) for _ in range(2)] == [503, 503]
    (said,) = (record.getMessage() for record in caplog.records)
    assert said == (
        "Events cannot be stored, so their senders must send them again: "
        f"The inbox sqlite:///{receiver.folder}/inbox.sqlite does not answer (its file is gone): "
        "check LIVE_INBOX_URL and its database."
    )


def test_health_is_told(receiver: Running) -> None:
    """The status is 200 while runs can start, and 503 otherwise."""
    healthy = requests.get(f"{receiver.url}/healthz", timeout=30)
    assert (healthy.status_code, healthy.json()) == (200, {"healthy": True, "waiting": 0})
    receiver.health.update(healthy=False, reason="The last plain run was guarded.")
    ill = requests.get(f"{receiver.url}/healthz", timeout=30)
    assert (ill.status_code, ill.json()["reason"]) == (503, "The last plain run was guarded.")


def test_a_vendor_without_credentials_has_no_address(tmp_path: Path) -> None:
    """The receiver has no path for this vendor, as it could not verify a delivery."""
    inbox = Inbox(f"sqlite:///{tmp_path}/inbox.sqlite")
    app = Receiver(Credentials("", "", ""), GroupCommits(inbox), dict).build_app()
    assert [getattr(route, "path", "") for route in app.routes] == ["/healthz"]
    inbox.close()


def test_credentials_are_not_shown() -> None:
    """Their repr, which logs and tracebacks use, contains only the user name."""
    assert repr(CREDENTIALS) == "Credentials(chargebee_username='standpipe')"
    assert Target("sync", Subject.CUSTOMER, "c1").id == "c1"
