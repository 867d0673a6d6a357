"""The types of ChartMogul's values: how to convert a value, and when two are equal. Pure.

https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from target_chartmogul._kit.values import read_boolean, read_float

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_chartmogul._kit.json_types import JsonValue

#: The longest text in a custom attribute.
MAX_STRING = 255


def parse_id(value: JsonValue) -> str | None:
    """Return an id as text without surrounding spaces; None if it is empty, a list or an object."""
    return None if value is None or isinstance(value, dict | list) else str(value).strip() or None


def fit_value(data_type: str, value: JsonValue) -> JsonValue:
    """Return a value in the form of its type; None if it is empty.

    Raises:
        ValueError, TypeError, OverflowError: it has another type.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _FITTERS[data_type](value)


def is_same(data_type: str, value: JsonValue, remote: JsonValue) -> bool:
    """Return whether a converted value equals ChartMogul's: 49 equals 49.0, dates equal to the second, "" is empty."""
    if value is None or remote is None or remote == "":
        return value is None and (remote is None or remote == "")
    if data_type in {"Integer", "Decimal"}:
        # In Python, True equals 1.
        return not isinstance(remote, bool) and _parse_number(remote) == float(value)
    if data_type == "Timestamp":
        return _parse_second(remote) == _parse_second(value)
    # Their letter case does not matter.
    if data_type in {"e-mail", "code"}:
        return str(remote).casefold() == str(value).casefold()
    return type(value) is type(remote) and bool(value == remote)


def _fit_text(value: JsonValue) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return str(value).strip()


def _fit_integer(value: JsonValue) -> int:
    number = int(value)
    if isinstance(value, bool) or number != float(value):
        raise ValueError
    return number


def _fit_timestamp(value: JsonValue) -> str:
    return _parse_moment(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reject(_: JsonValue) -> None:
    """Reject a value of another kind."""
    raise TypeError


def _parse_moment(value: JsonValue) -> datetime:
    """Return the time in an ISO 8601 text. Without a zone it is in UTC."""
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_second(value: JsonValue) -> int | None:
    try:
        return int(_parse_moment(value).timestamp())
    except (ValueError, TypeError):
        return None


def _parse_number(value: JsonValue) -> float | None:
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


_FITTERS: dict[str, Callable[[JsonValue], JsonValue]] = {
    "text": _fit_text,
    "e-mail": _fit_text,
    "code": lambda value: _fit_text(value).upper(),
    "tag": lambda value: value,
    "object": _reject,
    "list of texts": _reject,
    "String": lambda value: _fit_text(value)[:MAX_STRING].rstrip(),
    "Integer": _fit_integer,
    "Decimal": read_float,
    "Boolean": read_boolean,
    "Timestamp": _fit_timestamp,
}
