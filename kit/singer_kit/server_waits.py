"""The wait that a server asks for in the headers of its answer, by its own clock. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_wait(headers: Mapping[str, str], now: float, longest: float) -> float | None:
    """Return the seconds that a server asks to wait, None if it asks for no plausible wait.

    Args:
        headers: of the answer: `Retry-After` in seconds or as a date, or `X-RateLimit-Reset` in unix seconds.
        now: our clock, unix seconds, where the server does not tell its own.
        longest: a window of calls that ends later than that was measured by another clock.
    """
    asked = headers.get("Retry-After", "").strip()
    if _is_decimal(asked):
        return float(asked)
    # A date refers to the clock that wrote it.
    if (then := parse_http_date(asked)) is not None:
        return max(then - _find_server_time(headers, now), 0.0)
    return find_reset(headers, now, longest)


def find_reset(headers: Mapping[str, str], now: float, longest: float) -> float | None:
    """Return the seconds until a window of calls ends by the server's clock, or by ours if only that is plausible."""
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if not _is_decimal(reset):
        return None
    # The first of the two clocks that gives a plausible wait counts.
    left = (float(reset) - clock for clock in (_find_server_time(headers, now), now))
    return next((seconds for seconds in left if 0 <= seconds <= longest), None)


def format_duration(seconds: float) -> str:
    """Return a number of seconds in a unit that people would use."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _find_server_time(headers: Mapping[str, str], otherwise: float) -> float:
    date = parse_http_date(headers.get("Date", ""))
    return otherwise if date is None else date


def parse_http_date(text: str) -> float | None:
    """Return an HTTP date in Unix seconds; None if it is not one."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _is_decimal(text: str) -> bool:
    whole, _, part = text.partition(".")
    return text.isascii() and whole.isdecimal() and (part.isdecimal() or not part) and len(text) < 20  # noqa: PLR2004 a longer number is not a time
