"""What the business keeps of its customers, cards, subscriptions and invoices.

The vendor's names; times are unix seconds, amounts minor units, None is an attribute that is absent. Only what moves or
differs is kept: ``bodies.py`` derives the full-size records, so that a hundred thousand customers fit in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sandbox.business.prices import Price
    from sandbox.json_types import JsonObject


@dataclass(frozen=True)
class Person:
    """A customer in the form that another system knows."""

    customer_id: str
    email: str | None
    first_name: str
    last_name: str
    phone: str | None
    company: str | None
    company_id: str | None
    user_id: str | None
    created_at: int
    deleted: bool


@dataclass(slots=True, eq=False, kw_only=True)
class Record:
    """What every record has. ``edits`` are further attributes set from outside; None removes one."""

    id: str
    created_at: int
    updated_at: int | None
    resource_version: int | None
    deleted: bool = False
    row: int = 0
    edits: JsonObject = field(default_factory=dict)
    json: bytes | None = None
    """The record's JSON, once it has been served."""
    kept: Record | None = None
    """A snapshot of the present state, once an event has shown it."""

    def forget(self) -> None:
        """Drop the cached JSON, so that it is built again."""
        self.json = self.kept = None


OFFLINE = "bank_transfer"
"""Means of payment without a payment source: the customer transfers the money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A customer's primary card."""

    payment_source_id: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    status: str
    created_at: int

    @property
    def iin(self) -> str:
        """The first six digits of the number."""
        return "424242" if self.brand == "visa" else "555555"

    @property
    def masked_number(self) -> str:
        """The number with all but its last digits hidden."""
        return f"************{self.last4}"


@dataclass(slots=True, eq=False, kw_only=True)
class Customer(Record):
    """A customer; ``payment`` is the type of the primary payment method, or how the customer pays without one."""

    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    company: str | None
    cf_company_id: str | None
    cf_user_id: str | None
    cf_tier: str
    country: int
    currency_code: str
    auto_collection: str
    payment: str | None
    card: Card | None = None
    promotional_credits: int = 0
    card_json: bytes | None = None

    @property
    def known_email(self) -> str:
        """The e-mail, or an invented address when there is none."""
        return self.email or "nobody@example.com"

    @property
    def has_payment_source(self) -> bool:
        """Whether the vendor has a payment source to collect from."""
        return self.payment not in (None, OFFLINE)

    def forget(self) -> None:
        """Drop the cached JSON of the customer and its card, so that it is built again."""
        self.json = self.card_json = self.kept = None


@dataclass(slots=True, eq=False, kw_only=True)
class CustomerRecord(Record):
    """A record of one customer."""

    customer: Customer

    @property
    def customer_id(self) -> str:
        """The customer's id."""
        return self.customer.id


@dataclass(slots=True, eq=False, kw_only=True)
class Subscription(CustomerRecord):
    """A subscription to one plan; ``due_at`` is the time of its next change by itself."""

    plan: Price
    quantity: int
    addons: tuple[tuple[Price, int], ...]
    status: str
    started_at: int | None
    trial_start: int | None = None
    trial_end: int | None = None
    current_term_start: int | None = None
    current_term_end: int | None = None
    next_billing_at: int | None = None
    activated_at: int | None = None
    cancelled_at: int | None = None
    cancel_reason: str | None = None
    cancel_reason_code: str | None = None
    pause_date: int | None = None
    resume_date: int | None = None
    start_date: int | None = None
    due_invoices_count: int = 0
    total_dues: int = 0
    due_since: int | None = None
    due_at: int | None = None
    invoiced: bool = False
    late_mrr: int | None = None
    """The earlier MRR, shown until the new one is computed; None afterwards."""

    @property
    def item_price_id(self) -> list[str]:
        """The prices of all items, as the filter of this name sees them."""
        return [self.plan.id, *(price.id for price, _ in self.addons)]

    @property
    def item_id(self) -> list[str]:
        """The items of all prices, as the filter of this name sees them."""
        return [self.plan.item_id, *(price.item_id for price, _ in self.addons)]

    @property
    def plan_id(self) -> str:
        """The plan, as catalog 1 names it."""
        return self.plan.id

    @property
    def amount(self) -> int:
        """What a term costs."""
        return sum(line.price.amount * line.quantity for line in self.lines())

    def lines(self) -> tuple[Line, ...]:
        """Return the lines that the next term is billed for."""
        addons = (Line(self, price, count) for price, count in self.addons)
        return (Line(self, self.plan, self.quantity), *addons)

    @property
    def mrr(self) -> int:
        """Monthly recurring revenue as computed so far; 0 unless active or non-renewing."""
        if self.late_mrr is not None:
            return self.late_mrr
        return self.plan.monthly(self.amount) if self.status in ("active", "non_renewing") else 0


class Line(NamedTuple):
    """A price, its quantity and amount, billed to a subscription."""

    subscription: Subscription
    price: Price
    quantity: int


@dataclass(slots=True, eq=False, kw_only=True)
class Invoice(CustomerRecord):
    """An invoice; no ``lines``: a one-time charge. ``term`` is the period billed.

    ``subscription`` is None for a one-time charge and where the lines are of several.
    """

    subscription: Subscription | None
    lines: tuple[Line, ...]
    status: str
    currency_code: str
    date: int
    total: int
    amount_paid: int
    term: tuple[int, int]
    first_invoice: bool
    due_date: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    dunning_status: str | None = None
    next_retry_at: int | None = None
    attempts: int = 0
    parts: int = 1
    """The number of line items per line: 1 except for large invoices."""

    @property
    def subscription_id(self) -> str | None:
        """The subscription's id; None when several are billed at once, or none."""
        return self.subscription.id if self.subscription else None

    @property
    def recurring(self) -> bool:
        """Whether it belongs to a subscription."""
        return bool(self.lines)

    @property
    def payment_status(self) -> str:
        """The payment status of an order of this invoice."""
        return "paid" if self.status == "paid" else "not_paid"

    @property
    def amount_due(self) -> int:
        """What is still to be paid."""
        return 0 if self.status in ("paid", "voided") else self.total - self.amount_paid
