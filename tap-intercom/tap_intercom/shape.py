"""A page of a list, without the cost of taking its records apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_intercom.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_intercom.resource import Resource


class Pages(msgspec.Struct):
    """Where in a list a page stands; ``next`` is a cursor's object, an address or nothing."""

    next: Any = None
    total_pages: int | None = None

    @property
    def cursor(self) -> str | None:
        """What to ask for the next page with, None on the last."""
        found = self.next.get("starting_after") if isinstance(self.next, dict) else None
        return str(found) if found else None


class More(msgspec.Struct):
    """The head of a list that stands in a record, of which it shows the first ten."""

    has_more: bool | None = None
    total_count: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A record as its JSON came, and what of it is wanted to read on."""

    text: bytes | msgspec.Raw
    head: Any
    """Its keys and times by their names, and the heads of its lists; None where one is absent."""

    def record(self) -> dict[str, Any]:
        """The record, taken apart."""
        found: dict[str, Any] = msgspec.json.decode(self.text)
        return found


class Shape:
    """What the pages of a resource look like.

    A record mostly goes out as it came in, so its JSON is cut out of the page as it stands; only the few attributes by
    which the tap finds its way are read.

    Args:
        resource: the row of the table.
        lists: the lists in a record whose heads are wanted.
    """

    def __init__(self, resource: Resource, lists: Iterable[str] = ()) -> None:
        kinds: dict[str, Any] = dict.fromkeys(
            (*resource.primary_keys, "id", "created_at", "updated_at", *resource.told), Any
        )
        kinds |= {resource.replication_key: int | None} if resource.replication_key else {}
        kinds |= dict.fromkeys((*resource.lists, *lists), More | None)
        # A search finds its way by the time of creation, so there is none without.
        needed = {"created_at": int} if resource.way == "search" else {}
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
            (name, needed[name]) if name in needed else (name, kind, None) for name, kind in kinds.items()
        ]
        self._head = msgspec.json.Decoder(msgspec.defstruct("Head", fields, kw_only=True))
        self._path = resource.path
        self._single = resource.single
        self._bare = not resource.answer
        self.page: Any = self._page(resource)

    def _page(self, resource: Resource) -> Any:
        items: Any = msgspec.Raw if resource.single else list[msgspec.Raw]
        if self._bare:
            return items
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
            ("items", items),
            ("total_count", int | None, None),
            ("pages", Pages | None, None),
            ("scroll_param", str | None, None),
        ]
        return msgspec.defstruct("Page", fields, rename={"items": resource.answer})

    def items(self, text: bytes, page: Any) -> list[Item]:
        """The items of a page, which is given as its text too: a message is one line, so line breaks are taken out."""
        if b"\n" in text or b"\r" in text:
            page = msgspec.json.decode(msgspec.json.format(text, indent=-1), type=self.page)
        found = page if self._bare else page.items
        return [self.item(one) for one in ([found] if self._single else found)]

    def item(self, text: bytes | msgspec.Raw) -> Item:
        """The item of one record's JSON.

        Raises:
            Refusal: it is no record, or a time in it is none.
        """
        try:
            return Item(text, self._head.decode(text))
        except msgspec.ValidationError as error:
            raise Refusal(f"Intercom sent something that is no record of {self._path}: {error}.") from error
