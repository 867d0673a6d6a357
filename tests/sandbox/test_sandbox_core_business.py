"""The simulated business: the cases that it starts with, and rules that hold on every later day."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.business.business import Business
from sandbox.business.calendar import add_periods, card_status
from sandbox.business.prices import price_of
from sandbox.clock import Clock
from sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Customer, Invoice, Subscription

DAY = 86_400
RUNNING = ("active", "non_renewing")


def small(**switches: Any) -> Business:
    """Return a business of sixty customers with seed 7."""
    return Business(Settings(**({"customers": 60, "seed": 7} | switches)), Clock())


def live(business: Business, days: int) -> Counter[str]:
    """Advance the business day by day, and count what happened."""
    happened: Counter[str] = Counter()
    for _ in range(days):
        business.clock.advance(DAY)
        happened.update(business.live(DAY))
    return happened


def running(business: Business) -> dict[str, list[str]]:
    """Return the currencies of each customer's running subscriptions."""
    found: dict[str, list[str]] = {}
    for one in business.subscriptions.records:
        if one.status in RUNNING and not one.deleted:
            found.setdefault(one.customer_id, []).append(one.plan.currency_code)
    return found


def _customers(test: Callable[[Customer], Any]) -> Callable[[Business], bool]:
    return lambda business: any(test(one) for one in business.customers.records)


def _subscriptions(test: Callable[[Subscription], Any]) -> Callable[[Business], bool]:
    return lambda business: any(test(one) for one in business.subscriptions.records)


def _invoices(test: Callable[[Invoice], Any]) -> Callable[[Business], bool]:
    return lambda business: any(test(one) for one in business.invoices.records)


def _shares_email(business: Business) -> bool:
    emails = Counter(one.email for one in business.customers.records if one.email)
    return max(emails.values()) > 1


def _reuses_id(business: Business) -> bool:
    ids = Counter(one.id for one in business.customers.records)
    twice = {record_id for record_id, count in ids.items() if count == 2}
    return any(
        {one.deleted for one in business.customers.records if one.id == record_id} == {True, False}
        for record_id in twice
    )


CASES = {
    "no card": _customers(lambda one: one.payment is None),
    "paypal": _customers(lambda one: one.payment == "paypal_express_checkout"),
    "expired card": _customers(lambda one: one.card and one.card.status == "expired"),
    "expiring card": _customers(lambda one: one.card and one.card.status == "expiring"),
    "deleted customer": _customers(lambda one: one.deleted),
    "no e-mail": _customers(lambda one: one.email is None),
    "odd case": _customers(lambda one: one.email and one.email != one.email.lower()),
    "shared e-mail": _shares_email,
    "id used twice": _reuses_id,
    "odd id": _customers(lambda one: one.id == "Zoë & Söhne #7"),
    "never stamped customer": _customers(lambda one: one.updated_at is None),
    "never stamped subscription": _subscriptions(lambda one: one.updated_at is None),
    "never stamped invoice": _invoices(lambda one: one.updated_at is None),
    "no subscription": lambda business: (
        {one.customer_id for one in business.subscriptions.records} < {one.id for one in business.customers.records}
    ),
    "two running": lambda business: any(len(set(found)) < len(found) for found in running(business).values()),
    "two currencies": lambda business: any(len(set(found)) > 1 for found in running(business).values()),
    "trial": _subscriptions(lambda one: one.status == "in_trial"),
    "future": _subscriptions(lambda one: one.status == "future" and one.started_at is None),
    "paused": _subscriptions(lambda one: one.status == "paused" and one.mrr == 0),
    "non-renewing": _subscriptions(lambda one: one.status == "non_renewing" and (one.cancelled_at or 0) > 1768478400),
    "cancelled by us": _subscriptions(lambda one: one.cancel_reason == "not_paid"),
    "cancelled by them": _subscriptions(lambda one: one.cancel_reason_code == "Switched to a competitor"),
    "cancelled silently": _subscriptions(
        lambda one: one.status == "cancelled" and not (one.cancel_reason or one.cancel_reason_code)
    ),
    "deleted subscription": _subscriptions(lambda one: one.deleted and not one.customer.deleted),
    "addons": _subscriptions(lambda one: one.addons),
    "JPY": _subscriptions(lambda one: one.plan.currency_code == "JPY" and one.mrr),
    "yearly": _subscriptions(lambda one: one.plan.unit == "year" and one.mrr),
    "payment due": _invoices(lambda one: one.status == "payment_due" and one.dunning_status == "in_progress"),
    "not paid": _invoices(lambda one: one.status == "not_paid" and one.dunning_status == "exhausted"),
    "partly paid": _invoices(lambda one: 0 < one.amount_due < one.total),
    "posted": _invoices(lambda one: one.status == "posted"),
    "voided": _invoices(lambda one: one.status == "voided" and one.voided_at),
    "pending": _invoices(lambda one: one.status == "pending"),
    "one-time": _invoices(lambda one: not one.recurring and one.subscription_id is None),
    "consolidated": _invoices(lambda one: one.recurring and one.subscription_id is None),
    "deleted invoice": _invoices(lambda one: one.deleted),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_sixty_customers_have_every_case(case: Callable[[Business], bool]) -> None:
    """A business of sixty customers has at least one example of every case that tests and the demo need."""
    assert case(small())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), customers=st.integers(0, 150), days=st.integers(0, 120))
