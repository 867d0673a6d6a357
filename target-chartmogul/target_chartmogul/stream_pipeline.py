"""The steps of one stream in a run: read the index, match, decide, write, report.

`pipeline` leads both streams through these steps together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

from target_chartmogul._kit.dispatch import run_all
from target_chartmogul._kit.limits import RejectLimit
from target_chartmogul.decisions.planning import ContactPlanner, Planner
from target_chartmogul.matching.contact_ids import (
    DROPPED,
    FILTERED,
    LISTED,
    WARNINGS,
    ContactIdSupport,
    prove_support,
)
from target_chartmogul.matching.finder import ContactFinder, Finder
from target_chartmogul.merge.merger import build_party
from target_chartmogul.records.remote import CUSTOMER_ID, CustomerFields
from target_chartmogul.reporting.report_files import OutcomeRecorder, Progress
from target_chartmogul.writing.contact_writer import ContactWriter
from target_chartmogul.writing.customer_writer import CustomerWriter
from target_chartmogul.writing.memory import ANY
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.decisions.planning import Plan
    from target_chartmogul.merge.customer_matching import Party
    from target_chartmogul.records.buffer import Row, StreamInput
    from target_chartmogul.reporting.report_files import ReportFiles
    from target_chartmogul.reporting.summary import Summary
    from target_chartmogul.settings import Settings
    from target_chartmogul.writing.late_creates import CreateGuard
    from target_chartmogul.writing.writer import Writer

_BATCH = 2000  # rows that are looked up and planned together
_WAITING_PER_WORKER = 4


@dataclass(frozen=True)
class RunContext:
    """The objects that the streams of a run share. `source` is None only in a validation."""

    client: ChartMogulClient
    settings: Settings
    source: str | None
    executor: Executor
    reports: ReportFiles
    summary: Summary
    guard: CreateGuard
    logger: logging.Logger
    find_stop_reason: Callable[[], str | None]
    journal: JournalWriter


class StreamPipeline(ABC):
    """One stream of a run.

    Args:
        run: the objects that the streams share.
        stream: the input.
    """

    finder: Finder
    _planner: Planner

    def __init__(self, run: RunContext, stream: StreamInput) -> None:
        self._run, self._options, self.buffer = run, stream.options, stream.buffer
        self._name = stream.object_type.stream
        self._writes = run.source is not None and not run.settings.validate
        progress = Progress(run.logger, f"Processed {self._name}", self.buffer.count_records())
        limit = RejectLimit(run.settings.max_rejects)
        recorded = bytearray(self.buffer.count_records() // 8 + 1)
        self._recorder = OutcomeRecorder(self._name, run.summary, run.reports, progress, limit, run.journal, recorded)
        self._writer: Writer | None = None

    @abstractmethod
    def _create_writer(self) -> Writer:
        """Return the writer for its rows."""

    def read_index(self) -> None:
        """Read the index of the data source if that costs less than look-ups."""
        count = self.buffer.count_ids()
        if count and self._run.guard.source_is_new:
            # It is one page, and makes look-ups unnecessary.
            self.finder.read_index()
        elif count:
            self.finder.read_index_if_cheaper(count)

    def process_rows(self) -> None:
        """Decide on every row, and, unless this is a validation, write what differs, several rows at once.

        Raises:
            FatalAPIError: the run is to stop, or too many rows were refused.
        """
        plans = self._plan_rows()
        if not self._writes:
            for row, plan in plans:
                self._record_plan(row, plan)
            return
        writer = self._writer = self._create_writer()
        run_all(
            self._run.executor,
            lambda item: writer.write_row(*item),
            self._list_writes(plans, writer),
            window=_WAITING_PER_WORKER * self._run.settings.max_concurrency,
            record=self._recorder.record_write,
            find_stop_reason=lambda: self._run.find_stop_reason() or self._recorder.limit.find_stop_reason(),
        )

    def journal_unreached(self) -> None:
        """Note in the journal the rows that a stopped run did not reach."""
        if not self._run.journal.is_on:
            return
        rows = chain.from_iterable(self.buffer.read_batches(_BATCH))
        # Even if the journal cannot be written and the run ends, its reports are written.
        with suppress(ConfigurationError):
            self._recorder.journal_unreached(rows, self._writer.cut_off if self._writer else ())

    def _plan_rows(self) -> Iterator[tuple[Row, Plan]]:
        for rows in self.buffer.read_batches(_BATCH):
            self._match_rows(rows)
            for row in rows:
                # A writer may have found a record that arrived after the reading of the index.
                if self.finder.is_outdated:
                    self.finder.refresh_index()
                yield row, self._plan_row(row)

    def _match_rows(self, rows: list[Row]) -> None:
        """Find ChartMogul's records for a batch of rows."""
        self.finder.look_up_rows(rows, self._run.executor)

    def _plan_row(self, row: Row) -> Plan:
        return self._planner.plan(row)

    def _list_writes(self, plans: Iterable[tuple[Row, Plan]], writer: Writer) -> Iterator[tuple[Row, Plan]]:  # noqa: ARG002 - contacts use the writer
        return self._recorder.filter_writes(plans)

    def _record_plan(self, row: Row, plan: Plan) -> None:
        """Record what a sync would do with a row."""
        self._recorder.record_plan(row, plan)


