"""Paging through the line items of one invoice or credit note: ``line_items_limit`` and ``line_items_offset``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.business.line_items import MOST_SHOWN, lines_offset
from sandbox.chargebee.errors import invalid, wrong_value

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT = "line_items_limit"
_OFFSET = "line_items_offset"


def read_lines_query(params: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """From which line on, and how many lines.

    Raises:
        RefusedError: naming a parameter that is unknown, given twice, or has a value that it does not take.
    """
    given: dict[str, str] = {}
    for name, text in params:
        if name not in (_LIMIT, _OFFSET) or name in given:
            raise invalid(name, "given more than once" if name in given else "unknown parameter")
        given[name] = text
    return _start(given.get(_OFFSET, lines_offset(0))), _limit(given.get(_LIMIT, str(MOST_SHOWN)))


def with_lines(body: dict[str, Any], lines: list[dict[str, Any]], start: int, limit: int) -> dict[str, Any]:
    """A record with a page of its line items, and where the next one begins if there is one."""
    page = {name: value for name, value in body.items() if name != "line_items_next_offset"}
    page["line_items"] = lines[start : start + limit]
    if start + limit < len(lines):
        page["line_items_next_offset"] = lines_offset(start + limit)
    return page


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_SHOWN:
        raise wrong_value(_LIMIT, f"must be between 1 and {MOST_SHOWN}")
    return int(text)


def _start(text: str) -> int:
    try:
        _, start = json.loads(text)
        place = int(start)
    except (ValueError, TypeError, OverflowError, RecursionError):
        place = -1
    if place < 0 or lines_offset(place) != text:
        raise wrong_value(_OFFSET, "is not one that this record returned")
    return place
