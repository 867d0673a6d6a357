"""The facts about one customer after the join. Each is computed when an attribute needs it.

A fact that needs an odd member raises ``OddValueError`` each time, so every attribute that needs the fact is null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.models import get_known
from standpipe_maps.subscriptions.money import ZERO_DECIMAL, Amount, Total, sum_amounts, to_major

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from standpipe_maps.subscriptions.rules import Invoice, Record


@dataclass(frozen=True)
class FactOptions:
    """The settings for facts."""

    base_currency: bool = False
    estimate_mrr: bool = False
    zero_decimal: Collection[str] = ZERO_DECIMAL
    plan_names: Mapping[str, str] = field(default_factory=dict)
    """Display names to show instead of ids."""
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """The time of the run, for expressions."""


class Plan:
    """The plan of a subscription in either product catalog.

    Args:
        record: the subscription in catalog 1, the plan item in catalog 2; empty without a plan.
        names: the members with the plan's id, amount and quantity.
        currency: the subscription's currency.
        zero_decimal: the currencies without a minor unit.
    """

    def __init__(
        self, record: Record, names: tuple[str, str, str], currency: str | None, zero_decimal: Collection[str]
    ) -> None:
        self._record = record
        self._id, self._amount, self._quantity = names
        self._currency = currency
        self._zero_decimal = zero_decimal

    @property
    def id(self) -> str | None:
        """The plan's id."""
        found: str | None = self._record.get(self._id)
        return found

    @property
    def price(self) -> Decimal | None:
        """The price for one period, in major units."""
        price = to_major(self._record.get(self._amount), self._currency, self._zero_decimal)
        if price is not None:
            return price
        # With multi-decimal pricing, the amount is text in major units.
        decimal = self._record.get(f"{self._amount}_in_decimal")
        return None if decimal is None else Decimal(decimal)

    @property
    def quantity(self) -> int | float | None:
        """The quantity, with a fraction if multi-decimal pricing has one."""
        whole: int | None = self._record.get(self._quantity)
        if whole is not None:
            return whole
        decimal = self._record.get(f"{self._quantity}_in_decimal")
        if decimal is None:
            return None
        quantity = Decimal(decimal)
        return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)


CATALOG_1 = ("plan_id", "plan_amount", "plan_quantity")
CATALOG_2 = ("item_price_id", "amount", "quantity")


def find_plan(subscription: Record, zero_decimal: Collection[str] = ZERO_DECIMAL) -> Plan:
    """Return the plan: the subscription's own members in catalog 1, or its plan item in catalog 2.

    Raises:
        OddValueError: the member for the catalog or the plan item is odd.
    """
    currency = get_known(subscription, "currency_code")
    if subscription.get("plan_id"):
        return Plan(subscription, CATALOG_1, currency, zero_decimal)
    for item in subscription.get("subscription_items") or ():
        if item.get("item_type") == "plan":
            return Plan(item, CATALOG_2, currency, zero_decimal)
    return Plan({}, CATALOG_2, currency, zero_decimal)


class Facts:
    """The facts about one customer.

    Args:
        customer: the customer.
        chosen: the subscription that is shown; empty if there is none.
        counted: the subscriptions that count.
        invoices: the invoices that count.
        options: the settings.
    """

    def __init__(
        self,
        customer: Record,
        chosen: Record,
        counted: Sequence[Record],
        invoices: Sequence[Invoice],
        options: FactOptions,
    ) -> None:
        self.customer = customer
        self.chosen = chosen
        self.counted = counted
        self.invoices = invoices
        self.options = options

    @cached_property
    def plan(self) -> Plan:
        """The plan of the chosen subscription."""
        return find_plan(self.chosen, self.options.zero_decimal)

    @cached_property
    def plan_name(self) -> str | None:
        """The plan's display name, or its id."""
        return self.options.plan_names.get(self.plan.id, self.plan.id) if self.plan.id else None

    @cached_property
    def mrr(self) -> Total:
        """The monthly recurring revenue."""
        options = self.options
        amounts = rules.list_mrr_amounts(self.counted, estimate=options.estimate_mrr, base=options.base_currency)
        return sum_amounts(
            amounts, chosen=self._zero_amount, base=options.base_currency, zero_decimal=options.zero_decimal
        )

    @cached_property
    def unpaid(self) -> Total:
        """The overdue amount."""
        options = self.options
        amounts = rules.list_unpaid_amounts(self.invoices, base=options.base_currency)
        return sum_amounts(
            amounts, chosen=self._zero_amount, base=options.base_currency, zero_decimal=options.zero_decimal
        )

    @property
    def _zero_amount(self) -> Amount:
        return Amount(
            0, get_known(self.chosen, "currency_code"), base_currency=get_known(self.chosen, "base_currency_code")
        )

    @cached_property
    def bounds(self) -> tuple[Invoice | None, Invoice | None]:
        """The earliest and the latest recurring invoice."""
        return rules.find_first_and_latest(self.invoices)

    @property
    def first(self) -> Invoice | None:
        """The earliest recurring invoice."""
        return self.bounds[0]

    @property
    def latest(self) -> Invoice | None:
        """The latest recurring invoice."""
        return self.bounds[1]
