"""Which events report an act of the business: the records that it wrote, before and after.

An act may write a record several times; it is reported once, when it is over. The tables here decide, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sandbox.business.documents.kinds import KINDS
from sandbox.business.events import EVENT_TYPES
from sandbox.business.payments import (
    PaymentSource,
    Transaction,
    build_failure,
    build_payment,
    build_source,
    list_transaction_ids,
)
from sandbox.business.records import Customer, Invoice, Record, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.business.parts import Business
    from sandbox.json_types import JsonObject

R = TypeVar("R", bound=Record)
Report = tuple[str, list[tuple[str, Record]]]
"""Type and content of an event."""
_TURNS = {
    ("in_trial", "active"): "subscription_activated",
    ("future", "active"): "subscription_started",
    ("future", "in_trial"): "subscription_started",
    ("paused", "active"): "subscription_resumed",
    ("cancelled", "active"): "subscription_reactivated",
    ("active", "non_renewing"): "subscription_cancellation_scheduled",
    ("active", "paused"): "subscription_paused",
}
"""The event for each change of a subscription's status; any change to cancelled is a cancellation."""
_CARDS = {"expired": "card_expired", "expiring": "card_expiry_reminder"}
_SOURCES = {"expired": "payment_source_expired", "expiring": "payment_source_expiring"}
_SOURCE_VERBS = {"created": "added", "changed": "updated", "deleted": "deleted"}
_VERBS = {"created": ("created", "added"), "changed": ("updated", "changed"), "deleted": ("deleted",)}
_DUNNING = frozenset({"attempts", "next_retry_at", "dunning_status"})


@dataclass
class Touch(Generic[R]):
    """What an act changed in one record: ``facts`` are the new values, ``status`` and ``mrr`` the old ones."""

    record: R
    at: int
    created: bool
    status: str | None
    mrr: int
    facts: JsonObject = field(default_factory=dict)

    @property
    def verb(self) -> str:
        """The change in a word: created, changed or deleted."""
        if self.created:
            return "created"
        return "deleted" if self.facts.get("deleted") else "changed"


