"""A stream of the tap: the pages that a run reads, the records that it sends, and its bookmark."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

import msgspec
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from tap_chargebee import schemas
from tap_chargebee._kit.deduplicator import Deduplicator
from tap_chargebee._kit.json_types import JsonObject, JsonValue
from tap_chargebee._kit.progress import Progress
from tap_chargebee._kit.record_keys import RecordKeys
from tap_chargebee._kit.stream import RecordStream, change_schemas
from tap_chargebee.api.errors import GoneError, NotOfferedError, UserError
from tap_chargebee.api.nested_lists import complete_record
from tap_chargebee.state import bookmarks
from tap_chargebee.state.sent_records import SentRecords
from tap_chargebee.streams import windows
from tap_chargebee.streams.custom_fields import UndeclaredFields
from tap_chargebee.streams.entities import select_own
from tap_chargebee.streams.events import EVENT_RETENTION
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resources import STREAM_ORDER

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.singerlib import CatalogEntry, RecordMessage

    from tap_chargebee.api.pages import Item
    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.tap import TapChargebee

IDS_PER_FILTER = 50
"""The number of ids per filter, as they are part of the URL, whose length is limited."""
Record: TypeAlias = msgspec.Raw | bytes | JsonObject
"""A record as it goes out: its JSON as it came, or decoded where something of it is left out or changed."""


class ChargebeeStream(RecordStream):
    """One resource, read page by page."""

    needs_events_first = False
    """Whether events decide which pages are read."""

    def __init__(self, tap: TapChargebee, resource: Resource) -> None:
        self._source = tap.source
        self._clock = tap.utc_now
        self._flush = tap.flush
        self._undeclared = UndeclaredFields(lambda: self._catalog_entry.schema.properties or {})
        self.resource = resource
        super().__init__(tap=tap, name=resource.name)
        self.selected_by_default = resource.selected
        self._place = STREAM_ORDER[resource.name]
        self._reader: ListReader | None = None
        self._get_identity = attrgetter("id", *resource.primary_keys)
        self.primary_keys = resource.primary_keys
        self.replication_key = resource.replication_key

    @property
    def replication_method(self) -> str:
        """The catalog's method, or else the one that the resource permits."""
        own = REPLICATION_INCREMENTAL if self.resource.is_incremental else REPLICATION_FULL_TABLE
        return str(self.forced_replication_method or own)

    @property
    def schema(self) -> JsonObject:
        """The schema that ``scripts/make_schemas.py`` made, with the site's own fields where their types are known."""
        return self._schema_with_fields

    @cached_property
    def _schema_with_fields(self) -> JsonObject:
        schema: JsonObject = json.loads(files(schemas).joinpath(f"{self.resource.name}.json").read_bytes())
        schema["properties"] |= self._source.custom_fields.get(self.resource.envelope, {})
        return schema

    @property
    def _catalog_entry(self) -> CatalogEntry:
        """What the catalog says of this stream; its schema is that of the SCHEMA message, before ``stream_maps``."""
        (entry,) = [entry for entry in self._tap.catalog.streams if entry.tap_stream_id == self.name]
        return entry

    def _declare_fields(self, fields: JsonObject) -> None:
        """Add the site's own fields that the catalog lacks."""
        self.logger.info("Fields that the catalog does not declare: %s", ", ".join(fields))
        schema = {"properties": {}, **self._catalog_entry.schema.to_dict()}
        change_schemas(self._tap, {self.name: {**schema, "properties": {**schema["properties"], **fields}}})
        self.schema["properties"].update(fields)

    def declare_first_page(self) -> None:
        """Declare the fields of the first page before the first SCHEMA is sent."""
        page = self.start_reading().first_page
        self._check_entity(page)
        fields: JsonObject = {}
        for item in page:
            fields |= self._undeclared.find_new(item.text)
        if fields:
            self._declare_fields(fields)

    def _check_entity(self, page: Sequence[Item]) -> None:
        """Check that customers name their business entity.

        Raises:
            UserError: none of them does, so the site has no business entities to choose from.
        """
        if not self.resource.entity or self.resource.by_customer != "id" or self.window is not None or not page:
            return
        if not any(item.members.business_entity_id for item in page):
            raise UserError(
                f"No customer of the site `{self.config['site']}` names a business entity: remove the setting "
                "`business_entity_id`."
            )

    def start_reading(self) -> ListReader:
        """Choose what to read, and request the first page. Later calls return the same reader."""
        if self._reader is None:
            self._reader = self._build_reader(self.resource, self._build_queries())
        return self._reader

    def _build_reader(self, resource: Resource, queries: list[dict[str, str]], *, part: int = 0) -> ListReader:
        source = self._source
        return ListReader(source.pool, source.client, resource, queries, key=(self._place, part), now=source.run_start)

    def _build_queries(self) -> list[dict[str, str]]:
        if self._source.is_subset:
            if self.resource.by_event:
                return self._build_id_queries(self.resource, self.resource.by_event, self.config.get("event_ids") or ())
            return self._build_id_queries(
                self.resource, self.resource.by_customer or "id", self._source.chosen_customers
            )
        self.logger.info("Reading %s", self.window or "everything")
        return [self._build_window_query(self.window)]

    def _build_window_query(self, window: windows.Window | None) -> dict[str, str]:
        start_date, include_deleted = self._source.start_date, self.config["include_deleted"]
        return windows.build_list_query(self.resource, window, start_date=start_date, include_deleted=include_deleted)

    def _build_id_queries(self, resource: Resource, name: str, ids: Iterable[str]) -> list[dict[str, str]]:
        """Return the parameters of lists that hold the records with one of the ids.

        Args:
            resource: the list.
            name: the filter that takes the ids.
            ids: any number of them.
        """
        query = {"sort_by[asc]": resource.sort_by} if resource.sort_by else {}
        # `customer_limit` counts only customers that are not deleted.
        is_first_customers = name == "id" and bool(self.config.get("customer_limit"))
        if self.config["include_deleted"] and resource.include_deleted and not is_first_customers:
            query["include_deleted"] = "true"
        chosen = list(ids)
        batches = [chosen[start : start + IDS_PER_FILTER] for start in range(0, len(chosen), IDS_PER_FILTER)]
        return [{**query, f"{name}[in]": json.dumps(batch)} for batch in batches]

    @cached_property
    def window(self) -> windows.Window | None:
        """The window of this run, by replication key or by events; None for everything."""
        now = self._source.run_start
        read_at = self._bookmark.get("read_at", self._last_reached)
        if self._follows_events and read_at is not None and now - read_at > EVENT_RETENTION:
            self.logger.warning(
                "The last run was more than 80 days ago, longer than Chargebee keeps events: reading everything"
            )
            return None
        times = (read_at, self._last_reached)
        found = [windows.choose_window(at, lookback=self.config["lookback"], run_start=now) for at in times]
        return found[-1] if all(found) else None

    @property
    def is_whole(self) -> bool:
        """Whether this run reads all records of the site, so that a missing record does not exist."""
        with_deleted = self.config["include_deleted"] or not self.resource.include_deleted
        # A record of another business entity is not missing, and one that moved there may leave others behind.
        return self._is_unbounded and with_deleted and not self.resource.entity

    @property
    def replaces_all_rows(self) -> bool:
        """Whether a row that this run does not send belongs to a deleted record."""
        resource, is_test = self.resource, self.ABORT_AT_RECORD_COUNT is not None
        return self._is_unbounded and not (resource.expires or resource.daily or is_test or resource.entity)

    @property
    def _is_unbounded(self) -> bool:
        return self.window is None and self._source.start_date is None and not self._source.is_subset

    @property
    def _last_reached(self) -> int | None:
        """The time up to which the last run read: its greatest replication key, or else its start."""
        return self._bookmark.get("replication_key_value" if self.replication_key else "read_at")

    @property
    def _has_events(self) -> bool:
        """Whether events show changes that this stream's list does not."""
        return bool(self.resource.changed_on or self.resource.deleted_on)

    @property
    def _follows_events(self) -> bool:
        return bool(self.config["follow_events"]) and self._has_events

    @property
    def events_since(self) -> int | None:
        """The time from which this stream needs events, in Unix seconds; None if it needs none."""
        if not self._follows_events or self._source.is_subset or self.window is None:
            return None
        read_at = self._bookmark.get("read_at")
        since = self.window.start if read_at is None else read_at - self.config["lookback"]
        return max(since, self._source.run_start - EVENT_RETENTION)

    @property
    def moves_since(self) -> int | None:
        """The time from which this stream needs moves between business entities; None if it needs none.

        A run that reads everything again needs them too, as the records that left are in no list, and whoever keeps the
        records of the last run still has them. Unlike events, moves do not expire.
        """
        if not self.resource.entity or self._source.is_subset:
            return None
        last: JsonObject = self.tap_state.get("bookmarks", {}).get(self.name, {})
        read_at: int | None = last.get("read_at", last.get("replication_key_value"))
        return None if read_at is None else max(read_at - self.config["lookback"], 0)

    def get_records(self, context: Mapping[str, JsonValue] | None) -> Iterable[JsonObject]:  # noqa: ARG002 no contexts
        """Yield every record of the run, with each version once."""
        self.choose_version(self._bookmark, self._source.run_start)
        try:
            # The limit of `--test` applies here, so that the SDK does not abort an unfinished stream.
            yield from islice(self._read_records(), self.ABORT_AT_RECORD_COUNT)
        except NotOfferedError as error:
            # `--test` reads all streams, even those that the site lacks, while a run reads only selected ones.
            if self.ABORT_AT_RECORD_COUNT is None:
                raise
            self.logger.warning("%s", error.message)
        self.activate_version()

    def _read_records(self) -> Iterator[JsonValue]:
        events = self._source.events
        not_in_list = dict.fromkeys(events.list_updated(self.name))
        deduplicator = Deduplicator()
        for item in self._warn_of_missing(self._read_items(self.start_reading())):
            members = item.members
            if events.is_deleted(self.name, members.id, members.resource_version):
                continue
            if not deduplicator.is_duplicate(self._get_identity(members), members.resource_version):
                not_in_list.pop(members.id, None)
                # Records that were last changed before 2016-09-28 have no `updated_at`.
                changed_at = getattr(members, self.resource.replication_key or "", None)
                self._observe(changed_at)
                if not self._sent_records.is_repeated(item.text, changed_at):
                    yield self._build_record(item)
        if not_in_list:
            yield from self._reread_updated(list(not_in_list))
        yield from self._send_deleted()
        yield from self._send_moved()

    def _warn_of_missing(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and log the customers in the settings that do not exist."""
        chosen = self._source.chosen_customers if self._source.is_subset and self.resource.by_customer == "id" else []
        missing = dict.fromkeys(chosen)
        for item in items:
            missing.pop(item.members.id, None)
            yield item
        if missing:
            place = "business entity" if self.resource.entity else "site"
            self.logger.warning("The %s has no such customers: %s", place, ", ".join(missing))

    def _send_deleted(self) -> Iterator[JsonObject]:
        """Yield the records that were deleted since the last run, as they were before their deletion."""
        for record in self._source.events.list_deleted(self.name):
            self._check_keys([record.get(key) for key in self.resource.primary_keys], "in an event")
            if not self._sent_records.is_repeated(msgspec.json.encode(record), self._source.run_start):
                yield record

    def _send_moved(self) -> Iterator[JsonObject]:
        """Yield the records that moved between business entities; one that left is sent as deleted."""
        kind = self.resource.envelope
        ids = self._source.moves.list_ids(kind)
        if not self.resource.entity or not ids:
            return
        everywhere = replace(self.resource, entity="")
        for query in self._build_id_queries(everywhere, "id", ids):
            for record in self._source.client.fetch_records(everywhere.path, query, everywhere):
                moved = self._source.moves.build_record(kind, record)
                if not self._sent_records.is_repeated(msgspec.json.encode(moved), self._source.run_start):
                    yield moved

    def _reread_updated(self, ids: list[str]) -> Iterator[Record]:
        """Yield the records that were updated according to events but did not come in the list."""
        self.logger.info("Reading %d more records that changed according to events", len(ids))
        # An event proves that the record changed since the last run, even if its `updated_at` did not. So the start
        # date limits these records only if it applies to another time of the stream.
        is_bounded = self.resource.replication_key != "updated_at"
        bounds = self._build_window_query(None) if is_bounded else {}
        queries = [query | bounds for query in self._build_id_queries(self.resource, "id", ids)]
        reader = self._build_reader(self.resource, queries, part=1)
        reader.begin()
        for item in self._read_items(reader):
            if not self._sent_records.is_repeated(item.text, self._source.run_start):
                yield self._build_record(item)

    @cached_property
    def _sent_records(self) -> SentRecords:
        return SentRecords("" if self.window is None else self._bookmark.get("seen", ""))

    def _read_items(self, reader: ListReader) -> Iterator[Item]:
        progress = Progress(self.logger, until=self._source.run_start if self.resource.time else None)
        for number, page in enumerate(reader, start=1):
            self._extracted = self._clock()
            for item in page:
                self._check_keys([getattr(item.members, key) for key in self.resource.primary_keys], f"page {number}")
            yield from select_own(page, self.resource)
            progress.count_page(len(page), getattr(page[-1].members, self.resource.time or "", None) if page else None)
            self._flush()

    def _check_keys(self, values: Sequence[object], place: str) -> None:
        """Check the key of one record.

        Raises:
            UserError: a key is missing or has another type.
        """
        if problem := self._keys.find_problem(values, place):
            raise UserError(problem)

    @cached_property
    def _keys(self) -> RecordKeys:
        return RecordKeys("Chargebee", self.name, self.resource.primary_keys, self.schema)

    def _build_record(self, item: Item) -> Record:
        """Return a record with all of its line items, as JSON unless a part of it is left out or changed."""
        if self.resource.large and item.members.line_items_next_offset:
            path = f"{self.resource.path}/{quote(item.members.id, safe='')}"
            try:
                return complete_record(item.decode_record(), self._source.client, path, self.resource.envelope)
            except GoneError:
                self.logger.info("A record was deleted before its line items were read: it is sent without them")
        return item.text if self._is_plain else item.decode_record()

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Yield the message of a record, after a new SCHEMA if it has a field that the schema lacks."""
        if fields := self._undeclared.find_new(record):
            self._declare_fields(fields)
            self._write_schema_message()
        yield from super()._generate_record_messages(record)

    @cached_property
    def _bookmark(self) -> Mapping[str, JsonValue]:
        """The bookmark of the last run; empty for a stream never read, or when the catalog asks for the full table.

        The SDK's own look-up leaves an empty bookmark behind. That would make a STATE before the first SCHEMA of a
        first run, and the map would take it for a later run.
        """
        bookmark: JsonObject = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if not bookmark or self.replication_method == REPLICATION_FULL_TABLE:
            return {}
        if bookmarks.is_usable(bookmark, self.replication_key, self._source.scope):
            return dict(bookmark)
        self.logger.warning("The bookmark was written under other settings, so it is not used: reading everything")
        return {}

    def _write_state_message(self) -> None:
        """Write STATE, except in a run over some customers, which is no progress."""
        if not self._source.is_subset:
            super()._write_state_message()

    def _finalize_state(self, state: JsonObject | None = None) -> None:
        """Move the bookmark. The SDK calls this when the stream is complete, and writes STATE after it."""
        # `--test` ends a stream after its first record.
        is_partial = self._source.is_subset or self.ABORT_AT_RECORD_COUNT is not None
        if self.replication_method != REPLICATION_FULL_TABLE and not is_partial and (new := self._build_bookmark()):
            self.stream_state.clear()
            self.stream_state.update(new)
        super()._finalize_state(state)

    def _build_bookmark(self) -> dict[str, int | str]:
        started_from = None if self.window is None else self._last_reached
        reached = windows.advance_bookmark(started_from, self._greatest, run_start=self._source.run_start)
        # A run without events does not change `read_at`, as the next run needs the events since then.
        saw_all_changes = self.window is None or self._follows_events or not self._has_events
        return bookmarks.build_bookmark(
            self.replication_key,
            reached,
            read_at=self._source.run_start if saw_all_changes else self._bookmark.get("read_at"),
            scope=self._source.scope,
            seen=self._sent_records.encode_since((reached or 0) - self.config["lookback"]),
            version=self._stream_version,
        )
