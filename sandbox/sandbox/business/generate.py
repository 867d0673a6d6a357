"""A business from a seed: the same seed and size give the same records, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING

from sandbox.business.people import make_customer
from sandbox.business.shapes import SHAPES, Shape
from sandbox.business.subscribing import FIRST_STAMP, SubscriptionMaker, stamp
from sandbox.clock import DAY

if TYPE_CHECKING:
    from sandbox.business.records import Customer, Invoice, Subscription
_BEFORE_STAMPS = FIRST_STAMP - 30 * DAY
_GONE_FOR = 60 * DAY
_YOUNGEST = 30
"""The least age, in days, of a customer whose subscription is past its trial."""
_OLDEST = {"Weekly": 60, "Monthly": 400, "Quarterly": 700, "Yearly": 1500}
_OLDEST_WITHOUT = 1000
_ODD_ID = "Zoë & Söhne #7"


class Generator:
    """Draws customers of all shapes with their records, as they are at the instant ``now``."""

    def __init__(self, size: int, seed: int, now: int) -> None:
        self.customers: list[Customer] = []
        self.subscriptions: list[Subscription] = []
        self.invoices: list[Invoice] = []
        self._random = Random(seed)
        self._now = now
        self._deleted: list[Customer] = []
        for number, shape in enumerate(self._draw_shapes(size), start=1):
            self._add(number, shape)
        self._order()

    def _draw_shapes(self, size: int) -> list[Shape]:
        weights = [shape.weight for shape in SHAPES]
        return [*SHAPES, *self._random.choices(SHAPES, weights, k=max(0, size - len(SHAPES)))][:size]

    def _add(self, number: int, shape: Shape) -> None:
        # No record of the customer changes after this time.
        horizon = self._now - _GONE_FOR if shape.deleted else self._now
        horizon = _BEFORE_STAMPS if shape.before_stamps else horizon
        oldest = max((_OLDEST[subscription.period] for subscription in shape.subscriptions), default=_OLDEST_WITHOUT)
        days = _YOUNGEST + int(self._random.random() ** 1.5 * (oldest - _YOUNGEST))
        age = days * DAY + self._random.randrange(DAY)
        customer = make_customer(self._random, number, shape, horizon - age, horizon)
        self._identify(customer, shape)
        maker = SubscriptionMaker(self._random, customer, horizon)
        maker.subscribe(shape)
        self.subscriptions += maker.subscriptions
        self.invoices += maker.invoices
        self._finish(customer, shape, maker)
        self.customers.append(customer)

    def _identify(self, customer: Customer, shape: Shape) -> None:
        """Give a customer a difficult identity: shared, odd, missing or used twice."""
        if shape.odd_id and not any(other.id == _ODD_ID for other in self.customers):
            customer.id = _ODD_ID
        if shape.reuses_id and self._deleted:
            self._reuse(customer, self._deleted.pop())
        if shape.email == "none":
            customer.email = None
        elif shape.email == "shared" and self.customers:
            customer.email = self.customers[-1].email
        elif shape.email == "odd" and customer.email:
            customer.email = customer.email.title()

    def _reuse(self, customer: Customer, deleted: Customer) -> None:
        customer.id = deleted.id
        customer.created_at = max(customer.created_at, (deleted.updated_at or 0) + DAY)
        if customer.card:
            customer.card = replace(customer.card, payment_source_id=f"pm_{customer.id}")

    def _finish(self, customer: Customer, shape: Shape, maker: SubscriptionMaker) -> None:
        changed = maker.last_change if self._random.random() < 1 / 2 else customer.created_at
        if shape.deleted:
            changed = maker.last_change + self._random.randrange(DAY, 5 * DAY)
            self._deleted.append(customer)
            for record in (*maker.subscriptions, *maker.invoices):
                record.deleted = True
                stamp(record, changed, self._random)
        stamp(customer, changed, self._random)

    def _order(self) -> None:
        """Sort rows and number invoices by time."""
        self.customers.sort(key=attrgetter("created_at"))
        self.subscriptions.sort(key=attrgetter("created_at"))
        self.invoices.sort(key=attrgetter("date"))
        for number, invoice in enumerate(self.invoices, start=1):
            invoice.id = str(number)
