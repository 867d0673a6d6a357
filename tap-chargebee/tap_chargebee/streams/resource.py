"""One list of Chargebee's API, as the tap sees it, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PC1 = (1,)
PC2 = (2,)
# Times by which a list can be both sorted and filtered; the other sorts are by id.
TIMES = frozenset({"created_at", "date", "effective_from", "occurred_at", "usage_date"})


@dataclass(frozen=True)
class Resource:
    """One list of Chargebee's API and the stream that it becomes."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str
    """The list, below the API's base; with ``{id}``, the one that each record of the parent has."""
    envelope: str
    """The key of the record in each item of the list; empty where the item is the record."""
    sort_by: str | None = None
    """What to sort by: something that does not move while the list is read."""
    siblings: tuple[str, ...] = ()
    """Other keys of the item that are kept, as properties of the record; null where the item has none."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = "updated_at"
    """The time that the list can be filtered by; None for a list that is read whole each time."""
    include_deleted: bool = False
    """Whether the list knows ``include_deleted``."""
    catalogs: tuple[int, ...] = (1, 2)
    """The Product Catalogs that have it."""
    parent: str | None = None
    """The stream whose records this one is asked for by."""
    parent_key: str | None = None
    """The property that the parent's id becomes, where the records do not hold it."""
    answer: str = "list"
    """The key of the items in an answer; empty where the answer is itself the one item."""
    daily: str | None = None
    """The parameter that takes a day, where there is one answer a day."""
    params: tuple[tuple[str, str], ...] = ()
    """What the list must be asked with."""
    by_customer: str | None = None
    """The filter that picks the records of given customers."""
    changed_on: tuple[str, ...] = ()
    """Events that tell of a change which may not move ``updated_at``."""
    deleted_on: str | None = None
    """The event that tells of a deletion, which the list does not show."""
    selected: bool = True
    """Whether it is read without being asked for."""
    expires: bool = False
    """Whether Chargebee forgets its records after a time, so that one that is gone was not deleted."""
    large: bool = False
    """Whether the line items of a large record come in parts."""

    @property
    def is_incremental(self) -> bool:
        """Whether a run makes use of what the last one left, though it be no more than when that was."""
        return bool(self.replication_key or self.parent or self.daily or self.deleted_on)

    @property
    def time(self) -> str | None:
        """The time that the list is in the order of, and can be filtered by."""
        return self.sort_by if self.sort_by in TIMES else None

    @property
    def creation(self) -> str | None:
        """The time by which a list can be bounded, whether or not it can be sorted by it."""
        return self.time or (self.replication_key if self.replication_key in TIMES else None)

    def record(self, item: dict[str, Any]) -> dict[str, Any]:
        """The record of one item of the list, with the siblings kept."""
        record: dict[str, Any] = item[self.envelope] if self.envelope else item
        for sibling in self.siblings:
            record[sibling] = item.get(sibling)
        return record
