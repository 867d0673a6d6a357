"""Which events an act of the business is told by: the records that it wrote, before and after.

An act may write a record several times; it is told once, when it is over. The tables here decide, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.kinds import KINDS
from sandbox.business.events import EVENT_TYPES, with_card
from sandbox.business.payments import PaymentSource, Transaction, failure_of, payment_of, source_of, transaction_ids
from sandbox.business.records import Customer, Invoice, Record, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.business.parts import Business

_TURNS = {
    ("in_trial", "active"): "subscription_activated",
    ("future", "active"): "subscription_started",
    ("future", "in_trial"): "subscription_started",
    ("paused", "active"): "subscription_resumed",
    ("cancelled", "active"): "subscription_reactivated",
    ("active", "non_renewing"): "subscription_cancellation_scheduled",
    ("active", "paused"): "subscription_paused",
}
"""What a subscription's turn from one status to another is called; every turn to cancelled is a cancellation."""
_CARDS = {"expired": "card_expired", "expiring": "card_expiry_reminder"}
_SOURCES = {"expired": "payment_source_expired", "expiring": "payment_source_expiring"}
_VERBS = {"created": ("created", "added"), "changed": ("updated", "changed"), "deleted": ("deleted",)}
_HELD = {
    "contact": ("customers", "customer_id", "customer_changed"),
    "customer_entitlement": ("customers", "customer_id", "customer_changed"),
    "email_log": ("customers", "customer_id", "customer_changed"),
    "hierarchy": ("customers", "customer_id", "customer_changed"),
    "payment_voucher": ("customers", "customer_id", "customer_changed"),
    "contract_term": ("subscriptions", "subscription_id", "subscription_changed"),
    "discount": ("subscriptions", "subscription_id", "subscription_changed"),
    "entitlement_override": ("subscriptions", "subscription_id", "subscription_changed"),
    "subscription_entitlement": ("subscriptions", "subscription_id", "subscription_changed"),
    "quote_entitlement": ("quotes", "quote_id", "quote_updated"),
    "quote_line_group": ("quotes", "quote_id", "quote_updated"),
    "item_entitlement": ("items", "item_id", "item_updated"),
}
"""What has no event of its own: a change of it is told as one of the record that it hangs on."""
_DUNNING = frozenset({"attempts", "next_retry_at", "dunning_status"})


@dataclass
class Touch:
    """What an act did to one record: ``facts`` are what it wrote, ``status`` and ``mrr`` how the record stood."""

    record: Record
    at: int
    created: bool
    status: str | None
    mrr: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def verb(self) -> str:
        """created, changed or deleted."""
        if self.created:
            return "created"
        return "deleted" if self.facts.get("deleted") else "changed"


