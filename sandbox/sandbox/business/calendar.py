"""Terms and card expiry on the calendar, in UTC and unix seconds."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from sandbox.clock import DAY

_MONTHS = {"month": 1, "year": 12}
_WEEK = 7 * DAY
_SHORTEST_MONTH = 28


def add_periods(start: int, unit: str, count: int) -> int:
    """Return ``count`` weeks, months or years after ``start``, on its day of the month or the month's last."""
    if unit == "week":
        return start + count * _WEEK
    then = datetime.fromtimestamp(start, UTC)
    month = then.year * 12 + then.month - 1 + count * _MONTHS[unit]
    year, month = divmod(month, 12)
    day = then.day if then.day <= _SHORTEST_MONTH else min(then.day, monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())


def list_term_starts(start: int, unit: str, period: int, until: int) -> list[int]:
    """Return the starts of all terms that begin at ``start`` or later, up to and including ``until``."""
    starts = []
    count = 0
    while (begin := add_periods(start, unit, count * period)) <= until:
        starts.append(begin)
        count += 1
    return starts


def count_months(now: int) -> int:
    """Return the month of an instant, counted through the years."""
    today = datetime.fromtimestamp(now, UTC)
    return today.year * 12 + today.month


def card_status(expiry_year: int, expiry_month: int, now: int) -> str:
    """Return ``valid``, ``expiring`` (this month or the next) or ``expired``."""
    months_left = expiry_year * 12 + expiry_month - count_months(now)
    if months_left < 0:
        return "expired"
    return "expiring" if months_left <= 1 else "valid"
