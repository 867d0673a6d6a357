"""Payments of invoices, and the customers' payment sources."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sandbox.business.records import Customer, CustomerRecord, Invoice
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_KNOWN = 200
"""The number of newest invoices whose payments exist on the first day."""
_OLDEST = 20
"""The number of oldest invoices whose payments exist, some from before the vendor's timestamps."""
_RETRY = 3 * DAY


@dataclass(slots=True, eq=False, kw_only=True)
class Transaction(CustomerRecord):
    """An attempt to collect an invoice; ``created_at`` is its date."""

    invoice: Invoice
    amount: int
    status: str

    @property
    def date(self) -> int:
        """The time of the payment."""
        return self.created_at

    @property
    def currency_code(self) -> str:
        """The invoice's currency."""
        return self.invoice.currency_code


@dataclass(slots=True, eq=False, kw_only=True)
class PaymentSource(CustomerRecord):
    """A customer's default means of payment."""


def build_payment(invoice: Invoice) -> Transaction:
    """Return the payment of an invoice that was paid, all or in part."""
    at = invoice.paid_at or invoice.date
    return _build_transaction(invoice, f"txn_{invoice.id}", at, "success", invoice.amount_paid)


def build_failure(invoice: Invoice, attempt: int, at: int) -> Transaction:
    """Return the failed payment of an invoice's ``attempt``-th try."""
    return _build_transaction(invoice, f"txn_{invoice.id}_{attempt}", at, "failure", invoice.amount_due)


def list_transaction_ids(invoice: Invoice) -> list[str]:
    """Return the ids of an invoice's transactions, whether or not these exist as records."""
    return [f"txn_{invoice.id}", *(f"txn_{invoice.id}_{attempt}" for attempt in range(1, invoice.attempts + 1))]


def _build_transaction(invoice: Invoice, txn_id: str, at: int, status: str, amount: int) -> Transaction:
    stamped = invoice.updated_at is not None
    return Transaction(
        id=txn_id,
        created_at=at,
        updated_at=at if stamped else None,
        resource_version=at * 1000 if stamped else None,
        deleted=invoice.deleted,
        customer=invoice.customer,
        invoice=invoice,
        amount=amount,
        status=status,
    )


def list_first_transactions(invoices: Sequence[Invoice]) -> list[Transaction]:
    """Return the payments that exist on the first day, oldest first."""
    newest = range(max(_OLDEST, len(invoices) - _KNOWN), len(invoices))
    known = (invoices[row] for row in chain(range(min(_OLDEST, len(invoices))), newest))
    made = [one for invoice in known for one in _list_transactions(invoice)]
    return sorted(made, key=lambda transaction: transaction.created_at)


def _list_transactions(invoice: Invoice) -> Iterator[Transaction]:
    for attempt in range(1, invoice.attempts + 1):
        yield build_failure(invoice, attempt, invoice.date + (attempt - 1) * _RETRY)
    if invoice.amount_paid:
        yield build_payment(invoice)


def build_source(customer: Customer) -> PaymentSource:
    """Return a customer's default means of payment."""
    stamp = customer.updated_at and customer.created_at
    return PaymentSource(
        id=f"pm_{customer.id}",
        created_at=customer.created_at,
        updated_at=stamp,
        resource_version=stamp and stamp * 1000 + 17,
        deleted=customer.deleted,
        customer=customer,
    )
