"""Streams that need one call per parent record, or one call per day."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING
from urllib.parse import quote

from tap_chargebee._kit.parallel_map import OrderedParallelMap
from tap_chargebee._kit.progress import Progress
from tap_chargebee._kit.record_keys import RecordKeys
from tap_chargebee.api.errors import GoneError, UserError
from tap_chargebee.streams import windows
from tap_chargebee.streams.entities import narrow_resource, select_own
from tap_chargebee.streams.resources import ROWS
from tap_chargebee.streams.stream import ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_chargebee._kit.json_types import JsonObject
    from tap_chargebee.streams.reader import ListReader
    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.tap import TapChargebee


class PartsStream(ChargebeeStream):
    """A resource that is read in parts, with one call per part."""

    @abstractmethod
    def _list_parts(self) -> Iterable[str]:
        """Return the parts to fetch: parents' ids or days."""

    @abstractmethod
    def _fetch_part(self, part: str) -> list[JsonObject]:
        """Return the records of one part.

        Raises:
            GoneError: the part no longer exists.
        """

    def declare_first_page(self) -> None:
        """Do nothing, as the first page has parents instead of this stream's records, or does not exist."""

    def _read_records(self) -> Iterator[JsonObject]:
        def fetch(part: str) -> list[JsonObject] | None:
            try:
                return self._fetch_part(part)
            except GoneError:
                return None

        # Parts are fetched before further pages of parents, as a reader that waits for a part needs no other page.
        ahead = 2 * self.config["max_concurrency"]
        answers = OrderedParallelMap(self._source.pool, self._list_parts(), fetch, key=(self._place, -1), ahead=ahead)
        progress = Progress(self.logger, until=None)
        skipped = 0
        for part, records in answers:
            self._extracted = self._clock()
            if records is None:
                skipped += 1
                continue
            for record in records:
                if self.resource.parent_key:
                    record.setdefault(self.resource.parent_key, part)
                self._check_keys([record.get(key) for key in self.resource.primary_keys], f"of {part}")
                if not self._source.events.is_deleted(self.name, record.get("id", ""), record.get("resource_version")):
                    yield record
            progress.count_page(len(records), None)
        yield from self._send_deleted()
        if skipped:
            parts = self.resource.parent or "days"
            self.logger.info("Skipped deleted records of %s: %d", parts, skipped)


class ChildStream(PartsStream):
    """The child records of each parent: of all parents, or of those that changed since the last run."""

    needs_events_first = True

    @property
    def _last_reached(self) -> int | None:
        return super()._last_reached if self._follows_events else None

    @property
    def _has_events(self) -> bool:
        return True

    @property
    def _parent(self) -> Resource:
        return narrow_resource(ROWS[str(self.resource.parent)], self._source.entity)

    def start_reading(self) -> ListReader:
        """Request the first page of the parents; later calls return the same reader."""
        if self._reader is None:
            self._reader = self._build_reader(self._parent, self._build_queries())
        return self._reader

    def _build_queries(self) -> list[dict[str, str]]:
        """Return the parameters for the lists of parents that are not deleted."""
        parent = self._parent
        changed = None if self.window is None else self._source.events.list_changed_parents(parent.name)
        if changed is None:
            self.logger.info("Reading the child records of all %s", parent.name)
            return [windows.build_list_query(parent, None, start_date=self._source.start_date, include_deleted=False)]
        self.logger.info("Reading the child records of %d %s that changed", len(changed), parent.name)
        queries = self._build_id_queries(parent, "id", changed)
        return [{name: value for name, value in query.items() if name != "include_deleted"} for query in queries]

    def _list_parts(self) -> Iterable[str]:
        keys = RecordKeys("Chargebee", self._parent.name, ("id",), {})
        for number, page in enumerate(self.start_reading(), start=1):
            for item in select_own(page, self._parent):
                if problem := keys.find_problem([item.members.id], f"page {number}"):
                    raise UserError(problem)
                yield item.members.id

    def _fetch_part(self, part: str) -> list[JsonObject]:
        path = self.resource.path.format(id=quote(part, safe=""))
        return self._source.client.fetch_all(path, dict(self.resource.params), self.resource)


class DailyStream(PartsStream):
    """The records of each day: today, the days since the last run, or all days since ``start_date``."""

    is_whole = False

    def start_reading(self) -> ListReader:
        """Return a reader without a list, as the days are known without one."""
        if self._reader is None:
            self._reader = self._build_reader(self.resource, [])
        return self._reader

    def _list_parts(self) -> Iterable[str]:
        now = self._source.run_start
        start = (self._source.start_date or now) if self.window is None else self.window.start
        return windows.list_days(start, now)

    def _fetch_part(self, part: str) -> list[JsonObject]:
        query = {**dict(self.resource.params), str(self.resource.daily): part}
        return self._source.client.fetch_all(self.resource.path, query, self.resource)


def build_stream(tap: TapChargebee, resource: Resource) -> ChargebeeStream:
    """Return the stream for a row of the table."""
    kind = ChildStream if resource.parent else DailyStream if resource.daily else ChargebeeStream
    return kind(tap, narrow_resource(resource, tap.config.get("business_entity_id") or ""))
