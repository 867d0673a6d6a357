"""Chargebee's amounts: minor units in, major units out. Sums are Decimal, and never mix two currencies.

https://www.chargebee.com/docs/billing/2.0/site-configuration/supported-currencies
"""

from __future__ import annotations

import operator
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

ZERO_DECIMAL = frozenset(
    # ISO 4217's currencies with exponent 0. Chargebee documents that JPY, KRW, XAF and XOF are in the major unit. All
    # other currencies are in hundredths, even those with three decimals (KWD).
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
# The conversion of an amount with its record's exchange_rate to the site's base currency. Chargebee does not document
# the direction of the rate. This is the usual one, and the only place to change it.
IN_BASE_CURRENCY: Callable[[Decimal, Decimal], Decimal] = operator.mul
_CODE = re.compile(r"[A-Z]{3}")


class Amount(NamedTuple):
    """An amount in minor units of its currency, with the data for its conversion to the base currency."""

    minor: int
    currency: str | None
    exchange_rate: Decimal | None = None
    base_currency: str | None = None


class Total(NamedTuple):
    """A sum in major units of one currency. ``amount`` is None if it cannot be computed."""

    amount: Decimal | None
    currency: str | None
    problem: str | None = None
    """``several_currencies``, ``unknown_currency`` or ``no_exchange_rate``."""


def count_decimals(currency: str, zero_decimal: Collection[str] = ZERO_DECIMAL) -> int:
    """Return the number of decimals of Chargebee's minor unit of a currency: 0 or 2."""
    return 0 if currency in zero_decimal else 2


def is_currency(code: object) -> bool:
    """Return whether a text has the form of a currency in ISO 4217."""
    return isinstance(code, str) and bool(_CODE.fullmatch(code))


def to_major(minor: int | None, currency: str | None, zero_decimal: Collection[str] = ZERO_DECIMAL) -> Decimal | None:
    """Return minor units in major ones; None without an amount or a currency."""
    if minor is None or currency is None or not is_currency(currency):
        return None
    return Decimal(minor).scaleb(-count_decimals(currency, zero_decimal))


def sum_amounts(
    amounts: Iterable[Amount], *, chosen: Amount, base: bool, zero_decimal: Collection[str] = ZERO_DECIMAL
) -> Total:
    """Return the sum of one customer's amounts in one currency.

    Amounts of zero do not decide about the currency.

    Args:
        amounts: the addends.
        chosen: zero, in the currencies of the chosen subscription.
        base: whether to convert to the site's base currency, each amount at its record's own rate.
        zero_decimal: the currencies without a minor unit.
    """
    addends = [amount for amount in amounts if amount.minor]
    # Without a currency, the number of decimals of an amount is unknown.
    if not all(is_currency(amount.currency) for amount in addends):
        return Total(None, None, "unknown_currency")
    if base:
        return _sum_in_base(addends, chosen.base_currency, zero_decimal)
    return _sum_in_own_currency(addends, chosen.currency, zero_decimal)


def _sum_in_own_currency(addends: Sequence[Amount], chosen: str | None, zero_decimal: Collection[str]) -> Total:
    currencies = {amount.currency for amount in addends}
    if len(currencies) <= 1:
        return _sum_one_currency(addends, next(iter(currencies), chosen), zero_decimal)
    kept = [amount for amount in addends if amount.currency == chosen]
    if not kept:
        # A sum of 0 would be wrong, as amounts in other currencies are due.
        return Total(None, None, "several_currencies")
    return _sum_one_currency(kept, chosen, zero_decimal)._replace(problem="several_currencies")


def _sum_one_currency(addends: Sequence[Amount], currency: str | None, zero_decimal: Collection[str]) -> Total:
    return Total(to_major(sum(amount.minor for amount in addends), currency, zero_decimal) or Decimal(0), currency)


def _sum_in_base(addends: Sequence[Amount], chosen: str | None, zero_decimal: Collection[str]) -> Total:
    bases = {amount.base_currency for amount in addends}
    base = next(iter(bases), chosen)
    converted = [_convert_to_base(amount, zero_decimal) for amount in addends]
    if len(bases) > 1 or (addends and base is None) or None in converted:
        return Total(None, None, "no_exchange_rate")
    whole = sum((amount for amount in converted if amount is not None), Decimal(0))
    return Total(round_amount(whole, base, zero_decimal) if base else whole, base)


def _convert_to_base(amount: Amount, zero_decimal: Collection[str]) -> Decimal | None:
    value = to_major(amount.minor, amount.currency, zero_decimal)
    # Its rate is 1, even if Chargebee omits it.
    if amount.currency == amount.base_currency:
        return value
    if value is None or amount.exchange_rate is None:
        return None
    return IN_BASE_CURRENCY(value, amount.exchange_rate)


def round_amount(amount: Decimal, currency: str, zero_decimal: Collection[str] = ZERO_DECIMAL) -> Decimal:
    """Round a major amount to the smallest unit of its currency, half to even."""
    return amount.quantize(Decimal(1).scaleb(-count_decimals(currency, zero_decimal)), ROUND_HALF_EVEN)
