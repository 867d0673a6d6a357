"""One list of Chargebee's API, as the tap sees it, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from dataclasses import dataclass

PC1 = (1,)
PC2 = (2,)
# Times by which a list can be both sorted and filtered; every other list is sorted by id.
TIMES = frozenset({"created_at", "date", "effective_from", "occurred_at", "usage_date"})


@dataclass(frozen=True)
class Resource:
    """One list of Chargebee's API and the stream that it becomes."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str
    """The path of the list below the API's base; with ``{id}`` it is the list of one parent record."""
    envelope: str
    """The key of the record in each item of the list; empty where the item itself is the record."""
    sort_by: str | None = None
    """The sort order: a value that does not change while the list is read."""
    siblings: tuple[str, ...] = ()
    """Other keys of the item that become properties of the record; null where the item has none."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = "updated_at"
    """The time by which the list can be filtered; None for a list that every run reads whole."""
    include_deleted: bool = False
    """Whether the list takes the parameter ``include_deleted``."""
    catalogs: tuple[int, ...] = (1, 2)
    """The Product Catalogs that have it."""
    parent: str | None = None
    """The stream whose ids stand in this list's path, one call per record."""
    parent_key: str | None = None
    """The property for the parent's id, where the records do not hold it."""
    answer: str = "list"
    """The key of the items in an answer; empty where the answer itself is the only item."""
    daily: str | None = None
    """The parameter for the day, where there is one answer per day."""
    params: tuple[tuple[str, str], ...] = ()
    """Parameters that every call needs."""
    by_customer: str | None = None
    """The filter that selects the records of some customers."""
    changed_on: tuple[str, ...] = ()
    """Types of event for changes that may not move ``updated_at``."""
    deleted_on: str | None = None
    """The type of event for a deletion, where the list does not show deleted records."""
    selected: bool = True
    """Whether the stream is selected by default."""
    expires: bool = False
    """Whether Chargebee drops its records after a time, so that a missing record was not deleted."""
    large: bool = False
    """Whether the line items of a record may come in parts."""

    @property
    def is_incremental(self) -> bool:
        """Whether a run starts from the bookmark of the last run, even if it holds only the time of that run."""
        return bool(self.replication_key or self.parent or self.daily or self.deleted_on)

    @property
    def time(self) -> str | None:
        """The time by which the list is sorted and can be filtered; None where there is none."""
        return self.sort_by if self.sort_by in TIMES else None

    @property
    def creation(self) -> str | None:
        """The creation time by which the list can be filtered, whether or not it is sorted by it."""
        return self.time or (self.replication_key if self.replication_key in TIMES else None)