class CustomerPipeline(StreamPipeline):
    """The customers of a run."""

    def __init__(self, run: RunContext, stream: StreamInput) -> None:
        super().__init__(run, stream)
        self.finder = Finder(run.client, self._options, run.source, self.buffer, run.find_stop_reason)
        self._planner = Planner(self._options, self.buffer, run.reports.memory)
        #: Customers that a validation would create, if it also has to report their merges.
        self.coming: list[Party] = []

    def _create_writer(self) -> Writer:
        return CustomerWriter(
            self._run.client,
            self._options,
            finder=self.finder,
            memory=self._run.reports.memory,
            guard=self._run.guard,
            compare=self._planner.compare,
            journal=self._run.journal,
        )

    def _record_plan(self, row: Row, plan: Plan) -> None:
        super()._record_plan(row, plan)
        if plan.outcome.kind != "created" or not row.id:
            return
        # In a validation, contacts and merges treat a customer that a sync would create as existing.
        self.buffer.put_uuid(row.id, "")
        if self._run.settings.merge != "off":
            fields = {name: value for name, value in plan.want.values.items() if "." not in name}
            self.coming.append(build_party(CustomerFields(**fields), [row.id]))


class ContactPipeline(StreamPipeline):
    """The contacts of a run.

    Args:
        run: the objects that the streams share.
        stream: the input.
        customers: finds the customers of contacts.
    """

    finder: ContactFinder
    _planner: ContactPlanner

    def __init__(self, run: RunContext, stream: StreamInput, customers: Finder) -> None:
        super().__init__(run, stream)
        self._customers = customers
        self._id_support = ContactIdSupport(run.settings.memory_dir, run.source)
        self.finder = ContactFinder(run.client, self._options, run.source, self.buffer, run.find_stop_reason)
        self.finder.matches_by_person = self._id_support.proved == DROPPED
        self.finder.filter_works = self._id_support.proved != LISTED
        memory = run.reports.memory
        self._planner = ContactPlanner(self._options, self.buffer, memory, self.finder, customers)
        for record_id, earlier_id in memory.list_earlier_ids(self._name):
            self.buffer.add_previous_ids(record_id, [earlier_id])

    def process_rows(self) -> None:
        """Decide on every row and write the differences. See `StreamPipeline`."""
        # An attribute that some contact has is now defined, even if an earlier run found it undefined.
        self._run.reports.memory.forget(self._name, ANY, *self.finder.seen_attributes)
        super().process_rows()
        if self._writes:
            self._run.summary.left_under_earlier_ids += len(self._planner.left_under_previous_ids)

    def _create_writer(self) -> Writer:
        return ContactWriter(
            self._run.client,
            self._options,
            contacts=self.finder,
            customers=self._customers,
            memory=self._run.reports.memory,
            guard=self._run.guard,
            compare=self._planner.compare,
            journal=self._run.journal,
        )

    def _match_rows(self, rows: list[Row]) -> None:
        super()._match_rows(rows)
        # The customer must be known only for contacts that are new or that another customer has.
        customers = set()
        for row in rows:
            remote = self.buffer.get_remote(row.id)
            if row.customer and (remote is None or remote.values.get(CUSTOMER_ID) != row.customer):
                customers.add(row.customer)
        self._customers.find_ids(customers, self._run.executor)

    def _plan_row(self, row: Row) -> Plan:
        if self.finder.matches_by_person and self.buffer.is_latest(row):
            self.finder.assign_by_person(row, self._customers.get_uuid(row.customer))
        return super()._plan_row(row)

    def _list_writes(self, plans: Iterable[tuple[Row, Plan]], writer: Writer) -> Iterator[tuple[Row, Plan]]:
        """Yield the rows to write. The first contact of a source is created alone, as it shows how ids are kept."""
        for row, plan in super()._list_writes(plans, writer):
            if plan.action != "create" or self._id_support.proved:
                yield row, plan
                continue
            outcome = writer.write_row(row, plan)
            if outcome.kind == "created" and row.id and outcome.uuid:
                outcome = self._prove_ids(row.id, outcome, outcome.uuid)
            self._recorder.record_write((row, plan), outcome)

    def _prove_ids(self, external_id: str, outcome: Outcome, uuid: str) -> Outcome:
        """Check with a new contact how ids are kept, and return its final outcome."""

        def delete(uuid: str) -> None:
            entry = self._run.journal.begin_write(self._name, external_id, "delete")
            entry.announce(uuid, {})
            self._run.client.delete_contact(uuid)
            entry.settle("deleted", remote_id=uuid)

        proved, older = prove_support(self._run.client, self.finder.source, external_id, uuid, delete)
        self._id_support.save(proved)
        self.finder.filter_works = proved != LISTED
        if proved != FILTERED:
            self._run.logger.warning(WARNINGS[proved])
        if proved == DROPPED:
            self.finder.match_by_person(uuid)
        if older is None:
            return outcome
        # An earlier run created it and could not find it again.
        delete(uuid)
        self._run.journal.add_record(self._name, external_id, "unchanged", remote_id=older.uuid)
        self.finder.store(external_id, older.to_record(self.finder.source, self._options.types))
        return Outcome("unchanged", uuid=older.uuid)
