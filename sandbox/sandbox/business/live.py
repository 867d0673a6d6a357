"""What happens in a business by itself while time passes; ``choices.py`` has what customers decide.

Everything is drawn from the seed and the clock, so that the same steps of time give the same changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.business.billing import NO_DUES, RETRY_AFTER, describe_dues, describe_payment, make_invoice
from sandbox.business.calendar import add_periods, card_status, count_months
from sandbox.business.subscribing import TRIAL
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.business.parts import Business
    from sandbox.business.records import Invoice, Record, Subscription

_FAILS = 0.05
_RECOVERS = 0.45
_ENDS_UNPAID = 0.5
_PAYS_IN_TERM = 0.85
_CLOSES_AFTER = 2 * DAY
_BY_ITSELF = "scheduled_job"


@dataclass(frozen=True)
class Choice:
    """``rate`` is per day and member of the population; ``act`` makes one of them do it."""

    rate: float
    list_population: Callable[[Business], Sequence[Any]]
    act: Callable[[Step, Any], None]


class Step:
    """One step of time, at most a day long, that has just passed."""

    def __init__(self, business: Business, seconds: int) -> None:
        self.business = business
        self.now = business.clock.now()
        self.random = Random(f"{business.settings.seed}:{self.now}")
        self.happened: Counter[str] = Counter()
        self.gone: set[int] = set()
        self._days = seconds / DAY
        self._since = self.now - seconds

    def take(self, choices: Iterable[Choice]) -> dict[str, int]:
        """Simulate what is due and what customers choose, and count what happened."""
        for one in self.business.subscriptions.records:
            while not one.deleted and one.due_at is not None and one.due_at <= self.now:
                _DUE[one.status](self, one, one.due_at)
                self.business.tell(_BY_ITSELF)
        for invoice in self.business.open_invoices:
            _OPEN[invoice.status](self, invoice)
            self.business.tell(_BY_ITSELF)
        for choice in choices:
            population = choice.list_population(self.business)
            expected = len(population) * choice.rate * self._days
            count = min(int(expected + self.random.random()), len(population))
            for person in self.random.sample(population, count):
                choice.act(self, person)
                self.business.tell("api")
        self._delete_with_customers()
        self._age_cards()
        self.business.open_invoices = list_open_invoices(self.business.open_invoices)
        return dict(sorted(self.happened.items()))

    def change(self, record: Record, at: int, /, **facts: object) -> None:
        """Write attributes of a record at an instant of this step."""
        self.business.table_of(record).change(record, at, **facts)

    def activate(self, subscription: Subscription, at: int, *, first: bool) -> None:
        """Begin a term of the subscription at an instant, and bill the term."""
        plan = subscription.plan
        end = add_periods(at, plan.unit, plan.period)
        self.change(
            subscription,
            at,
            status="active",
            current_term_start=at,
            current_term_end=end,
            next_billing_at=end,
            due_at=end,
            cancelled_at=None,
            cancel_reason=None,
            cancel_reason_code=None,
        )
        self._bill(subscription, (at, end), first=first)

    def cancel(self, subscription: Subscription, at: int, reason: str | None) -> None:
        """End a subscription at an instant."""
        self.happened["cancellations"] += 1
        self.change(
            subscription,
            at,
            status="cancelled",
            cancelled_at=at,
            cancel_reason=reason,
            next_billing_at=None,
            due_at=None,
        )

    def _bill(self, subscription: Subscription, term: tuple[int, int], *, first: bool) -> None:
        invoice = make_invoice(subscription.customer, subscription.lines(), term, first=first)
        invoice.id = str(len(self.business.invoices.records) + 1)
        self.business.invoices.append(invoice, term[0])
        self._collect(invoice)

    def renew(self, subscription: Subscription, at: int) -> None:
        """End a term and begin the next."""
        self.happened["renewals"] += 1
        self.activate(subscription, at, first=False)

    def end_trial(self, subscription: Subscription, at: int) -> None:
        """End a trial: a customer who can pay continues."""
        if subscription.customer.payment is None:
            self.cancel(subscription, at, "no_card")
            return
        self.happened["trials_converted"] += 1
        self.change(subscription, at, activated_at=at)
        self.activate(subscription, at, first=True)

    def run_out(self, subscription: Subscription, at: int) -> None:
        """End the last term of a non-renewing subscription."""
        self.cancel(subscription, at, None)

    def start(self, subscription: Subscription, at: int) -> None:
        """Begin a future subscription, with its trial if it has one."""
        self.happened["starts"] += 1
        self.change(subscription, at, started_at=at, start_date=None)
        if subscription.trial_end:
            trial_end = at + TRIAL
            self.change(subscription, at, status="in_trial", trial_end=trial_end, due_at=trial_end)
        else:
            self.change(subscription, at, activated_at=at)
            self.activate(subscription, at, first=True)

    def resume(self, subscription: Subscription, at: int) -> None:
        """End a pause."""
        self.happened["resumptions"] += 1
        self.change(subscription, at, pause_date=None, resume_date=None, activated_at=at)
        self.activate(subscription, at, first=False)

    def _collect(self, invoice: Invoice) -> None:
        """Try to collect a new invoice; offline customers get their net term."""
        customer = invoice.customer
        if customer.auto_collection == "off":
            self.change(invoice, invoice.date, status="posted")
            self.business.open_invoices.append(invoice)
        elif (customer.card and customer.card.status == "expired") or self.random.random() < _FAILS:
            self.happened["failed_payments"] += 1
            self._owe(
                invoice,
                invoice.date,
                attempts=1,
                dunning_status="in_progress",
                next_retry_at=invoice.date + RETRY_AFTER[0],
            )
            self.business.open_invoices.append(invoice)
        else:
            self.change(invoice, invoice.date, **describe_payment(invoice, invoice.date))

    def _owe(self, invoice: Invoice, at: int, **facts: object) -> None:
        self.change(invoice, at, status="payment_due", **facts)
        if invoice.subscription:
            self.change(invoice.subscription, at, **describe_dues(invoice))

    def close(self, invoice: Invoice) -> None:
        """Close a pending invoice, whose date moves to now."""
        at = invoice.date + _CLOSES_AFTER
        if at <= self.now:
            self.happened["invoices_closed"] += 1
            at = max(at, self._since + 1)
            self.change(invoice, at, date=at, **describe_payment(invoice, at))

    def end_net_term(self, invoice: Invoice) -> None:
        """End the net term of a posted invoice."""
        at = max(invoice.due_date or invoice.date, self._since + 1)
        if at > self.now:
            return
        if self.random.random() < _PAYS_IN_TERM:
            self._mark_paid(invoice, at)
        else:
            self._owe(invoice, at)

    def retry(self, invoice: Invoice) -> None:
        """Try again to collect; after the last attempt the invoice is not paid."""
        while (at := invoice.next_retry_at) is not None and at <= self.now:
            if self.random.random() < _RECOVERS:
                self._mark_paid(invoice, at)
            elif invoice.attempts < len(RETRY_AFTER):
                # Chargebee does not change timestamps if only dunning changes.
                facts = {"attempts": invoice.attempts + 1, "next_retry_at": at + RETRY_AFTER[invoice.attempts]}
                self.business.invoices.change_quietly(invoice, at, **facts)
            else:
                self._give_up(invoice, at)

    def _mark_paid(self, invoice: Invoice, at: int) -> None:
        self.happened["payments"] += 1
        self.change(invoice, at, **describe_payment(invoice, at))
        if invoice.subscription and invoice.subscription.due_invoices_count:
            self.change(invoice.subscription, at, **NO_DUES)

    def _give_up(self, invoice: Invoice, at: int) -> None:
        self.happened["uncollected"] += 1
        attempts = invoice.attempts + 1
        self.change(invoice, at, status="not_paid", dunning_status="exhausted", attempts=attempts, next_retry_at=None)
        subscription = invoice.subscription
        if subscription and subscription.status == "active" and self.random.random() < _ENDS_UNPAID:
            self.cancel(subscription, at, "not_paid")

    def _delete_with_customers(self) -> None:
        """Delete the records of the customers deleted in this step."""
        if not self.gone:
            return
        records: Iterable[Subscription | Invoice] = chain(
            self.business.subscriptions.records, self.business.invoices.records
        )
        for record in records:
            if record.customer.row in self.gone and not record.deleted:
                self.change(record, self.now, deleted=True)
        self.business.tell("api")

    def _age_cards(self) -> None:
        """Let cards expire without a change of ``updated_at``, because the vendor does not document one."""
        if count_months(self._since) == count_months(self.now):
            return
        customers = self.business.customers
        for customer in customers.records:
            card = customer.card
            if card and (status := card_status(card.expiry_year, card.expiry_month, self.now)) != card.status:
                customers.change_quietly(customer, self.now, card=replace(card, status=status))
        self.business.tell(_BY_ITSELF)


_DUE = {
    "active": Step.renew,
    "in_trial": Step.end_trial,
    "non_renewing": Step.run_out,
    "future": Step.start,
    "paused": Step.resume,
}
_OPEN = {"pending": Step.close, "posted": Step.end_net_term, "payment_due": Step.retry}


def list_open_invoices(invoices: Iterable[Invoice]) -> list[Invoice]:
    """Return the invoices that will still change by themselves."""
    return [invoice for invoice in invoices if invoice.status in _OPEN and not invoice.deleted]
