"""Fills templates: JSON whose texts contain placeholders, as in :meth:`str.format`.

A text that is only one name, such as ``{row[state]}``, becomes the value itself, with its own type.
``{"cycle": [...]}`` becomes its members in turn. ``{"like": "line", ...}`` has the members of the template ``line`` and
its own.
"""

from __future__ import annotations

import re
from functools import cache
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.json_types import JsonValue

_WHOLE = re.compile(r"\{([^{}:]+)\}")
_FORMATTER = Formatter()
_NO_PARTS: Mapping[str, Any] = MappingProxyType({})


def fill_template(
    template: JsonValue,
    names: Mapping[str, Any],
    number: int,
    *,
    parts: Mapping[str, Any] = _NO_PARTS,
    keeps_nulls: bool = True,
) -> JsonValue:
    """Return a copy of a template with names replaced by values.

    Args:
        template: the template.
        names: the values.
        number: selects the member of a cycle.
        parts: the templates that ``like`` can name.
        keeps_nulls: whether members of objects that are null stay.
    """

    def fill(value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return _prepare_text(value)(names) if "{" in value else value
        if isinstance(value, list):
            return [fill(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "cycle" in value and len(value) == 1:
            return fill(value["cycle"][number % len(value["cycle"])])
        filled = dict(fill(parts[value["like"]])) if "like" in value else {}
        filled |= {name: fill(one) for name, one in value.items() if name != "like"}
        return filled if keeps_nulls else {name: one for name, one in filled.items() if one is not None}

    return fill(template)


@cache
def _prepare_text(text: str) -> Callable[[Mapping[str, Any]], Any]:
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return text.format_map
    # get_field keeps the value's type; format_map would convert it to a string.
    return lambda names: _FORMATTER.get_field(whole[1], (), names)[0]