class Journal:
    """Records every write of an act, and writes the events when the act is over."""

    def __init__(self, business: Business) -> None:
        self._business = business
        self._touched: dict[int, Touch[Any]] = {}
        self._late: dict[int, int] = {}
        self._billed: dict[int, Invoice] = {}

    def note_write(self, record: Record, at: int, facts: JsonObject, *, created: bool = False) -> None:
        """Record that a write to a record is about to happen."""
        touch = self._touched.get(id(record))
        if touch is None:
            mrr = 0 if created else getattr(record, "mrr", 0)
            touch = Touch(record, at, created, getattr(record, "status", None), mrr)
            self._touched[id(record)] = touch
        touch.at = max(touch.at, at)
        touch.facts.update(facts)

    def tell(self, source: str) -> None:
        """Write the events of an act that is over."""
        while self._touched:
            touched, self._touched = self._touched, {}
            self._billed = {
                touch.record.subscription.row: touch.record
                for touch in touched.values()
                if touch.created and isinstance(touch.record, Invoice) and touch.record.subscription
            }
            for touch in touched.values():
                report = _REPORTS.get(type(touch.record), Journal.report_document)
                for event_type, content in report(self, touch):
                    self._business.events.tell(event_type, touch.at, content, source)

    def show_late_revenue(self, now: int) -> None:
        """Show recurring revenue whose delay is over."""
        table = self._business.subscriptions
        change = table.change if self._business.settings.mrr_moves_updated_at else table.change_quietly
        for row in [row for row, due in self._late.items() if due <= now]:
            change(table.records[row], self._late.pop(row), late_mrr=None)
        self.tell("system")

    def report_subscription(self, touch: Touch[Subscription]) -> Iterator[Report]:
        """Report a subscription with its customer and, where this act billed it, with the invoice."""
        subscription = touch.record
        if touch.facts.keys() == {"late_mrr"}:
            yield "mrr_updated", [("subscription", subscription)]
            return
        content: list[tuple[str, Record]] = [("subscription", subscription), ("customer", subscription.customer)]
        if subscription.row in self._billed:
            content.append(("invoice", self._billed[subscription.row]))
        yield _name_turn(touch), content
        if subscription.mrr == touch.mrr or touch.verb == "deleted":
            return
        # Recurring revenue is computed after the act, either at once or after the delay in the settings.
        lag = self._business.settings.mrr_lag
        if lag:
            self._business.subscriptions.change_unnoted(subscription, touch.at, late_mrr=touch.mrr)
            self._late[subscription.row] = touch.at + lag
        else:
            yield "mrr_updated", [("subscription", subscription)]

    def report_customer(self, touch: Touch[Customer]) -> Iterator[Report]:
        """Report a customer. Its payment source is deleted with it, and expires with its card."""
        customer, sources = touch.record, self._business.table("payment_sources")
        source: PaymentSource | None = sources.get(f"pm_{customer.id}")
        if touch.created and customer.has_payment_source:
            sources.append(build_source(customer), touch.at)
        elif source and touch.verb == "deleted":
            sources.change(source, touch.at, deleted=True)
        elif source and source.customer is customer:
            sources.change_unnoted(source, touch.at)
        if "card" in touch.facts and customer.card and source:
            yield _CARDS.get(customer.card.status, "card_updated"), [("customer", customer)]
            content: list[tuple[str, Record]] = [("customer", customer), ("payment_source", source)]
            yield _SOURCES.get(customer.card.status, "payment_source_updated"), content
        else:
            yield f"customer_{touch.verb}", [("customer", customer)]

    def report_invoice(self, touch: Touch[Invoice]) -> Iterator[Report]:
        """Report an invoice; an attempt to collect it becomes a transaction and is reported with that."""
        invoice = touch.record
        pending = invoice.status == "pending"
        if touch.created:
            yield "pending_invoice_created" if pending else "invoice_generated", [("invoice", invoice)]
        elif touch.verb == "deleted":
            yield "invoice_deleted", [("invoice", invoice)]
        elif not touch.facts.keys() <= _DUNNING:
            yield "pending_invoice_updated" if pending else "invoice_updated", [("invoice", invoice)]
        if touch.facts.keys() & _DUNNING and (invoice.dunning_status or not touch.created):
            yield "dunning_updated", [("invoice", invoice)]
        transactions = self._business.table("transactions")
        if "status" in touch.facts:
            # A payment shows the current status of its invoice, although its own updated_at stays.
            for known in map(transactions.get, list_transaction_ids(invoice)):
                if known is not None:
                    transactions.change_unnoted(known, touch.at)
        if touch.facts.get("status") == "paid":
            transactions.append(build_payment(invoice), touch.at)
        elif "attempts" in touch.facts:
            transactions.append(build_failure(invoice, invoice.attempts, touch.at), touch.at)

    def report_transaction(self, touch: Touch[Transaction]) -> Iterator[Report]:
        """Report a payment with its invoice, customer and subscription."""
        transaction, invoice = touch.record, touch.record.invoice
        content: list[tuple[str, Record]] = [("transaction", transaction), ("invoice", invoice)]
        content.append(("customer", invoice.customer))
        if invoice.subscription:
            content.append(("subscription", invoice.subscription))
        yield "payment_succeeded" if transaction.status == "success" else "payment_failed", content

    def report_source(self, touch: Touch[PaymentSource]) -> Iterator[Report]:
        """Report a payment source with its customer."""
        content: list[tuple[str, Record]] = [("customer", touch.record.customer), ("payment_source", touch.record)]
        yield f"payment_source_{_SOURCE_VERBS[touch.verb]}", content

    def report_document(self, touch: Touch[Any]) -> Iterator[Report]:
        """Report a document with its own event, or with its parent's when its kind has none."""
        kind, table = KINDS[touch.record.kind], self._business.table_of(touch.record)
        for verb in _VERBS[touch.verb]:
            if f"{kind.object}_{verb}" in EVENT_TYPES:
                yield f"{kind.object}_{verb}", [(kind.object, touch.record)]
                return
        if kind.holder:
            holder = self._business.table(f"{kind.holder}s").get(table.value(touch.record, f"{kind.holder}_id"))
            verb = next(verb for verb in _VERBS["changed"] if f"{kind.holder}_{verb}" in EVENT_TYPES)
            if holder:
                yield f"{kind.holder}_{verb}", [(kind.holder, holder)]


def _name_turn(touch: Touch[Subscription]) -> str:
    """Return the event type for a subscription's change of status."""
    status = touch.record.status
    if touch.verb != "changed":
        return f"subscription_{touch.verb}"
    if status == "cancelled" != touch.status:
        return "subscription_cancelled"
    if touch.status == status == "active" and "current_term_start" in touch.facts:
        return "subscription_renewed"
    return _TURNS.get((touch.status or "", status), "subscription_changed")


_REPORTS: dict[type, Callable[[Journal, Touch[Any]], Iterator[Report]]] = {
    Subscription: Journal.report_subscription,
    Customer: Journal.report_customer,
    Invoice: Journal.report_invoice,
    Transaction: Journal.report_transaction,
    PaymentSource: Journal.report_source,
}
