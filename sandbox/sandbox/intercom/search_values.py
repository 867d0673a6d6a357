"""What the value of a search's filter may be, by the kind of its field, and how a held value is put to the test.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/searchcontacts
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.intercom.attributes import is_integer, is_number
from sandbox.intercom.errors import parameter_invalid

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Test = Callable[[Any, Any], bool]

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
"""By kind. A `date` is cut to days, an `instant` is exact; `tag` and `members` are fields that hold several values."""

INSTANTS = ("instant", "bounded instant")


def _text(held: Any) -> str:
    return held if isinstance(held, str) else ""


# null equals null, differs from every value, and is neither smaller nor greater than any.
TESTS: dict[str, Test] = {
    "=": lambda held, wanted: bool(held == wanted),
    "!=": lambda held, wanted: bool(held != wanted),
    "IN": lambda held, wanted: held in wanted,
    "NIN": lambda held, wanted: held not in wanted,
    "~": lambda held, wanted: wanted in _text(held),
    "!~": lambda held, wanted: wanted not in _text(held),
    "^": lambda held, wanted: _text(held).startswith(wanted),
    "$": lambda held, wanted: _text(held).endswith(wanted),
    "<": lambda held, wanted: held is not None and held < wanted,
    ">": lambda held, wanted: held is not None and held > wanted,
    "<=": lambda held, wanted: held is not None and held <= wanted,
    ">=": lambda held, wanted: held is not None and held >= wanted,
}
_MEMBER_TESTS: dict[str, Test] = {
    "=": lambda held, wanted: wanted in (held or ()) if wanted is not None else not held,
    "!=": lambda held, wanted: wanted not in (held or ()) if wanted is not None else bool(held),
    "IN": lambda held, wanted: any(one in wanted for one in held or ()),
    "NIN": lambda held, wanted: not any(one in wanted for one in held or ()),
}
_WORD_TESTS: dict[str, Test] = TESTS | {
    "=": lambda held, wanted: (wanted or "").lower() in _text(held).lower().split(),
    "!=": lambda held, wanted: (wanted or "").lower() not in _text(held).lower().split(),
}
_NUMBER_TESTS: dict[str, Test] = TESTS | {
    "<": lambda held, wanted: _number(held) < _number(wanted),
    ">": lambda held, wanted: _number(held) > _number(wanted),
}
KIND_TESTS = {"tag": _MEMBER_TESTS, "members": _MEMBER_TESTS, "words": _WORD_TESTS, "number in text": _NUMBER_TESTS}
"""The kinds whose operators mean something of their own."""

VALUES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "words": lambda value: isinstance(value, str),
    "number in text": lambda value: isinstance(value, str),
    "integer": is_integer,
    "float": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "tag": lambda value: isinstance(value, str),
    "members": lambda value: isinstance(value, str),
}


def _number(text: str) -> int:
    """The number that digits say; what says none comes before all of them."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004 - longer than any id


def checked(value: Any, kind: str, operator: str, field: str, max_in_values: int) -> Any:
    """The value as its field's tests take it.

    Raises:
        Refusal: 400 `parameter_invalid`, when it is not of the field's kind.
    """
    if operator in ("IN", "NIN"):
        return [_one(each, kind, field) for each in _array(value, operator, max_in_values)]
    if value is None and operator in ("=", "!="):
        return None
    return _one(value, kind, field)


def _one(value: Any, kind: str, field: str) -> Any:
    if kind in INSTANTS:
        return seconds(value, field)
    if not VALUES[kind](value):
        raise parameter_invalid(f"value of field '{field}' must be of type {_type_in_words(kind)}")
    return value


def _type_in_words(kind: str) -> str:
    return kind if kind in ("string", "integer", "float", "boolean", "tag") else "string"


def _array(value: Any, operator: str, max_in_values: int) -> list[Any]:
    if not isinstance(value, list):
        raise parameter_invalid(f"value of {operator} must be an array")
    if not 1 <= len(value) <= max_in_values:
        raise parameter_invalid(f"value of {operator} must have 1 to {max_in_values} entries")
    return value


def seconds(value: Any, field: str) -> int:
    """Unix seconds from an int, a whole float or digits in a string: all three are in the vendor's own examples.

    Raises:
        Refusal: 400 for anything else.
    """
    if is_integer(value) or (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20):  # noqa: PLR2004 - longer than any instant
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise parameter_invalid(f"value of field '{field}' must be a UNIX timestamp")


def day_test(operator: str, instant: int, zone: ZoneInfo) -> Callable[[Any], bool]:
    """Whether a held instant lies on, before or after the day of another one.

    Raises:
        Refusal: 400, when no calendar holds the instant.
    """
    start, end = day_bounds(instant, zone)
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda held: held is not None and start <= held < end,
        "<": lambda held: held is not None and held < start,
        ">": lambda held: held is not None and held >= end,
    }
    return tests[operator]


def day_bounds(instant: int, zone: ZoneInfo) -> tuple[int, int]:
    """First second of the instant's day in the zone, and of the day after it.

    Raises:
        Refusal: 400, when no calendar holds the instant.
    """
    try:
        day = datetime.fromtimestamp(instant, zone).replace(hour=0, minute=0, second=0, fold=0)
        return int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    except (OverflowError, OSError, ValueError):
        raise parameter_invalid("value is not a UNIX timestamp") from None
