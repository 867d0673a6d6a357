"""Streams of records that belong to a parent. The parent's record contains them, or each parent costs one call."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tap_intercom._kit.page_decoder import UnprovenError
from tap_intercom._kit.progress import Progress
from tap_intercom.api.errors import GoneError, UserError
from tap_intercom.api.lists import fetch_all, find_nested_items
from tap_intercom.streams.resources import ROWS
from tap_intercom.streams.stream import IntercomStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_intercom._kit.json_types import JsonObject
    from tap_intercom.api.pages import Item
    from tap_intercom.streams.resource import Resource
    from tap_intercom.tap import TapIntercom


class NestedStream(IntercomStream):
    """The items of a list in each record of the parent that changed."""

    @property
    def page_resource(self) -> Resource:
        """The parent's row: its list is read."""
        return ROWS[str(self.resource.parent)]

    @property
    def _change_time(self) -> str | None:
        return "updated_at" if self.resource.replication_key else None

    @property
    def inner_lists(self) -> tuple[str, ...]:
        """Further lists in the parent's record that this stream needs besides those of the parent's row."""
        return (*self.resource.lists, *self.resource.if_any, *self.resource.within[:1])

    def _read_records(self) -> Iterator[JsonObject]:
        # If the parent's row completes the list, its rest is fetched. Other lists are complete in the record.
        name = self.resource.within[0]
        truncated = (name,) if name in self.page_resource.lists else ()
        for parent, record in self._complete_records(truncated):
            try:
                items = find_nested_items(record or parent.decode_record(), self.resource)
            except UnprovenError as error:
                raise UserError(
                    f"Intercom sent something that is not a record of {self.page_resource.path}: {error}."
                ) from error
            yield from self._build_records(parent, items)

    def _build_records(self, parent: Item, items: Iterable[JsonObject]) -> Iterator[JsonObject]:
        place = f"of {self.resource.singular} {parent.members.id}"
        for item in items:
            record = self.resource.build_child(item, parent.members.id, parent.members.updated_at)
            self._check_keys(record, place)
            yield record


class ChildStream(NestedStream):
    """The list of each changed parent record, at one call per parent."""

    def _read_records(self) -> Iterator[JsonObject]:
        path, deleted = self.resource.path, 0

        def fetch(parent: Item) -> list[JsonObject] | None:
            try:
                return fetch_all(
                    self._source.client, self.resource, path.format(id=quote(str(parent.members.id), safe=""))
                )
            except GoneError:
                return None

        progress = Progress(self.logger, until=None)
        for parent, items in self._fetch_for_each(self._read_changed(), needs=self._may_have_items, fetch=fetch):
            # None means a deleted parent, or one that needed no call.
            if items is None:
                deleted += self._may_have_items(parent)
            yield from self._build_records(parent, items or ())
            progress.count_page(len(items or ()), None)
        if deleted:
            self.logger.info("Skipped deleted records of %s: %d", self.resource.parent, deleted)

    def _may_have_items(self, parent: Item) -> bool:
        """Return whether a call is needed.

        Empty lists in the parent's record may show that there is nothing to fetch.
        """
        lists = [getattr(parent.members, name) for name in self.resource.if_any]
        return not lists or any(one is None or one.total_count != 0 for one in lists)


def build_stream(tap: TapIntercom, resource: Resource) -> IntercomStream:
    """Return the stream for a row of the table."""
    if resource.parent is None:
        return IntercomStream(tap, resource)
    kind = ChildStream if resource.path else NestedStream
    return kind(tap, resource)
