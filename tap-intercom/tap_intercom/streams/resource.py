"""One list of Intercom's API, as the tap sees it, https://developers.intercom.com/docs/references/rest-api/api.intercom.io."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Way = Literal["whole", "numbered", "search", "scroll"]
Version = tuple[int, int]


@dataclass(frozen=True)
class Resource:
    """One list of Intercom's API and the stream that it becomes."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str = ""
    """The list, below the API's base; with ``{id}``, the one that each record of the parent has; empty for a list that
    stands in the parent's record."""
    answer: str = "data"
    """The key of the items in an answer; empty where the answer is itself the list, or the one item."""
    way: Way = "whole"
    """How the list comes: in one answer, in numbered pages, by a search with a cursor, or by the one scroll."""
    single: bool = False
    """Whether what stands there is one record instead of a list."""
    params: Mapping[str, str] = field(default_factory=dict)
    """What the list must be asked with."""
    bounds: tuple[str, str] | None = None
    """The parameters that bound its replication key, where it takes any: from, and to."""
    per_page: int | None = None
    """Records a numbered page; None leaves it to Intercom, whose most is its default there."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = None
    """The time that tells whether a record changed; of a child, the parent's, with the parent's name before it."""
    since: Version = (2, 0)
    """The version of the API that brought it."""
    lists: tuple[str, ...] = ()
    """The lists in a record of which it shows the first ten only; the rest is fetched."""
    parent: str | None = None
    """The stream whose changed records this one is asked for by."""
    within: tuple[str, ...] = ()
    """Where the items stand in the parent's record, or in the answer that was asked for by it."""
    if_any: tuple[str, ...] = ()
    """The lists in the parent's record that are all empty when there is nothing to ask for."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """The attributes of an item that are kept, by their names in the record; all, under their own, when empty."""
    told: tuple[str, ...] = ()
    """The further attributes of a record that are wanted at once."""
    joined: tuple[str, str] | None = None
    """The stream whose records tell by `user_count` that somebody joined them, and the one that lists who did."""
    selected: bool = True
    """Whether it is read without being asked for."""
    expires: bool = False
    """Whether Intercom forgets its records after a time, so that one that is gone was not deleted."""

    @property
    def parent_key(self) -> str:
        """The property that the parent's id becomes."""
        return f"{self.singular}_id"

    @property
    def parent_time(self) -> str:
        """The property that the parent's ``updated_at`` becomes."""
        return f"{self.singular}_updated_at"

    @property
    def singular(self) -> str:
        """What one record of the parent is called."""
        return {"companies": "company"}.get(str(self.parent), str(self.parent).removesuffix("s"))

    def row(self, item: Mapping[str, Any], parent_id: Any, parent_time: Any) -> dict[str, Any]:
        """The record of one item of a parent."""
        kept = {new: item.get(old) for new, old in self.renamed.items()} if self.renamed else dict(item)
        return {**kept, self.parent_key: parent_id, self.parent_time: parent_time}
