"""Deliveries of Chargebee's events to the webhook endpoints of the site, those on this machine.

See https://www.chargebee.com/docs/2.0/webhook_settings.html: retries, duplicates and disorder are as it says.
"""

from __future__ import annotations

import base64
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from sandbox.business.tables import encode
from sandbox.deliveries import Outbox, is_loopback, is_success, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.business.business import Business
    from sandbox.business.events import Event
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

RETRY_AFTER = (120, 360, 1800, 3600, 18_000, 86_400, 172_800)
"""Seconds from each failed attempt to the next."""
_SPREAD = 0.2
"""Seconds within which shuffled deliveries leave in any order."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as the deliveries know it."""

    url: str
    username: str
    password: str
    enabled_events: frozenset[str]
    disabled: bool
    send_card_resource: bool

    def judge(self, event_type: str) -> str:
        """Return the status of a new event's delivery."""
        if self.disabled:
            return "disabled"
        wanted = not self.enabled_events or event_type in self.enabled_events
        return "scheduled" if wanted else "not_applicable"

    def build_headers(self) -> dict[str, str]:
        """Return the headers of a delivery, with the credentials if there are any."""
        headers = {"Content-Type": "application/json"}
        if self.username or self.password:
            credentials = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        return headers


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint."""

    event: Event
    endpoint_id: str
    content: bytes
    failures: int = 0
    repeats: bool = False


class Webhooks:
    """Delivers every event of a business to its endpoints, and keeps how that went in the event.

    The outbox's thread reads `_endpoints`, which is replaced and never edited, and appends to `_outcomes`; everything
    else belongs to the thread that serves the API.
    """

    def __init__(self, business: Business, settings: Settings) -> None:
        self._business = business
        self._settings = settings
        self._endpoints: dict[str, Endpoint] = {}
        self._outbox = Outbox()
        self._outcomes: deque[tuple[Event, str, str, str | None]] = deque()
        self._order = Random(f"chargebee webhook order:{settings.seed}")
        self._repeats = Random(f"chargebee webhook repeats:{settings.seed}")
        self._suppressed = False
        business.on_event = self._schedule

    def read_endpoints(self) -> None:
        """Take over the endpoints as they stand now. Those elsewhere, such as the first three, get nothing."""
        table = self._business.table("webhook_endpoints")
        endpoints = {one.id: (table.body(one), one.hidden) for one in table.records if not one.deleted}
        self._endpoints = {
            id_: Endpoint(
                url=body["url"],
                username=hidden.get("basic_auth_username", ""),
                password=hidden.get("basic_auth_password", ""),
                enabled_events=frozenset(body["enabled_events"]),
                disabled=body["disabled"],
                send_card_resource=body["send_card_resource"],
            )
            for id_, (body, hidden) in endpoints.items()
            if is_loopback(body["url"])
        }

    @contextmanager
    def suppress(self) -> Iterator[None]:
        """Deliver nothing that happens within, as for a call with `chargebee-event-webhook: all-disabled`."""
        self._suppressed = True
        try:
            yield
        finally:
            self._suppressed = False

    def note_outcomes(self) -> None:
        """Keep in the events how their deliveries went since the last time."""
        while self._outcomes:
            event, endpoint_id, status, reason = self._outcomes.popleft()
            webhooks = {**event.webhooks, endpoint_id: status}
            self._business.events.change_unnoted(
                event, self._business.clock.now(), webhooks=webhooks, webhook_failure_reason=reason
            )

    def close(self) -> None:
        """Deliver nothing more than what is on its way."""
        self._outbox.close()

    def _schedule(self, event: Event) -> None:
        if not self._endpoints:
            return
        statuses = {id_: one.judge(event.event_type) for id_, one in self._endpoints.items()}
        if self._suppressed:
            statuses = dict.fromkeys(statuses, "skipped")
        event.webhooks = statuses
        body = self._business.events.body(event)
        for id_, status in statuses.items():
            if status == "scheduled":
                content = encode(body if self._endpoints[id_].send_card_resource else _leave_out_card(body))
                delay = self._order.random() * _SPREAD if self._settings.chargebee_webhook_shuffle else 0.0
                self._put(Delivery(event, id_, content), delay)

    def _put(self, delivery: Delivery, delay: float = 0.0) -> None:
        self._outbox.put(lambda: self._deliver(delivery), delay)

    def _deliver(self, delivery: Delivery) -> None:
        """Make one attempt, and plan the next one."""
        endpoint = self._endpoints.get(delivery.endpoint_id)
        if endpoint is None or endpoint.disabled:
            self._note(delivery, "skipped")
            return
        patience = self._settings.chargebee_webhook_patience_ms / 1000
        status = send("POST", endpoint.url, delivery.content, endpoint.build_headers(), patience)
        if is_success(status):
            self._note(delivery, "succeeded")
            if not delivery.repeats and self._repeats.random() * 100 < self._settings.chargebee_webhook_duplicates:
                self._put(replace(delivery, repeats=True))
            return
        reason = "No answer." if status is None else f"HTTP {status}"
        if delivery.failures < len(RETRY_AFTER):
            self._note(delivery, "re_scheduled", reason)
            delay = RETRY_AFTER[delivery.failures] / self._settings.chargebee_webhook_speed
            self._put(replace(delivery, failures=delivery.failures + 1), delay)
        else:
            self._note(delivery, "failed", reason)

    def _note(self, delivery: Delivery, status: str, reason: str | None = None) -> None:
        self._outcomes.append((delivery.event, delivery.endpoint_id, status, reason))


def _leave_out_card(body: JsonObject) -> JsonObject:
    return {**body, "content": {name: one for name, one in body["content"].items() if name != "card"}}
