"""Chargebee's retrievals that are neither a list nor a record by its id.

Undocumented ones return what other connectors read from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sandbox.business.prices import RATES
from sandbox.business.tables import encode
from sandbox.chargebee.errors import incompatible, invalid, not_found, wrong_value
from sandbox.chargebee.items import build_item_writer
from sandbox.chargebee.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Subscription
    from sandbox.chargebee.lists import Params
    from sandbox.world import World

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUBSCRIPTIONS = next(row for row in RESOURCES if row.path == "subscriptions")
SITE = "sandbox"


@dataclass(frozen=True)
class View:
    """One retrieval: its path, its function, its one parameter, and its catalogs."""

    path: str
    answer: Callable[[World, str], bytes]
    catalogs: tuple[int, ...] = (1, 2)
    param: str = ""

    def __call__(self, world: World, params: Params, record_id: str) -> bytes:
        """Return the reply's body.

        Raises:
            RefusedError: a parameter is unknown, or the site has the other catalog.
        """
        if world.settings.catalog not in self.catalogs:
            raise incompatible(self.path)
        for name, _ in params:
            if name != self.param or not name:
                raise invalid(name, "unknown parameter")
        return self.answer(world, dict(params).get(self.param, record_id))


def _show_configurations(world: World, _: str) -> bytes:
    """Return one entry for the live site and one for its test site."""
    site = {"product_catalog_version": f"v{world.settings.catalog}", "chargebee_response_schema_type": "compat"}
    return encode({"configurations": [{"domain": domain, **site} for domain in (SITE, f"{SITE}-test")]})


def _show_scheduled_changes(world: World, record_id: str) -> bytes:
    """Return a subscription with its scheduled changes, or unchanged without any."""
    business = world.business
    write = build_item_writer(business, _SUBSCRIPTIONS, lambda name: business.table(name).records)
    return write(_find_subscription(world, record_id))


def _show_advance_invoices(world: World, record_id: str) -> bytes:
    """Return the schedule of advance invoices, which every fifth subscription has."""
    subscription = _find_subscription(world, record_id)
    if subscription.row % 5 or subscription.current_term_end is None:
        return encode({"advance_invoice_schedules": []})
    interval = {
        "end_schedule_on": "after_number_of_intervals",
        "number_of_occurrences": 3,
        "days_before_renewal": 7,
        "created_at": subscription.created_at,
        "terms_to_charge": 1,
        "object": "fixed_interval_schedule",
    }
    schedule = {
        "id": f"ais_{subscription.id}",
        "schedule_type": "fixed_intervals",
        "fixed_interval_schedule": interval,
        "next_charge_at": subscription.current_term_end,
        "object": "advance_invoice_schedule",
    }
    return encode({"advance_invoice_schedules": [schedule]})


def _show_exchange_rates(world: World, text: str) -> bytes:
    """Return a day's exchange rates from the site's currencies to its base currency."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day > datetime.fromtimestamp(world.clock.now(), UTC).date():
        raise wrong_value("exchange_rate_date", "must be a day until today, as in 2026-01-15")
    rates = {"exchange_rate_date": text, "exchange_rate_base_currency_code": "USD", "rates": RATES}
    return encode({"exchange_rates": rates})


def _find_subscription(world: World, record_id: str) -> Subscription:
    subscription = world.business.subscriptions.get(record_id)
    if subscription is None or subscription.deleted:
        raise not_found(f"subscription {record_id}")
    return subscription


VIEWS = (
    View("/configurations", _show_configurations),
    View("/currencies/get_auto_exchange_rates", _show_exchange_rates, (2,), "exchange_rate_date"),
    View("/subscriptions/{id}/retrieve_with_scheduled_changes", _show_scheduled_changes),
    View("/subscriptions/{id}/retrieve_advance_invoice_schedule", _show_advance_invoices),
)
