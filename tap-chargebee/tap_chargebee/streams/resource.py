"""One list of Chargebee's API, described for the tap, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from dataclasses import dataclass

PC1 = (1,)
PC2 = (2,)
# Times by which lists can be sorted and filtered. All other lists are sorted by id.
TIMES = frozenset({"created_at", "date", "effective_from", "occurred_at", "usage_date"})


@dataclass(frozen=True)
class Resource:
    """One list of Chargebee's API, and the stream made from it."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str
    """The path of the list below the API's base; with ``{id}`` it is the list of one parent record."""
    envelope: str
    """The key of the record in each item of the list; empty if the item itself is the record."""
    sort_by: str | None = None
    """The sort order: a value that does not change while the list is read."""
    siblings: tuple[str, ...] = ()
    """Other keys of the item that become properties of the record, or null if they are missing."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = "updated_at"
    """The time by which the list can be filtered; None if every run reads the whole list."""
    include_deleted: bool = False
    """Whether the list accepts the parameter ``include_deleted``."""
    catalogs: tuple[int, ...] = (1, 2)
    """The Product Catalogs that have this list."""
    parent: str | None = None
    """The stream whose ids are part of this list's path, with one call per id."""
    parent_key: str | None = None
    """The property for the parent's id, if the records do not have it."""
    answer: str = "list"
    """The key of the items in an answer; empty if the answer itself is the only item."""
    daily: str | None = None
    """The parameter for the day, if there is one answer per day."""
    params: tuple[tuple[str, str], ...] = ()
    """Parameters that every call needs."""
    by_customer: str | None = None
    """The filter that selects the records of some customers."""
    by_entity: bool = False
    """Whether its records belong to a business entity, with their customer."""
    entity: str = ""
    """The business entity whose records this run reads; empty for the whole site."""
    by_event: str | None = None
    """The filter that selects the events with some ids."""
    changed_on: tuple[str, ...] = ()
    """Types of events for changes that may not change ``updated_at``."""
    deleted_on: str | None = None
    """The type of event for a deletion, if the list does not show deleted records."""
    selected: bool = True
    """Whether the stream is selected by default."""
    expires: bool = False
    """Whether Chargebee drops old records, so that a missing record does not mean a deletion."""
    large: bool = False
    """Whether the line items of a record may come in parts."""

    @property
    def is_incremental(self) -> bool:
        """Whether a run starts from the last run's bookmark, even if that contains only the time of the run."""
        return bool(self.replication_key or self.parent or self.daily or self.deleted_on)

    @property
    def time(self) -> str | None:
        """The time by which the list is sorted and can be filtered; None if there is none."""
        return self.sort_by if self.sort_by in TIMES else None

    @property
    def creation(self) -> str | None:
        """The creation time by which the list can be filtered, whether or not it is sorted by it."""
        return self.time or (self.replication_key if self.replication_key in TIMES else None)
