"""A page of a list, without the cost of taking its records apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tap_chargebee.resource import Resource

ABSENT = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Item:
    """A record as its JSON came, siblings included, and what of it is wanted to read on."""

    text: msgspec.Raw
    head: Any
    """Its keys, its times, its version and the cursor of its line items, each by its name; None where it is absent."""

    def record(self) -> dict[str, Any]:
        """The record, taken apart."""
        found: dict[str, Any] = msgspec.json.decode(self.text)
        return found


class Shape:
    """What the pages of a resource look like.

    A record mostly goes out as it came in, so its JSON is cut out of the page as it stands; only the few attributes by
    which the tap finds its way are read.
    """

    def __init__(self, resource: Resource) -> None:
        names = [*resource.primary_keys, "id", "resource_version", "line_items_next_offset"]
        names += [name for name in (resource.time, resource.replication_key) if name]
        head = msgspec.defstruct("Head", [(name, Any, None) for name in dict.fromkeys(names)])
        siblings = [(name, msgspec.Raw, ABSENT) for name in resource.siblings]
        item: Any = msgspec.Raw
        if resource.envelope:
            item = msgspec.defstruct("Item", [("record", msgspec.Raw), *siblings], rename={"record": resource.envelope})
        self._head = msgspec.json.Decoder(head)
        self._enveloped = bool(resource.envelope)
        self._siblings = resource.siblings
        self._time = resource.time or resource.primary_keys[0]
        self.page: type[Any] = msgspec.defstruct(
            "Page", [("items", list[item]), ("next_offset", str | None, None)], rename={"items": resource.answer}
        )

    def items(self, text: bytes, page: Any) -> list[Item]:
        """The items of a page, which is given as its text too: a message is one line, so line breaks are taken out."""
        if b"\n" in text or b"\r" in text:
            page = msgspec.json.decode(msgspec.json.format(text, indent=-1), type=self.page)
        return [self._item(item) for item in page.items]

    def _item(self, item: Any) -> Item:
        record = item.record if self._enveloped else item
        head = self._head.decode(record)
        return Item(self._with_siblings(record, item) if self._siblings else record, head)

    def _with_siblings(self, record: msgspec.Raw, item: Any) -> msgspec.Raw:
        parts: list[Any] = [memoryview(record)[:-1]]
        for name in self._siblings:
            parts += [b',"', name.encode(), b'":', getattr(item, name)]
        return msgspec.Raw(b"".join([*parts, b"}"]))

    def time(self, item: Item) -> Any:
        """What the list is in the order of."""
        return getattr(item.head, self._time)
