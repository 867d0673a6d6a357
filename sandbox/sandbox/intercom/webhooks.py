"""Webhooks: every write is sent to a configured address, signed, and never slows the API down.

https://developers.intercom.com/docs/webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.deliveries import is_address, is_success, send

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject

PATIENCE = 5.0
"""Seconds that a receiver has for its answer."""
ATTEMPTS = 2
_TIMES = ("_at", "_since", "_until")


def write_iso_times(item: JsonObject) -> JsonObject:
    """Return an item with its times as notifications have them: ISO 8601 with milliseconds, not unix seconds."""
    return {name: _write_times(name, value) for name, value in item.items()}


def _write_times(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_write_times("", one) for one in value]
    if isinstance(value, dict) and name != "custom_attributes":
        return write_iso_times(value)
    if name.endswith(_TIMES) and type(value) is int:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds")
    return value


@dataclass(frozen=True)
class Subscription:
    """Where to, signed with what, and which topics; no topics are all."""

    url: str
    secret: str
    topics: frozenset[str] = frozenset()
    check: bool = False
    """Whether the address is checked first, as the Developer Hub does: with HEAD, and with a ping."""

    @classmethod
    def from_body(cls, body: JsonObject) -> Subscription:
        """Read a subscription from a control call's body, or raise a ValueError whose sentence says what is wrong."""
        if not body.keys() <= {"url", "secret", "topics", "check"}:
            raise ValueError("A webhook has url, secret, topics and check.")
        url, secret, topics = body.get("url"), body.get("secret"), body.get("topics", [])
        if not isinstance(url, str) or not is_address(url):
            raise ValueError(f"url is an http or https address, not {url!r}.")
        if not isinstance(secret, str) or not secret:
            raise ValueError("secret is a string that signs each delivery.")
        if not isinstance(topics, list) or not all(isinstance(one, str) for one in topics):
            raise ValueError("topics is a list of strings; an empty one means every topic.")
        if type(body.get("check", False)) is not bool:
            raise ValueError("check is true or false.")
        return cls(url, secret, frozenset(topics), body.get("check", False))

    def wants(self, topic: str) -> bool:
        """Return whether a topic is sent."""
        return not self.topics or topic in self.topics

    def sign(self, content: bytes) -> str:
        """Return the `X-Hub-Signature` of a delivery."""
        return "sha1=" + hmac.new(self.secret.encode(), content, hashlib.sha1).hexdigest()


class Webhooks:
    """Deliveries to one subscription, in order, from a thread of their own."""

    def __init__(self, subscription: Subscription, app_id: str) -> None:
        self.subscription = subscription
        self._app_id = app_id
        self._made = 0
        self._delivered = 0
        self._failed = 0
        self._head: int | None = None
        self._waiting: queue.SimpleQueue[JsonObject | None] = queue.SimpleQueue()
        # A thread of its own, so that a slow receiver slows no answer of the API.
        self._thread = threading.Thread(target=self._deliver_all, daemon=True)
        self._thread.start()

    def send_ping(self, at: int) -> None:
        """Put the notification in the queue that tells whether the address works; it has no id."""
        self.send("ping", {"type": "ping", "message": "The address works."}, at)

    def send(self, topic: str, item: JsonObject, at: int) -> None:
        """Put one notification in the queue; this never waits."""
        self._made += 1
        self._waiting.put(
            {
                "type": "notification_event",
                "app_id": self._app_id,
                "data": {"type": "notification_event_data", "item": item},
                "links": {},
                "id": None if topic == "ping" else f"notif_{self._made:024d}",
                "topic": topic,
                "delivery_status": "pending",
                "delivery_attempts": 1,
                "delivered_at": 0,
                "first_sent_at": at,
                "created_at": at,
                "self": None,
            }
        )

    def report(self) -> JsonObject:
        """Return where to, and how the deliveries went so far."""
        waiting = self._made - self._delivered - self._failed
        counts = {"delivered": self._delivered, "failed": self._failed, "waiting": waiting}
        if self.subscription.check:
            counts["head"] = self._head or 0
        return {"url": self.subscription.url, "topics": sorted(self.subscription.topics), **counts}

    def close(self) -> None:
        """Deliver nothing more than what is on its way."""
        self._waiting.put(None)

    def _deliver_all(self) -> None:
        while (notification := self._waiting.get()) is not None:
            if notification["topic"] == "ping":
                self._head = send("HEAD", self.subscription.url, b"", {}, PATIENCE)
            if any(self._deliver(notification | {"delivery_attempts": one}) for one in range(1, ATTEMPTS + 1)):
                self._delivered += 1
            else:
                self._failed += 1

    def _deliver(self, notification: JsonObject) -> bool:
        """Return whether the receiver answered with a 2xx."""
        content = json.dumps(notification).encode()
        headers = {"Content-Type": "application/json", "X-Hub-Signature": self.subscription.sign(content)}
        return is_success(send("POST", self.subscription.url, content, headers, PATIENCE))
