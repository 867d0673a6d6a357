"""The filter operators of Chargebee's lists, as a table: kind of field, operator, what the value is, what is compared.

See https://apidocs.chargebee.com/docs/api/lists. Values come in every spelling that clients are known to send.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Test = Callable[[Any], bool]
"""Whether a record's value passes."""
Operator = Callable[[Callable[[str], Any], str], Test]
"""How one value reads and the text of the parameter, to the test."""
_DAY = 86_400
_TIMESTAMP = re.compile(r"[0-9]{1,10}")
_INTEGER = re.compile(r"-?\d{1,19}")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True)
class Kind:
    """A kind of field: how one value reads, and the operators that it takes."""

    scalar: Callable[[str], Any]
    operators: dict[str, Operator]


def read_string(text: str) -> str:
    """A string, as it stands."""
    return text


def read_integer(text: str) -> int:
    """A whole number. ValueError: it is none."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"'{text}' is not a number")
    return int(text)


def read_timestamp(text: str) -> int:
    """Unix seconds, from 0 on. ValueError: it is something else."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError(f"'{text}' is not a timestamp in seconds")
    return int(text)


def read_boolean(text: str) -> bool:
    """``true`` or ``false``, also as Python spells them. ValueError: it is neither."""
    if text not in _BOOLEANS:
        raise ValueError(f"'{text}' is neither true nor false")
    return _BOOLEANS[text]


def read_list(text: str) -> list[str]:
    """The members of ``[1,2]``, ``["a","b"]`` or ``['a', 'b']``, as text. ValueError: it is no list."""
    for parse in (json.loads, ast.literal_eval):
        try:
            members = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(members, list) and members and all(type(member) in (str, int) for member in members):
            return [str(member) for member in members]
    raise ValueError(f"'{text}' is not a list")


def _is(read: Callable[[str], Any], text: str) -> Test:
    wanted = read(text)
    return lambda value: _any(value, wanted)


def _is_not(read: Callable[[str], Any], text: str) -> Test:
    wanted = read(text)
    return lambda value: not _any(value, wanted)


def _starts_with(read: Callable[[str], Any], text: str) -> Test:
    wanted = read(text)
    return lambda value: any(str(one).startswith(wanted) for one in _all(value))


def _in(read: Callable[[str], Any], text: str) -> Test:
    wanted = {read(one) for one in read_list(text)}
    return lambda value: not wanted.isdisjoint(_all(value))


def _not_in(read: Callable[[str], Any], text: str) -> Test:
    wanted = {read(one) for one in read_list(text)}
    return lambda value: wanted.isdisjoint(_all(value))


def _is_present(_: Callable[[str], Any], text: str) -> Test:
    wanted = read_boolean(text)
    return lambda value: (value is not None) is wanted


def _greater(read: Callable[[str], Any], text: str) -> Test:
    bound = read(text)
    return lambda value: value is not None and value > bound


def _less(read: Callable[[str], Any], text: str) -> Test:
    bound = read(text)
    return lambda value: value is not None and value < bound


def _at_least(read: Callable[[str], Any], text: str) -> Test:
    bound = read(text)
    return lambda value: value is not None and value >= bound


def _at_most(read: Callable[[str], Any], text: str) -> Test:
    bound = read(text)
    return lambda value: value is not None and value <= bound


def _between(read: Callable[[str], Any], text: str) -> Test:
    bounds = [read(one) for one in read_list(text)]
    if len(bounds) != 2:  # noqa: PLR2004 a range has two ends
        raise ValueError(f"'{text}' is not a list of two")
    low, high = bounds
    return lambda value: value is not None and low <= value <= high


def _on(read: Callable[[str], Any], text: str) -> Test:
    """The same day; in UTC, the sandbox site's time zone."""
    day = read(text) // _DAY
    return lambda value: value is not None and value // _DAY == day


def _all(value: Any) -> list[Any]:
    """The members of a field of many values, the value of one of one, nothing of an absent one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _any(value: Any, wanted: Any) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted


_ENUM: dict[str, Operator] = {"is": _is, "is_not": _is_not, "in": _in, "not_in": _not_in, "is_present": _is_present}
_COMPARED: dict[str, Operator] = {"lt": _less, "lte": _at_most, "gt": _greater, "gte": _at_least, "between": _between}

KINDS = {
    "string": Kind(read_string, {**_ENUM, "starts_with": _starts_with}),
    "enum": Kind(read_string, _ENUM),
    "number": Kind(read_integer, {"is": _is, "is_not": _is_not, "is_present": _is_present, **_COMPARED}),
    "boolean": Kind(read_boolean, {"is": _is}),
    "timestamp": Kind(
        read_timestamp,
        {"after": _greater, "before": _less, "on": _on, "between": _between, "is_present": _is_present},
    ),
}
"""``after`` and ``before`` leave the instant itself out: unverified with the vendor, and the stricter reading."""
