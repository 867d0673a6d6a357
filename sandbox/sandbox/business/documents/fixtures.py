"""Kinds of document whose facts stand in a fixture: ``fixtures/*.json``, checked by hand against the vendor's pages.

A fixture is the document itself. Where documents of a kind differ it says how, as :meth:`str.format` reads it:

- ``{customer.id}``, ``{subscription.plan.id}``, ``{invoice.id}``: of records that are drawn once for each document;
- ``{number}`` from 0 on, ``{count}`` from 1 on; ``{at}``, when it was written, and ``{days[30]}``, so many days later;
- ``{email}``, the customer's or that of nobody; ``{feature[feature_id]}``, of the feature that comes next.

A text that is nothing but one of these is the value itself, of its own type. ``{"cycle": [...]}`` is one of its members
after the other.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import Kind
from sandbox.business.documents.selling import granted
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.documents.drawing import Draw

_FOLDER = Path(__file__).with_suffix("")
_WHOLE = re.compile(r"\{([^{}]+)\}")


class Names:
    """What a fixture can name, each made when it is first named."""

    def __init__(self, draw: Draw, number: int) -> None:
        self._number = number
        self._known: dict[str, Any] = {}
        self._makers: dict[str, Callable[[], Any]] = {
            "number": lambda: number,
            "count": lambda: number + 1,
            "at": lambda: draw.at,
            "days": lambda: _Days(draw.at),
            "customer": draw.customer,
            "subscription": draw.subscription,
            "invoice": draw.invoice,
            "email": lambda: self["customer"].email or "nobody@example.com",
            "feature": lambda: granted(number),
        }

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._makers[name]()
        return self._known[name]

    def fill(self, value: Any) -> Any:
        """Return a part of a fixture with everything in its place."""
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            if value.keys() == {"cycle"}:
                return self.fill(value["cycle"][self._number % len(value["cycle"])])
            return {name: self.fill(one) for name, one in value.items()}
        if not isinstance(value, str):
            return value
        whole = _WHOLE.fullmatch(value)
        # Formatter's field is the value itself, where format_map would make a text of it.
        return Formatter().get_field(whole[1], (), self)[0] if whole else value.format_map(self)  # type: ignore[arg-type]


class _Days:
    def __init__(self, at: int) -> None:
        self._at = at

    def __getitem__(self, days: int) -> int:
        return self._at + days * DAY


def read_fixtures(name: str) -> dict[str, Kind]:
    """Return the kinds of a fixture file by the names of their tables."""
    fixtures = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return {table: _make_kind(**fixture) for table, fixture in fixtures.items()}


def _make_kind(*, facts: dict[str, Any], **rest: Any) -> Kind:
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in rest.items()
    }
    return Kind(make=lambda draw, number: dict(Names(draw, number).fill(facts)), **settings)
