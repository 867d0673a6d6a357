"""A stream of the tap: what it reads in a run, and what it remembers for the next."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.resources import files
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from tap_chargebee import schemas
from tap_chargebee._kit.deduplicator import Deduplicator
from tap_chargebee._kit.progress import Progress
from tap_chargebee._kit.record_keys import RecordKeys
from tap_chargebee._kit.stream import RecordStream, change_schemas
from tap_chargebee.api.errors import GoneError, NotOfferedError, UserError
from tap_chargebee.api.nested_lists import completed
from tap_chargebee.state import bookmarks
from tap_chargebee.state.sent_records import Overlap
from tap_chargebee.streams import windows
from tap_chargebee.streams.custom_fields import UndeclaredFields
from tap_chargebee.streams.events import LIFE
from tap_chargebee.streams.reader import ListReader
from tap_chargebee.streams.resources import STREAM_PLACES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.singerlib import RecordMessage

    from tap_chargebee.api.pages import Item
    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.tap import TapChargebee

IN_A_FILTER = 50
"""So many ids go into one filter: they stand in the URL."""


class ChargebeeStream(RecordStream):
    """One resource, read a page at a time."""

    waits_for_news = False
    """Whether events decide what is asked for."""

    def __init__(self, tap: TapChargebee, resource: Resource) -> None:
        self._source = tap.source
        self._clock = tap.utc_now
        self._flush = tap.flush
        self._undeclared = UndeclaredFields(lambda: self._catalogued_schema["properties"])
        self.resource = resource
        super().__init__(tap=tap, name=resource.name)
        self.selected_by_default = resource.selected
        self._place = STREAM_PLACES[resource.name]
        self._reading: ListReader | None = None
        self._identity = attrgetter("id", *resource.primary_keys)
        self.primary_keys = resource.primary_keys
        self.replication_key = resource.replication_key

    @property
    def replication_method(self) -> str:
        """What the catalog says, or else what the resource can."""
        own = REPLICATION_INCREMENTAL if self.resource.is_incremental else REPLICATION_FULL_TABLE
        return str(self.forced_replication_method or own)

    @property
    def schema(self) -> dict[str, Any]:
        """The schema that ``scripts/make_schemas.py`` made, with the site's own fields where it tells their types."""
        return self._schema_with_fields

    @cached_property
    def _schema_with_fields(self) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads(files(schemas).joinpath(f"{self.resource.name}.json").read_bytes())
        schema["properties"] |= self._source.custom_fields.get(self.resource.envelope, {})
        return schema

    @property
    def _catalogued_schema(self) -> dict[str, Any]:
        """The schema of the SCHEMA message, before any map."""
        (entry,) = [entry for entry in self._tap.catalog.streams if entry.tap_stream_id == self.name]
        return {"properties": {}, **entry.schema.to_dict()}

    def _declare(self, fields: Mapping[str, Any]) -> None:
        """Put the site's own fields that the catalog does not know into it."""
        self.logger.info("Fields that the catalog does not declare: %s", ", ".join(fields))
        schema = self._catalogued_schema
        change_schemas(self._tap, {self.name: {**schema, "properties": {**schema["properties"], **fields}}})
        self.schema["properties"].update(fields)

    def declare_first_page(self) -> None:
        """Declare the fields of the first page, before the first SCHEMA goes out."""
        fields = [self._undeclared.of(item.text) for item in self.open().first_page]
        if found := {name: kind for one in fields for name, kind in one.items()}:
            self._declare(found)

    def open(self) -> ListReader:
        """Begin to read: decide what, and send for the first page."""
        if self._reading is None:
            self._reading = self._read(self.resource, self._queries())
        return self._reading

    def _read(self, resource: Resource, queries: list[dict[str, str]], *, part: int = 0) -> ListReader:
        source = self._source
        return ListReader(source.pool, source.client, resource, queries, key=(self._place, part), now=source.run_start)

    def _queries(self) -> list[dict[str, str]]:
        if self._source.is_subset:
            return self._by_ids(self.resource, self.resource.by_customer or "id", self._source.chosen_customers)
        self.logger.info("Reading %s", self.window or "everything")
        return [self._bounds(self.window)]

    def _bounds(self, window: windows.Window | None) -> dict[str, str]:
        """The list of what the settings leave, and a window of time."""
        start_date, include_deleted = self._source.start_date, self.config["include_deleted"]
        return windows.list_query(self.resource, window, start_date=start_date, include_deleted=include_deleted)

    def _by_ids(self, resource: Resource, name: str, ids: Iterable[str]) -> list[dict[str, str]]:
        """The lists of the records that have one of the ids, deleted ones included where they are wanted."""
        query = {"sort_by[asc]": resource.sort_by} if resource.sort_by else {}
        if self.config["include_deleted"] and resource.include_deleted and self._source.takes_deleted(name):
            query["include_deleted"] = "true"
        chosen = list(ids)
        parts = [chosen[start : start + IN_A_FILTER] for start in range(0, len(chosen), IN_A_FILTER)]
        return [{**query, f"{name}[in]": json.dumps(part)} for part in parts]

    @cached_property
    def window(self) -> windows.Window | None:
        """The time that this run reads of, by replication key or by events; None for everything."""
        now = self._source.run_start
        read_at = self._bookmark.get("read_at", self._reached)
        if self._follows and read_at is not None and now - read_at > LIFE:
            self.logger.warning("The last run was more than 80 days ago, longer than events are kept: a full read")
            return None
        found = [
            windows.read_window(at, lookback=self.config["lookback"], run_start=now) for at in (read_at, self._reached)
        ]
        return found[-1] if all(found) else None

    @property
    def is_whole(self) -> bool:
        """Whether this run read all that there is, so that what did not come does not exist."""
        with_deleted = self.config["include_deleted"] or not self.resource.include_deleted
        return self._is_unbounded and with_deleted

    @property
    def replaces_all_rows(self) -> bool:
        """Whether a row that this run does not send is of a record that was deleted."""
        resource, is_test = self.resource, self.ABORT_AT_RECORD_COUNT is not None
        return self._is_unbounded and not (resource.expires or resource.daily or is_test)

    @property
    def _is_unbounded(self) -> bool:
        return self.window is None and self._source.start_date is None and not self._source.is_subset

    @property
    def _reached(self) -> int | None:
        """How far the last run came: where no property tells it, until when it read."""
        return self._bookmark.get("replication_key_value" if self.replication_key else "read_at")

    @property
    def _is_followed(self) -> bool:
        """Whether events tell more of this stream than its list does."""
        return bool(self.resource.changed_on or self.resource.deleted_on)

    @property
    def _follows(self) -> bool:
        return bool(self.config["follow_events"]) and self._is_followed

    @property
    def events_since(self) -> int | None:
        """The time from which on this stream needs the events, None when it needs none."""
        if not self._follows or self._source.is_subset or self.window is None:
            return None
        read_at = self._bookmark.get("read_at")
        since = self.window.start if read_at is None else read_at - self.config["lookback"]
        return max(since, self._source.run_start - LIFE)

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002 no contexts here
        """Every record of the run, each version once; of `--test` no more, so that the SDK has nothing to break off."""
        self.choose_version(self._bookmark, self._source.run_start)
        try:
            yield from islice(self._records(), self.ABORT_AT_RECORD_COUNT)
        except NotOfferedError as error:
            # `--test` reads of every stream that there is; a run has chosen its own.
            if self.ABORT_AT_RECORD_COUNT is None:
                raise
            self.logger.warning("%s", error.message)
        self.activate_version()

    def _records(self) -> Iterator[Any]:
        news = self._source.news
        unseen = dict(news.changed(self.name))
        deduplicator = Deduplicator()
        for item in self._missing(self._items(self.open())):
            head = item.head
            if news.outlives(self.name, head.id, head.resource_version):
                continue
            if not deduplicator.is_duplicate(self._identity(head), head.resource_version):
                unseen.pop(head.id, None)
                if not self._overlap.repeats(item.text, self._note(head)):
                    yield self._whole(item)
        yield from self._again(list(unseen))
        yield from self._gone()

    def _missing(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, and a word on chosen customers who were not among them: most often an id is misspelt."""
        chosen = self._source.chosen_customers if self._source.is_subset and self.resource.by_customer == "id" else []
        missing = dict.fromkeys(chosen)
        for item in items:
            missing.pop(item.head.id, None)
            yield item
        if missing:
            self.logger.warning("The site has no such customers: %s", ", ".join(missing))

    def _gone(self) -> Iterator[dict[str, Any]]:
        """The records of whose deletion events told, and that the list does not show anew, as they last were."""
        for record in self._source.news.deleted(self.name):
            self._check_keys([record.get(key) for key in self.resource.primary_keys], "in an event")
            if not self._overlap.repeats(msgspec.json.encode(record), self._source.run_start):
                yield record

    def _again(self, ids: list[str]) -> Iterator[Any]:
        """The records of which events told, and the list did not."""
        if ids:
            self.logger.info("Reading %d records again, of which events told", len(ids))
            # What an event told of changed since the last run, whether or not `updated_at` moved.
            is_bounded = self.resource.replication_key != "updated_at"
            bounds = self._bounds(None) if is_bounded else {}
            queries = [query | bounds for query in self._by_ids(self.resource, "id", ids)]
            reading = self._read(self.resource, queries, part=1)
            reading.begin()
            for item in self._items(reading):
                if not self._overlap.repeats(item.text, self._source.run_start):
                    yield self._whole(item)

    @cached_property
    def _overlap(self) -> Overlap:
        return Overlap("" if self.window is None else self._bookmark.get("seen", ""))

    def _items(self, reading: ListReader) -> Iterator[Item]:
        progress = Progress(self.logger, until=self._source.run_start if self.resource.time else None)
        for number, page in enumerate(reading, start=1):
            self._extracted = self._clock()
            self._check_page(page, number)
            yield from page
            progress.page(len(page), getattr(page[-1].head, self.resource.time or "", None) if page else None)
            self._flush()

    def _check_page(self, page: Iterable[Item], number: int) -> None:
        """Refuse a page on which a record has no key.

        Raises:
            UserError: a key is missing, or of another type.
        """
        for item in page:
            self._check_keys([getattr(item.head, key) for key in self.resource.primary_keys], f"page {number}")

    def _check_keys(self, values: Sequence[object], place: str) -> None:
        if problem := self._keys.find_problem(values, place):
            raise UserError(problem)

    @cached_property
    def _keys(self) -> RecordKeys:
        return RecordKeys("Chargebee", self.name, self.resource.primary_keys, self.schema)

    def _whole(self, item: Item) -> Any:
        """A record with all of its line items, as its JSON unless something of it is to be left out or changed."""
        if self.resource.large and item.head.line_items_next_offset:
            path = f"{self.resource.path}/{quote(item.head.id, safe='')}"
            try:
                return completed(item.record(), self._source.client, path, self.resource.envelope)
            except GoneError:
                self.logger.info("A record was deleted before its line items were read: it comes without them")
        return item.text if self._is_plain else item.record()

    def _note(self, head: Any) -> int | None:
        """The replication key of a record, and remember the greatest; one last changed before 2016-09-28 has none."""
        value: int | None = getattr(head, self.resource.replication_key or "", None)
        self._observe(value)
        return value

    def _generate_record_messages(self, record: Any) -> Generator[RecordMessage, None, None]:
        """Yield the message of a record, behind a new SCHEMA when it has a field that none declared."""
        if fields := self._undeclared.of(record):
            self._declare(fields)
            self._write_schema_message()
        yield from super()._generate_record_messages(record)

    @cached_property
    def _bookmark(self) -> Mapping[str, Any]:
        """Where the last run came to; empty for a stream never read, or when the catalog asks for the full table.

        The SDK's own look-up leaves an empty bookmark behind, and with it a STATE before the first SCHEMA of a first
        run, which those that read the tap take for a later run.
        """
        held: dict[str, Any] = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if not held or self.replication_method == REPLICATION_FULL_TABLE:
            return {}
        if bookmarks.usable(held, self.replication_key, self._source.scope):
            return dict(held)
        self.logger.warning("The bookmark was left under other settings, so it says nothing now: a full read")
        return {}

    def _write_state_message(self) -> None:
        """Write STATE, but not in a run over a part of the site: that is no progress."""
        if not self._source.is_subset:
            super()._write_state_message()

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:
        """Move the bookmark: the SDK calls this when the stream is complete, and writes STATE after it."""
        # `--test` ends a stream after its first record.
        is_part = self._source.is_subset or self.ABORT_AT_RECORD_COUNT is not None
        if self.replication_method != REPLICATION_FULL_TABLE and not is_part and (progress := self._progress()):
            self.stream_state.clear()
            self.stream_state.update(progress)
        super()._finalize_state(state)

    def _progress(self) -> dict[str, int | str]:
        """The bookmark, now that the stream was read to its end."""
        started_from = None if self.window is None else self._reached
        reached = windows.next_bookmark(started_from, self._greatest, run_start=self._source.run_start)
        return bookmarks.progress(
            self.replication_key,
            reached,
            read_at=self._read_at,
            scope=self._source.scope,
            seen=self._overlap.seen((reached or 0) - self.config["lookback"]),
            version=self._stream_version,
        )

    @property
    def _read_at(self) -> int | None:
        """Up to when nothing is left to be told: a run that did not look at events leaves that where it was."""
        if self.window is None or self._follows or not self._is_followed:
            return self._source.run_start
        return self._bookmark.get("read_at")
