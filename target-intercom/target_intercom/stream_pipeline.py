"""One run over one stream: what it declares, what Intercom holds for it, what is to be written, and the writing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from target_intercom._kit.dispatch import run_all
from target_intercom._kit.limits import FIRST_ATTEMPTS, RejectLimit
from target_intercom.decisions.change_guard import BlastRadius
from target_intercom.decisions.planning import Planner
from target_intercom.matching.candidates import Found, email_of, keys_of, trimmed
from target_intercom.matching.companies import CompanyMatcher
from target_intercom.matching.contacts import matcher_for
from target_intercom.records.attributes import (
    Attribute,
    AttributeConflictError,
    AttributePlan,
    assert_owned,
    build_created_by,
    build_link,
    declared_attributes,
    plan_attributes,
)
from target_intercom.records.buffer import Keys, Spool
from target_intercom.records.object_types import COMPANY, CONTACT
from target_intercom.records.payloads import MAX_STRING, attributes_of, link_value, match_key, match_value
from target_intercom.records.stream_attributes import FlatFields, TypeInference
from target_intercom.reporting.report_files import Progress
from target_intercom.reporting.results import (
    Result,
    build_result,
    decode_result,
    encode_result,
    settle_result,
)
from target_intercom.writing.company_attacher import COMPANY_ID
from target_intercom.writing.writer import CompanyWriter, ContactWriter

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.decisions.planning import Plan
    from target_intercom.matching.candidates import Held
    from target_intercom.matching.company_index import Directory
    from target_intercom.matching.contacts import Matcher
    from target_intercom.records.buffer import Row
    from target_intercom.records.object_types import Kind
    from target_intercom.records.payloads import Shape
    from target_intercom.reporting.outcomes import Cleared, Outcome
    from target_intercom.reporting.report_files import ReportFiles
    from target_intercom.reporting.summary import Summary
    from target_intercom.settings import Settings
    from target_intercom.writing.company_attacher import Attacher
    from target_intercom.writing.memory import Memory
    from target_intercom.writing.writer import Writer

_BATCH = 2000  # rows matched at a time
_QUEUED = 4  # rows handed out for each worker
_VALUE_NAMES = {"email": "e-mail", "external_id": "user id", "company_id": "company id", "name": "company name"}


class StreamRun:
    """One run over one stream: `declare` and `add` what comes; then `plan`, and only then `write`.

    Args:
        shape: how its records are written; the types are filled in when the input is complete.
        client: the connection.
        settings: the settings.
        summary: counts what becomes of the records.
        logger: tells of the progress.
    """

    def __init__(
        self, shape: Shape, client: IntercomClient, settings: Settings, summary: Summary, logger: logging.Logger
    ) -> None:
        self.shape, self._client, self._settings, self._summary = shape, client, settings, summary
        self._logger = logger
        self._attributes: dict[str, Attribute] = {}
        self._inference = TypeInference()
        self._is_open = True  # whether no schema declares any attribute
        self.fields: set[str] = set()  #: that the schema declares
        self._flat = FlatFields(settings.attributes_from, shape.prefix, used_fields(shape.kind, settings))
        self.spool = Spool()
        self._earlier: frozenset[str] = frozenset()  # attributes that go on in a type other than declared
        self._unfit: Counter[str] = Counter()  # records, by the field whose value Intercom cannot hold
        self._decided = 0  # records that are not skipped
        self._guard = BlastRadius(settings.max_changed_share)
        self._planner: Planner | None = None

    def declare(self, schema: Mapping[str, Any], key_properties: Collection[str] = ()) -> set[str]:
        """Take the custom attributes that a SCHEMA message declares, and return the fields that have no use.

        Raises:
            AttributeConflictError: one is of a type that Intercom has not, or none is to be kept in step.
        """
        properties = schema.get("properties", {})
        self.fields |= properties.keys()
        rest = {name: field for name, field in properties.items() if name not in key_properties}
        declared = declared_attributes(schema)
        self._is_open = not declared
        attributes = declared | self._flat.declare(rest)
        if not self.shape.update_all:
            assert_owned(attributes, self.shape.kind.stream, self.shape.prefix)
        self._attributes |= attributes
        return set(rest) - used_fields(self.shape.kind, self._settings) - self._flat.names()

    def add(self, record_id: str | None, record: dict[str, Any]) -> None:
        """Take a record; `record_id` is the value of its key property."""
        record = self._flat.lift(record)
        attributes = attributes_of(record)
        if undeclared := attributes.keys() - self._attributes.keys():
            self._inference.observe({name: attributes[name] for name in undeclared})
        self.spool.add(record_id, self._keys(record_id, record), record)

    def _keys(self, record_id: str | None, record: Mapping[str, Any]) -> Keys:
        value = match_value(record, self.shape.match_on)
        usable = value is not None and len(value) <= MAX_STRING
        key = match_key(value, self.shape.match_on) if value and usable else None
        identity = match_value(record, "company_id") if self.shape.kind is COMPANY else None
        email = email_of(record, self.shape) if self._settings.may_create else None
        return Keys(key, link_value(record, record_id, self.shape), identity, email)

    def plan_attributes(self, existing: Sequence[Mapping[str, Any]]) -> AttributePlan:
        """Decide which attributes this run creates and in which type values are written.

        On a match only owned attributes are written, unless the settings say more.

        Args:
            existing: the data attributes of both models that Intercom has.

        Raises:
            AttributeConflictError: there is nothing to write, or an attribute of Intercom stands in the way.
        """
        shape, everything = self.shape, self._settings.update_all or self._settings.may_create
        # Beside declared attributes only ours are taken: another one may have been left out on purpose.
        inferred = {
            name: one for name, one in self._inference.attributes().items() if self._is_open or shape.owns(name)
        }
        found = inferred | self._attributes
        if not shape.update_all:
            assert_owned(found, shape.kind.stream, shape.prefix)
        if not (found or everything or self._settings.attach_companies):
            raise AttributeConflictError(
                f"The records of the stream {shape.kind.stream} carry no attribute to write: send them under "
                "`custom_attributes`, or name the fields that become attributes in `attributes_from`."
            )
        found |= self._find_stale(existing)
        wanted = {name: one for name, one in found.items() if everything or shape.owns(name)}
        if unwritten := sorted(found.keys() - wanted.keys()):
            self._logger.warning(
                "These attributes do not begin with `%s` and are not written, as `on_match` is update_owned: %s",
                shape.prefix,
                ", ".join(unwritten),
            )
        if shape.link and shape.link not in self._attributes:
            wanted[shape.link] = build_link(shape.link, declared=shape.link not in found)
        created_by = build_created_by(shape.created_by)
        wanted[created_by.name] = created_by
        plan = plan_attributes(wanted.values(), existing, model=shape.kind.model, prefix=shape.prefix)
        archived = frozenset(one["name"] for one in existing if one.get("archived"))
        self.shape = replace(shape, types=plan.types, options=plan.options, archived=archived)
        self._earlier = frozenset(plan.earlier)
        return plan

    def _find_stale(self, existing: Sequence[Mapping[str, Any]]) -> dict[str, Attribute]:
        """Return the attributes of the workspace for which only lists and objects came: their values are cleared."""
        held = {
            one["name"]
            for one in existing
            if one.get("custom") and one.get("model") == self.shape.kind.model and not one.get("archived")
        }
        names = held & self._inference.unusable() - self._attributes.keys()
        return {name: Attribute(name, "string", declared=False) for name in sorted(names)}

    def add_unsent(self, record_id: str, instead_of: str | None) -> None:
        """Take the id of a record that is not sent: what carries its link has no successor that would clear it."""
        if link := link_value({}, record_id, self.shape):
            self.spool.add_unsent(link, instead_of)

    @property
    def has_writes(self) -> bool:
        """Whether anything is to be written or cleared."""
        return bool(self.spool.count_planned() or self.spool.count_unsent(planned=True))

    @property
    def value_name(self) -> str:
        """What the records are matched on, in words."""
        return _VALUE_NAMES[self.shape.match_on]

    def keep_company(self, company: Mapping[str, Any]) -> None:
        """Take a company of the scroll."""
        self.spool.keep(keys_of(company, self.shape), trimmed(company, self.shape))

    def plan(  # noqa: PLR0913 - what a decision stands on
        self,
        executor: Executor,
        reports: ReportFiles,
        memory: Memory,
        *,
        by_link: bool,
        attacher: Attacher | None = None,
        directory: Directory | None = None,
    ) -> None:
        """Decide on every row.

        Args:
            executor: makes several calls at once.
            reports: get what is not to be written.
            memory: knows what earlier runs found, and is told what this one finds.
            by_link: whether the link attribute exists in Intercom already.
            attacher: says which contacts lack their company.
            directory: is told of the companies.
        """
        self._memory = memory
        self._planner = Planner(
            self._settings, self.shape, self.spool, self._guard, memory.known_archived, memory.left_behind, attacher
        )
        matcher = self._matcher(executor, by_link=by_link)
        progress = Progress(self._logger, f"Matched {self.shape.kind.stream}", self.spool.count())
        for rows in self.spool.batches(_BATCH):
            found = _found(rows, matcher, self._planner)
            if attacher:
                attacher.prepare(rows)
            for row in rows:
                self._take(row, self._planner.plan(row, found[row.seq]), reports, directory)
            progress.step(len(rows))
        for batch in self.spool.unsent(_BATCH):  # after every row has taken the record that it writes to
            linked = matcher.find_linked([row.link or "" for row, _ in batch])
            for row, instead_of in batch:
                one = linked.get(row.link or "", Found())
                if not one.refused:
                    self._take_unsent(row, instead_of, self._planner.find_left_behind(one))

    def _matcher(self, executor: Executor, *, by_link: bool) -> Matcher:
        if self.shape.kind is CONTACT:
            return matcher_for(
                self._client, self.shape, self.spool, executor, by_link=by_link, left_behind=self._memory.left_behind
            )
        by_name = self._settings.rules.on_no_match == "create"
        return CompanyMatcher(self._client, self.shape, self.spool, executor, by_name=by_name)

    def _take(self, row: Row, plan: Plan, reports: ReportFiles, directory: Directory | None) -> None:
        self._summary.plan(self.shape.kind.stream, matched=plan.held is not None, cut=plan.cut)
        self._decided += plan.outcome.kind != "skipped"
        self._unfit.update(plan.outcome.unfit.keys())
        self._memory.forget_archived(row, self.shape)
        if plan.held:
            self._memory.set_moved(row, self.shape, plan.held["id"], [one["id"] for one in plan.was_on])
        if plan.clear:
            self._memory.plan_clear(row, self.shape)
        if directory and row.identity and (plan.held or plan.action):
            directory.put(row.identity, plan.outcome.intercom_id, empty=_is_empty(plan.outcome))
        result = encode_result(build_result(plan.outcome, plan.records, self.shape))
        self.spool.plan(row, result, plan.action, (plan.held, plan.clear))
        if self._settings.validate or not plan.action:
            self._record(reports, row, plan.outcome)

    def _take_unsent(self, row: Row, instead_of: str | None, was_on: Sequence[Held]) -> None:
        """Note what still carries the link of a record that is not sent, and plan to clear it if that is set."""
        result = self.spool.result_by_link(instead_of)
        intercom_id = decode_result(result).intercom_id if result else None
        self._memory.set_moved(row, self.shape, intercom_id or "", [one["id"] for one in was_on])
        if was_on and self._settings.clear_moved:
            self.spool.plan_unsent(row, was_on)
            self._memory.plan_clear(row, self.shape)

    def objection(self) -> str | None:
        """Return the sentence that stops a run before the first write, because too much would change.

        A field without any value that Intercom can hold would be cleared everywhere. One whose type changed with an
        upgrade stops nothing.
        """
        wrong = [name for name, count in self._unfit.items() if count == self._decided and self._would_lose(name)]
        if wrong and self._decided >= FIRST_ATTEMPTS:
            return (
                f"Each of the {self._decided} records has a value of `{wrong[0]}` that Intercom cannot hold: nothing "
                "was written. Correct that field in the source, or set `accept_changes` to true for one run to clear "
                "it."
            )
        return self._guard.objection()

    def _would_lose(self, name: str) -> bool:
        """Return whether a value that does not fit costs one that Intercom holds; not of an attribute that is none."""
        return name not in self._earlier and (name in self.shape.types or name in self.shape.kind.standard)

    def unplannable(self) -> str | None:
        """Give the sentence that stops a run of which too many records cannot even be tried."""
        rejected = self._summary.streams[self.shape.kind.stream].rejected
        attempts = self.spool.count_planned() + rejected.total()
        return RejectLimit(self._settings.max_rejects, attempts=attempts, reasons=rejected).find_stop_reason()

    def write(
        self,
        executor: Executor,
        reports: ReportFiles,
        interruption: Callable[[], str | None],
        *,
        attacher: Attacher | None = None,
        directory: Directory | None = None,
    ) -> None:
        """Write what is planned, several rows at once, until `interruption` gives a sentence.

        Raises:
            FatalAPIError: too many were refused. Besides, whatever makes a run stop.
        """
        limit = RejectLimit(self._settings.max_rejects, earlier=self._summary.rejected.total())
        progress = Progress(self._logger, f"Written {self.shape.kind.stream}", self.spool.count_planned())

        def record(row: Row, outcome: Outcome) -> None:
            planned = decode_result(self.spool.result_of(row))
            self.spool.settle(row, encode_result(settle_result(planned, outcome, self.shape)))
            self._record(reports, row, outcome)
            if directory and row.identity and outcome.intercom_id:
                directory.put(row.identity, outcome.intercom_id, empty=_is_empty(outcome))
            limit.note(outcome.reason if outcome.kind == "rejected" else None)
            progress.step()

        def record_cleared(row: Row, cleared: Sequence[Cleared]) -> None:
            self._memory.note_cleared(row, self.shape, cleared)
            reports.note_cleared(self.shape, row, cleared)

        writer, window = self._writer(attacher), _QUEUED * self._settings.max_concurrency
        run_all(
            executor,
            writer.clear,
            (row for batch in self.spool.unsent(_BATCH, planned=True) for row, _ in batch),
            window=window,
            record=record_cleared,
            find_stop_reason=interruption,
        )
        run_all(
            executor,
            lambda row: self._write_one(writer, row),
            chain.from_iterable(self.spool.batches(_BATCH, planned=True)),
            window=window,
            record=record,
            find_stop_reason=lambda: interruption() or limit.find_stop_reason(),
        )

    def _write_one(self, writer: Writer, row: Row) -> Outcome:
        """Write a row in a worker's thread, and note if Intercom may have taken of it what no outcome will tell."""
        self._client.forget_writes()
        try:
            return writer.write(row)
        finally:
            if self._client.may_have_written:
                self.spool.begin(row)

    def _writer(self, attacher: Attacher | None) -> Writer:
        if self._planner is None:
            raise RuntimeError("Nothing is written before it is planned.")
        if self.shape.kind is COMPANY:
            return CompanyWriter(self._client, self.shape, self._planner)
        return ContactWriter(self._client, self.shape, self._planner, attacher)

    def write_results(self, reports: ReportFiles) -> None:
        """Write the line of every record into the reports, and count those whose turn did not come."""
        counts = self._summary.streams[self.shape.kind.stream]
        for row, encoded, settled, begun in self.spool.results():
            result = decode_result(encoded) if encoded else Result("not_reached")
            if encoded and not settled and not self._settings.validate:
                result = result.as_unknown() if begun else result.as_not_reached()
            counts.not_reached += result.kind == "not_reached"
            counts.unknown += result.kind == "unknown"
            reports.write_result(self.shape, row, result)

    def _record(self, reports: ReportFiles, row: Row, outcome: Outcome) -> None:
        self._summary.note(self.shape.kind.stream, outcome)
        if outcome.reason == "archived" and outcome.intercom_id:
            self._memory.add_archived(row, self.shape, outcome.intercom_id)
        if outcome.cleared:
            self._memory.note_cleared(row, self.shape, outcome.cleared)
        reports.note(self.shape, row, outcome, written=not self._settings.validate)


def used_fields(kind: Kind, settings: Settings) -> set[str]:
    """Return the fields of a record that have a use of their own."""
    company = {COMPANY_ID} if kind is CONTACT and settings.attach_companies else set()
    return {kind.identity, "custom_attributes", *kind.standard} | company


def _found(rows: Sequence[Row], matcher: Matcher, planner: Planner) -> dict[int, Found]:
    """Find the records of rows, and for those about to be created who else has their e-mail address."""
    found = dict(matcher.match(rows))
    new = [row for row in rows if row.email and planner.would_create(row, found[row.seq])]
    emailed = matcher.emailed(new)
    return found | {row.seq: found[row.seq].with_emailed(emailed[row.seq], row.key) for row in new}


def _is_empty(outcome: Outcome) -> bool:
    return outcome.kind == "created" or outcome.reason == "no_users"
