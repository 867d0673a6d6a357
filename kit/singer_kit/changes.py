"""The changes of a write, field by field. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .json_types import JsonValue


class Change(NamedTuple):
    """The value of a field before and after a write."""

    before: JsonValue
    after: JsonValue


Changes: TypeAlias = dict[str, Change]
"""Changes by field. The names are those of the target's reports."""
