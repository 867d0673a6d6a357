"""Decodes the pages of a list. Most records are sent as the JSON that came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_intercom._kit.list_shape import Key, ListShape, Number, Paging
from tap_intercom._kit.page_decoder import Item, PageDecoder, UnprovenError
from tap_intercom.api.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_intercom.streams.resource import Resource, Way

__all__ = ["Item", "ResourceDecoder", "build_list_shape", "is_truncated"]

PAGING: Mapping[Way, Paging] = {"whole": "none", "numbered": "numbered", "search": "cursor", "scroll": "scroll"}


class Reference(msgspec.Struct):
    """An item of a nested list."""

    id: Key


class NestedList(msgspec.Struct):
    """A list in a record, without its items; a record shows at most the first ten of them."""

    has_more: bool | None = None
    total_count: Number | None = None


class ReferenceList(NestedList, kw_only=True):
    """A list in a record whose items are ids of other records."""

    data: list[Reference]


def is_truncated(nested: NestedList | None) -> bool:
    """Return whether a list in a record has more items than the record shows."""
    if nested is None:
        return False
    shown = len(nested.data) if isinstance(nested, ReferenceList) else nested.total_count or 0
    return bool(nested.has_more) or (nested.total_count or 0) > shown


class ResourceDecoder(PageDecoder):
    """Decodes the pages of one resource.

    Args:
        resource: the row of the table.
        nested: further lists in a record that a stream needs besides those of the row.
    """

    def __init__(self, resource: Resource, nested: Iterable[str] = ()) -> None:
        super().__init__(build_list_shape(resource, nested))
        self._path = resource.path

    def decode_record(self, text: bytes | msgspec.Raw) -> Item:
        """Decode one record.

        Raises:
            UserError: it is not a record, or one of its times is malformed.
        """
        try:
            return self.decode_item(text)
        except UnprovenError as error:
            raise UserError(f"Intercom sent something that is not a record of {self._path}: {error}.") from error


def build_list_shape(resource: Resource, nested: Iterable[str] = ()) -> ListShape:
    """Return the form that the answers of a resource must have.

    Args:
        resource: the row of the table.
        nested: further lists in a record that a stream needs besides those of the row.
    """
    needed: dict[str, Any] = dict.fromkeys(nested, NestedList | None)
    needed |= dict.fromkeys(resource.lists, ReferenceList | None)
    if resource.replication_key and not resource.parent:
        needed[resource.replication_key] = Number | None
    if resource.way == "search":
        # Searches are sorted and split by the time of creation.
        needed["created_at"] = Number
    # The stream checks the types of the keys itself, as its error can name the stream and the page.
    keys = dict.fromkeys(_list_answer_keys(resource), Any)
    wanted = {"id": Key, "created_at": Number, "updated_at": Number, **dict.fromkeys(resource.counts, Number)}
    return ListShape(
        name=resource.name.replace("_", " "),
        items=resource.answer,
        single=resource.single,
        key=keys,
        needed=needed,
        wanted={name: kind for name, kind in wanted.items() if name not in {*keys, *needed}},
        # Without `companies`, a contact would seem to belong to no company. The other lists may be missing.
        present=tuple(name for name in resource.lists if name == "companies"),
        paging=PAGING[resource.way],
        total="total_count" if resource.way in {"search", "numbered"} else "",
        total_needed=resource.way == "search",
    )


def _list_answer_keys(resource: Resource) -> tuple[str, ...]:
    """Return the members of an item's key, by their names in an answer."""
    if not resource.parent:
        return resource.primary_keys
    own = (name for name in resource.primary_keys if name != resource.parent_key)
    return tuple(resource.renamed.get(name, name) for name in own)
