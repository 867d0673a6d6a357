"""Chargebee's retrievals that are neither a list nor a record by its id.

What the undocumented ones answer is what other people's connectors read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sandbox.business.prices import RATES
from sandbox.business.tables import encode
from sandbox.chargebee.errors import incompatible, invalid, not_found, wrong_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.business import Business
    from sandbox.business.records import Subscription
    from sandbox.world import World

Params = dict[str, str]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SITE = "sandbox"


@dataclass(frozen=True)
class View:
    """One retrieval: its path, what it answers to the parameters and the id in its path, and the catalogs it is of."""

    path: str
    answer: Callable[[World, Params, str], bytes]
    catalogs: tuple[int, ...] = (1, 2)
    params: tuple[str, ...] = ()

    def __call__(self, world: World, params: list[tuple[str, str]], record_id: str) -> bytes:
        """The reply's body.

        Raises:
            RefusedError: a parameter is unknown, or the site's catalog is the other one.
        """
        if world.settings.catalog not in self.catalogs:
            raise incompatible(self.path)
        for name, _ in params:
            if name not in self.params:
                raise invalid(name, "unknown parameter")
        return self.answer(world, dict(params), record_id)


def _configurations(world: World, _: Params, __: str) -> bytes:
    """One entry for the live site, one for its test site."""
    version = f"v{world.settings.catalog}"
    sites = [
        {"domain": domain, "product_catalog_version": version, "chargebee_response_schema_type": "compat"}
        for domain in (SITE, f"{SITE}-test")
    ]
    return encode({"configurations": sites})


def _with_scheduled_changes(world: World, _: Params, record_id: str) -> bytes:
    """A subscription as it will be; as it is, where no change is scheduled."""
    business = world.business
    subscription = _subscription(business, record_id)
    text = b'{"subscription":' + business.subscriptions.json(subscription)
    text += b',"customer":' + business.customers.json(subscription.customer)
    card = business.card_json(subscription.customer)
    return text + b"}" if card is None else text + b',"card":' + card + b"}"


def _advance_invoices(world: World, _: Params, record_id: str) -> bytes:
    """The schedule by which terms are invoiced ahead: a year of terms for the subscriptions billed so."""
    subscription = _subscription(world.business, record_id)
    if subscription.row % 5 or subscription.current_term_end is None:
        return encode({"advance_invoice_schedules": []})
    start = subscription.current_term_end
    schedule: dict[str, Any] = {
        "id": f"ais_{subscription.id}",
        "schedule_type": "fixed_intervals",
        "fixed_interval_schedule": {
            "end_schedule_on": "after_number_of_intervals",
            "number_of_occurrences": 3,
            "days_before_renewal": 7,
            "created_at": subscription.created_at,
            "terms_to_charge": 1,
            "object": "fixed_interval_schedule",
        },
        "next_charge_at": start,
        "object": "advance_invoice_schedule",
    }
    return encode({"advance_invoice_schedules": [schedule]})


def _exchange_rates(world: World, params: Params, _: str) -> bytes:
    """The rates of a day, of the site's currencies to its base currency."""
    text = params.get("exchange_rate_date", "")
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day > datetime.fromtimestamp(world.clock.now(), UTC).date():
        raise wrong_value("exchange_rate_date", "must be a day until today, as in 2026-01-15")
    rates = {"exchange_rate_date": text, "exchange_rate_base_currency_code": "USD", "rates": RATES}
    return encode({"exchange_rates": rates})


def _subscription(business: Business, record_id: str) -> Subscription:
    subscription = business.subscriptions.get(record_id)
    if subscription is None or subscription.deleted:
        raise not_found(f"subscription {record_id}")
    return subscription


VIEWS = (
    View("/configurations", _configurations),
    View("/currencies/get_auto_exchange_rates", _exchange_rates, (2,), ("exchange_rate_date",)),
    View("/subscriptions/{id}/retrieve_with_scheduled_changes", _with_scheduled_changes),
    View("/subscriptions/{id}/retrieve_advance_invoice_schedule", _advance_invoices),
)
