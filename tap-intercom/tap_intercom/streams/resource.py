"""One list of Intercom's API, described for the tap.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_intercom._kit.json_types import JsonObject, JsonValue

Way = Literal["whole", "numbered", "search", "scroll"]
Version = tuple[int, int]


@dataclass(frozen=True)
class Resource:
    """One list of Intercom's API, and the stream made from it."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str = ""
    """The path of the list below the API's base; with ``{id}`` it is the list of one parent record. Empty for a list
    that the parent's record holds."""
    answer: str = "data"
    """The key of the items in an answer; empty if the answer itself is the list, or the only item."""
    way: Way = "whole"
    """How the list is read: in one answer, in numbered pages, by a search with a cursor, or by the scroll."""
    single: bool = False
    """Whether the answer contains one record instead of a list."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Parameters that every call needs."""
    bounds: tuple[str, str] | None = None
    """The parameters for the earliest and latest replication key, if the list accepts any."""
    per_page: int | None = None
    """Records per numbered page; None leaves it to Intercom, whose default there is its maximum."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = None
    """The time of a record's last change; for a child stream the parent's, as ``contact_updated_at``."""
    min_version: Version = (2, 0)
    """The version of the API that introduced it."""
    lists: tuple[str, ...] = ()
    """The lists of which a record shows only the first ten items; the rest is fetched."""
    parent: str | None = None
    """The stream whose changed records decide which records of this one are read."""
    within: tuple[str, ...] = ()
    """The path to the items in the parent's record, or in the answer of the call for one parent."""
    if_any: tuple[str, ...] = ()
    """Lists in the parent's record. If all of them are empty, no call is needed."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """For each property of a record, the attribute of the item. If empty, all attributes keep their names."""
    counts: tuple[str, ...] = ()
    """Numbers in a record that the tap itself reads."""
    membership: tuple[str, str] | None = None
    """The stream whose `user_count` shows that people joined a record, and the stream that lists these people."""
    selected: bool = True
    """Whether the stream is selected by default."""
    expires: bool = False
    """Whether Intercom drops old records, so that a missing record does not mean a deletion."""

    @property
    def parent_key(self) -> str:
        """The property for the parent's id."""
        return f"{self.singular}_id"

    @property
    def parent_time(self) -> str:
        """The property for the parent's ``updated_at``."""
        return f"{self.singular}_updated_at"

    @property
    def singular(self) -> str:
        """The name of one record of the parent."""
        return {"companies": "company"}.get(str(self.parent), str(self.parent).removesuffix("s"))

    def build_child(self, item: Mapping[str, JsonValue], parent_id: JsonValue, parent_time: JsonValue) -> JsonObject:
        """Return the record for one item of a parent."""
        members = {new: item.get(old) for new, old in self.renamed.items()} if self.renamed else dict(item)
        return {**members, self.parent_key: parent_id, self.parent_time: parent_time}
