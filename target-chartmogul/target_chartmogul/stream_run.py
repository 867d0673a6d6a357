"""One run over one stream: what it declares, what ChartMogul holds for it, and the writing of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_chartmogul._kit.dispatch import run_all
from target_chartmogul._kit.limits import RejectLimit
from target_chartmogul.decisions.planning import Planner
from target_chartmogul.matching.contact_ids import DROPPED, FILTERED, LISTED, ContactIds, prove
from target_chartmogul.matching.finder import Finder
from target_chartmogul.merge.merger import party_from
from target_chartmogul.processing import Processing
from target_chartmogul.records.attributes import declared_attributes
from target_chartmogul.records.buffer import Spool
from target_chartmogul.records.object_types import CONTACT, CUSTOMER, CUSTOMER_ID, EXTERNAL_ID
from target_chartmogul.records.payloads import Shape, earlier_ids, held_from, text_of
from target_chartmogul.reporting.report_files import Progress
from target_chartmogul.writing.contact_writer import ContactWriter
from target_chartmogul.writing.customer_writer import CustomerWriter
from target_chartmogul.writing.late_creates import CreateGuard
from target_chartmogul.writing.memory import ANY
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.decisions.planning import Plan
    from target_chartmogul.merge.customer_matching import Party
    from target_chartmogul.records.buffer import Row
    from target_chartmogul.records.object_types import Kind
    from target_chartmogul.reporting.report_files import ReportFiles
    from target_chartmogul.reporting.summary import Summary
    from target_chartmogul.settings import Settings
    from target_chartmogul.writing.memory import Memory
    from target_chartmogul.writing.writer import Writer

_BATCH = 2000  # rows looked up and planned at a time
_QUEUED = 4  # rows handed out for each worker
_SENTENCES = {
    LISTED: "ChartMogul does not look contacts up by their external ids here: all of them are read in every run",
    DROPPED: "ChartMogul keeps no external ids of contacts here: they are found by customer, e-mail address and name, "
    "and whoever changes these is a new contact",
}


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
        self._ids, self._guard = ContactIds(settings.memory_dir, None), CreateGuard(0.0, lambda: 0.0)
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
        record_id = text_of(record.get(EXTERNAL_ID))
        self.spool.add(record_id, text_of(record.get(CUSTOMER_ID)), record)
        if record_id and self.kind is CONTACT and (earlier := earlier_ids(record)):
            self.spool.add_earlier(record_id, earlier)

    def open(self, source: str | None, memory: Memory, guard: CreateGuard) -> None:
        """Begin to look into a data source, None while there is none; `guard` says what is looked up once more."""
        self._ids, self._guard = ContactIds(self._settings.memory_dir, source), guard
        self.finder = Finder(self._client, self.shape, source, self.spool)
        if self.kind is CONTACT:
            self.finder.by_person = self._ids.known == DROPPED
            self.finder.filters = self._ids.known != LISTED
            for record_id, earlier in memory.earlier_ids(self.kind.stream):
                self.spool.add_earlier(record_id, [earlier])

    def find_all(self, interruption: Callable[[], str | None], *, is_new: bool) -> None:
        """Read the index of the data source, if that costs less than look-ups, or it was just made: a page."""
        count = self.spool.count_ids()
        if count and is_new:
            self.finder.read_index(interruption)
        elif count:
            self.finder.read_cheaper_index(count, interruption)

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
        planner = Planner(self.shape, self.spool, customers, reports.memory, lambda: not self.finder.by_person)
        progress = Progress(self._logger, f"Processed {self.kind.stream}", self.spool.count())
        work = Processing(self.kind.stream, self._summary, reports, progress, RejectLimit(self._settings.max_rejects))
        planned = self._planned(executor, planner, customers, interruption)
        if self._settings.validate or source is None:
            for row, plan in planned:
                work.leave(row, plan)
                self._foresee(row, plan)
            return
        kind = ContactWriter if self.kind is CONTACT else CustomerWriter
        writer = kind(self._client, planner, self.finder, source, self._guard)
        unwritten = work.unwritten(planned)
        run_all(
            executor,
            lambda item: writer.write(*item),
            self._prove_ids(unwritten, writer, work, interruption) if self.kind is CONTACT else unwritten,
            window=_QUEUED * self._settings.max_concurrency,
            record=work.wrote,
            find_stop_reason=lambda: interruption() or work.limit.find_stop_reason(),
        )
        self._summary.left_under_earlier_ids += len(planner.left)

    def _planned(
        self, executor: Executor, planner: Planner, customers: Finder, interruption: Callable[[], str | None]
    ) -> Iterator[tuple[Row, Plan]]:
        for rows in self.spool.batches(_BATCH):
            self.finder.prepare(rows, executor, interruption)
            if self.kind is CONTACT:
                named = {row.customer for row in rows if row.customer and self._needs_customer(row)}
                customers.prepare_places(named, executor, interruption)
            for row in rows:
                if self.finder.is_short:
                    self.finder.read_again(interruption)
                if self.finder.by_person and self.spool.is_last(row):
                    self.finder.match_person(row, customers.place(row.customer))
                yield row, planner.plan(row)

    def _prove_ids(
        self,
        unwritten: Iterator[tuple[Row, Plan]],
        writer: Writer,
        work: Processing,
        interruption: Callable[[], str | None],
    ) -> Iterator[tuple[Row, Plan]]:
        """Give what is to be written, but create the first contact of a source alone, to see how it is found again."""
        for row, plan in unwritten:
            if plan.action != "create" or self._ids.known:
                yield row, plan
                continue
            outcome = writer.write(row, plan)
            if outcome.kind == "created" and row.id and outcome.uuid:
                outcome = self._prove_id(row, outcome, interruption)
            work.wrote((row, plan), outcome)

    def _prove_id(self, row: Row, outcome: Outcome, interruption: Callable[[], str | None]) -> Outcome:
        proved, repeated = prove(self._client, self.finder.source, row.id or "", outcome.uuid or "")
        self._ids.save(proved)
        self.finder.filters = proved != LISTED
        if proved != FILTERED:
            self._logger.warning(_SENTENCES[proved])
        if proved == DROPPED:
            self.finder.find_by_person(interruption)
            self.finder.claim(outcome.uuid or "")
        if repeated is None:
            return outcome
        self._client.delete_contact(outcome.uuid or "")
        self.finder.note(row.id or "", held_from(repeated, self.shape, self.finder.source))
        return Outcome("unchanged", uuid=repeated["uuid"])

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
