"""The business as ChartMogul's Chargebee integration imports it: each customer's MRR, status and first payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sandbox.business.websites import build_domain
from sandbox.business.words import PLACES
from sandbox.chartmogul.fields import NO_CUSTOMER
from sandbox.chartmogul.places import read_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.business.business import Business
    from sandbox.business.records import Customer, Subscription
    from sandbox.json_types import JsonObject

RATES = {"USD": 1.0, "EUR": 1.08, "JPY": 0.67}
"""Cents of the account's currency per minor unit, by currency."""
_RANKS = ("Past Due", "Active", "Cancelled")


class Facts(NamedTuple):
    """A customer's billing: cents per month, time of the first payment, and status or None."""

    mrr: int
    since: int | None
    status: str | None


NOTHING = Facts(0, None, None)


def combine_facts(parts: Iterable[Facts]) -> Facts:
    """Return the billing of a customer that was merged from several records."""
    several = [part for part in parts if part != NOTHING]
    if len(several) < 2:  # noqa: PLR2004 - one is itself
        return several[0] if several else NOTHING
    since = min((part.since for part in several if part.since is not None), default=None)
    status = min((part.status for part in several if part.status), key=_RANKS.index, default=None)
    return Facts(sum(part.mrr for part in several), since, status)


class Billing:
    """The customers of the business by Chargebee's ids."""

    def __init__(self, business: Business, *, websites: bool = False) -> None:
        self._business = business
        self._websites = websites
        self._version = -1
        self._subscriptions: dict[int, list[Subscription]] = {}

    def ids(self, since: int = 0) -> Iterator[tuple[str, int]]:
        """Return id and time of creation of the customers from a row on, each id once."""
        customers = self._business.customers
        for customer in customers.records[since:]:
            if customers.get(customer.id) is customer:
                yield customer.id, customer.created_at

    def rows(self) -> int:
        """Return the number of rows of customers."""
        return len(self._business.customers.records)

    def facts(self, customer_id: str) -> Facts:
        """Return a customer's present billing."""
        since = self.since(customer_id)
        if since is None:
            return NOTHING
        subscriptions = self._list_subscriptions(customer_id)
        mrr = sum(round(one.mrr * RATES[one.plan.currency_code]) for one in subscriptions)
        return Facts(mrr, since, _find_status(subscriptions))

    def since(self, customer_id: str) -> int | None:
        """Return the time of a customer's first payment."""
        starts = [one.activated_at for one in self._list_subscriptions(customer_id) if one.activated_at is not None]
        return min(starts) if starts else None

    def values(self, customer_id: str) -> JsonObject:
        """Return a customer's fields in the form of the import."""
        customer = self._business.customers.get(customer_id)
        if customer is None:
            return dict(NO_CUSTOMER)
        trials = [one.trial_start for one in self._list_subscriptions(customer_id) if one.trial_start is not None]
        found: JsonObject = {"free_trial_started_at": min(trials, default=None)}
        if self._websites and customer.company and customer.cf_company_id and customer.row % 3:
            # The integration imports no websites, so this one is as if a user had entered it.
            found["website_url"] = f"https://{build_domain(customer.company, customer.cf_company_id)}"
        return NO_CUSTOMER | _build_identity(customer) | found

    def _list_subscriptions(self, customer_id: str) -> list[Subscription]:
        table = self._business.subscriptions
        if self._version != table.version:
            self._version = table.version
            self._subscriptions = {}
            for one in table.records:
                if not one.deleted or one.customer.deleted:
                    self._subscriptions.setdefault(one.customer.row, []).append(one)
        customer = self._business.customers.get(customer_id)
        return self._subscriptions.get(customer.row, []) if customer else []


def _find_status(subscriptions: list[Subscription]) -> str:
    running = [one for one in subscriptions if one.status in ("active", "non_renewing") and not one.deleted]
    if any(one.due_invoices_count for one in running):
        return "Past Due"
    return "Active" if running else "Cancelled"


def _build_identity(customer: Customer) -> JsonObject:
    country, city, state, _, zip_code, *_ = PLACES[customer.country]
    return {
        "name": f"{customer.first_name} {customer.last_name}",
        "email": customer.email or "",
        "company": customer.company or "",
        "country": country,
        "state": read_state(country, state),
        "city": city,
        "zip": zip_code,
    }
