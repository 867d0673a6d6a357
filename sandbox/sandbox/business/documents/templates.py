"""Fills the templates of documents, ``fixtures/*.json``, which were checked by hand against the vendor's pages.

A template is the document itself. Where documents of a kind differ it says how, as :meth:`str.format` reads it:

- ``{customer.id}``, ``{subscription.plan.id}``, ``{invoice.id}``, ``{payment.id}``, ``{credit_note.id}``: of records
  that are drawn once for each document; ``{one.id}``: of what the document is about (``each`` of its kind);
- ``{number}`` from 0 on, ``{count}`` from 1 on; ``{at}``, when it was written, and ``{days[30]}``, so many days later.

A text that is nothing but one of these is the value itself, of its own type. ``{"cycle": [...]}`` is one of its members
after the other. ``{"like": "line", ...}`` has the members of a template in ``parts.json``, and members of its own.
A member that is null is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from string import Formatter
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.kinds import KINDS, read_fixture

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTS = read_fixture("parts")
_WHOLE = re.compile(r"\{([^{}:]+)\}")


class Names:
    """The values that a document's template can name; ``makers`` make each when it is first used."""

    def __init__(self, makers: Mapping[str, Callable[[int], Any]], number: int) -> None:
        self.number = number
        self._makers = makers
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._makers[name](self.number)
        return self._known[name]


Filler = Callable[[Names], Any]
"""A function that fills the variable parts of a template."""


@cache
def get_filler(table: str) -> Filler:
    """Return the function that fills a kind's template; documents may share what it returns."""
    filler, constant = _prepare(KINDS[table].facts)
    return filler or (lambda _: constant)


def _prepare(value: Any) -> tuple[Filler | None, Any]:
    """Return a function that fills a part of a template, or None and the part itself when nothing in it varies."""
    if isinstance(value, list):
        fillers, constants = zip(*map(_prepare, value), strict=True) if value else ((), ())
        if not any(fillers):
            return None, list(constants)
        pairs = list(zip(fillers, constants, strict=True))
        return (lambda names: [fill(names) if fill else constant for fill, constant in pairs]), None
    if isinstance(value, dict):
        return _prepare_object(value)
    if isinstance(value, str) and "{" in value:
        return _prepare_text(value), None
    return None, value


def _prepare_object(value: dict[str, Any]) -> tuple[Filler | None, Any]:
    if value.keys() == {"cycle"}:
        members = [_prepare(one) for one in value["cycle"]]

        def pick(names: Names) -> Any:
            fill, constant = members[names.number % len(members)]
            return fill(names) if fill else constant

        return pick, None
    fill_part, part = _prepare(_PARTS[value["like"]]) if "like" in value else (None, {})
    own = {name: _prepare(one) for name, one in value.items() if name != "like"}
    varying = {name: fill for name, (fill, _) in own.items() if fill}
    fixed = {name: constant for name, (fill, constant) in own.items() if not fill}
    if fill_part is None and not varying:
        return None, {name: one for name, one in {**part, **fixed}.items() if one is not None}

    def fill_object(names: Names) -> dict[str, Any]:
        filled = {**(fill_part(names) if fill_part else part), **fixed}
        for name, fill in varying.items():
            filled[name] = fill(names)
        return {name: one for name, one in filled.items() if one is not None}

    return fill_object, None


def _prepare_text(text: str) -> Filler:
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return text.format_map
    # A single field becomes the value itself; format_map would convert it to a string.
    field, formatter = whole[1], Formatter()
    name, _, attributes = field.partition(".")
    if "[" in field:
        return lambda names: formatter.get_field(field, (), names)[0]  # type: ignore[arg-type]
    if not attributes:
        return lambda names: names[name]
    get = attrgetter(attributes)
    return lambda names: get(names[name])
