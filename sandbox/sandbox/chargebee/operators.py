"""The filter operators of Chargebee's lists, as a table: kind of field, operator, what the value is, what is compared.

See https://apidocs.chargebee.com/docs/api/lists. Values come in every spelling that clients are known to send.
"""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Test = Callable[[Any], bool]
"""A function that returns whether a record's value passes."""
Reader = Callable[[str], Any]
"""A function that reads one value. It raises ValueError if the value has another kind."""
Operator = Callable[[Reader, str], Test]
"""A function that takes a reader and a parameter's text, and returns the test."""
_DAY = 86_400
_TIMESTAMP = re.compile(r"[0-9]{1,10}")
_INTEGER = re.compile(r"-?\d{1,19}")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True)
class Kind:
    """A kind of field: how its values are read, and which operators it has."""

    read: Reader
    operators: dict[str, Operator]


def read_integer(text: str) -> int:
    """Read a whole number, or raise a ValueError."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"'{text}' is not a number")
    return int(text)


def read_timestamp(text: str) -> int:
    """Read unix seconds from 0 on, or raise a ValueError."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError(f"'{text}' is not a timestamp in seconds")
    return int(text)


def read_boolean(text: str) -> bool:
    """Read ``true`` or ``false``, also with Python's capitals, or raise a ValueError."""
    if text not in _BOOLEANS:
        raise ValueError(f"'{text}' is neither true nor false")
    return _BOOLEANS[text]


def read_list(text: str) -> list[str]:
    """Read ``[1,2]``, ``["a","b"]`` or ``['a', 'b']`` as a list of strings, or raise a ValueError."""
    for parse in (json.loads, ast.literal_eval):
        try:
            members = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(members, list) and members and all(type(member) in (str, int) for member in members):
            return [str(member) for member in members]
    raise ValueError(f"'{text}' is not a list")


def _list_values(value: Any) -> list[Any]:
    """Return a field's values as a list: several, one, or none when it is absent."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _match(*, several: bool, wanted: bool) -> Operator:
    """Return an operator that tests whether a value of the field is, or is not, among the parameter's values."""

    def build_test(read: Reader, text: str) -> Test:
        values = {read(one) for one in read_list(text)} if several else {read(text)}
        return lambda value: values.isdisjoint(_list_values(value)) is not wanted

    return build_test


def _compare(holds: Callable[[Any, Any], bool]) -> Operator:
    """Return an operator that compares a field with one value; an absent field never passes."""

    def build_test(read: Reader, text: str) -> Test:
        bound = read(text)
        return lambda value: value is not None and holds(value, bound)

    return build_test


def _start_with(read: Reader, text: str) -> Test:
    wanted = read(text)
    return lambda value: any(str(one).startswith(wanted) for one in _list_values(value))


def _is_present(_: Reader, text: str) -> Test:
    wanted = read_boolean(text)
    return lambda value: (value is not None) is wanted


def _between(read: Reader, text: str) -> Test:
    bounds = [read(one) for one in read_list(text)]
    if len(bounds) != 2:  # noqa: PLR2004 a range has two ends
        raise ValueError(f"'{text}' is not a list of two")
    low, high = bounds
    return lambda value: value is not None and low <= value <= high


_IS, _IS_NOT = _match(several=False, wanted=True), _match(several=False, wanted=False)
_ENUM: dict[str, Operator] = {
    "is": _IS,
    "is_not": _IS_NOT,
    "in": _match(several=True, wanted=True),
    "not_in": _match(several=True, wanted=False),
    "is_present": _is_present,
}
_NUMBER: dict[str, Operator] = {
    "is": _IS,
    "is_not": _IS_NOT,
    "is_present": _is_present,
    "lt": _compare(operator.lt),
    "lte": _compare(operator.le),
    "gt": _compare(operator.gt),
    "gte": _compare(operator.ge),
    "between": _between,
}
# `after` and `before` leave the instant itself out: unverified with the vendor, and the stricter reading.
# `on` is the same day in UTC, the sandbox site's time zone.
_TIME: dict[str, Operator] = {
    "after": _compare(operator.gt),
    "before": _compare(operator.lt),
    "on": _compare(lambda value, day: value // _DAY == day // _DAY),
    "between": _between,
    "is_present": _is_present,
}
KINDS = {
    "string": Kind(str, {**_ENUM, "starts_with": _start_with}),
    "enum": Kind(str, _ENUM),
    "number": Kind(read_integer, _NUMBER),
    "boolean": Kind(read_boolean, {"is": _IS}),
    "timestamp": Kind(read_timestamp, _TIME),
}
