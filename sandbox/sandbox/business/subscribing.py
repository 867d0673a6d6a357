"""A customer's subscriptions and invoices up to now, in the states that the customer's shape lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.business.billing import make_invoice, owe, settle
from sandbox.business.calendar import add_periods, list_term_starts
from sandbox.business.people import draw_id
from sandbox.business.prices import ADDONS, price_of
from sandbox.business.records import Invoice, Subscription
from sandbox.clock import DAY

if TYPE_CHECKING:
    from random import Random

    from sandbox.business.prices import Price
    from sandbox.business.records import Customer, Record
    from sandbox.business.shapes import Shape, SubscriptionShape

FIRST_STAMP = 1_475_020_800
"""2016-09-28: records not changed since have neither ``updated_at`` nor ``resource_version``."""
TRIAL = 14 * DAY
_DUNNED = 12 * DAY
"""How long collection of an invoice is tried, in seconds."""
_HOUR = 3_600
_PLANS = ("starter", "starter", "growth", "growth", "growth", "scale")
_QUANTITIES = {"flat_fee": (1, 1), "per_unit": (1, 25), "tiered": (3, 20)}
_WITH_ADDON = 0.2


def stamp(record: Record, at: int, random: Random) -> None:
    """Set when a record last changed; changes from before 2016-09-28 leave no timestamp."""
    if at >= FIRST_STAMP:
        record.updated_at = at
        record.resource_version = at * 1000 + int(random.random() * 1000)


def draft_subscription(random: Random, customer: Customer, shape: SubscriptionShape, created_at: int) -> Subscription:
    """Return a subscription to a random plan, without terms and timestamps."""
    currency = shape.currency or customer.currency_code
    plan = price_of(shape.plan or random.choice(_PLANS), currency, shape.period)
    return Subscription(
        id=draw_id(random),
        created_at=created_at,
        updated_at=None,
        resource_version=None,
        customer=customer,
        plan=plan,
        quantity=random.randint(*_QUANTITIES[plan.pricing_model]),
        addons=_draw_addons(random, currency, shape.period),
        status=shape.status,
        started_at=created_at,
    )


def _draw_addons(random: Random, currency: str, period: str) -> tuple[tuple[Price, int], ...]:
    if random.random() >= _WITH_ADDON:
        return ()
    price = price_of(random.choice(ADDONS), currency, period)
    return ((price, random.randint(*_QUANTITIES[price.pricing_model])),)


class SubscriptionMaker:
    """Draws the subscriptions and invoices of one customer."""

    def __init__(self, random: Random, customer: Customer, now: int) -> None:
        self.subscriptions: list[Subscription] = []
        self.invoices: list[Invoice] = []
        self.last_change = customer.created_at
        self._random = random
        self._customer = customer
        self._now = now

    def subscribe(self, shape: Shape) -> None:
        """Draw the subscriptions and one-time charges of a shape."""
        for subscription in shape.subscriptions:
            self._subscribe(subscription)
        for _ in range(shape.charges):
            self._charge()
        if shape.consolidated:
            self._consolidate()

    def _subscribe(self, shape: SubscriptionShape) -> None:
        created_at = self._customer.created_at + self._random.randrange(60, _HOUR)
        subscription = draft_subscription(self._random, self._customer, shape, created_at)
        _STANDINGS[shape.status](self, subscription, shape)
        self.subscriptions.append(subscription)
        if shape.deleted:
            subscription.deleted = True
            self._stamp(subscription, min(self.last_change + self._random.randrange(DAY), self._now))

    def _stamp(self, record: Record, at: int) -> None:
        stamp(record, at, self._random)
        self.last_change = max(self.last_change, at)

    def active(self, subscription: Subscription, shape: SubscriptionShape) -> None:
        """Make it active, renewed until now."""
        self._run(subscription, shape, self._now)
        subscription.next_billing_at = subscription.due_at = subscription.current_term_end

    def non_renewing(self, subscription: Subscription, shape: SubscriptionShape) -> None:
        """Make it end with its term."""
        self._run(subscription, shape, self._now)
        subscription.cancelled_at = subscription.due_at = subscription.current_term_end
        subscription.cancel_reason_code = shape.cancel_reason_code
        self._stamp(subscription, self._since_term_start(subscription))

    def paused(self, subscription: Subscription, shape: SubscriptionShape) -> None:
        """Make it paused in its current term."""
        self._run(subscription, shape, self._now)
        subscription.pause_date = self._since_term_start(subscription)
        subscription.resume_date = subscription.due_at = self._now + self._random.randrange(5 * DAY, 40 * DAY)
        self._stamp(subscription, subscription.pause_date)

    def cancelled(self, subscription: Subscription, shape: SubscriptionShape) -> None:
        """Cancel it: after its trial, after failed payments, or by the customer's choice."""
        subscription.cancel_reason = shape.cancel_reason
        subscription.cancel_reason_code = shape.cancel_reason_code
        if shape.cancel_reason == "no_card":
            self._trial(subscription)
            end = subscription.created_at + TRIAL
        else:
            self._run(subscription, shape, self._random.randrange(subscription.created_at + TRIAL, self._now - _DUNNED))
            begin, term_end = subscription.current_term_start or 0, subscription.current_term_end or self._now
            end = begin + _DUNNED if shape.cancel_reason else self._random.randrange(begin, self._now)
            end = subscription.current_term_end = min(end, term_end)
        subscription.cancelled_at = end
        self._stamp(subscription, end)

    def in_trial(self, subscription: Subscription, _: SubscriptionShape) -> None:
        """Make it a trial that ends within two weeks."""
        begin = self._now - self._random.randrange(_HOUR, 13 * DAY)
        subscription.created_at = subscription.started_at = max(begin, subscription.created_at)
        self._trial(subscription)
        subscription.next_billing_at = subscription.due_at = subscription.trial_end

    def future(self, subscription: Subscription, shape: SubscriptionShape) -> None:
        """Make it start in the future."""
        subscription.started_at = None
        subscription.start_date = subscription.due_at = self._now + self._random.randrange(3 * DAY, 30 * DAY)
        subscription.next_billing_at = subscription.start_date
        if shape.trial:
            subscription.trial_start = subscription.start_date
            subscription.next_billing_at = subscription.trial_end = subscription.start_date + TRIAL
        self._stamp(subscription, subscription.created_at)

    def _trial(self, subscription: Subscription) -> None:
        subscription.trial_start = subscription.created_at
        subscription.trial_end = subscription.created_at + TRIAL
        self._stamp(subscription, subscription.created_at)

    def _since_term_start(self, subscription: Subscription) -> int:
        return self._random.randint(subscription.current_term_start or 0, self._now)

    def _run(self, subscription: Subscription, shape: SubscriptionShape, until: int) -> None:
        """Add terms and their invoices from the start, after a trial if there was one, until an instant."""
        if shape.trial:
            self._trial(subscription)
        first = subscription.trial_end or subscription.created_at
        subscription.activated_at = first
        plan = subscription.plan
        starts = list_term_starts(first, plan.unit, plan.period, until)
        ends = [*starts[1:], add_periods(first, plan.unit, len(starts) * plan.period)]
        subscription.current_term_start, subscription.current_term_end = starts[-1], ends[-1]
        self._stamp(subscription, starts[-1])
        self._bill(subscription, list(zip(starts, ends, strict=True)), shape.latest)

    def _bill(self, subscription: Subscription, terms: list[tuple[int, int]], latest: str) -> None:
        lines = subscription.lines()
        for index, term in enumerate(terms):
            invoice = make_invoice(self._customer, lines, term, first=index == 0)
            settle(invoice, latest if index == len(terms) - 1 else "paid", self._now)
            self._stamp(invoice, invoice.paid_at or invoice.voided_at or invoice.date)
            self.invoices.append(invoice)
        owe(subscription, self.invoices[-1])

    def _charge(self) -> None:
        """Add a one-time charge: an invoice without a subscription."""
        date = self._random.randint(self._customer.created_at, self._now)
        invoice = make_invoice(self._customer, (), (date, date), first=True)
        settle(invoice, "paid", self._now)
        self._stamp(invoice, date)
        self.invoices.append(invoice)

    def _consolidate(self) -> None:
        """Bill the second subscription on the invoices of the first."""
        first, second = self.subscriptions
        both = (*first.lines(), *second.lines())
        self.invoices = [invoice for invoice in self.invoices if invoice.subscription is first]
        for invoice in self.invoices:
            invoice.subscription, invoice.lines = None, both
            invoice.total = invoice.amount_paid = sum(line.price.amount * line.quantity for line in both)


_STANDINGS = {
    "active": SubscriptionMaker.active,
    "non_renewing": SubscriptionMaker.non_renewing,
    "paused": SubscriptionMaker.paused,
    "cancelled": SubscriptionMaker.cancelled,
    "in_trial": SubscriptionMaker.in_trial,
    "future": SubscriptionMaker.future,
}
