"""Webhooks: every write is sent to a configured address, signed, and never slows the API down.

https://developers.intercom.com/docs/webhooks/webhook-notifications: no order, duplicates, a 429 delays a notification
until it is dropped, many errors pause the deliveries, errors for a week suspend them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.deliveries import Outbox, is_address, is_success, send

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

PATIENCE = 5.0
"""Seconds that a receiver has for its answer."""
ATTEMPTS = 2
THROTTLED = (60, 120, 240, 480, 960, 1920, 3420)
"""Seconds from each 429 to the next attempt; two hours after the first one the notification is dropped."""
PAUSE = 900
"""Seconds for which many errors in a row pause all deliveries."""
PATIENT_WITH_ERRORS = 7 * 86_400
"""Seconds after which errors without a success suspend the deliveries, until the address is set again."""
_SPREAD = 0.2
"""Seconds within which shuffled deliveries leave in any order."""
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
    """Deliveries to one subscription, from a thread of their own; in order unless the settings say otherwise."""

    def __init__(self, subscription: Subscription, app_id: str, settings: Settings) -> None:
        self.subscription = subscription
        self._app_id = app_id
        self._settings = settings
        self._made = 0
        # The methods below run in the outbox's thread.
        self._counts: Counter[str] = Counter()
        self._head: int | None = None
        self._errors = 0  #: in a row
        self._failing_since: float | None = None
        self._paused_until = 0.0
        self._is_suspended = False
        self._order = Random(f"intercom webhook order:{settings.seed}")
        self._repeats = Random(f"intercom webhook repeats:{settings.seed}")
        # Deliveries have their own thread, so that a slow receiver does not delay the API.
        self._outbox = Outbox()

    def send_ping(self, at: int) -> None:
        """Put the notification in the queue that tells whether the address works; it has no id."""
        self.send("ping", {"type": "ping", "message": "The address works."}, at)

    def send(self, topic: str, item: JsonObject, at: int) -> None:
        """Put one notification in the queue; this never waits."""
        self._made += 1
        notification = {
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
        delay = self._order.random() * _SPREAD if self._settings.intercom_webhook_shuffle else 0.0
        self._outbox.put(partial(self._deliver, notification), delay)

    def report(self) -> JsonObject:
        """Return where to, and how the deliveries went so far."""
        counts = {name: self._counts[name] for name in ("delivered", "failed", "dropped")}
        state = "suspended" if self._is_suspended else "paused" if time.monotonic() < self._paused_until else "live"
        report = {"url": self.subscription.url, "topics": sorted(self.subscription.topics), "state": state, **counts}
        if self.subscription.check:
            report["head"] = self._head or 0
        return {**report, "waiting": self._made - sum(counts.values())}

    def close(self) -> None:
        """Deliver nothing more than what is on its way."""
        self._outbox.close()

    def _deliver(self, notification: JsonObject, throttled: int = 0) -> None:
        """Send a notification until it is taken, or given up.

        Args:
            notification: its envelope and item.
            throttled: how often it was answered 429.
        """
        if self._is_suspended:
            self._counts["failed"] += 1
            return
        wait = self._paused_until - time.monotonic()
        if wait > 0:
            self._outbox.put(partial(self._deliver, notification, throttled), wait)
            return
        if notification["topic"] == "ping":
            self._head = send("HEAD", self.subscription.url, b"", {}, PATIENCE)
        status = self._try(notification)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            if throttled < len(THROTTLED):
                delay = THROTTLED[throttled] / self._settings.intercom_webhook_speed
                self._outbox.put(partial(self._deliver, notification, throttled + 1), delay)
            else:
                self._counts["dropped"] += 1
            return
        self._counts["delivered" if is_success(status) else "failed"] += 1
        if is_success(status) and self._repeats.random() * 100 < self._settings.intercom_webhook_duplicates:
            self._outbox.put(partial(self._repeat, notification))

    def _try(self, notification: JsonObject) -> int | None:
        """Make up to two attempts; return the status of the last one."""
        status = None
        for attempt in range(1, ATTEMPTS + 1):
            status = self._post(notification | {"delivery_attempts": attempt})
            if is_success(status) or status == HTTPStatus.TOO_MANY_REQUESTS:
                break
        self._judge(is_error=not is_success(status))
        return status

    def _repeat(self, notification: JsonObject) -> None:
        """Send once more what the receiver has taken already."""
        self._post(notification)

    def _judge(self, *, is_error: bool) -> None:
        """Pause or suspend the deliveries after many errors, or after errors for a long time."""
        if not is_error:
            self._errors, self._failing_since = 0, None
            return
        now, speed = time.monotonic(), self._settings.intercom_webhook_speed
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._errors += 1
        if self._errors > self._settings.intercom_webhook_errors:
            self._errors, self._paused_until = 0, now + PAUSE / speed
        self._is_suspended = now - self._failing_since >= PATIENT_WITH_ERRORS / speed

    def _post(self, notification: JsonObject) -> int | None:
        content = json.dumps(notification).encode()
        headers = {"Content-Type": "application/json", "X-Hub-Signature": self.subscription.sign(content)}
        return send("POST", self.subscription.url, content, headers, PATIENCE)
