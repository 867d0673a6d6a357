"""What can be read of Chargebee, one row a resource, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import SchemaDirectory, Stream, StreamSchema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_chargebee import schemas, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_chargebee.client import Pages
    from tap_chargebee.tap import TapChargebee


@dataclass(frozen=True)
class Resource:
    """One list of Chargebee's API and the stream that it becomes."""

    name: str
    """The stream; its schema is ``schemas/{name}.json``."""
    path: str
    """The list, below the API's base."""
    envelope: str
    """The key of the record in each item of the list."""
    sort_by: str
    """The time to sort by and to bound with `start_date`: one that does not move while the list is read."""
    siblings: tuple[str, ...] = ()
    """Other keys of the item that are kept, as properties of the record; null where the item has none."""
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str = "updated_at"
    include_deleted: bool = True
    """Whether the list knows ``include_deleted``."""

    def record(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The record of one item of the list, with the siblings kept."""
        record: dict[str, Any] = item[self.envelope]
        for sibling in self.siblings:
            record[sibling] = item.get(sibling)
        return record


STREAMS = (
    Resource("customers", "/customers", "customer", sort_by="created_at", siblings=("card",)),
    # Each item of this list repeats the customer and the card, which come with `customers`.
    Resource("subscriptions", "/subscriptions", "subscription", sort_by="created_at"),
    # An invoice has no `created_at`. Its `date` moves only when a pending one is closed, and `updated_at` with it.
    Resource("invoices", "/invoices", "invoice", sort_by="date"),
)


class ChargebeeStream(Stream):
    """One resource, read a page at a time.

    The list is not in the order of its replication key, so a bookmark that moved before the list ended would skip what
    had not come yet. While a stream is read, STATE holds the bookmark that the run started from, and nothing else.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))

    def __init__(self, tap: TapChargebee, resource: Resource) -> None:
        super().__init__(tap=tap, name=resource.name)
        self._source = tap
        self._resource = resource
        self._window: windows.Window | None = None
        self._pages: Pages | None = None
        self._greatest: int | None = None
        self.primary_keys = resource.primary_keys
        self.replication_key = resource.replication_key

    def open(self) -> Pages:
        """Begin to read: decide on the window, and send for the first page."""
        if self._pages is None:
            self._window = windows.read_window(
                self._bookmark(), lookback=self.config["lookback"], run_start=self._source.run_start
            )
            self.logger.info("Reading %s", self._window or "everything")
            query = windows.list_query(
                self._resource,
                self._window,
                start_date=self._source.start_date,
                include_deleted=self.config["include_deleted"],
            )
            self._pages = self._source.client.pages(self._resource.path, query)
        return self._pages

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002 no parents here
        """Every record of the run's window, each version once."""
        repeats = windows.Repeats()
        for page in self.open():
            for item in page:
                record = self._resource.record(item)
                if not repeats.repeats(record):
                    self._note(record)
                    yield record

    def _note(self, record: Mapping[str, Any]) -> None:
        """Remember the greatest replication key; a record last changed before 2016-09-28 has none."""
        value = record.get(self._resource.replication_key)
        if value is not None and (self._greatest is None or value > self._greatest):
            self._greatest = value

    def _bookmark(self) -> int | None:
        """Where the last run came to; None for a stream never read, or when the catalog asks for the full table.

        The SDK's own look-up leaves an empty bookmark behind, and with it a STATE before the first SCHEMA of a first
        run, which those that read the tap take for a later run.
        """
        state = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if self.replication_method == REPLICATION_FULL_TABLE or state.get("replication_key") != self.replication_key:
            return None
        bookmark: int | None = state.get("replication_key_value")
        return bookmark

    def get_replication_key_signpost(self, context: Mapping[str, Any] | None = None) -> None:
        """None: what holds the bookmark back is the server's clock, not this machine's."""

    def _write_starting_replication_value(self, context: Mapping[str, Any] | None) -> None:
        """Nothing: the bookmark itself is where the run starts from."""

    def _increment_stream_state(
        self, latest_record: Mapping[str, Any], *, context: Mapping[str, Any] | None = None
    ) -> None:
        """Nothing: no record is progress until the stream is complete."""

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:
        """Move the bookmark: the SDK calls this when the stream is complete, and writes STATE after it."""
        if self.replication_method != REPLICATION_FULL_TABLE:
            started_from = None if self._window is None else self._bookmark()
            reached = windows.next_bookmark(started_from, self._greatest, run_start=self._source.run_start)
            if reached is not None:
                self.stream_state.update(replication_key=self.replication_key, replication_key_value=reached)
        super()._finalize_state(state)
