"""A stream of the tap: the pages that a run reads, the records that it sends, and its bookmark."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_intercom import schemas
from tap_intercom._kit.clock import is_recent
from tap_intercom._kit.deduplicator import Deduplicator
from tap_intercom._kit.parallel_map import OrderedParallelMap
from tap_intercom._kit.progress import Progress
from tap_intercom._kit.record_keys import RecordKeys
from tap_intercom._kit.stream import RecordStream
from tap_intercom.api.errors import GoneError, NotOfferedError, UserError
from tap_intercom.api.lists import fetch_all
from tap_intercom.api.nested_lists import complete_record
from tap_intercom.api.pages import is_truncated
from tap_intercom.state import user_counts
from tap_intercom.state.bookmarks import build_bookmark
from tap_intercom.streams.custom_attributes import add_attributes
from tap_intercom.streams.resources import ROWS
from tap_intercom.streams.windows import choose_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_intercom._kit.json_types import JsonObject, JsonValue
    from tap_intercom.api.lists import ListReader
    from tap_intercom.api.pages import Item
    from tap_intercom.streams.resource import Resource
    from tap_intercom.tap import TapIntercom

T = TypeVar("T")
LONG_LIST = 1000
"""`scroll_every` applies only to a list with more records than this."""


def read_schema(resource: Resource) -> JsonObject:
    """Return a resource's JSON schema, which ``scripts/make_schemas.py`` made."""
    schema: JsonObject = json.loads(files(schemas).joinpath(f"{resource.name}.json").read_bytes())
    return schema


