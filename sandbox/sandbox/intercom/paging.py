"""Intercom's two ways to page: cursors over an order, and page numbers.

https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination-cursor
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sandbox.intercom.errors import parameter_invalid, refuse
from sandbox.json_types import JsonValue

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from sandbox.json_types import JsonObject

R = TypeVar("R")
KEPT = 8
"""The number of sorted lists that are cached."""

Key = tuple[bool, JsonValue, str]
"""A record's position in a sorted list: (is missing, value, id)."""


@dataclass(frozen=True)
class Order:
    """A field to sort by, and the direction; records without a value come last in both."""

    field: str = "created_at"
    descending: bool = True

    def make_key(self, value: JsonValue, record_id: str) -> Key:
        """Return the position of a record with this value."""
        return ((value is None) != self.descending, 0 if value is None else value, record_id)


@dataclass(frozen=True)
class Ask:
    """A requested page: `per_page` records after the cursor, or from the start without one."""

    per_page: int
    cursor: JsonValue = None
    order: Order = Order()


@dataclass(frozen=True)
class Found(Generic[R]):
    """A page of records, their total number, and the `pages` object that leads to the next page."""

    records: list[R]
    total: int
    pages: JsonObject


class Orders(Generic[R]):
    """Sorted lists, cached until a write, so that the next page needs no new search or sort."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[list[Key], list[R]]] = {}

    def clear(self) -> None:
        """Drop all cached lists after a write."""
        self._kept.clear()

    def page(self, name: Hashable, place: Callable[[], Iterable[tuple[Key, R]]], ask: Ask) -> Found[R]:
        """Return a page of the list of that name, which `place` gives, in any order, when it is not at hand.

        A cursor is the place of the last record given: a record that moves across it is given twice or not at all, as
        with the vendor. A cursor of another making is refused with 400.
        """
        if name not in self._kept:
            # The oldest list is dropped, because callers page through the newest ones.
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            ordered = sorted(place(), key=lambda one: one[0])
            self._kept[name] = [key for key, _ in ordered], [one for _, one in ordered]
        keys, records = self._kept[name]
        order, count = ask.order, len(keys)
        number, start = _open_cursor(ask.cursor, order, keys)
        # Keys are sorted ascending; a descending page counts from the end.
        places = [-1 - one if order.descending else one for one in range(start, min(start + ask.per_page, count))]
        pages = {"type": "pages", "page": number, "per_page": ask.per_page, "total_pages": -(-count // ask.per_page)}
        if start + ask.per_page < count:
            content = [order.field, order.descending, *keys[places[-1]], number + 1]
            cursor = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
            pages["next"] = {"page": number + 1, "starting_after": cursor}
        return Found([records[one] for one in places], count, pages)


def _open_cursor(cursor: JsonValue, order: Order, keys: Sequence[Key]) -> tuple[int, int]:
    """Return the page number of a cursor, and the number of records before it."""
    if cursor is None:
        return 1, 0
    try:
        field, descending, missing, value, record_id, page = json.loads(base64.b64decode(cursor, b"-_", validate=True))
        fits = (field, descending) == (order.field, order.descending) and isinstance(missing, bool)
        if not (fits and isinstance(record_id, str) and isinstance(page, int)):
            raise refuse("cursor unknown")
        after = (missing, value, record_id)
        return page, len(keys) - bisect_left(keys, after) if descending else bisect_right(keys, after)
    except (TypeError, ValueError, RecursionError):
        raise refuse("cursor unknown") from None


def read_count(value: JsonValue, name: str, default: int, maximum: int | None = None) -> int:
    """Return a count from 1 to the maximum, sent as a number or digits; the default when it is missing."""
    if value is None:
        return default
    digits = str(value) if not isinstance(value, bool) else ""
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 0  # noqa: PLR2004 - nine digits fit any list
    if number < 1 or (maximum and number > maximum):
        raise parameter_invalid(f"{name} must be {f'between 1 and {maximum}' if maximum else 'at least 1'}", name)
    return number


def cut_page(records: Sequence[R], page: int, per_page: int) -> Found[R]:
    """Return a numbered page, empty beyond the last; `pages.next` is a page number, or None on the last."""
    total_pages = -(-len(records) // per_page)
    following = page + 1 if page < total_pages else None
    pages = {"type": "pages", "next": following, "page": page, "per_page": per_page, "total_pages": total_pages}
    return Found(list(records[(page - 1) * per_page : page * per_page]), len(records), pages)