def test_a_business_always_adds_up(seed: int, customers: int, days: int) -> None:
    """Amounts, terms, times and references are consistent for any seed, size and number of days."""
    business = Business(Settings(customers=customers, seed=seed), Clock())
    assert len(business.customers.records) == customers
    live(business, days)
    now = business.clock.now()
    for table in business.tables().values():
        for row, record in enumerate(table.records):
            assert record.row == row
            assert record.updated_at is None or record.created_at <= record.updated_at <= now
            assert (record.updated_at is None) == (record.resource_version is None)
    for one in business.subscriptions.records:
        assert _term_fits(one, now), table.body(one)
        assert one.customer is business.customers.records[one.customer.row]
        for item in business.subscriptions.body(one)["subscription_items"]:
            if "unit_price" in item:
                assert item["unit_price"] * item.get("quantity", 1) == item["amount"]
    for invoice in business.invoices.records:
        body = business.invoices.body(invoice)
        assert sum(line["amount"] for line in body["line_items"]) == body["total"]
        assert body["amount_paid"] + body["amount_due"] == (0 if invoice.status == "voided" else body["total"])
        assert invoice.date <= now


def _spans(start: int | None, now: int, end: int | None) -> bool:
    return start is not None and end is not None and start <= now < end


def _term_fits(one: Subscription, now: int) -> bool:
    if one.status == "active":
        return _spans(one.current_term_start, now, one.current_term_end) and one.current_term_end == one.next_billing_at
    if one.status == "in_trial":
        return _spans(one.trial_start, now, one.trial_end) and one.trial_end == one.next_billing_at
    if one.status == "non_renewing":
        ends = _spans(0, now, one.cancelled_at) and one.cancelled_at == one.current_term_end
        return ends and one.next_billing_at is None
    if one.status == "cancelled":
        return one.cancelled_at is not None and one.cancelled_at <= now and one.next_billing_at is None
    if one.status == "paused":
        return _spans(one.pause_date, now, one.resume_date)
    return one.status == "future" and _spans(0, now, one.start_date) and one.started_at is None


def test_stamps_only_grow() -> None:
    """A changed record gets a greater resource_version, and an updated_at of that day; neither ever decreases."""
    business = Business(Settings(customers=300), Clock())
    before: dict[tuple[str, int], tuple[int, int]] = {}
    moved = 0
    for _ in range(60):
        since = business.clock.now()
        before = stamps(business)
        live(business, 1)
        for key, (version, updated_at) in stamps(business).items():
            old_version, old_updated_at = before.get(key, (0, 0))
            assert version >= old_version
            assert updated_at >= old_updated_at
            if version > old_version:
                moved += 1
                assert since < updated_at <= since + DAY
    assert moved > 500


def test_a_late_note_of_an_earlier_change_sets_nothing_back() -> None:
    """A change that is recorded late raises resource_version but keeps the later updated_at."""
    business = small()
    customer = business.customers.records[5]
    business.customers.change(customer, 1768478400, company="Later")
    business.customers.change(customer, 1768478300, company="Earlier")
    assert (customer.updated_at, customer.resource_version) == (1768478400, 1768478400001)


def stamps(business: Business) -> dict[tuple[str, int], tuple[int, int]]:
    """Return resource_version and updated_at by table and row, with 0 for a missing value."""
    return {
        (name, one.row): (one.resource_version or 0, one.updated_at or 0)
        for name, table in business.tables().items()
        for one in table.records
    }


