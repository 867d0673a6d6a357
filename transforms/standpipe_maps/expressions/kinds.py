"""The kinds of values in expressions, their bounds, and the error of an expression that fails for one customer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Operand: TypeAlias = str | Decimal | datetime | bool | None

MAX_BYTES = 10_000
"""The size of the longest text in an expression, in UTF-8."""
# With few digits and small exponents, no calculation can take long, and no number is long as a text.
NUMBERS = Context(
    prec=28, rounding=ROUND_HALF_EVEN, Emin=-100, Emax=100, traps=[InvalidOperation, DivisionByZero, Overflow]
)


class Kind(Enum):
    """The kind of a value. Messages use the text of the member."""

    TEXT = "a text"
    NUMBER = "a number"
    DATE = "a date"
    YES_NO = "true or false"
    NULL = "null"
    ANY = "a value of unknown type"


class FailedExpressionError(Exception):
    """An expression cannot be computed for one customer. The text says why, without any value."""


def read_operand(value: object, kind: Kind) -> Operand:
    """Return a value in the form for expressions.

    Raises:
        FailedExpressionError: it has another kind, or is too large.
    """
    if value is None:
        return None
    if kind is Kind.ANY:
        kind = _find_kind(value)
    try:
        return _READERS[kind](value)
    except (ValueError, TypeError, ArithmeticError, KeyError):
        raise FailedExpressionError(f"a value is not {kind.value}") from None


def limit_text(text: str) -> str:
    """Return a text that is not too long.

    Raises:
        FailedExpressionError: it is.
    """
    # A character has at most four bytes.
    if len(text) > MAX_BYTES // 4 and len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise FailedExpressionError(f"a text is longer than {MAX_BYTES:,} bytes")
    return text


def _find_kind(value: object) -> Kind:
    found = {str: Kind.TEXT, bool: Kind.YES_NO, int: Kind.NUMBER, float: Kind.NUMBER, Decimal: Kind.NUMBER}
    return found.get(type(value), Kind.ANY)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return limit_text(value)


def _read_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError
    # The shortest text of a binary number is the number that was written.
    return NUMBERS.create_decimal(repr(value) if isinstance(value, float) else value)


def _read_date(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError
    return parse_date(value)


def parse_date(text: str) -> datetime:
    """Return a day or a time; without a zone it is in UTC.

    Raises:
        ValueError: it is neither.
    """
    limit = 40
    if len(text) > limit:
        raise ValueError("too long")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_yes_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_READERS: Mapping[Kind, Callable[[object], Operand]] = {
    Kind.TEXT: _read_text,
    Kind.NUMBER: _read_number,
    Kind.DATE: _read_date,
    Kind.YES_NO: _read_yes_no,
}
KIND_OF: Mapping[type, Kind] = {
    str: Kind.TEXT,
    Decimal: Kind.NUMBER,
    datetime: Kind.DATE,
    bool: Kind.YES_NO,
    type(None): Kind.NULL,
}
"""The kind of each operand by its Python type."""


def start_of_day(moment: datetime) -> datetime:
    """Return the midnight before a moment, in UTC."""
    day: date = moment.astimezone(UTC).date()
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