class Journal:
    """Hears of every write, and tells of it when the act is over."""

    def __init__(self, business: Business) -> None:
        self._business = business
        self._touched: dict[int, Touch] = {}
        self._late: dict[int, int] = {}
        self._billed: dict[int, Invoice] = {}

    def hear(self, record: Record, at: int, facts: dict[str, Any], *, created: bool = False) -> None:
        """A record is about to be written."""
        touch = self._touched.get(id(record))
        if touch is None:
            mrr = 0 if created else getattr(record, "mrr", 0)
            touch = Touch(record, at, created, getattr(record, "status", None), mrr)
            self._touched[id(record)] = touch
        touch.at = max(touch.at, at)
        touch.facts.update(facts)

    def tell(self, source: str) -> None:
        """The act is over: write its events."""
        while self._touched:
            touched, self._touched = self._touched, {}
            self._billed = dict(_billed(touched.values()))
            for touch in touched.values():
                for event_type, content in _TOLD.get(type(touch.record), _document)(self, touch):
                    self._business.events.tell(event_type, touch.at, content, source)

    def arrive(self, now: int) -> None:
        """Have the recurring revenue that is due by now show."""
        for row in [row for row, due in self._late.items() if due <= now]:
            due = self._late.pop(row)
            subscription = self._business.subscriptions.records[row]
            moves = self._business.settings.mrr_moves_updated_at
            table = self._business.subscriptions
            (table.change if moves else table.change_quietly)(subscription, due, late_mrr=None)
        self.tell("system")

    def kind_of(self, record: Record) -> str:
        """What the vendor calls a document."""
        return KINDS[self._business.table_of(record).name].object

    def holder(self, record: Record, table: str, key: str) -> Record | None:
        """The record that a document hangs on."""
        found: Record | None = self._business.table(table).get(self._business.table_of(record).value(record, key))
        return found

    def subscription(self, touch: Touch) -> Iterator[Told]:
        """A subscription comes with its customer and, where this act billed it, with the invoice."""
        subscription = touch.record
        assert isinstance(subscription, Subscription)  # noqa: S101 what the table holds
        if touch.facts.keys() != {"late_mrr"}:
            content: list[tuple[str, Record]] = [("subscription", subscription), *with_card(subscription.customer)]
            if subscription.row in self._billed:
                content.append(("invoice", self._billed[subscription.row]))
            yield _turn(touch, subscription), content
            yield from self._revenue(touch, subscription)
        else:
            yield "mrr_updated", [("subscription", subscription)]

    def _revenue(self, touch: Touch, subscription: Subscription) -> Iterator[Told]:
        """Recurring revenue is reckoned after the act: at once, or so much later as the settings say."""
        if subscription.mrr == touch.mrr or touch.verb == "deleted":
            return
        lag = self._business.settings.mrr_lag
        if lag:
            self._business.subscriptions.change_unheard(subscription, touch.at, late_mrr=touch.mrr)
            self._late[subscription.row] = touch.at + lag
        else:
            yield "mrr_updated", [("subscription", subscription)]

    def customer(self, touch: Touch) -> Iterator[Told]:
        """A customer; the payment source goes with it, and ages with its card."""
        customer = touch.record
        assert isinstance(customer, Customer)  # noqa: S101 what the table holds
        source = self._source(touch, customer)
        if "card" in touch.facts and customer.card and source:
            yield _CARDS.get(customer.card.status, "card_updated"), with_card(customer)
            told: list[tuple[str, Record]] = [("customer", customer), ("payment_source", source)]
            yield _SOURCES.get(customer.card.status, "payment_source_updated"), told
        else:
            yield f"customer_{touch.verb}", with_card(customer)

    def _source(self, touch: Touch, customer: Customer) -> PaymentSource | None:
        sources = self._business.table("payment_sources")
        source: PaymentSource | None = sources.get(f"pm_{customer.id}")
        if touch.created and customer.has_payment_source:
            sources.append(source_of(customer), touch.at)
        elif source and touch.verb == "deleted":
            sources.change(source, touch.at, deleted=True)
        elif source and source.customer is customer:
            sources.change_unheard(source, touch.at)
        return source

    def invoice(self, touch: Touch) -> Iterator[Told]:
        """An invoice stands alone; an attempt to collect it is told with the payment, and written down as one."""
        invoice = touch.record
        assert isinstance(invoice, Invoice)  # noqa: S101 what the table holds
        if touch.created:
            yield _written(invoice), [("invoice", invoice)]
        elif not touch.facts.keys() <= _DUNNING:
            kind = "pending_invoice_updated" if invoice.status == "pending" else "invoice_updated"
            yield "invoice_deleted" if touch.verb == "deleted" else kind, [("invoice", invoice)]
        if touch.facts.keys() & _DUNNING and (invoice.dunning_status or not touch.created):
            yield "dunning_updated", [("invoice", invoice)]
        self._attempts(touch, invoice)

    def _attempts(self, touch: Touch, invoice: Invoice) -> None:
        transactions = self._business.table("transactions")
        if "status" in touch.facts:
            # A payment shows the status of its invoice as it is now, without being stamped anew.
            for known in map(transactions.get, transaction_ids(invoice)):
                if known is not None:
                    transactions.change_unheard(known, touch.at)
        if touch.facts.get("status") == "paid":
            transactions.append(payment_of(invoice), touch.at)
        elif "attempts" in touch.facts:
            transactions.append(failure_of(invoice, invoice.attempts, touch.at), touch.at)

    def transaction(self, touch: Touch) -> Iterator[Told]:
        """A payment, with the invoice and whose it is."""
        transaction = touch.record
        assert isinstance(transaction, Transaction)  # noqa: S101 what the table holds
        invoice = transaction.invoice
        content: list[tuple[str, Record]] = [("transaction", transaction), ("invoice", invoice)]
        content += with_card(invoice.customer)
        if invoice.subscription:
            content.append(("subscription", invoice.subscription))
        verb = "succeeded" if transaction.status == "success" else "failed"
        yield f"payment_{verb}", content

    def source(self, touch: Touch) -> Iterator[Told]:
        """A payment source, with its customer."""
        source = touch.record
        assert isinstance(source, PaymentSource)  # noqa: S101 what the table holds
        verb = {"created": "added", "changed": "updated", "deleted": "deleted"}[touch.verb]
        yield f"payment_source_{verb}", [("customer", source.customer), ("payment_source", source)]


Told = tuple[str, list[tuple[str, Record]]]
"""Type and content of an event."""


def _billed(touched: Iterable[Touch]) -> Iterator[tuple[int, Invoice]]:
    """The invoices that an act wrote, by the row of the subscription that they bill."""
    for touch in touched:
        if touch.created and isinstance(touch.record, Invoice) and touch.record.subscription:
            yield touch.record.subscription.row, touch.record


def _turn(touch: Touch, subscription: Subscription) -> str:
    if touch.verb != "changed":
        return f"subscription_{touch.verb}"
    if subscription.status == "cancelled" != touch.status:
        return "subscription_cancelled"
    if touch.status == subscription.status == "active" and "current_term_start" in touch.facts:
        return "subscription_renewed"
    return _TURNS.get((touch.status or "", subscription.status), "subscription_changed")


def _written(invoice: Invoice) -> str:
    return "pending_invoice_created" if invoice.status == "pending" else "invoice_generated"


def _document(journal: Journal, touch: Touch) -> Iterator[Told]:
    """A document, where the vendor has an event for its kind, or for what it hangs on."""
    name = journal.kind_of(touch.record)
    for verb in _VERBS[touch.verb]:
        if f"{name}_{verb}" in EVENT_TYPES:
            yield f"{name}_{verb}", [(name, touch.record)]
            return
    if name in _HELD and (holder := journal.holder(touch.record, *_HELD[name][:2])):
        yield _HELD[name][2], [(_HELD[name][1].removesuffix("_id"), holder)]


_TOLD: dict[type, Callable[[Journal, Touch], Iterator[Told]]] = {
    Subscription: Journal.subscription,
    Customer: Journal.customer,
    Invoice: Journal.invoice,
    Transaction: Journal.transaction,
    PaymentSource: Journal.source,
}
