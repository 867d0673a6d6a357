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
"""How many ordered lists are kept."""

Key = tuple[bool, JsonValue, str]
"""(is missing, value, id): the order of a list, in which every record has its own place."""


@dataclass(frozen=True)
class Order:
    """A field to sort by, and which way; records without a value come last either way."""

    field: str = "created_at"
    descending: bool = True

    def make_key(self, value: JsonValue, record_id: str) -> Key:
        """Return the place of a record that holds this value."""
        return ((value is None) != self.descending, 0 if value is None else value, record_id)


@dataclass(frozen=True)
class Ask:
    """What a caller wants of an ordered list: the `per_page` records after the cursor, from the start without one."""

    per_page: int
    cursor: JsonValue = None
    order: Order = Order()


@dataclass(frozen=True)
class Found(Generic[R]):
    """A page of records, how many there are in all, and the `pages` shape that says how the next page is asked for."""

    records: list[R]
    total: int
    pages: JsonObject


class Orders(Generic[R]):
    """Ordered lists, kept until something is written, so that the next page needs no new search and no new sort."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[list[Key], list[R]]] = {}

    def clear(self) -> None:
        """Forget them all: something was written."""
        self._kept.clear()

    def page(self, name: Hashable, place: Callable[[], Iterable[tuple[Key, R]]], ask: Ask) -> Found[R]:
        """Return a page of the list of that name, which `place` gives, in any order, when it is not at hand.

        A cursor is the place of the last record given: a record that moves across it is given twice or not at all, as
        with the vendor. A cursor of another making is refused with 400.
        """
        if name not in self._kept:
            # The oldest list goes: a caller who pages on asks for the newest ones.
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            ordered = sorted(place(), key=lambda one: one[0])
            self._kept[name] = [key for key, _ in ordered], [one for _, one in ordered]
        keys, records = self._kept[name]
        order, count = ask.order, len(keys)
        number, start = _open_cursor(ask.cursor, order, keys)
        # The keys are kept ascending; a descending page counts from their end.
        places = [-1 - one if order.descending else one for one in range(start, min(start + ask.per_page, count))]
        pages = {"type": "pages", "page": number, "per_page": ask.per_page, "total_pages": -(-count // ask.per_page)}
        if start + ask.per_page < count:
            content = [order.field, order.descending, *keys[places[-1]], number + 1]
            cursor = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
            pages["next"] = {"page": number + 1, "starting_after": cursor}
        return Found([records[one] for one in places], count, pages)


def _open_cursor(cursor: JsonValue, order: Order, keys: Sequence[Key]) -> tuple[int, int]:
    """Return the number of the page after the cursor, and how many records of the order lie before it."""
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
    """Return a count from 1 to the maximum, sent as a number or as digits; the default when none was sent."""
    if value is None:
        return default
    digits = str(value) if not isinstance(value, bool) else ""
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 0  # noqa: PLR2004 - nine digits fit any list
    if number < 1 or (maximum and number > maximum):
        raise parameter_invalid(f"{name} must be {f'between 1 and {maximum}' if maximum else 'at least 1'}", name)
    return number


def cut_page(records: Sequence[R], page: int, per_page: int) -> Found[R]:
    """Return a numbered page, empty beyond the last; the `next` of its `pages` is a page number, None on the last."""
    total_pages = -(-len(records) // per_page)
    following = page + 1 if page < total_pages else None
    pages = {"type": "pages", "next": following, "page": page, "per_page": per_page, "total_pages": total_pages}
    return Found(list(records[(page - 1) * per_page : page * per_page]), len(records), pages)
