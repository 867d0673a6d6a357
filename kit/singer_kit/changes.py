"""What a write changes, field by field. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .json_types import JsonValue


class Change(NamedTuple):
    """What a field holds, and what it will hold."""

    before: JsonValue
    after: JsonValue


Changes: TypeAlias = dict[str, Change]
"""Changes by field, named as the target names them in its reports."""
