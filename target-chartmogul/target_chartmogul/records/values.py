"""The types of ChartMogul's values: how a value becomes one, and when two are the same. Pure.

https://dev.chartmogul.com/reference/customer-attributes
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from target_chartmogul._kit.values import read_boolean, read_float

if TYPE_CHECKING:
    from collections.abc import Callable

#: The longest text that a custom attribute holds.
MAX_STRING = 255


def fitted(data_type: str, value: Any) -> Any:
    """Give a value as its type has it, None for nothing.

    Raises:
        ValueError, TypeError, OverflowError: it is not of that type.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _FITTERS[data_type](value)


def same(data_type: str, value: Any, held: Any) -> bool:
    """Compare a fitted value with the one ChartMogul holds: 49 is 49.0, a date is its second, "" is nothing."""
    if value is None or held is None or held == "":
        return value is None and (held is None or held == "")
    if data_type in {"Integer", "Decimal"}:
        return isinstance(held, int | float | str) and not isinstance(held, bool) and _number(held) == float(value)
    if data_type == "Timestamp":
        return _instant(held) == _instant(value)
    if data_type in {"e-mail", "code"}:
        return str(held).casefold() == str(value).casefold()
    return type(value) is type(held) and bool(value == held)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return str(value).strip()


def _integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool) or number != float(value):
        raise ValueError
    return number


def _timestamp(value: Any) -> str:
    return _moment(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(value: Any) -> datetime:
    """Read an ISO 8601 text, UTC when it names no zone."""
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _instant(value: Any) -> int | None:
    try:
        return int(_moment(value).timestamp())
    except (ValueError, TypeError):
        return None


def _number(value: float | str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _misfit(_: Any) -> None:
    """Refuse a value that is where another kind of thing is due."""
    raise TypeError


_FITTERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "e-mail": _text,
    "code": lambda value: _text(value).upper(),
    "tag": lambda value: value,
    "object": _misfit,
    "list of texts": _misfit,
    "String": lambda value: _text(value)[:MAX_STRING].rstrip(),
    "Integer": _integer,
    "Decimal": read_float,
    "Boolean": read_boolean,
    "Timestamp": _timestamp,
}
