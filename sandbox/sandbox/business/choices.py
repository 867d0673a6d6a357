"""What customers decide, as a table: how often, which customers, and what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.business.live import Choice
from sandbox.business.people import make_customer
from sandbox.business.prices import price_of
from sandbox.business.shapes import NEWCOMERS
from sandbox.business.subscribing import TRIAL, draft_subscription
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.business.live import Step
    from sandbox.business.parts import Business
    from sandbox.business.records import Customer, Subscription
    from sandbox.business.shapes import SubscriptionShape

_UPGRADES = {"starter": ("growth", 3), "growth": ("scale", 1)}
"""The next plan and its quantity; the last plan has none."""
_PERIODS = {("month", 1): "Monthly", ("month", 3): "Quarterly", ("year", 1): "Yearly", ("week", 1): "Weekly"}
_REASONS = ("Too expensive", "Missing feature", "Switched to a competitor", None)
_AT_ONCE = 0.25
_PAUSE = 20 * DAY


def _list_with_status(status: str) -> Callable[[Business], Sequence[Subscription]]:
    def list_population(business: Business) -> Sequence[Subscription]:
        return [one for one in business.subscriptions.records if one.status == status and not one.deleted]

    return list_population


def _list_customers(business: Business) -> Sequence[Customer]:
    return [customer for customer in business.customers.records if not customer.deleted]


def _list_idle_customers(business: Business) -> Sequence[Customer]:
    """Return the customers without a current or future subscription."""
    busy = {one.customer.row for one in business.subscriptions.records if one.status != "cancelled" and not one.deleted}
    return [customer for customer in _list_customers(business) if customer.row not in busy]


def _sign_up(step: Step, _: Customer) -> None:
    step.happened["new_customers"] += 1
    random = step.random
    customers = step.business.customers
    shape = random.choices(NEWCOMERS, [shape.weight for shape in NEWCOMERS])[0]
    customer = make_customer(random, len(customers.records) + 1, shape, step.now, step.now)
    customers.append(customer, step.now)
    for subscription in shape.subscriptions:
        _subscribe(step, customer, subscription)


def _subscribe(step: Step, customer: Customer, shape: SubscriptionShape) -> None:
    subscription = draft_subscription(step.random, customer, shape, step.now)
    step.business.subscriptions.append(subscription, step.now)
    if shape.status == "in_trial":
        end = step.now + TRIAL
        step.change(subscription, step.now, trial_start=step.now, trial_end=end, next_billing_at=end, due_at=end)
    else:
        step.activate(subscription, step.now, first=True)


def _list_upgradable(business: Business) -> Sequence[Subscription]:
    return [one for one in _list_with_status("active")(business) if one.plan.item_id in _UPGRADES]


def _upgrade(step: Step, subscription: Subscription) -> None:
    """Change to the next plan, in its quantity."""
    step.happened["upgrades"] += 1
    plan = subscription.plan
    item, quantity = _UPGRADES[plan.item_id]
    better = price_of(item, plan.currency_code, _PERIODS[plan.unit, plan.period])
    step.change(subscription, step.now, plan=better, quantity=quantity)


def _cancel(step: Step, subscription: Subscription) -> None:
    """Cancel at once, or at the end of the term."""
    reason = step.random.choice(_REASONS)
    if step.random.random() < _AT_ONCE:
        step.cancel(subscription, step.now, None)
        step.change(subscription, step.now, cancel_reason_code=reason, current_term_end=step.now)
        return
    step.happened["non_renewals"] += 1
    end = subscription.current_term_end
    step.change(
        subscription,
        step.now,
        status="non_renewing",
        cancelled_at=end,
        cancel_reason_code=reason,
        next_billing_at=None,
        due_at=end,
    )


def _reactivate(step: Step, subscription: Subscription) -> None:
    if subscription.customer.deleted or subscription.customer.payment is None:
        return
    step.happened["reactivations"] += 1
    step.change(subscription, step.now, activated_at=step.now)
    step.activate(subscription, step.now, first=False)


def _pause(step: Step, subscription: Subscription) -> None:
    step.happened["pauses"] += 1
    back = step.now + _PAUSE
    step.change(
        subscription,
        step.now,
        status="paused",
        pause_date=step.now,
        resume_date=back,
        next_billing_at=None,
        due_at=back,
    )


def _correct(step: Step, customer: Customer) -> None:
    """Change contact data."""
    step.happened["customer_edits"] += 1
    number = step.random.randrange(100)
    step.change(customer, step.now, phone=f"+1 555 02{number:02}", cf_tier=step.random.choice(("standard", "premium")))


def _delete(step: Step, customer: Customer) -> None:
    """Delete a customer; the step deletes its records."""
    step.happened["deletions"] += 1
    step.change(customer, step.now, deleted=True)
    step.gone.add(customer.row)


CHOICES = (
    Choice(0.003, _list_customers, _sign_up),
    Choice(0.002, _list_upgradable, _upgrade),
    Choice(0.002, _list_with_status("active"), _cancel),
    Choice(0.0005, _list_with_status("active"), _pause),
    Choice(0.001, _list_with_status("cancelled"), _reactivate),
    Choice(0.002, _list_customers, _correct),
    Choice(0.001, _list_idle_customers, _delete),
)
