"""The values of search filters by the kind of field, and how they are compared.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.intercom.attributes import VALUE_TESTS, is_integer
from sandbox.intercom.errors import parameter_invalid
from sandbox.json_types import JsonValue

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Test = Callable[[JsonValue, JsonValue], bool]

STRING_OPERATORS = ("=", "!=", "IN", "NIN", "~", "!~", "^", "$")
NUMBER_OPERATORS = ("=", "!=", "IN", "NIN", "<", ">", "<=", ">=")
OPERATORS = {
    "string": STRING_OPERATORS,
    "words": STRING_OPERATORS,
    "integer": NUMBER_OPERATORS,
    "float": NUMBER_OPERATORS,
    "boolean": ("=", "!=", "IN", "NIN"),
    "date": ("=", "<", ">"),
    "instant": ("=", "!=", "IN", "NIN", "<", ">"),
    "bounded instant": NUMBER_OPERATORS,
    "number in text": ("=", "!=", "IN", "NIN", "<", ">"),
    "tag": ("=", "!="),
    "members": ("=", "!=", "IN", "NIN"),
}
"""Operators by kind. A `date` is compared by day, an `instant` exactly; `tag` and `members` have several values."""

INSTANTS = ("instant", "bounded instant")


def _read_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


# null equals only null, and is neither smaller nor greater than any value.
TESTS: dict[str, Test] = {
    "=": lambda value, operand: bool(value == operand),
    "!=": lambda value, operand: bool(value != operand),
    "IN": lambda value, operand: value in operand,
    "NIN": lambda value, operand: value not in operand,
    "~": lambda value, operand: operand in _read_text(value),
    "!~": lambda value, operand: operand not in _read_text(value),
    "^": lambda value, operand: _read_text(value).startswith(operand),
    "$": lambda value, operand: _read_text(value).endswith(operand),
    "<": lambda value, operand: value is not None and value < operand,
    ">": lambda value, operand: value is not None and value > operand,
    "<=": lambda value, operand: value is not None and value <= operand,
    ">=": lambda value, operand: value is not None and value >= operand,
}
_MEMBER_TESTS: dict[str, Test] = {
    "=": lambda value, operand: operand in (value or ()) if operand is not None else not value,
    "!=": lambda value, operand: operand not in (value or ()) if operand is not None else bool(value),
    "IN": lambda value, operand: any(one in operand for one in value or ()),
    "NIN": lambda value, operand: not any(one in operand for one in value or ()),
}
_WORD_TESTS: dict[str, Test] = TESTS | {
    "=": lambda value, operand: (operand or "").lower() in _read_text(value).lower().split(),
    "!=": lambda value, operand: (operand or "").lower() not in _read_text(value).lower().split(),
}
_NUMBER_TESTS: dict[str, Test] = TESTS | {
    "<": lambda value, operand: _read_number(value) < _read_number(operand),
    ">": lambda value, operand: _read_number(value) > _read_number(operand),
}
KIND_TESTS = {"tag": _MEMBER_TESTS, "members": _MEMBER_TESTS, "words": _WORD_TESTS, "number in text": _NUMBER_TESTS}
"""The kinds whose operators have a special meaning."""

VALUES: dict[str, Callable[[JsonValue], bool]] = {
    **VALUE_TESTS,
    **dict.fromkeys(("words", "number in text", "tag", "members"), VALUE_TESTS["string"]),
}


def _read_number(text: str) -> int:
    """Return the number in a string of digits; any other string counts as lower than all numbers."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004 - longer than any id


def read_operand(value: JsonValue, kind: str, operator: str, field: str, max_in_values: int) -> JsonValue:
    """Return a filter's value in the form of its field's tests; refuse a wrong kind with 400."""
    if operator in ("IN", "NIN"):
        if not isinstance(value, list):
            raise parameter_invalid(f"value of {operator} must be an array")
        if not 1 <= len(value) <= max_in_values:
            raise parameter_invalid(f"value of {operator} must have 1 to {max_in_values} entries")
        return [read_operand(one, kind, "", field, max_in_values) for one in value]
    if value is None and operator in ("=", "!="):
        return None
    if kind in INSTANTS:
        return read_seconds(value, field)
    if not VALUES[kind](value):
        name = kind if kind in ("integer", "float", "boolean", "tag") else "string"
        raise parameter_invalid(f"value of field '{field}' must be of type {name}")
    return value


def read_seconds(value: JsonValue, field: str) -> int:
    """Return unix seconds from an int, a whole float or digits, which all occur in the vendor's examples."""
    if is_integer(value) or (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20):  # noqa: PLR2004 - longer than any instant
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise parameter_invalid(f"value of field '{field}' must be a UNIX timestamp")


def make_day_test(operator: str, instant: int, zone: ZoneInfo) -> Callable[[JsonValue], bool]:
    """Return a function that tests whether a time is on, before or after the day of another time."""
    start, end = find_day_bounds(instant, zone)
    tests: dict[str, Callable[[JsonValue], bool]] = {
        "=": lambda value: value is not None and start <= value < end,
        "<": lambda value: value is not None and value < start,
        ">": lambda value: value is not None and value >= end,
    }
    return tests[operator]


def find_day_bounds(instant: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first second of the time's day in the zone, and of the next day."""
    try:
        day = datetime.fromtimestamp(instant, zone).replace(hour=0, minute=0, second=0, fold=0)
        return int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    except (OverflowError, OSError, ValueError):
        # The time is outside the range of the calendar.
        raise parameter_invalid("value is not a UNIX timestamp") from None