def test_a_month_is_the_same_in_days_and_in_steps_of_a_day() -> None:
    """Advancing twice by two weeks has the same result as advancing once by four weeks."""
    one, other = small(), small()
    assert live(one, 14) + live(one, 14) == live(other, 28)
    assert [one.invoices.json(record) for record in one.invoices.records] == [
        other.invoices.json(record) for record in other.invoices.records
    ]


def test_dunning_alone_moves_no_stamp() -> None:
    """A failed payment retry changes next_retry_at and the attempts, but not updated_at or resource_version."""
    business = Business(Settings(customers=400), Clock())
    due = {one.row: business.invoices.body(one) for one in business.open_invoices if one.status == "payment_due"}
    live(business, 5)
    retried = 0
    for row, before in due.items():
        after = business.invoices.body(business.invoices.records[row])
        if after["status"] == "payment_due" and after.get("next_retry_at") != before["next_retry_at"]:
            retried += 1
            assert after["updated_at"] == before["updated_at"]
            assert after["resource_version"] == before["resource_version"]
            assert len(after["dunning_attempts"]) > len(before["dunning_attempts"])
    assert retried > 0


def test_an_edit_moves_the_stamp() -> None:
    """An edit can change attributes, add unknown ones and remove others, and sets updated_at."""
    business = small()
    business.clock.advance(60)
    customer = business.customers.records[5]
    business.edit("customers", customer.id, email="new@example.com", cf_odd=12, phone=None, locale=None)
    body = business.customers.body(customer)
    assert (body["email"], body["cf_odd"], body["updated_at"]) == ("new@example.com", 12, 1768478460)
    assert not {"phone", "locale"} & body.keys()
    with pytest.raises(KeyError, match="No customers with id 'nobody'"):
        business.edit("customers", "nobody", email="x")


def test_people_are_the_customers_as_others_may_know_them() -> None:
    """The people given to Intercom have the ids and e-mails of the Chargebee customers, deleted ones included."""
    business = small()
    people = business.people()
    assert len(people) == 60
    for person, customer in zip(people, business.customers.records, strict=True):
        body = business.customers.body(customer)
        assert person.customer_id == body["id"]
        assert person.email == body.get("email")
        assert person.company_id == body.get("cf_company_id")
        assert person.user_id == body.get("cf_user_id")
        assert person.deleted == body["deleted"]


def test_mrr_is_a_month_of_what_recurs() -> None:
    """MRR is a price converted to one month, in minor units of its currency, rounded down."""
    assert price_of("starter", "USD", "Monthly").monthly(2900) == 2900
    assert price_of("starter", "USD", "Quarterly").monthly(8120) == 2706
    assert price_of("starter", "EUR", "Yearly").monthly(26100) == 2175
    assert price_of("starter", "JPY", "Weekly").monthly(1305) == 5655


@pytest.mark.parametrize(
    ("start", "unit", "count", "end"),
    [
        pytest.param("2026-01-31T08:00:00+00:00", "month", 1, "2026-02-28T08:00:00+00:00", id="short month"),
        pytest.param("2026-01-31T08:00:00+00:00", "month", 2, "2026-03-31T08:00:00+00:00", id="back to the last"),
        pytest.param("2024-02-29T00:00:00+00:00", "year", 1, "2025-02-28T00:00:00+00:00", id="leap day"),
        pytest.param("2025-11-15T12:00:00+00:00", "month", 3, "2026-02-15T12:00:00+00:00", id="over new year"),
        pytest.param("2026-01-15T12:00:00+00:00", "week", 2, "2026-01-29T12:00:00+00:00", id="weeks"),
    ],
)
def test_terms_follow_the_calendar(start: str, unit: str, count: int, end: str) -> None:
    """A term ends on the same day of the month as it began, or on the last day of a shorter month."""
    seconds = int(datetime.fromisoformat(start).timestamp())
    assert add_periods(seconds, unit, count) == int(datetime.fromisoformat(end).timestamp())


@pytest.mark.parametrize(
    ("year", "month", "status"),
    [(2025, 12, "expired"), (2026, 1, "expiring"), (2026, 2, "expiring"), (2026, 3, "valid"), (2027, 1, "valid")],
)
def test_a_card_expires_at_the_end_of_its_month(year: int, month: int, status: str) -> None:
    """A card is valid to the end of its month; it counts as expiring in that month and the one before."""
    assert card_status(year, month, 1768478400) == status
