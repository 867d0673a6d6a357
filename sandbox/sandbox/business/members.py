"""The members of Chargebee's objects that need no computing: ``bodies.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.json_types import JsonObject


@dataclass
class Shape:
    """What records of a kind have in common: members that are ``alike`` in all, and attributes that are ``kept``."""

    alike: dict[str, Any]
    kept: tuple[str, ...] = field(default_factory=tuple)

    @cached_property
    def _get(self) -> Callable[[object], tuple[Any, ...]]:
        return attrgetter(*self.kept)

    def read(self, record: object) -> JsonObject:
        """Return the members of a record that are shown as they are kept."""
        return dict(zip(self.kept, self._get(record), strict=True))


SHAPES = msgspec.json.decode((files("sandbox.business") / "bodies.json").read_bytes(), type=dict[str, Shape])
