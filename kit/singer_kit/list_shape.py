"""What the answers of a list hold, as a plugin declares it: items, keys, and what says that more follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A key or a cursor: text that is not empty."""
Number = Annotated[int, msgspec.Meta(ge=0)]
"""A total, a page number or a time in unix seconds."""
Key = Text | Number
"""What a record is known by."""
Paging = Literal["none", "cursor", "numbered", "scroll", "has_more", "next_offset"]


@dataclass(frozen=True, kw_only=True)
class ListShape:
    """What the answers of one list hold.

    Args:
        name: what a sentence calls it.
        items: the member that holds the items; empty where the answer itself is the list.
        single: whether one item stands there instead of a list.
        envelope: the member of an item that is the record itself; empty where the item is the record.
        siblings: objects beside the record in its envelope that become members of it.
        key: the members that a record is known by, each with its type.
        needed: other members that the protocol needs, each with its type; one that may be None may be absent.
        present: of the needed members, those that must be there even where they may be null.
        wanted: members that are read where they are of their type, and are null where they are not.
        paging: how the list says that more follows.
        total: the member that announces how many items there are; empty where none does.
        total_needed: whether an answer without it proves nothing.
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
