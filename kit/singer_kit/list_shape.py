"""The form of a list's answers, as a plugin declares it: items, keys, and how they say that more follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A key or a cursor: non-empty text."""
Number = Annotated[int, msgspec.Meta(ge=0)]
"""A total, a page number or a time in unix seconds."""
Key = Text | Number
"""The type of a record's key."""
Paging = Literal["none", "cursor", "numbered", "scroll", "has_more", "next_offset"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ListShape:
    """The form of the answers of one list. It is a key of the cache of decoders, so it equals itself only.

    Args:
        name: the name of the list in messages.
        items: the member with the items; empty if the answer itself is the list.
        single: whether the answer contains one item instead of a list.
        envelope: the member of an item with the record; empty if the item itself is the record.
        siblings: objects beside the record in its envelope that become members of the record.
        key: the members of the record's key, with their types.
        needed: other members that the protocol needs, with their types. A member that may be None may also be
            missing.
        present: those needed members that must be present even if they may be null.
        wanted: members that are read if they have their type, and are null otherwise.
        paging: how the list says that more follows.
        total: the member with the number of all items; empty if there is none.
        total_needed: whether an answer without the total is rejected.
    """

    name: str
    items: str
    single: bool = False
    envelope: str = ""
    siblings: tuple[str, ...] = ()
    key: Mapping[str, Any] = field(default_factory=lambda: {"id": Key})
    needed: Mapping[str, Any] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    paging: Paging = "none"
    total: str = ""
    total_needed: bool = False
