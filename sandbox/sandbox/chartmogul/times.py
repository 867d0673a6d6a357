"""Reads and writes ChartMogul's formats of times, which are unix seconds in between."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(value: object) -> int:
    """Read ISO 8601, a date alone, or `YYYY-MM-DD hh:mm:ss`, with or without a trailing `UTC`.

    Raises:
        ValueError: it is none of them.
    """
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 one kind of refusal
    try:
        instant = datetime.fromisoformat(value.strip().removesuffix("UTC").rstrip())
        return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
    except OverflowError:
        raise ValueError("out of range") from None


def format_time(seconds: int | None) -> str | None:
    """Return an instant in UTC with milliseconds: `2016-01-01T14:30:00.000Z`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def format_with_offset(seconds: int | None) -> str | None:
    """Return an instant in the format of `customer-since`: `2016-01-01T14:30:00+00:00`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
