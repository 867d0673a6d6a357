"""Changes on request, at once or spread over real time: `POST /sandbox/change`. The clock does not move."""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.business.billing import NO_DUES, describe_dues, describe_payment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.business.records import Customer, Invoice, Subscription
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.json_types import JsonObject
    from sandbox.world import World

MAX_COUNT = 100_000
_SOURCE = "admin_console"
_NUMBERED = re.compile(r"(.*) \((\d{1,9})\)", re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """A kind of record that can be changed: which records exist, and how one is changed."""

    list_records: Callable[[World], Iterable[Any]]
    act: Callable[[World, Any], None]


def _switch_collection(world: World, customer: Customer) -> None:
    other = "off" if customer.auto_collection == "on" else "on"
    world.business.edit("customers", customer.id, auto_collection=other)


def _grow_subscription(world: World, subscription: Subscription) -> None:
    world.business.edit("subscriptions", subscription.id, quantity=subscription.quantity + 1)


def _turn_payment(world: World, invoice: Invoice) -> None:
    """Take back the payment of a paid invoice, or pay an unpaid one; its subscription shows the amount due."""
    business, now = world.business, world.clock.now()
    if invoice.status == "paid":
        business.invoices.change(invoice, now, status="payment_due", amount_paid=0, paid_at=None)
        dues = describe_dues(invoice)
    else:
        business.invoices.change(invoice, now, **describe_payment(invoice, now))
        dues = NO_DUES
    if invoice.subscription:
        business.subscriptions.change(invoice.subscription, now, **dues)
    business.tell(_SOURCE)


def _rename_company(world: World, company: Company) -> None:
    values = {"name": _number_name(company.document["name"])}
    world.intercom.companies.update(company, values, world.clock.now(), _SOURCE)


def _rename_contact(world: World, contact: Contact) -> None:
    values = {"name": _number_name(contact.document["name"])}
    world.intercom.contacts.update(contact, values, world.clock.now(), _SOURCE)


def _number_name(name: str | None) -> str:
    """Return the name with the next number after it."""
    numbered = _NUMBERED.fullmatch(name or "")
    return f"{numbered[1]} ({int(numbered[2]) + 1})" if numbered else f"{name or 'Nameless'} (2)"


KINDS = {
    "customer": Kind(lambda world: _list_live(world.business.customers.records), _switch_collection),
    "subscription": Kind(
        lambda world: (one for one in _list_live(world.business.subscriptions.records) if one.status == "active"),
        _grow_subscription,
    ),
    "invoice": Kind(
        lambda world: (
            one for one in _list_live(world.business.invoices.records) if one.status in ("paid", "payment_due")
        ),
        _turn_payment,
    ),
    "company": Kind(lambda world: world.intercom.companies.live(), _rename_company),
    "contact": Kind(lambda world: world.intercom.contacts.live(), _rename_contact),
}


@dataclass(frozen=True)
class ChangeRequest:
    """The number of changes and their kind.

    `per_second` 0 makes all at once; without `webhooks` nothing is delivered.
    """

    kind: str
    count: int = 1
    per_second: float = 0.0
    webhooks: bool = True

    @classmethod
    def from_body(cls, body: JsonObject) -> ChangeRequest:
        """Read a control call's body.

        Raises:
            ValueError: the sentence says what is wrong with it.
        """
        if not body.keys() <= {"kind", "count", "per_second", "webhooks"}:
            raise ValueError("A change has kind, count, per_second and webhooks.")
        request = cls(**{"kind": "", **body})
        if not isinstance(request.kind, str) or request.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {request.kind!r}.")
        if type(request.count) is not int or not 1 <= request.count <= MAX_COUNT:
            raise ValueError(f"count is a whole number from 1 to {MAX_COUNT}, not {request.count!r}.")
        if type(request.per_second) not in (int, float) or not 0 <= request.per_second < float("inf"):
            raise ValueError(f"per_second is a number, 0 for all at once, not {request.per_second!r}.")
        if type(request.webhooks) is not bool:
            raise ValueError(f"webhooks is true or false, not {request.webhooks!r}.")
        return request


def make_changes(world: World, request: ChangeRequest) -> JsonObject:
    """Make the changes, or begin to; return the ids of the records in the order of their changes, and the seconds.

    The oldest record comes first, and each call continues where the last one ended.
    """
    kind = KINDS[request.kind]
    records = list(kind.list_records(world))
    if not records:
        raise ValueError(f"There is no {request.kind} to change.")
    first = world.changes[request.kind]
    chosen = [records[number % len(records)] for number in range(first, first + request.count)]
    world.changes[request.kind] += request.count
    business = world.business

    def change(record: Any) -> None:
        # A reset replaces the business, which ends the remaining changes.
        if world.business is business:
            with nullcontext() if request.webhooks else world.chargebee_webhooks.suppress():
                kind.act(world, record)

    for number, record in enumerate(chosen):
        if request.per_second and number:
            asyncio.get_running_loop().call_later(number / request.per_second, change, record)
        else:
            change(record)
    seconds = (request.count - 1) / request.per_second if request.per_second else 0.0
    return {"ids": [one.id for one in chosen], "seconds": seconds}


def _list_live(records: Iterable[Any]) -> Iterable[Any]:
    return (one for one in records if not one.deleted)
