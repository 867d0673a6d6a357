"""Carries out the plan of one row, so that neither a lost reply nor a merge in between makes a second record.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/customer-attributes,
https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from target_chartmogul._kit.creation import create_once
from target_chartmogul._kit.parent import OrphanedError
from target_chartmogul._kit.rate_limit import LimitError
from target_chartmogul.api.transport import LostReplyError, RecordRefusedError
from target_chartmogul.records.payloads import (
    Change,
    Changes,
    find_missing,
    list_refused_fields,
)
from target_chartmogul.writing.memory import ANY, OVERRIDDEN, REFUSED
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_chartmogul._kit.journal import JournaledWrite, JournalWriter
    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.decisions.planning import Difference, Plan
    from target_chartmogul.matching.finder import Finder
    from target_chartmogul.records.buffer import Row
    from target_chartmogul.records.remote import RemoteRecord
    from target_chartmogul.records.values import Wanted, WriteOptions
    from target_chartmogul.writing.late_creates import CreateGuard
    from target_chartmogul.writing.memory import Memory

    Compare: TypeAlias = Callable[[Row, Wanted, RemoteRecord | None], Difference]

_MAX_TRIES = 7
_MAX_LOOK_UPS = 3  # attempts if a record disappears during the write


@dataclass
class Job:
    """The work on one row so far.

    Args:
        row: the row.
        want: the values that ChartMogul should have.
        entry: the write in the journal.
        remote: ChartMogul's present record.
        is_created: whether this run created it.
        was_found: whether it was there after a creation without reply. Another run may have made it, with other values.
        initial: the changes of its creation.
        to_write: the changes of an update.
        overridden: changes that are not sent, because ChartMogul is known to override them.
        refused: the reason for each field that ChartMogul refused.
    """

    row: Row
    want: Wanted
    entry: JournaledWrite
    remote: RemoteRecord | None = None
    is_created: bool = False
    was_found: bool = False
    initial: Changes = field(default_factory=dict)
    to_write: Changes = field(default_factory=dict)
    overridden: Changes = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The row's external id. Without it nothing is written."""
        return self.row.id or ""

    @property
    def uuid(self) -> str:
        """The uuid of the customer or contact."""
        return self.remote.uuid if self.remote else ""

    def update_remote(self, values: Mapping[str, JsonValue]) -> None:
        """Store the values in a reply."""
        if self.remote:
            self.remote = replace(self.remote, values={**self.remote.values, **values})


