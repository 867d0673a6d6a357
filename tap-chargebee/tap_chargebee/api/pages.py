"""Decodes the pages of a list. Most records are sent as the JSON that came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.list_shape import Key, ListShape, Number, Text
from tap_chargebee._kit.page_decoder import Item, PageDecoder

if TYPE_CHECKING:
    from tap_chargebee._kit.json_types import JsonValue
    from tap_chargebee.streams.resource import Resource

__all__ = ["Item", "ResourceDecoder", "build_list_shape"]


class ResourceDecoder(PageDecoder):
    """Decodes the pages of one resource.

    Args:
        resource: the row of the table.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(build_list_shape(resource))
        self._sort_member = resource.time or resource.primary_keys[0]

    def read_sort_value(self, item: Item) -> JsonValue:
        """Return the value by which the list is sorted: a time in Unix seconds, or the key if it has no time."""
        return getattr(item.members, self._sort_member)


def build_list_shape(resource: Resource, *, single: bool = False) -> ListShape:
    """Return the form that the answers of a resource must have.

    Args:
        resource: the row of the table.
        single: whether an answer without a list contains one record.
    """
    # The stream checks the types of the keys itself, as its error can name the stream and the page.
    keys = dict.fromkeys((name for name in resource.primary_keys if name != resource.parent_key), Any)
    # Records that were last changed before 2016-09-28 have no `updated_at`.
    times = [name for name in (resource.time, resource.replication_key) if name]
    needed: dict[str, Any] = dict.fromkeys(times, Number | None)
    if resource.by_customer not in {None, "id"}:
        needed[str(resource.by_customer)] = Text
    if resource.large:
        needed["line_items_next_offset"] = Text | None
    wanted = {"id": Key, "resource_version": Number, "line_items_next_offset": Text}
    if resource.entity:
        wanted["business_entity_id"] = Text
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
