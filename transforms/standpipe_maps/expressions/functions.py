"""The functions of expressions. Each takes and returns small values, and its work is bounded by their size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from standpipe_maps.expressions.kinds import (
    NUMBERS,
    FailedExpressionError,
    Kind,
    Operand,
    limit_text,
    parse_date,
    start_of_day,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_DIGITS = 10
_EVERY = frozenset({Kind.TEXT, Kind.NUMBER, Kind.DATE, Kind.YES_NO})
_TEXT, _NUMBER, _DATE = frozenset({Kind.TEXT}), frozenset({Kind.NUMBER}), frozenset({Kind.DATE})


@dataclass(frozen=True)
class Function:
    """A function of expressions.

    Args:
        takes: the kinds that each argument may have.
        gives: the kind of the result; None for the kind of the arguments, which then must all have the same.
        compute: computes the result. It is not called with null, unless ``takes_null``.
        meaning: one line for the documents.
        optional: how many of the last arguments may be left out.
        repeats: whether the last argument may be repeated.
        takes_null: whether null is an argument like others. Otherwise, null gives null.
        needs_now: whether the time of the run is the first argument of ``compute``.
    """

    takes: tuple[frozenset[Kind], ...]
    gives: Kind | None
    compute: Callable[..., Operand]
    meaning: str
    optional: int = 0
    repeats: bool = False
    takes_null: bool = False
    needs_now: bool = False


def _is_empty(value: Operand) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        digits = f"{value:f}"
        # 50.00 is 50.
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    return value.date().isoformat() if isinstance(value, datetime) else str(value)


def _to_number(text: str) -> Decimal:
    try:
        return NUMBERS.create_decimal(text.strip())
    except ArithmeticError:
        raise FailedExpressionError("a text is not a number") from None


def _to_date(text: str) -> datetime:
    try:
        return parse_date(text.strip())
    except ValueError:
        raise FailedExpressionError("a text is not a date such as 2026-01-31") from None


def _round(value: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    if digits != digits.to_integral_value() or not 0 <= digits <= _MOST_DIGITS:
        raise FailedExpressionError(f"the second argument of round is not a whole number from 0 to {_MOST_DIGITS}")
    return value.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP, NUMBERS)


def _cut(text: str, count: Decimal) -> str:
    return text[: max(0, int(count))]


def _find_before(text: str, mark: str) -> str | None:
    before, found, _ = text.partition(mark) if mark else (text, "", "")
    return before if found else None


def _find_after(text: str, mark: str) -> str | None:
    _, found, after = text.partition(mark) if mark else (text, "", "")
    return after if found else None


def _count_days(now: datetime, moment: datetime) -> Decimal:
    return Decimal((start_of_day(now) - start_of_day(moment)).days)


def _add_days(moment: datetime, days: Decimal) -> datetime:
    try:
        return moment + timedelta(days=float(days))
    except OverflowError:
        raise FailedExpressionError("a date is outside of the calendar") from None


def _coalesce(*values: Operand) -> Operand:
    return next((one for one in values if one is not None), None)


FUNCTIONS: Mapping[str, Function] = {
    "is_empty": Function((_EVERY,), Kind.YES_NO, _is_empty, "whether there is no value", takes_null=True),
    "coalesce": Function(
        (_EVERY,), None, _coalesce, "the first argument that has a value", repeats=True, takes_null=True
    ),
    "lower": Function((_TEXT,), Kind.TEXT, lambda text: limit_text(text.lower()), "in lower case"),
    "upper": Function((_TEXT,), Kind.TEXT, lambda text: limit_text(text.upper()), "in upper case"),
    "trim": Function((_TEXT,), Kind.TEXT, str.strip, "without white space at both ends"),
    "length": Function((_TEXT,), Kind.NUMBER, lambda text: Decimal(len(text)), "the number of characters"),
    "contains": Function(
        (_TEXT, _TEXT), Kind.YES_NO, lambda text, part: part in text, "whether the text contains the other"
    ),
    "starts_with": Function(
        (_TEXT, _TEXT), Kind.YES_NO, lambda text, part: text.startswith(part), "whether it begins with the other"
    ),
    "ends_with": Function(
        (_TEXT, _TEXT), Kind.YES_NO, lambda text, part: text.endswith(part), "whether it ends with the other"
    ),
    "before": Function(
        (_TEXT, _TEXT), Kind.TEXT, _find_before, "the part before the other text; null if it does not occur"
    ),
    "after": Function(
        (_TEXT, _TEXT), Kind.TEXT, _find_after, "the part after the other text; null if it does not occur"
    ),
    "first": Function((_TEXT, _NUMBER), Kind.TEXT, _cut, "the first characters, as many as the number says"),
    "text": Function(
        (_EVERY,), Kind.TEXT, lambda value: limit_text(_to_text(value)), "any value as a text; a date as its day"
    ),
    "number": Function((_TEXT,), Kind.NUMBER, _to_number, "a text as a number"),
    "date": Function((_TEXT,), Kind.DATE, _to_date, "a text such as 2026-01-31 as a date"),
    "round": Function((_NUMBER, _NUMBER), Kind.NUMBER, _round, "rounded, half up; to decimals if given", optional=1),
    "floor": Function(
        (_NUMBER,), Kind.NUMBER, lambda value: value.to_integral_value(ROUND_FLOOR), "the next smaller whole number"
    ),
    "ceil": Function(
        (_NUMBER,), Kind.NUMBER, lambda value: value.to_integral_value(ROUND_CEILING), "the next greater whole number"
    ),
    "abs": Function((_NUMBER,), Kind.NUMBER, abs, "without its sign"),
    "min": Function((_NUMBER | _DATE,), None, lambda *values: min(values), "the least or earliest", repeats=True),
    "max": Function((_NUMBER | _DATE,), None, lambda *values: max(values), "the greatest or latest", repeats=True),
    "today": Function((), Kind.DATE, start_of_day, "the start of the day of the run, in UTC", needs_now=True),
    "days_since": Function(
        (_DATE,), Kind.NUMBER, _count_days, "whole days from the date to today; negative in the future", needs_now=True
    ),
    "days_until": Function(
        (_DATE,),
        Kind.NUMBER,
        lambda now, moment: -_count_days(now, moment),
        "whole days from today to the date; negative in the past",
        needs_now=True,
    ),
    "add_days": Function((_DATE, _NUMBER), Kind.DATE, _add_days, "the date that many days later"),
    "year": Function((_DATE,), Kind.NUMBER, lambda day: Decimal(day.astimezone(UTC).year), "its year, in UTC"),
    "month": Function((_DATE,), Kind.NUMBER, lambda day: Decimal(day.astimezone(UTC).month), "its month, 1 to 12"),
}
