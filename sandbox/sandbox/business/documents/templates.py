"""Fills the templates of documents, ``fixtures/*.json``, which were checked by hand against the vendor's pages.

A template is the document itself. Where documents of a kind differ it says how, as :meth:`str.format` reads it:

- ``{customer.id}``, ``{subscription.plan.id}``, ``{invoice.id}``, ``{payment.id}``, ``{credit_note.id}``: of records
  that are drawn once for each document; ``{one.id}``: of what the document is about (``each`` of its kind);
- ``{number}`` from 0 on, ``{count}`` from 1 on; ``{at}``, when it was written, and ``{days[30]}``, so many days later;
- ``{email}``, the customer's or that of nobody.

A text that is nothing but one of these is the value itself, of its own type. ``{"cycle": [...]}`` is one of its members
after the other. ``{"like": "line", ...}`` has the members of a template in ``parts.json``, and members of its own.
A member that is null is left out.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any

from sandbox.business.documents.kinds import read_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.json_types import JsonObject

_PARTS = read_fixture("parts")
_WHOLE = re.compile(r"\{([^{}:]+)\}")


class Template:
    """Fills the template of the ``number``-th document; ``makers`` make what it names, each when it is first named."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]], number: int) -> None:
        self._makers = makers
        self._number = number
        self._known: JsonObject = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._makers[name]()
        return self._known[name]

    def fill(self, value: Any) -> Any:
        """Return a part of the template with everything in its place."""
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            return self._fill_object(value)
        if not isinstance(value, str):
            return value
        whole = _WHOLE.fullmatch(value)
        # Formatter's field is the value itself, where format_map would make a text of it.
        return Formatter().get_field(whole[1], (), self)[0] if whole else value.format_map(self)  # type: ignore[arg-type]

    def _fill_object(self, value: JsonObject) -> Any:
        if value.keys() == {"cycle"}:
            return self.fill(value["cycle"][self._number % len(value["cycle"])])
        members = dict(value)
        like = members.pop("like", None)
        filled = self.fill(_PARTS[like]) if like else {}
        filled |= {name: self.fill(one) for name, one in members.items()}
        return {name: one for name, one in filled.items() if one is not None}
