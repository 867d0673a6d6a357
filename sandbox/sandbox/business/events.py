"""Events: a report of each change, with the records as they were then; kept for ninety days."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.business.records import Customer, Record
from sandbox.business.tables import Table
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.business.parts import Business
    from sandbox.business.records import Invoice
    from sandbox.json_types import JsonObject

RETENTION = 90 * DAY
"""How long events are listed, in seconds; the vendor does not document its number."""
_NEWEST = 60
"""The number of newest records per kind that have events from before the first day."""
_BY_ITSELF = "scheduled_job"
_WORST_FIRST = ("failed", "re_scheduled", "scheduled", "succeeded", "skipped", "disabled", "not_applicable")
EVENT_TYPES = msgspec.json.decode((files("sandbox.business") / "event_types.json").read_bytes(), type=tuple[str, ...])
"""The types that Chargebee knows, https://apidocs.chargebee.com/docs/api/events#event_types."""


@dataclass(slots=True, eq=False, kw_only=True)
class Event(Record):
    """One event; ``created_at`` is when it occurred, ``content`` the snapshots by name."""

    event_type: str
    source: str
    content: tuple[tuple[str, Record], ...]
    webhooks: dict[str, str] = field(default_factory=dict)
    """The delivery status per webhook endpoint, by the endpoint's id; empty without endpoints."""
    webhook_failure_reason: str | None = None

    @property
    def webhook_status(self) -> str:
        """Return the overall delivery status: the worst one of all endpoints."""
        return next((one for one in _WORST_FIRST if one in self.webhooks.values()), "not_configured")

    @property
    def occurred_at(self) -> int:
        """When it occurred."""
        return self.created_at


class EventLog(Table[Event]):
    """The events, oldest first; a row that is None expired."""

    def __init__(self, business: Business) -> None:
        super().__init__(
            "events", lambda event: build_event_body(business, event), keeps_past=business.settings.list_lag > 0
        )
        self._business = business
        self._expired = 0
        self.extend(sorted(_list_early_events(business, self.event), key=lambda event: event.created_at))

    def event(self, event_type: str, at: int, content: Iterable[tuple[str, Record]], source: str) -> Event:
        """Return an event that is not yet in the log."""
        return Event(
            id="",
            created_at=at,
            updated_at=None,
            resource_version=None,
            event_type=event_type,
            source=source,
            content=tuple((name, take_snapshot(record)) for name, record in content),
        )

    def extend(self, records: Iterable[Event]) -> None:
        """Append events, giving each its id."""
        named = list(records)
        for number, event in enumerate(named, start=len(self.records) + 1):
            event.id = f"ev_{self._business.settings.seed}Zz{number:09}"
        super().extend(named)

    def tell(self, event_type: str, at: int, content: Iterable[tuple[str, Record]], source: str) -> None:
        """Write an event that occurred at a time."""
        event = self.event(event_type, at, content, source)
        self.append(event, at)
        if self._business.on_event:
            self._business.on_event(event)

    def expire(self, now: int) -> None:
        """Drop the events that are too old."""
        while self._expired < len(self.records):
            event: Any = self.records[self._expired]
            if event.created_at > now - RETENTION:
                break
            del self._by_id[event.id]
            self.records[self._expired] = None  # type: ignore[call-overload]
            self._expired += 1
        self.version += 1

    def _stamp(self, record: Event, at: int) -> None:
        """Do nothing: an event never changes."""


def take_snapshot(record: Record) -> Record:
    """Return a copy of a record as it is now; one copy serves all until it changes."""
    if record.kept is None:
        kept = copy(record)
        kept.edits = dict(record.edits)
        record.kept = kept
    return record.kept


def build_event_body(business: Business, event: Event) -> JsonObject:
    """Return an event as the vendor's API shows it; a customer comes with its card."""
    content: JsonObject = {}
    for name, record in event.content:
        content[name] = business.table_of(record).body(record)
        if isinstance(record, Customer) and (card := business.card(record)):
            content["card"] = card
    return {
        "id": event.id,
        "occurred_at": event.occurred_at,
        "source": event.source,
        "user": "owner@example.com" if event.source == "admin_console" else None,
        "object": "event",
        "api_version": "v2",
        "content": content,
        "event_type": event.event_type,
        "webhook_status": event.webhook_status,
        "webhook_failure_reason": event.webhook_failure_reason,
        "webhooks": [{"id": name, "webhook_status": status} for name, status in event.webhooks.items()],
    }


def _list_early_events(business: Business, event: Callable[..., Event]) -> Iterable[Event]:
    """Return the events of the newest records in the ninety days before the business begins."""
    since = business.began - RETENTION
    for customer in business.customers.records[-_NEWEST:]:
        if customer.created_at > since:
            yield event("customer_created", customer.created_at, [("customer", customer)], "api")
    for subscription in business.subscriptions.records[-_NEWEST:]:
        if subscription.created_at > since:
            content = [("subscription", subscription), ("customer", subscription.customer)]
            yield event("subscription_created", subscription.created_at, content, "api")
    for invoice in business.invoices.records[-_NEWEST:]:
        if invoice.date > since:
            yield from _of_invoice(invoice, event)


def _of_invoice(invoice: Invoice, event: Callable[..., Event]) -> Iterable[Event]:
    yield event("invoice_generated", invoice.date, [("invoice", invoice)], _BY_ITSELF)
    if invoice.updated_at and invoice.updated_at > invoice.date:
        yield event("invoice_updated", invoice.updated_at, [("invoice", invoice)], _BY_ITSELF)
