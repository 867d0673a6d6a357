"""What the answers of a list hold that the tap reads; a record mostly goes out as it came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_intercom._kit.list_shape import Key, ListShape, Number, Paging
from tap_intercom._kit.page_decoder import Item, PageDecoder, UnprovenError
from tap_intercom.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_intercom.streams.resource import Resource, Way

__all__ = ["Item", "Shape", "is_cut"]

PAGING: Mapping[Way, Paging] = {"whole": "none", "numbered": "numbered", "search": "cursor", "scroll": "scroll"}


class Reference(msgspec.Struct):
    """An item of a list that stands in a record."""

    id: Key


class Head(msgspec.Struct):
    """The head of a list that stands in a record, of which it may show the first ten."""

    has_more: bool | None = None
    total_count: Number | None = None


class References(Head, kw_only=True):
    """A list that stands in a record, by whose ids records join."""

    data: list[Reference]


def is_cut(head: Head | None) -> bool:
    """Return whether a list in a record goes on elsewhere: it says so, or announces more than it shows."""
    if head is None:
        return False
    shown = len(head.data) if isinstance(head, References) else head.total_count or 0
    return bool(head.has_more) or (head.total_count or 0) > shown


class Shape(PageDecoder):
    """What the pages of a resource look like.

    Args:
        resource: the row of the table.
        lists: the lists in a record whose heads are wanted.
    """

    def __init__(self, resource: Resource, lists: Iterable[str] = ()) -> None:
        super().__init__(shape_of(resource, lists))
        self._path = resource.path

    def item(self, text: bytes | msgspec.Raw) -> Item:
        """The item of one record's JSON.

        Raises:
            UserError: it is no record, or a time in it is none.
        """
        try:
            return self.decode_item(text)
        except UnprovenError as error:
            raise UserError(f"Intercom sent something that is no record of {self._path}: {error}.") from error


def shape_of(resource: Resource, lists: Iterable[str] = ()) -> ListShape:
    """Return what the answers of a resource hold.

    Args:
        resource: the row of the table.
        lists: the lists in a record whose heads are wanted.
    """
    needed: dict[str, Any] = dict.fromkeys(lists, Head | None)
    needed |= dict.fromkeys(resource.lists, References | None)
    if resource.replication_key and not resource.parent:
        needed[resource.replication_key] = Number | None
    if resource.way == "search":
        # A search finds its way by the time of creation, so there is none without.
        needed["created_at"] = Number
    # What a key is, the stream's schema says; the stream refuses a record without it, by its name and page.
    keys = dict.fromkeys(_keys_of(resource), Any)
    wanted = {"id": Key, "created_at": Number, "updated_at": Number, **dict.fromkeys(resource.told, Number)}
    return ListShape(
        name=resource.name.replace("_", " "),
        items=resource.answer,
        single=resource.single,
        key=keys,
        needed=needed,
        wanted={name: kind for name, kind in wanted.items() if name not in {*keys, *needed}},
        present=tuple(name for name in resource.lists if name == "companies"),
        paging=PAGING[resource.way],
        total="total_count" if resource.way in {"search", "numbered"} else "",
        total_needed=resource.way == "search",
    )


def _keys_of(resource: Resource) -> tuple[str, ...]:
    """The members of an item that are its key, by their names in an answer."""
    if not resource.parent:
        return resource.primary_keys
    own = (name for name in resource.primary_keys if name != resource.parent_key)
    return tuple(resource.renamed.get(name, name) for name in own)
