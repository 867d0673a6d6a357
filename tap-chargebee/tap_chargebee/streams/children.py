"""Streams that are asked for one call at a time: by the records of a parent, or by day."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_chargebee._kit.parallel_map import OrderedParallelMap
from tap_chargebee._kit.progress import Progress
from tap_chargebee._kit.record_keys import RecordKeys
from tap_chargebee.api.errors import GoneError, UserError
from tap_chargebee.streams import windows
from tap_chargebee.streams.resources import ROWS
from tap_chargebee.streams.stream import ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_chargebee.streams.reader import ListReader
    from tap_chargebee.streams.resource import Resource
    from tap_chargebee.tap import TapChargebee


class PartsStream(ChargebeeStream):
    """A resource of which each call answers one part; what the last run read of it is known by when that was."""

    @abstractmethod
    def _parts(self) -> Iterable[str]:
        """What to ask for, a call each."""

    @abstractmethod
    def _of_part(self, part: str) -> list[dict[str, Any]]:
        """The items of one part.

        Raises:
            GoneError: it is not there.
        """

    def declare_first_page(self) -> None:
        """Do nothing: the first page is one of the parents', or there is none."""

    def _records(self) -> Iterator[Any]:
        # Before the pages of the parents' list: whoever waits for a part has no need of a further page.
        ahead = 2 * self.config["max_concurrency"]
        answers = OrderedParallelMap(self._source.pool, self._parts(), self._answer, key=(self._place, -1), ahead=ahead)
        progress = Progress(self.logger, until=None)
        passed_over = 0
        for part, items in answers:
            self._extracted = self._clock()
            if items is None:
                passed_over += 1
                continue
            for record in items:
                if self.resource.parent_key:
                    record.setdefault(self.resource.parent_key, part)
                self._check_keys([record.get(key) for key in self.resource.primary_keys], f"of {part}")
                if not self._source.news.outlives(self.name, record.get("id", ""), record.get("resource_version")):
                    yield record
            progress.page(len(items), None)
        yield from self._gone()
        if passed_over:
            what = self.resource.parent or "days"
            self.logger.info("%d records of %s were gone when they were asked for", passed_over, what)

    def _answer(self, part: str) -> list[dict[str, Any]] | None:
        """The items of one part; None when it is gone."""
        try:
            return self._of_part(part)
        except GoneError:
            return None


class ChildStream(PartsStream):
    """What each record of a parent has: of all of them, or of those that events named since the last run."""

    waits_for_news = True

    @property
    def _reached(self) -> int | None:
        return super()._reached if self._follows else None

    @property
    def _is_followed(self) -> bool:
        return True

    @property
    def _parent(self) -> Resource:
        return ROWS[str(self.resource.parent)]

    def open(self) -> ListReader:
        """Begin to read the parents."""
        if self._reading is None:
            self._reading = self._read(self._parent, self._queries())
        return self._reading

    def _queries(self) -> list[dict[str, str]]:
        """The lists of the live parents."""
        named = None if self.window is None else self._source.news.parents(self._parent.name)
        self.logger.info("Reading what belongs to %s", "everything" if named is None else f"{len(named)} records")
        if named is not None:
            return self._live(named)
        return [windows.list_query(self._parent, None, start_date=self._source.start_date, include_deleted=False)]

    def _live(self, named: Iterable[str]) -> list[dict[str, str]]:
        queries = self._by_ids(self._parent, "id", named)
        return [{name: value for name, value in query.items() if name != "include_deleted"} for query in queries]

    def _parts(self) -> Iterable[str]:
        keys = RecordKeys("Chargebee", self._parent.name, ("id",), {})
        for number, page in enumerate(self.open(), start=1):
            for item in page:
                if problem := keys.find_problem([item.head.id], f"page {number}"):
                    raise UserError(problem)
                yield item.head.id

    def _of_part(self, part: str) -> list[dict[str, Any]]:
        path = self.resource.path.format(id=quote(part, safe=""))
        return self._source.client.all(path, dict(self.resource.params), self.resource)


class DailyStream(PartsStream):
    """What there is one of a day: of today, of the days since the last run, or of all since ``start_date``."""

    is_whole = False

    def open(self) -> ListReader:
        """Nothing: there is no list."""
        if self._reading is None:
            self._reading = self._read(self.resource, [])
        return self._reading

    def _parts(self) -> Iterable[str]:
        now = self._source.run_start
        start = (self._source.start_date or now) if self.window is None else self.window.start
        return windows.days(start, now)

    def _of_part(self, part: str) -> list[dict[str, Any]]:
        query = {**dict(self.resource.params), str(self.resource.daily): part}
        return self._source.client.all(self.resource.path, query, self.resource)


def stream_of(tap: TapChargebee, resource: Resource) -> ChargebeeStream:
    """The stream of a row of the table."""
    kind = ChildStream if resource.parent else DailyStream if resource.daily else ChargebeeStream
    return kind(tap, resource)
