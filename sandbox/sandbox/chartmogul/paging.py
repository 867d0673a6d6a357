"""Cursors over an order, and the sizes of pages."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sandbox.chartmogul.errors import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.json_types import JsonObject

MAX_PER_PAGE = 200
_DIGITS = 9
"""A number with more digits is refused."""

Key = tuple[str, str]
"""What a list is sorted by, and what distinguishes records that have it in common; both of fixed width."""


class PageRequest(NamedTuple):
    """The requested page of a list, by cursor or by number; the first page without either."""

    per_page: int
    cursor: Key | None
    page: int


class Page(NamedTuple):
    """The positions of a page's records, and whether more follow."""

    keys: list[Key]
    has_more: bool

    def show(self, entries: list[JsonObject]) -> JsonObject:
        """Return the page in the form of replies."""
        cursor = b64encode("&".join(self.keys[-1]).encode()).decode() if self.keys else None
        return {"entries": entries, "has_more": self.has_more, "cursor": cursor}


def read_request(query: Mapping[str, str]) -> PageRequest:
    """Read the paging parameters of a query; more than 200 per page are 200.

    Raises:
        Refusal: 400 for one that cannot be read.
    """
    per_page = min(_read_count(query, "per_page", MAX_PER_PAGE), MAX_PER_PAGE)
    cursor = query.get("cursor")
    return PageRequest(per_page, _read_cursor(cursor) if cursor else None, _read_count(query, "page", 1))


def _read_count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0
    if not number:
        raise bad_parameter(name)
    return number


def _read_cursor(cursor: str) -> Key:
    try:
        value, mark, tie = b64decode(cursor, validate=True).decode().partition("&")
    except (binascii.Error, ValueError):
        raise bad_parameter("cursor") from None
    if not mark:
        raise bad_parameter("cursor")
    return value, tie


def cut_page(keys: Sequence[Key], asked: PageRequest, fits: Callable[[Key], bool], *, backwards: bool = False) -> Page:
    """Return one page's positions from a list's sorted `keys`; a cursor is the last record's position."""
    count = len(keys)
    if asked.cursor is None:
        start, skipped = 0, (asked.page - 1) * asked.per_page
    else:
        start, skipped = count - bisect_left(keys, asked.cursor) if backwards else bisect_right(keys, asked.cursor), 0
    places = range(count - 1 - start, -1, -1) if backwards else range(start, count)
    found = list(islice((keys[at] for at in places if fits(keys[at])), skipped, skipped + asked.per_page + 1))
    return Page(found[: asked.per_page], len(found) > asked.per_page)
