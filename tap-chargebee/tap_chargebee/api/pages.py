"""What the answers of a list hold that the tap reads; a record mostly goes out as it came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.list_shape import Key, ListShape, Number, Text
from tap_chargebee._kit.page_decoder import Item, PageDecoder

if TYPE_CHECKING:
    from tap_chargebee.streams.resource import Resource

__all__ = ["Item", "Shape"]


class Shape(PageDecoder):
    """What the pages of a resource look like.

    Args:
        resource: the row of the table.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(shape_of(resource))
        self._time = resource.time or resource.primary_keys[0]

    def time(self, item: Item) -> Any:
        """What the list is in the order of."""
        return getattr(item.head, self._time)


def shape_of(resource: Resource, *, single: bool = False) -> ListShape:
    """Return what the answers of a resource hold.

    Args:
        resource: the row of the table.
        single: whether an answer that is no list holds one record.
    """
    # What a key is, the stream's schema says; the stream refuses a record without it, by its name and page.
    keys = dict.fromkeys((name for name in resource.primary_keys if name != resource.parent_key), Any)
    # Records that were last changed before 2016-09-28 have no time of a change.
    times = [name for name in (resource.time, resource.replication_key) if name]
    needed: dict[str, Any] = dict.fromkeys(times, Number | None)
    if resource.by_customer not in {None, "id"}:
        needed[str(resource.by_customer)] = Text
    if resource.large:
        needed["line_items_next_offset"] = Text | None
    wanted = {"id": Key, "resource_version": Number, "line_items_next_offset": Text}
    return ListShape(
        name=resource.name.replace("_", " "),
        items=resource.answer,
        single=single or not resource.answer,
        envelope=resource.envelope,
        siblings=resource.siblings,
        key=keys,
        needed=needed,
        wanted={name: kind for name, kind in wanted.items() if name not in {*keys, *needed}},
        paging="next_offset",
    )
