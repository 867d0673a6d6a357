"""The steps of one stream in a run: read, match, decide, write, report.

`pipeline` leads all streams through these steps together, as nothing is written before all decisions are made.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigurationError

from target_intercom._kit.dispatch import run_all
from target_intercom._kit.limits import FIRST_ATTEMPTS, RejectLimit
from target_intercom._kit.marker import SUBSET
from target_intercom.decisions.change_guard import ChangeGuard, EarlierChanges
from target_intercom.decisions.planning import Planner
from target_intercom.matching.candidates import Candidates, MatchContext
from target_intercom.matching.companies import CompanyMatcher
from target_intercom.matching.contacts import open_contact_matcher
from target_intercom.records.buffer import PlannedWrite, RecordBuffer
from target_intercom.records.object_types import COMPANY, CONTACT, ObjectType
from target_intercom.records.stream_attributes import StreamAttributes
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.results import Result, build_result, decode_result, encode_result, settle_result
from target_intercom.reporting.terminal import Progress
from target_intercom.writing.writer import CompanyWriter, ContactWriter, Writer

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Executor

    from target_intercom._kit.journal import JournaledWrite, JournalWriter
    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.api.client import IntercomClient
    from target_intercom.decisions.planning import Plan
    from target_intercom.matching.candidates import Matcher
    from target_intercom.matching.company_index import CompanyIndex
    from target_intercom.records.attributes import Attribute, RemoteAttribute
    from target_intercom.records.buffer import Row, Unsent
    from target_intercom.records.payloads import Changes
    from target_intercom.records.remote import RemoteCompany, RemoteRecord
    from target_intercom.reporting.outcomes import Cleared, Summary
    from target_intercom.reporting.report_files import ReportFiles
    from target_intercom.settings import Settings
    from target_intercom.writing.company_attacher import CompanyAttacher
    from target_intercom.writing.memory import Memory

_BATCH = 2000  # rows matched at a time
_QUEUED = 4  # rows in progress per worker

_MATCHERS: Mapping[ObjectType, Callable[[MatchContext], Matcher]] = {
    CONTACT: open_contact_matcher,
    COMPANY: CompanyMatcher,
}
_WRITERS: Mapping[ObjectType, type[Writer]] = {CONTACT: ContactWriter, COMPANY: CompanyWriter}


class StreamPipeline:
    """One stream of a run.

    Args:
        object_type: contacts or companies.
        client: the connection.
        settings: the settings.
        summary: counts the outcomes of the records.
        companies: the companies that the run knows.
        logger: logs the progress.
    """

    def __init__(  # noqa: PLR0913 - what all streams of a run share
        self,
        object_type: ObjectType,
        client: IntercomClient,
        settings: Settings,
        *,
        summary: Summary,
        companies: CompanyIndex,
        journal: JournalWriter,
        logger: logging.Logger,
    ) -> None:
        self._client, self._settings, self._summary = client, settings, summary
        self._companies, self._journal, self._logger = companies, journal, logger
        self.options = settings.build_options(object_type)
        """The options for writing. The attributes are added when the input is complete."""
        self.buffer = RecordBuffer(object_type.remote)
        used = settings.list_used_fields(object_type)
        self.attributes = StreamAttributes(self.options, settings.attributes_from, used)
        self.is_subset = False
        self.is_declared = False  # whether a SCHEMA of the stream came
        """Whether the input contains only some records."""
        self.attacher: CompanyAttacher | None = None
        """Attaches contacts to companies, if the settings say so."""
        self._counts = summary.streams[object_type.stream]
        self._earlier: frozenset[str] = frozenset()  # attributes that keep another type than declared
        self._unfit: Counter[str] = Counter()  # the number of records per field whose value Intercom cannot store
        self._decided = 0  # records that are not skipped
        self._guard = ChangeGuard(settings.max_changed_share)
        self._memory: Memory
        self._planner: Planner

    @property
    def has_input(self) -> bool:
        """Whether there is anything to match: records, or links that may have to be cleared."""
        return bool(self.buffer.count_rows() or self.buffer.count_unsent())

    # Read

    def declare(self, schema: Mapping[str, JsonValue], key_properties: Collection[str]) -> set[str]:
        """Take the stream's schema, and return the fields without a use.

        Raises:
            AttributeConflictError: an attribute has a type that Intercom lacks.
        """
        self.is_declared = True
        self.is_subset = bool(schema.get(SUBSET))
        settings, object_type = self._settings, self.options.object_type
        conditions = (settings.cancelled_when, settings.deleted_when)
        deciding = {field for one in conditions for field in settings.rename_condition(one, object_type)}
        return self.attributes.declare(schema, key_properties) - deciding

    def add_record(self, record_id: str | None, record: JsonObject) -> None:
        """Take a record; `record_id` is the value of its key property."""
        record = self.attributes.read_record(record)
        keys = self.options.read_keys(record, record_id, may_create=self._settings.may_create)
        self.buffer.add_record(record_id, keys, record)

    def add_unsent(self, record_id: str, instead_of: str | None) -> None:
        """Take the id of a record that is not sent, so that the records with its link can be cleared."""
        if link := self.options.read_link({}, record_id):
            self.buffer.add_unsent(link, instead_of)

    def add_left_out(self, record_id: str, *, clear: bool) -> None:
        """Take the id of a record that no longer takes part.

        Raises:
            ConfigurationError: its values are to be cleared, and nothing shows where they are.
        """
        if link := self.options.read_link({}, record_id):
            self.buffer.add_left_out(link, clear=clear)
        elif clear:
            raise ConfigurationError(
                "Records that are left out are to be cleared, but only the link shows which they are: set "
                "`link_attribute`, or the map's `on_left_out` to keep."
            )

    def plan_attributes(self, existing: Sequence[RemoteAttribute]) -> list[Attribute]:
        """Decide with which types values are written, and return the attributes to create.

        Raises:
            AttributeConflictError: there is nothing to write, or an attribute of Intercom prevents it.
        """
        settings = self._settings
        plan, unwritten = self.attributes.plan(
            existing,
            writes_all=settings.update_all or settings.may_create,
            may_be_none=settings.attach_companies,
        )
        if unwritten:
            self._logger.warning(
                "These attributes do not begin with `%s` and are not written, as `on_match` is update_owned: %s",
                self.options.prefix,
                ", ".join(unwritten),
            )
        archived = frozenset(one.name for one in existing if one.is_archived)
        self.options = replace(
            self.options,
            types=plan.types,
            choices=plan.choices,
            archived=archived,
            guarded=self.attributes.guarded,
        )
        self._earlier = frozenset(plan.earlier)
        self._summary.attributes_of_earlier_type += plan.earlier
        return plan.missing

    # Match and decide

    def store_company(self, company: RemoteCompany) -> None:
        """Store a company of the scroll."""
        self.buffer.store_remote(self.options.read_remote_keys(company), self.options.trim_remote(company))

    def decide(self, executor: Executor, reports: ReportFiles, memory: Memory, missing: Collection[Attribute]) -> None:
        """Decide on every row.

        Args:
            executor: makes several calls at once.
            reports: get what is not to be written.
            memory: what earlier runs found; this run's findings are added.
            missing: the attributes that Intercom does not have yet.
        """
        self._memory, self._planner = memory, self._build_planner(memory)
        if self.is_subset:
            self._guard.earlier = memory.changes.get(self.options.stream, EarlierChanges(self.options.stream))
        context = MatchContext(
            self._client,
            self.options,
            self.buffer,
            executor,
            has_link_attribute=self.options.link not in {attribute.name for attribute in missing},
            may_create=self._settings.rules.on_no_match == "create",
            list_left_behind=memory.list_left_behind,
        )
        matcher = _MATCHERS[self.options.object_type](context)
        progress = Progress(self._logger, f"Matched {self.options.stream}", self.buffer.count_rows())
        for rows in self.buffer.iterate_rows(_BATCH):
            candidates = self._find_candidates(rows, matcher)
            if self.attacher:
                self.attacher.look_up_companies(rows)
            for row in rows:
                self._store_plan(row, self._planner.plan_row(row, candidates[row.seq]), reports)
            progress.add_steps(len(rows))
        # The records without a writing row are known only after every row has reserved its record.
        for batch in self.buffer.iterate_unsent(_BATCH):
            linked = matcher.find_linked([unsent.row.link or "" for unsent in batch])
            for unsent in batch:
                found = linked.get(unsent.row.link or "", Candidates())
                if not found.error:
                    self._store_unsent_plan(unsent, self._planner.list_left(found))

    def find_stop_reason(self) -> str | None:
        """Return the sentence that stops a run before the first write, because too much would change."""
        for name, count in self._unfit.items():
            # A field whose values all do not fit would be cleared everywhere. This does not apply to a field without an
            # attribute, or with an attribute whose type changed with an upgrade.
            is_written = name in self.options.types or name in self.options.object_type.standard
            if count == self._decided >= FIRST_ATTEMPTS and is_written and name not in self._earlier:
                return (
                    f"Each of the {self._decided} records has a value of `{name}` that Intercom cannot store: nothing "
                    "was written. Correct that field in the source, or set `accept_changes` to true for one run to "
                    "clear it."
                )
        return self._guard.find_stop_reason()

    def describe_changes(self) -> EarlierChanges:
        """Return what later runs over some records have to add to their own changes."""
        return self._guard.describe_changes(self.options.stream)

    def find_reject_reason(self) -> str | None:
        """Return the sentence that stops a run because too many records were refused before the first write."""
        rejected = self._counts.rejected
        attempts = self.buffer.count_planned() + rejected.total()
        return RejectLimit(self._settings.max_rejects, attempts=attempts, reasons=rejected).find_stop_reason()

    def _build_planner(self, memory: Memory) -> Planner:
        settings, object_type = self._settings, self.options.object_type
        return Planner(
            settings.rules,
            settings.rename_condition(settings.cancelled_when, object_type),
            settings.rename_condition(settings.deleted_when, object_type),
            settings.clear_moved,
            self.options,
            self.buffer,
            self._guard,
            memory.find_archived,
            memory.list_left_behind,
            self.attacher.plan_attachment if self.attacher else _plan_nothing,
            self.is_subset,
        )

    def _find_candidates(self, rows: Sequence[Row], matcher: Matcher) -> dict[int, Candidates]:
        """Find the candidates of rows, and for rows about to be created who else has their e-mail address."""
        candidates = matcher.find_candidates(rows)
        new = [row for row in rows if row.email and self._planner.expects_creation(row, candidates[row.seq])]
        owners = matcher.find_email_owners(new)
        for row in new:
            candidates[row.seq] = candidates[row.seq].add_email_owners(owners[row.seq], row, self.options)
        return candidates

    def _store_plan(self, row: Row, plan: Plan, reports: ReportFiles) -> None:
        outcome = plan.outcome
        self._counts.matched += plan.remote is not None
        self._summary.values_cut += plan.wanted.cut if plan.wanted else 0
        self._decided += outcome.kind != "skipped"
        self._unfit.update(outcome.unfit.keys())
        # If Intercom refuses a row again, it is remembered again, below or at the write.
        self._memory.forget_archived(row, self.options)
        if plan.remote:
            self._memory.set_moved(row, self.options, plan.remote.id, [one.id for one in plan.previously_linked])
        if plan.clear:
            self._memory.plan_clear(row, self.options)
        if row.lookup_id and (plan.remote or plan.action):
            # Contacts come after the companies, so they can be attached to it.
            self._add_company(row.lookup_id, outcome)
        planned = PlannedWrite(plan.wanted, plan.remote, tuple(plan.clear))
        result = encode_result(build_result(outcome, plan.records, self.options))
        self.buffer.store_plan(row, result, plan.action, planned)
        if self._settings.validate or not plan.action:
            # No write will follow, so the outcome is recorded here.
            self._record_outcome(reports, row, outcome)
            if self._journal.is_on:
                self._journal_record(row, outcome)

    def _store_unsent_plan(self, unsent: Unsent, left: Sequence[RemoteRecord]) -> None:
        """Find what still has the link of a record that is not sent, and plan to clear it if the settings say so."""
        row = unsent.row
        if left and unsent.is_left_out:
            # A wrong filter must not clear everybody unnoticed.
            self._guard.count_linked(row.link or "", alarming=True)
        result = self.buffer.find_result_by_link(unsent.instead_of)
        intercom_id = decode_result(result).intercom_id if result else None
        self._memory.set_moved(row, self.options, intercom_id or "", [one.id for one in left])
        if left and (self._settings.clear_moved or unsent.is_left_out):
            self.buffer.store_unsent_plan(row, PlannedWrite(clear=tuple(left)))
            self._memory.plan_clear(row, self.options)

    # Write

    @property
    def has_writes(self) -> bool:
        """Whether there is anything to write or clear."""
        return bool(self.buffer.count_planned() or self.buffer.count_unsent(planned=True))

    def write(self, executor: Executor, reports: ReportFiles, find_stop_reason: Callable[[], str | None]) -> None:
        """Write what is planned, several rows at once, until there is a reason to stop.

        Raises:
            FatalAPIError: there was one, or too many records were refused. Any error that stops the run is raised too.
        """
        limit = RejectLimit(self._settings.max_rejects, earlier=self._summary.rejected.total())
        progress = Progress(self._logger, f"Written {self.options.stream}", self.buffer.count_planned())
        attach = self.attacher.attach if self.attacher else _attach_nothing
        writer = _WRITERS[self.options.object_type](
            self._client, self.options, self._planner.decide_row, attach, self._journal
        )

        def record(row: Row, outcome: Outcome) -> None:
            planned = decode_result(self.buffer.read_result(row))
            self.buffer.store_result(row, encode_result(settle_result(planned, outcome, self.options)))
            self._record_outcome(reports, row, outcome)
            if row.lookup_id and outcome.intercom_id:
                self._add_company(row.lookup_id, outcome)
            limit.count_attempt(outcome.reason if outcome.kind == "rejected" else None)
            progress.add_steps()

        # Records without a writing row are cleared first, so that only one record at a time has a link.
        self._clear_unsent(executor, writer, reports, find_stop_reason)
        run_all(
            executor,
            lambda row: self._write_row(writer, row),
            chain.from_iterable(self.buffer.iterate_rows(_BATCH, planned=True)),
            window=_QUEUED * self._settings.max_concurrency,
            record=record,
            find_stop_reason=lambda: find_stop_reason() or limit.find_stop_reason(),
        )

    def _clear_unsent(
        self, executor: Executor, writer: Writer, reports: ReportFiles, find_stop_reason: Callable[[], str | None]
    ) -> None:
        def record(row: Row, cleared: Sequence[Cleared]) -> None:
            self._memory.note_cleared(row, self.options, cleared)
            reports.write_cleared(self.options, row, cleared)

        run_all(
            executor,
            writer.clear,
            (unsent.row for batch in self.buffer.iterate_unsent(_BATCH, planned=True) for unsent in batch),
            window=_QUEUED * self._settings.max_concurrency,
            record=record,
            find_stop_reason=find_stop_reason,
        )

    def _write_row(self, writer: Writer, row: Row) -> Outcome:
        """Write a row in a worker's thread, and note if Intercom's answer to it is unknown."""
        self._client.forget_writes()
        try:
            return writer.write(row)
        finally:
            # This applies after an error too. The next run finds out what was written.
            if self._client.may_have_written:
                self.buffer.mark_begun(row)

    # Report

    def write_results(self, reports: ReportFiles) -> None:
        """Write the line of every record into the reports, and count those that the run did not reach."""
        for stored in self.buffer.iterate_results():
            result = decode_result(stored.result) if stored.result else Result("not_reached")
            # A validation writes nothing, so its plans are its results.
            if stored.result and not stored.is_settled and not self._settings.validate:
                result = result.as_unknown() if stored.is_begun else result.as_not_reached()
            self._counts.not_reached += result.kind == "not_reached"
            self._counts.unknown += result.kind == "unknown"
            reports.write_result(self.options, stored.row, result)
            if result.kind == "not_reached":
                # A journal that cannot be written has ended the run, and its reports are all the more needed.
                with suppress(ConfigurationError):
                    self._journal_record(stored.row, Outcome(result.kind, result.reason, result.intercom_id))

    def _journal_record(self, row: Row, outcome: Outcome) -> None:
        self._journal.add_record(
            self.options.stream,
            row.label,
            outcome.kind,
            outcome.reason,
            detail=outcome.error.reason if outcome.error else "",
            remote_id=outcome.intercom_id,
            fields=outcome.changes,
            who=row.find_who(self.options.prefix),
        )

    def _record_outcome(self, reports: ReportFiles, row: Row, outcome: Outcome) -> None:
        self._summary.count_outcome(self.options.stream, outcome)
        if outcome.reason == "archived" and outcome.intercom_id:
            self._memory.add_archived(row, self.options, outcome.intercom_id)
        if outcome.cleared:
            self._memory.note_cleared(row, self.options, outcome.cleared)
        reports.write_outcome(self.options, row, outcome, is_written=not self._settings.validate)

    def _add_company(self, company_id: str, outcome: Outcome) -> None:
        self._companies.add_company(company_id, outcome.intercom_id, has_no_users=outcome.leaves_company_empty)


def _plan_nothing(row: Row, remote: RemoteRecord | None) -> Changes:  # noqa: ARG001 - in the place of an attacher
    return {}


def _attach_nothing(row: Row, remote: RemoteRecord, entry: JournaledWrite) -> Changes:  # noqa: ARG001 - as above
    return {}
