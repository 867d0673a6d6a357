"""What the business sells: plans and addons, each at a price by currency and period."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

ZERO_DECIMAL = frozenset({"JPY"})
RATES = {"USD": 1.0, "EUR": 1.08, "JPY": 0.0067}
"""Exchange rates to the base currency, USD, between major units."""
_WEEKS_A_YEAR = 52
_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Price:
    """One item price: ``amount`` in minor units for one piece and for ``period`` times ``unit``."""

    id: str
    item_id: str
    item_type: str
    name: str
    currency_code: str
    period: int
    unit: str
    amount: int
    pricing_model: str

    @property
    def family_id(self) -> str:
        """The family of its item."""
        return "plans" if self.item_type == "plan" else "extras"

    @property
    def flat_amount(self) -> int | None:
        """The amount, unless the price has tiers."""
        return None if self.pricing_model == "tiered" else self.amount

    @property
    def tiers(self) -> list[dict[str, object]] | None:
        """The tiers, as the vendor shows them; None without any."""
        return None if self.flat_amount else [{"starting_unit": 1, "price": self.amount, "object": "tier"}]

    @property
    def amount_in_decimal(self) -> str:
        """The amount as ``*_in_decimal`` members show it: a string in major units."""
        return str(self.amount) if self.currency_code in ZERO_DECIMAL else f"{self.amount / 100:.2f}"

    @property
    def addon_type(self) -> str:
        """The type of an addon in catalog 1."""
        return "quantity" if self.pricing_model == "per_unit" else "on_off"

    def monthly(self, amount: int) -> int:
        """Convert the price of a whole period to the price of a month."""
        if self.unit == "year":
            return amount // (_MONTHS_A_YEAR * self.period)
        if self.unit == "week":
            return amount * _WEEKS_A_YEAR // (_MONTHS_A_YEAR * self.period)
        return amount // self.period


@dataclass(frozen=True)
class Item:
    """An item of the catalog; ``cents`` is its monthly price in USD cents."""

    id: str
    name: str
    item_type: str
    cents: int
    pricing_model: str


ITEMS = (
    Item("starter", "Starter", "plan", 2_900, "flat_fee"),
    Item("growth", "Growth", "plan", 1_900, "per_unit"),
    Item("scale", "Scale", "plan", 49_900, "flat_fee"),
    Item("metro", "Metro", "plan", 1_250, "tiered"),
    Item("priority-support", "Priority support", "addon", 9_900, "flat_fee"),
    Item("extra-seats", "Extra seats", "addon", 700, "per_unit"),
)
_CURRENCIES = {"USD": 1.0, "EUR": 0.9, "JPY": 1.5}
"""Minor units per US cent: a price of 29.00 USD is 26.10 EUR and 4,350 JPY."""
_PERIODS = {
    "Monthly": (1, "month", 1.0),
    "Yearly": (1, "year", 10.0),
    "Quarterly": (3, "month", 2.8),
    "Weekly": (1, "week", 0.3),
}
"""Length, unit, and price as a multiple of the monthly price, by period."""


def _build_price(item: Item, currency: str, period: str) -> Price:
    length, unit, factor = _PERIODS[period]
    return Price(
        id=f"{item.id}-{currency}-{period}",
        item_id=item.id,
        item_type=item.item_type,
        name=f"{item.name} {currency} {period}",
        currency_code=currency,
        period=length,
        unit=unit,
        amount=round(item.cents * _CURRENCIES[currency] * factor),
        pricing_model=item.pricing_model,
    )


PRICES = {price.id: price for price in (_build_price(*row) for row in product(ITEMS, _CURRENCIES, _PERIODS))}
PLANS = ("starter", "growth", "scale", "metro")
ADDONS = ("priority-support", "extra-seats")
CATALOG: dict[str, tuple[Item, ...] | tuple[Price, ...]] = {
    "prices": tuple(PRICES.values()),
    "plan_prices": tuple(price for price in PRICES.values() if price.item_type == "plan"),
    "addon_prices": tuple(price for price in PRICES.values() if price.item_type == "addon"),
    "plan_items": tuple(item for item in ITEMS if item.item_type == "plan"),
}
"""The parts of the catalog that documents can refer to."""


def price_of(item_id: str, currency_code: str, period: str) -> Price:
    """Return the price of an item in a currency; ``period`` is Monthly, Quarterly, Yearly or Weekly."""
    return PRICES[f"{item_id}-{currency_code}-{period}"]
