"""Amounts of Chargebee: minor units in, major units out, Decimal all the way, never two currencies in one sum.

https://www.chargebee.com/docs/billing/2.0/site-configuration/supported-currencies
"""

from __future__ import annotations

import operator
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ZERO_DECIMAL = frozenset(
    # ISO 4217's currencies of exponent 0. Chargebee names JPY, KRW, XAF and XOF as given in the major unit; every other
    # currency is in hundredths, those of three decimals (KWD) too.
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
# What an amount and its record's exchange_rate make in the site's base currency. Chargebee's pages do not say which way
# the rate runs: this is the usual reading, and the one place to turn it round.
IN_BASE_CURRENCY: Callable[[Decimal, Decimal], Decimal] = operator.mul
_CODE = re.compile(r"[A-Z]{3}")


class Amount(NamedTuple):
    """One addend: minor units of its currency, and what converts it."""

    minor: int
    currency: str | None
    exchange_rate: Decimal | None = None
    base_currency: str | None = None


class Total(NamedTuple):
    """A sum in major units of one currency; ``amount`` is None when it cannot be told."""

    amount: Decimal | None
    currency: str | None
    problem: str | None = None
    """``several_currencies``, ``unknown_currency`` or ``no_exchange_rate``."""


def places(currency: str) -> int:
    """How many decimals Chargebee's minor unit of a currency stands for: 0 or 2."""
    return 0 if currency in ZERO_DECIMAL else 2


def is_currency(code: object) -> bool:
    """Whether this is written as ISO 4217 writes a currency."""
    return isinstance(code, str) and bool(_CODE.fullmatch(code))


def major(minor: int | None, currency: str | None) -> Decimal | None:
    """Minor units in major ones; None when there is no amount, or no currency to read it by."""
    if minor is None or currency is None or not is_currency(currency):
        return None
    return Decimal(minor).scaleb(-places(currency))


def total(amounts: Iterable[Amount], *, chosen: Amount, base: bool) -> Total:
    """The sum of what one customer has, in one currency.

    Amounts of nothing have no say in which currency that is.

    Args:
        amounts: the addends.
        chosen: nothing, in the currencies of the chosen subscription.
        base: in the site's base currency, converted at each record's own rate.
    """
    addends = [amount for amount in amounts if amount.minor]
    if not all(is_currency(amount.currency) for amount in addends):
        return Total(None, None, "unknown_currency")
    return _in_base(addends, chosen.base_currency) if base else _in_own(addends, chosen.currency)


def _in_own(addends: Sequence[Amount], chosen: str | None) -> Total:
    currencies = {amount.currency for amount in addends}
    if len(currencies) <= 1:
        return _sum(addends, next(iter(currencies), chosen))
    if chosen is None:
        return Total(None, None, "several_currencies")
    kept = [amount for amount in addends if amount.currency == chosen]
    return _sum(kept, chosen)._replace(problem="several_currencies")


def _sum(addends: Sequence[Amount], currency: str | None) -> Total:
    return Total(major(sum(amount.minor for amount in addends), currency) or Decimal(0), currency)


def _in_base(addends: Sequence[Amount], chosen: str | None) -> Total:
    bases = {amount.base_currency for amount in addends}
    base = next(iter(bases), chosen)
    converted = [_converted(amount) for amount in addends]
    if len(bases) > 1 or (addends and base is None) or None in converted:
        return Total(None, None, "no_exchange_rate")
    whole = sum((amount for amount in converted if amount is not None), Decimal(0))
    return Total(rounded(whole, base) if base else whole, base)


def _converted(amount: Amount) -> Decimal | None:
    value = major(amount.minor, amount.currency)
    if amount.currency == amount.base_currency:
        return value
    if value is None or amount.exchange_rate is None:
        return None
    return IN_BASE_CURRENCY(value, amount.exchange_rate)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """A major amount to the smallest unit of its currency, half to even."""
    return amount.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_EVEN)