class Writer(ABC):
    """Writes rows. Several threads may use it, as no two rows of a run concern the same record.

    Args:
        client: the connection.
        options: the options for writing records.
        finder: finds existing records.
        memory: remembers what ChartMogul overrides.
        guard: decides when to look a record up before its creation.
        compare: decides what to write.
        journal: gets every write, before and after it.
    """

    def __init__(  # noqa: PLR0913 - its parts, which a class would only rename
        self,
        client: ChartMogulClient,
        options: WriteOptions,
        *,
        finder: Finder,
        memory: Memory,
        guard: CreateGuard,
        compare: Compare,
        journal: JournalWriter,
    ) -> None:
        self._client, self._options, self._finder, self._memory = client, options, finder, memory
        self._guard, self._compare, self._journal = guard, compare, journal
        self._stream = options.object_type.stream
        self.cut_off: set[int] = set()
        """The rows of which a write was made, or may have been, when the run stopped."""

    @abstractmethod
    def _build_body(self, job: Job, changes: Changes) -> JsonObject:
        """Build the body of a creation."""

    @abstractmethod
    def _send_changes(self, job: Job) -> None:
        """Write `job.to_write`, and store the values in the replies in `job.remote`."""

    def write_row(self, row: Row, plan: Plan) -> Outcome:
        """Carry out the plan of a row. A refusal becomes the outcome `rejected`.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        entry = self._journal.begin_write(self._stream, row.label, plan.action, row.who)
        self._client.forget_writes()
        try:
            outcome = self._carry_out(Job(row, plan.want, entry, plan.remote), plan)
        except (ConfigurationError, FatalAPIError, OrphanedError, LimitError):
            if self._client.may_have_written:
                self.cut_off.add(row.seq)
            else:
                entry.settle("not_reached")
            raise
        entry.settle(outcome.kind, outcome.reason, remote_id=outcome.uuid, fields=outcome.changes)
        return outcome

    def _carry_out(self, job: Job, plan: Plan) -> Outcome:
        try:
            if plan.action == "delete":
                job.entry.announce(job.uuid, {})
                self._client.delete_contact(job.uuid)
                self._memory.forget_all_but(self._stream, job.id, ())
                return plan.outcome
            self._create_or_update(job)
            return self._compare_reply(job)
        except RecordRefusedError as error:
            return Outcome("rejected", error.reason, job.uuid or None, status=error.status)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to create one of the {self._stream}: no STATE was written, so the "
                "next run starts from the same point."
            ) from None

    def _create_or_update(self, job: Job) -> None:
        for attempt in range(_MAX_LOOK_UPS + 1):
            try:
                if job.remote is None:
                    self._create(job)
                self._update(job)
            except RecordRefusedError as error:
                if not error.is_missing or attempt == _MAX_LOOK_UPS:
                    raise
                # The record may have been merged meanwhile, and then has another uuid.
                job.remote = self._fetch_remote(job)
            else:
                return

    def _create(self, job: Job) -> None:
        """Create a record without the fields that ChartMogul refuses, or use one that already exists."""
        if self._guard.must_look_up() and (remote := self._fetch_remote(job)):
            job.remote = remote
            self._finder.is_outdated = True
            return
        changes, job.overridden = self._compare(job.row, job.want, None)
        job.initial = changes
        while job.remote is None:
            try:
                job.remote = self._create_object(job, changes)
                job.is_created = True
            except RecordRefusedError as error:
                if error.is_duplicate and (remote := self._fetch_remote(job)):
                    job.remote = remote
                    return
                names = list_refused_fields(error.fields, changes)
                job.refused |= dict.fromkeys(names, error.reason)
                # A refusal without a field may be for an attribute, and these are written one by one afterwards.
                rest = {name: one for name, one in changes.items() if name not in names and (names or "." not in name)}
                if len(rest) == len(changes) or error.is_missing:
                    raise
                changes = rest
        self._finder.store(job.id, job.remote)

    def _fetch_remote(self, job: Job) -> RemoteRecord | None:
        """Ask ChartMogul for the record of a row."""
        return self._finder.fetch_by_id(job.id)

    def _create_object(self, job: Job, changes: Changes) -> RemoteRecord:
        """Create a record. After a lost reply, find it or create it again.

        Raises:
            LostReplyError: no attempt had a reply.
            RecordRefusedError: it cannot be created.
        """

        def attempt(may_exist: bool) -> RemoteRecord:  # noqa: FBT001 the argument of a callback
            if may_exist and (remote := self._fetch_remote(job)):
                job.was_found = True
                return remote
            job.entry.announce(None, changes)
            created = self._client.create_object(self._options.object_type, self._build_body(job, changes))
            return created.to_record(self._finder.source, self._options.types)

        return create_once(attempt, LostReplyError, tries=_MAX_TRIES, longest=30)

    def _update(self, job: Job) -> None:
        """Write the differences, or what the creation of a new record did not include."""
        if job.remote is None:
            return
        changes, overridden = self._compare(job.row, job.want, job.remote)
        job.overridden |= overridden
        # A value that this run's own creation did not keep is sent again only if there is another way to write it.
        is_new = job.is_created and not job.was_found
        not_taken = {name for name in changes if is_new and not self._can_repair(name)}
        job.to_write = {name: one for name, one in changes.items() if name not in job.refused and name not in not_taken}
        if job.to_write:
            job.entry.announce(job.uuid, job.to_write)
            self._send_changes(job)
        job.to_write |= {name: one for name, one in changes.items() if name in not_taken}

    def _can_repair(self, name: str) -> bool:  # noqa: ARG002 - customers use it
        """Return whether there is another way to write a field that a creation did not keep."""
        return False

    def _patch_fields(self, job: Job, body: JsonObject) -> None:
        """Write fields without those that ChartMogul refuses."""
        while body:
            try:
                entry = self._client.update_object(self._options.object_type, job.uuid, body)
            except RecordRefusedError as error:
                names = list_refused_fields(error.fields, body)
                # Without a field in the refusal there is nothing to leave out, so the record is rejected.
                if not names:
                    raise
                job.refused |= dict.fromkeys(names, error.reason)
                body = {name: value for name, value in body.items() if name not in names}
            else:
                job.remote = entry.to_record(self._finder.source, self._options.types)
                return

    def _compare_reply(self, job: Job) -> Outcome:
        """Compare the sent values with ChartMogul's reply, and remember what it overrides."""
        if job.remote is None:
            raise RuntimeError("A row was neither created nor updated.")
        # An update after a creation sends only values that the creation contained.
        sent = job.initial if job.is_created else job.to_write
        sent = {name: one for name, one in sent.items() if name not in job.refused}
        missing = find_missing(sent, job.remote, self._options)
        taken = {name: one for name, one in sent.items() if name not in missing}
        self._remember(job, job.remote, taken, missing)
        overridden, refused = job.overridden | missing, {**job.want.unfit, **job.refused}
        if job.is_created:
            kind = "created"
        elif taken:
            kind = "updated"
        else:
            kind = "held" if overridden or job.refused else "unchanged"
        return Outcome(kind, "", job.uuid, taken, overridden, refused)

    def _remember(self, job: Job, remote: RemoteRecord, taken: Changes, missing: Changes) -> None:
        for name, change in missing.items():
            record_id, reason = self._explain_missing(job, name)
            self._memory.remember(self._stream, record_id, name, change, reason)
        for name, reason in job.refused.items():
            change = job.to_write.get(name) or Change(remote.values.get(name), job.want.values.get(name))
            # A refusal for every record needs no entry for this one.
            if not self._memory.is_overridden_for_all(self._stream, name):
                self._memory.remember(self._stream, job.id, name, change, f"{REFUSED}{reason}")
        self._memory.forget_all_but(self._stream, job.id, {*missing, *job.overridden, *job.refused})
        self._memory.forget(self._stream, ANY, *self._list_defined(remote, taken))

    def _explain_missing(self, job: Job, name: str) -> tuple[str, str]:  # noqa: ARG002 - contacts use the name
        """Return for which records a sent field is overridden, and the reason."""
        return job.id, OVERRIDDEN

    def _list_defined(self, remote: RemoteRecord, taken: Changes) -> Iterable[str]:  # noqa: ARG002 - contacts use it
        """Return the fields that ChartMogul accepts from at least one record."""
        return taken
