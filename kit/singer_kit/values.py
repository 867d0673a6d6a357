"""Values of a record in the types that a vendor accepts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .json_types import JsonValue


def read_float(value: JsonValue) -> float:
    """Return a number.

    Raises:
        ValueError, TypeError: it is not a number, or has no JSON form, like infinity and NaN.
    """
    number = float(value)
    if isinstance(value, bool) or number - number != 0:
        raise ValueError
    return number


def read_boolean(value: JsonValue) -> bool:
    """Return true or false.

    Raises:
        TypeError: it is neither.
    """
    if not isinstance(value, bool):
        raise TypeError
    return value