class IntercomStream(RecordStream):
    """One resource, read page by page."""

    def __init__(self, tap: TapIntercom, resource: Resource) -> None:
        self._source = tap.source
        self._clock = tap.utc_now
        self._flush = tap.flush
        # The SDK has its own reference `_tap`, whose type lacks this tap's additions.
        self._own_tap = tap
        self.resource = resource
        super().__init__(tap=tap, name=resource.name)
        self.selected_by_default = resource.selected
        self._listed_count = 0
        self._get_identity = attrgetter(*self.page_resource.primary_keys)
        self.primary_keys = resource.primary_keys
        self.replication_key = resource.replication_key

    @property
    def schema(self) -> JsonObject:
        """The schema that ``scripts/make_schemas.py`` made, with the workspace's custom attributes."""
        source = self._source
        return add_attributes(self._file_schema, source.attributes.get(self.name, {}), source.attributes_read_at)

    @cached_property
    def _file_schema(self) -> JsonObject:
        return read_schema(self.resource)

    @property
    def page_resource(self) -> Resource:
        """The resource whose pages this stream reads; a child stream reads its parent's."""
        return self.resource

    @property
    def _change_time(self) -> str | None:
        """The time that shows the stream which records of the list changed; None if it sends all of them."""
        return self.resource.replication_key

    @property
    def inner_lists(self) -> tuple[str, ...]:
        """Further lists in a record that this stream needs besides those of the list's row."""
        return ()

    def start_reading(self) -> ListReader:
        """Return the reader of the list. Request its first page if no other stream did."""
        return self._own_tap.lists.open_list(self)

    @cached_property
    def since(self) -> int | None:
        """The earliest change that this run sends, in Unix seconds; None for everything."""
        # The records in a subset are sent at any age.
        if self.resource.replication_key is None or self._source.is_subset:
            return None
        start_date = self._source.start_date
        if self.name in self.config["send_unchanged"] and self.page_resource.way != "search":
            return start_date
        since = start_date
        if self._bookmark:
            since = choose_since(
                self._bookmark,
                lookback=self.config["lookback"],
                start_date=start_date,
                run_start=self._source.run_start,
                reread_every=self.config.get("reread_every"),
            )
        start = None if since is None else datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.logger.info("Reading %s", "everything" if start is None else f"changes since {start}")
        return since

    @cached_property
    def is_skipped(self) -> bool:
        """Whether this run does not read the list, because it is long and was read within `scroll_every`."""
        every, read_at = self.config.get("scroll_every"), self._bookmark.get("read_at")
        if (
            self.page_resource.way != "scroll"
            or every is None
            or read_at is None
            or self.is_test
            or self._source.is_subset
        ):
            return False
        # The last run may have skipped records before its start date, which this run needs.
        was_bounded = (self._bookmark.get("from") or 0) > (self._source.start_date or 0)
        is_long = self._bookmark.get("listed", 0) > LONG_LIST
        return is_long and not was_bounded and is_recent(read_at, self._source.run_start, every)

    @property
    def is_test(self) -> bool:
        """Whether this is a `--test` run, which reads one record per stream."""
        return self.ABORT_AT_RECORD_COUNT is not None

    def get_records(self, context: Mapping[str, JsonValue] | None) -> Iterable[JsonObject]:  # noqa: ARG002 no contexts
        """Yield every record of the run, with each version once."""
        self.choose_version(self._bookmark, self._source.run_start)
        try:
            yield from self._read_records()
        except NotOfferedError as error:
            # `--test` reads all streams, even those that the workspace lacks, while a run reads only selected ones.
            if not self.is_test:
                raise
            self.logger.warning("%s", error.message)
        self.activate_version()

    def _read_records(self) -> Iterator[JsonValue]:
        """Yield the changed records with all of their lists, and the contacts that joined a company."""
        selected = tuple(name for name in self.resource.lists if self.mask.get(("properties", name), True))
        for item, record in self._complete_records(selected):
            # A record is sent as its JSON unless a part of it is left out or changed.
            yield record or (item.text if self._is_plain else item.decode_record())
        if self.resource.membership and not (self.is_test or self._source.is_subset):
            yield from self._read_new_members(selected, *self.resource.membership)

    def _read_changed(self) -> Iterator[Item]:
        """Yield the items of the list that changed since the stream's last reading."""
        since, deduplicator = self.since, Deduplicator()
        for item in self._read_items():
            at = None if self._change_time is None else getattr(item.members, self._change_time)
            # Searches return some older records too, and other lists cannot be filtered at all.
            if since is not None and at is not None and at < since:
                continue
            if not deduplicator.is_duplicate(self._get_identity(item.members), at):
                self._observe(at)
                yield item

    def _read_items(self) -> Iterator[Item]:
        reader = self.start_reading()
        reader.begin()
        listed = self.page_resource
        keys = RecordKeys("Intercom", listed.name, listed.primary_keys, read_schema(listed))
        progress = Progress(self.logger, until=self._source.run_start if listed.way == "search" else None)
        for number, page in enumerate(reader, start=1):
            self._extracted = self._clock()
            for item in page:
                values = [getattr(item.members, key) for key in listed.primary_keys]
                if problem := keys.find_problem(values, f"page {number}"):
                    raise UserError(problem)
            self._listed_count += len(page)
            yield from page
            # The next page may take long, so the buffered records are sent before.
            progress.count_page(len(page), page[-1].members.created_at if page else None)
            self._flush()

    def _check_keys(self, record: Mapping[str, JsonValue], place: str) -> None:
        """Check the key of a record that this stream built.

        Raises:
            UserError: a key is missing or has another type.
        """
        if problem := self._keys.find_problem([record.get(key) for key in self.resource.primary_keys], place):
            raise UserError(problem)

    @cached_property
    def _keys(self) -> RecordKeys:
        return RecordKeys("Intercom", self.name, self.resource.primary_keys, self._file_schema)

    def _read_new_members(self, lists: tuple[str, ...], stream: str, people: str) -> Iterator[JsonObject]:
        """Yield the contacts of companies whose number of users moved since the last scroll, changed or not.

        Args:
            lists: the lists in a contact that are completed.
            stream: the stream of the companies, which have `user_count`.
            people: the stream whose list holds the contacts of a company.
        """
        companies = self._own_tap.streams.get(stream)
        # Without a scroll in this run the numbers of users are unknown, and the next scroll compares with the old ones.
        if not isinstance(companies, IntercomStream) or not companies.selected or companies.is_skipped:
            return

        def fetch(company: Item) -> list[JsonObject]:
            client = self._source.client
            path = ROWS[people].path.format(id=quote(str(company.members.id), safe=""))
            try:
                return [complete_record(one, client, lists) for one in fetch_all(client, ROWS[people], path)]
            except GoneError:
                return []

        sent = set()
        changed = self._find_changed_companies(companies)
        for company, contacts in self._fetch_for_each(changed, needs=lambda _: True, fetch=fetch):
            for contact in contacts or ():
                self._check_keys(contact, f"of company {company.members.id}")
                # A contact may belong to several of these companies.
                if contact["id"] not in sent:
                    sent.add(contact["id"])
                    yield contact

    def _find_changed_companies(self, companies: IntercomStream) -> Iterator[Item]:
        """Yield the companies whose number of users may have changed, and keep the numbers for the next run."""
        items = (item for page in companies.start_reading() for item in page)
        before = self._user_counts
        now = user_counts.sum_users((item.members.id, item.members.user_count) for item in items)
        self._user_counts = now
        moved = frozenset() if before is None else user_counts.find_changed_buckets(before, now)
        if not moved:
            return
        self.logger.info("Reading the contacts of companies whose number of users changed (%d buckets)", len(moved))
        # The companies are read a second time: the sums are complete only after the last page.
        for page in companies.start_reading():
            yield from (item for item in page if user_counts.find_bucket(item.members.id) in moved)

    def _complete_records(self, lists: tuple[str, ...]) -> Iterator[tuple[Item, JsonObject | None]]:
        """Yield the changed items, each with its completed record, or with None if no list had to be fetched."""
        getters = [attrgetter(name) for name in lists]
        return iter(
            self._fetch_for_each(
                self._read_changed(),
                needs=lambda item: any(is_truncated(get(item.members)) for get in getters),
                fetch=lambda item: complete_record(item.decode_record(), self._source.client, lists),
            )
        )

    def _fetch_for_each(
        self, items: Iterator[Item], *, needs: Callable[[Item], bool], fetch: Callable[[Item], T]
    ) -> OrderedParallelMap[Item, T]:
        ahead = 2 * self.config["max_concurrency"]
        # The key has one number more than a page's, so that a page's parts come before later pages.
        key = (self._own_tap.find_place(self), 1)
        return OrderedParallelMap(self._source.pool, items, fetch, needs=needs, key=key, ahead=ahead)

    @property
    def _bookmark(self) -> Mapping[str, JsonValue]:
        """The bookmark of the last run; empty for a stream never read, or when the catalog asks for the full table.

        The SDK's own look-up leaves an empty bookmark behind. That would make a STATE before the first SCHEMA of a
        first run, and the map would take it for a later run.
        """
        bookmark: Mapping[str, JsonValue] = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if self.replication_method == REPLICATION_FULL_TABLE or bookmark.get("replication_key") != self.replication_key:
            return {}
        return bookmark

    @cached_property
    def _user_counts(self) -> list[int] | None:
        """The users of companies at the last scroll, in buckets; None when they are unknown."""
        return user_counts.decode_sums(self._bookmark.get("user_counts"))

    def _write_state_message(self) -> None:
        """Write STATE, except in a run over some records, which is no progress."""
        if not self._source.is_subset:
            super()._write_state_message()

    def _finalize_state(self, state: JsonObject | None = None) -> None:
        """Move the bookmark. The SDK calls this when the stream is complete, and writes STATE after it."""
        is_complete = not (self.is_test or self.is_skipped or self._source.is_subset)
        if is_complete and self.resource.replication_key and self.replication_method != REPLICATION_FULL_TABLE:
            bookmark = build_bookmark(
                self._bookmark,
                str(self.replication_key),
                greatest=self._greatest,
                run_start=self._source.run_start,
                start_date=self._source.start_date,
                workspace=self._source.workspace.id,
                is_whole=self.since is None or self.since == self._source.start_date,
                listed=self._listed_count if self.page_resource.way == "scroll" else None,
                user_counts=user_counts.encode_sums(self._user_counts) if self._user_counts else None,
                version=self._stream_version,
            )
            self.stream_state.update(bookmark)
        super()._finalize_state(state)

    @property
    def is_whole(self) -> bool:
        """Whether this run sends all records of the workspace, so that a missing record does not exist."""
        is_bounded = self.since is not None or self.is_skipped or self._source.is_subset
        return not is_bounded and self.start_reading().shortage is None

    @property
    def replaces_all_rows(self) -> bool:
        """Whether a row that this run does not send belongs to a deleted record."""
        is_bounded = self._source.start_date is not None or self.resource.expires or self.is_test
        return self.is_whole and not is_bounded
