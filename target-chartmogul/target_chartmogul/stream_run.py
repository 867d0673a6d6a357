"""One run over one stream: what it declares, what ChartMogul holds for it, and the writing of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_chartmogul._kit.dispatch import run_all
from target_chartmogul._kit.limits import RejectLimit
from target_chartmogul.attributes import declared_attributes
from target_chartmogul.contact_writing import ContactWriter
from target_chartmogul.customer_writing import CustomerWriter
from target_chartmogul.finding import INDEXED_FROM, Finder
from target_chartmogul.kinds import CONTACT, CUSTOMER, CUSTOMER_ID
from target_chartmogul.memory import ANY
from target_chartmogul.merging import party_from
from target_chartmogul.payloads import Shape, text_of
from target_chartmogul.planning import Planner
from target_chartmogul.processing import Processing
from target_chartmogul.reports import Progress
from target_chartmogul.spool import Spool

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from target_chartmogul.client import ChartMogulClient
    from target_chartmogul.kinds import Kind
    from target_chartmogul.matching import Party
    from target_chartmogul.planning import Plan
    from target_chartmogul.reports import ReportFiles
    from target_chartmogul.settings import Settings
    from target_chartmogul.spool import Row
    from target_chartmogul.summary import Summary

_BATCH = 2000  # rows looked up and planned at a time
_QUEUED = 4  # rows handed out for each worker


class StreamRun:
    """One run over one stream: `declare` and `add` what comes; then `open` it, and `process` all.

    Args:
        kind: of its records.
        client: the connection.
        settings: the settings.
        summary: counts what becomes of the records.
        logger: tells of the progress.
    """

    def __init__(
        self, kind: Kind, client: ChartMogulClient, settings: Settings, summary: Summary, logger: logging.Logger
    ) -> None:
        self.kind, self._client, self._settings, self._summary = kind, client, settings, summary
        self._logger = logger
        self._types: dict[str, str] = {}
        self._unfit: dict[str, str] = {}
        self.spool = Spool()
        self.finder = Finder(client, self.shape, None, self.spool)
        self.coming: list[Party] = []  #: customers that a validation would create, if it is to say whom they merge with

    @property
    def shape(self) -> Shape:
        """How its records are written."""
        return Shape(dict(self._types), self.kind, write_all=self._settings.write_all)

    def declare(self, schema: Mapping[str, Any]) -> None:
        """Take the custom attributes that a SCHEMA message declares; those that cannot be written are left out."""
        declared = declared_attributes(schema, self.kind)
        self._types |= declared.types
        for key, sentence in declared.unfit.items():
            if key not in self._unfit:
                self._logger.warning(
                    "The attribute `%s` of the stream %s is left out: %s", key, self.kind.stream, sentence
                )
                self._summary.attributes_left_out.append(key)
        self._unfit |= declared.unfit

    def add(self, record: dict[str, Any]) -> None:
        """Take a record."""
        self.spool.add(text_of(record.get("external_id")), text_of(record.get(CUSTOMER_ID)), record)

    def open(self, source: str | None) -> None:
        """Begin to look into a data source, None while there is none."""
        self.finder = Finder(self._client, self.shape, source, self.spool)

    @property
    def is_large(self) -> bool:
        """Say whether there are so many records that the index costs less than look-ups."""
        return self.spool.count_ids(INDEXED_FROM) >= INDEXED_FROM

    def process(
        self,
        executor: Executor,
        reports: ReportFiles,
        interruption: Callable[[], str | None],
        *,
        customers: Finder,
        source: str | None,
    ) -> None:
        """Decide on every row, and unless it is only to be validated write what differs, several rows at once.

        Args:
            executor: makes several calls at once.
            reports: get the rows, and what became of them.
            interruption: gives a sentence when the run is to stop.
            customers: knows the customers of contacts.
            source: the uuid of the data source; None only when nothing is written.

        Raises:
            FatalAPIError: too many were refused. Besides, whatever makes a run stop.
        """
        self._recall(reports)
        planner = Planner(self.shape, self.spool, customers, reports.memory)
        progress = Progress(self._logger, f"Processed {self.kind.stream}", self.spool.count())
        work = Processing(self.kind.stream, self._summary, reports, progress, RejectLimit(self._settings.max_rejects))
        planned = self._planned(executor, planner, customers, interruption)
        if self._settings.validate or source is None:
            for row, plan in planned:
                work.leave(row, plan)
                self._foresee(row, plan)
            return
        writer = (ContactWriter if self.kind is CONTACT else CustomerWriter)(self._client, planner, self.finder, source)
        run_all(
            executor,
            lambda item: writer.write(*item),
            work.unwritten(planned),
            window=_QUEUED * self._settings.max_concurrency,
            record=work.wrote,
            find_stop_reason=lambda: interruption() or work.limit.find_stop_reason(),
        )

    def _planned(
        self, executor: Executor, planner: Planner, customers: Finder, interruption: Callable[[], str | None]
    ) -> Iterator[tuple[Row, Plan]]:
        for rows in self.spool.batches(_BATCH):
            self.finder.prepare(rows, executor)
            if self.kind is CONTACT:
                named = {row.customer for row in rows if self._needs_customer(row)}
                customers.prepare_places(named, executor, interruption)
            for row in rows:
                yield row, planner.plan(row)

    def _foresee(self, row: Row, plan: Plan) -> None:
        """Take a customer that a sync would create for one that is there: it has contacts, and may be merged."""
        if plan.outcome.kind == "created" and self.kind is CUSTOMER and row.id:
            self.spool.put_place(row.id, "")
            if self._settings.merge != "off":
                self.coming.append(party_from(plan.want.values, [row.id]))

    def _needs_customer(self, row: Row) -> bool:
        """Say whether a contact is new, or another customer's: only then does it matter who its customer is."""
        held = self.spool.held(row.id)
        return row.customer is not None and (held is None or held.values.get(CUSTOMER_ID) != row.customer)

    def _recall(self, reports: ReportFiles) -> None:
        """Forget that attributes of contacts are not defined which somebody has."""
        if self.kind is CONTACT:
            reports.memory.forget(self.kind.stream, ANY, *self.finder.seen_custom)
