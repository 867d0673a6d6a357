"""A stream of the tap: what it reads in a run, and what it remembers for the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_intercom import schemas
from tap_intercom._kit.clock import is_recent
from tap_intercom._kit.deduplicator import Deduplicator
from tap_intercom._kit.page_decoder import UnprovenError
from tap_intercom._kit.parallel_map import OrderedParallelMap
from tap_intercom._kit.progress import Progress
from tap_intercom._kit.record_keys import RecordKeys
from tap_intercom._kit.stream import RecordStream
from tap_intercom.api.errors import GoneError, NotOfferedError, UserError
from tap_intercom.api.nested_lists import completed
from tap_intercom.api.pages import is_cut
from tap_intercom.state import user_counts
from tap_intercom.streams import windows
from tap_intercom.streams.custom_attributes import with_attributes
from tap_intercom.streams.lists import all_of, within
from tap_intercom.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_intercom.api.pages import Item
    from tap_intercom.streams.lists import Pages
    from tap_intercom.streams.resource import Resource
    from tap_intercom.tap import TapIntercom

T = TypeVar("T")
VENDOR = "Intercom"
LONG = 1000
"""A list of more records than this is not read more often than `scroll_every`."""
ROWS = {resource.name: resource for resource in STREAMS}


def read_schema(resource: Resource) -> dict[str, Any]:
    """Return the JSON schema that ``scripts/make_schemas.py`` made of a resource."""
    found: dict[str, Any] = json.loads(files(schemas).joinpath(f"{resource.name}.json").read_bytes())
    return found


def show_time(seconds: int) -> str:
    """Return unix seconds as people read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class IntercomStream(RecordStream):
    """One resource, read a page at a time."""

    def __init__(self, tap: TapIntercom, resource: Resource) -> None:
        self._source = tap
        self.resource = resource
        super().__init__(tap=tap, name=resource.name)
        self.selected_by_default = resource.selected
        self._gone = 0
        self._listed_count = 0
        self._identity = attrgetter(*self.listed.primary_keys)
        self._changed_at = attrgetter(self._time_of_a_change)
        self.primary_keys = resource.primary_keys
        self.replication_key = resource.replication_key

    @property
    def schema(self) -> dict[str, Any]:
        """The schema that ``scripts/make_schemas.py`` made, with the workspace's own attributes."""
        source = self._source
        return with_attributes(self._made_schema, source.attributes.get(self.name, {}), source.attributes_read_at)

    @cached_property
    def _made_schema(self) -> dict[str, Any]:
        return read_schema(self.resource)

    @property
    def listed(self) -> Resource:
        """The row whose list is read: a child's is its parent's."""
        return ROWS[self.resource.parent] if self.resource.parent else self.resource

    @property
    def _time_of_a_change(self) -> str:
        """The attribute of what is listed by which changed records are told."""
        return "updated_at" if self.resource.parent else self.resource.replication_key or "id"

    @property
    def lists_wanted(self) -> tuple[str, ...]:
        """The lists in what is listed whose heads are wanted."""
        return (*self.resource.lists, *self.resource.if_any, *self.resource.within[:1]) if self.resource.parent else ()

    def open(self) -> Pages:
        """Begin to read: send for the first page."""
        return self._source.pages(self)

    @cached_property
    def since(self) -> int | None:
        """The earliest change that this run passes on; None for everything."""
        if self.resource.replication_key is None:
            return None
        if self.name in self.config["send_unchanged"] and self.listed.way != "search":
            return self._source.start_date
        if not self._bookmark:
            self.logger.info("Reading %s", self._source.start_date or "everything")
            return self._source.start_date
        found = windows.since(
            self._bookmark,
            lookback=self.config["lookback"],
            start_date=self._source.start_date,
            run_start=self._source.run_start,
            reread_every=self.config.get("reread_every"),
        )
        self.logger.info("Reading %s", "everything" if found is None else f"changes since {show_time(found)}")
        return found

    @cached_property
    def is_skipped(self) -> bool:
        """Whether this run leaves the list alone: it is long, and was read not long ago."""
        every, read_at = self.config.get("scroll_every"), self._bookmark.get("read_at")
        if self.listed.way != "scroll" or every is None or read_at is None or self._is_test:
            return False
        bounded = (self._bookmark.get("from") or 0) > (self._source.start_date or 0)
        is_long = self._bookmark.get("listed", 0) > LONG
        return is_long and not bounded and is_recent(read_at, self._source.run_start, every)

    @property
    def _is_test(self) -> bool:
        return self.ABORT_AT_RECORD_COUNT is not None

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002 no contexts here
        """Every record of the run, each version once."""
        self.choose_version(self._bookmark, self._source.run_start)
        try:
            yield from self._children() if self.resource.parent else self._own_records()
        except NotOfferedError as error:
            # `--test` reads of every stream that there is; a run has chosen its own.
            if not self._is_test:
                raise
            self.logger.warning("%s", error.message)
        self.activate_version()

    def _fresh(self) -> Iterator[Item]:
        """What is listed and changed since this stream was last read."""
        since, deduplicator = self.since, Deduplicator()
        for item in self._items():
            at = self._changed_at(item.head) if self.resource.replication_key else None
            if since is not None and at is not None and at < since:
                continue
            if not deduplicator.is_duplicate(self._identity(item.head), at):
                self._observe(at)
                yield item

    def _items(self) -> Iterator[Item]:
        pages = self.open()
        pages.begin()
        progress = Progress(self.logger, until=self._source.run_start if self.listed.way == "search" else None)
        for number, page in enumerate(pages, start=1):
            self._extracted = self._source.utc_now()
            self._check_page(page, number)
            self._listed_count += len(page)
            yield from page
            progress.page(len(page), page[-1].head.created_at if page else None)
            self._source.flush()

    def _check_page(self, page: Iterable[Item], number: int) -> None:
        """Refuse a page on which a record has no key.

        Raises:
            UserError: a key is missing, or of another type.
        """
        keys, listed = self._listed_keys, self.listed.primary_keys
        for item in page:
            if problem := keys.find_problem([getattr(item.head, key) for key in listed], f"page {number}"):
                raise UserError(problem)

    def _check_row(self, row: Mapping[str, Any], place: str) -> None:
        if problem := self._own_keys.find_problem([row.get(key) for key in self.resource.primary_keys], place):
            raise UserError(problem)

    @cached_property
    def _listed_keys(self) -> RecordKeys:
        return RecordKeys(VENDOR, self.listed.name, self.listed.primary_keys, read_schema(self.listed))

    @cached_property
    def _own_keys(self) -> RecordKeys:
        return RecordKeys(VENDOR, self.name, self.resource.primary_keys, self._made_schema)

    def _own_records(self) -> Iterator[Any]:
        """Every record with all of its lists, as its JSON unless something of it is to be left out or changed."""
        wanted = tuple(name for name in self.resource.lists if self.mask.get(("properties", name), True))
        for item, record in self._completed(wanted):
            yield record or (item.text if self._is_plain else item.record())
        if self.resource.joined and not self._is_test:
            yield from self._find_joined(wanted, *self.resource.joined)

    def _find_joined(self, lists: tuple[str, ...], stream: str, people: str) -> Iterator[dict[str, Any]]:
        """Return the records of those who may have joined a company since the last scroll, changed or not.

        Args:
            lists: those in a record that are completed.
            stream: the companies, which tell by `user_count`.
            people: the stream whose list says who belongs to one.
        """
        companies = self._source.streams.get(stream)
        if not isinstance(companies, IntercomStream) or not companies.selected or companies.is_skipped:
            return
        heads = (item.head for page in companies.open() for item in page)
        before, now = self._user_counts, user_counts.sum_users((head.id, head.user_count) for head in heads)
        self._user_counts = now
        changed = frozenset() if before is None else user_counts.find_changed(before, now)
        if not changed:
            return
        self.logger.info("Reading the people of companies whose number of users changed (%d buckets)", len(changed))
        asked = (item for page in companies.open() for item in page if user_counts.bucket_of(item.head.id) in changed)

        def fetch(company: Item) -> list[dict[str, Any]]:
            client = self._source.client
            path = ROWS[people].path.format(id=quote(str(company.head.id), safe=""))
            try:
                return [completed(one, client, lists) for one in all_of(client, ROWS[people], path)]
            except GoneError:
                return []

        sent = set()
        for company, found in self._fetch_for_each(asked, needs=lambda _: True, fetch=fetch):
            for record in found or ():
                self._check_row(record, f"of company {company.head.id}")
                if record["id"] not in sent:
                    sent.add(record["id"])
                    yield record

    def _completed(self, lists: tuple[str, ...]) -> Iterator[tuple[Item, dict[str, Any] | None]]:
        """What changed, and of a record that shows only the beginning of one of the lists, the record with the rest."""
        heads = [attrgetter(name) for name in lists]
        return iter(
            self._fetch_for_each(
                self._fresh(),
                needs=lambda item: any(is_cut(head(item.head)) for head in heads),
                fetch=lambda item: completed(item.record(), self._source.client, lists),
            )
        )

    def _fetch_for_each(
        self, items: Iterator[Item], *, needs: Callable[[Item], bool], fetch: Callable[[Item], T]
    ) -> OrderedParallelMap[Item, T]:
        ahead = 2 * self.config["max_concurrency"]
        key = (self._source.place(self), 1)
        return OrderedParallelMap(self._source.pool, items, fetch, needs=needs, key=key, ahead=ahead)

    def _children(self) -> Iterator[dict[str, Any]]:
        """The items that stand in, or hang on, each record of the parent that changed."""
        resource = self.resource
        if not resource.path:
            cut = resource.within[:1] if resource.within[0] in self.listed.lists else ()
            for parent, record in self._completed(cut):
                yield from self._rows(parent, self._within(record or parent.record()))
            return
        progress = Progress(self.logger, until=None)
        for parent, items in self._fetch_for_each(self._fresh(), needs=self._has_any, fetch=self._of_parent):
            yield from self._rows(parent, items or ())
            progress.page(len(items or ()), None)
        if self._gone:
            self.logger.info("%d records of %s were gone when they were asked for", self._gone, resource.parent)

    def _within(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return within(record, self.resource)
        except UnprovenError as error:
            raise UserError(f"Intercom sent something that is no record of {self.listed.path}: {error}.") from error

    def _has_any(self, parent: Item) -> bool:
        heads = [getattr(parent.head, name) for name in self.resource.if_any]
        return not heads or any(head is None or head.total_count != 0 for head in heads)

    def _of_parent(self, parent: Item) -> list[dict[str, Any]]:
        """The items that hang on one record of the parent; none when it is gone."""
        path = self.resource.path.format(id=quote(str(parent.head.id), safe=""))
        try:
            return all_of(self._source.client, self.resource, path)
        except GoneError:
            self._gone += 1
            return []

    def _rows(self, parent: Item, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        place = f"of {self.resource.singular} {parent.head.id}"
        for item in items:
            row = self.resource.row(item, parent.head.id, parent.head.updated_at)
            self._check_row(row, place)
            yield row

    @property
    def _bookmark(self) -> Mapping[str, Any]:
        """What the last run left; nothing for a stream never read, or when the catalog asks for the full table.

        The SDK's own look-up leaves an empty bookmark behind, and with it a STATE before the first SCHEMA of a first
        run, which those that read the tap take for a later run.
        """
        state: Mapping[str, Any] = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if self.replication_method == REPLICATION_FULL_TABLE or state.get("replication_key") != self.replication_key:
            return {}
        return state

    @cached_property
    def _user_counts(self) -> list[int] | None:
        """How many users companies had when they were scrolled over last; None when that is not known."""
        return user_counts.decode(self._bookmark.get("user_counts"))

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:
        """Move the bookmark: the SDK calls this when the stream is complete, and writes STATE after it."""
        complete = not (self._is_test or self.is_skipped)
        if complete and self.resource.replication_key and self.replication_method != REPLICATION_FULL_TABLE:
            self.stream_state.update(self._reached())
        super()._finalize_state(state)

    def _reached(self) -> dict[str, int | str | None]:
        """The bookmark after this stream was read to its end: an empty list moves no replication key."""
        now, before = self._source.run_start, self._bookmark
        known = [at for at in (before.get("replication_key_value"), self._greatest) if at is not None]
        return {
            "replication_key": str(self.replication_key),
            **({"replication_key_value": min(max(known), now)} if known else {}),
            "read_at": now,
            "whole_at": now if self._is_whole else before.get("whole_at", now),
            "from": self._source.start_date if self._is_whole else before.get("from"),
            "workspace": self._source.workspace.id,
            **({"listed": self._listed_count} if self.listed.way == "scroll" else {}),
            **({"user_counts": user_counts.encode(self._user_counts)} if self._user_counts else {}),
            **({} if self._stream_version is None else {"version": self._stream_version}),
        }

    @property
    def is_whole(self) -> bool:
        """Whether this run passed on all that there is, so that what did not come does not exist."""
        return self.since is None and not self.is_skipped and self.open().shortage is None

    @property
    def replaces_all_rows(self) -> bool:
        """Whether a row that this run does not send is of a record that was deleted."""
        is_bounded = self._source.start_date is not None or self.resource.expires or self._is_test
        return self.is_whole and not is_bounded

    @property
    def _is_whole(self) -> bool:
        """Whether this run read everything that the settings want."""
        return self.since is None or self.since == self._source.start_date
