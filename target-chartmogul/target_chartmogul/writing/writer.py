"""Carrying out what was planned for one row, so that no lost reply and no merge in between makes a second record.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul._kit.creation import create_once
from target_chartmogul.api.transport import LostReplyError, RecordRefusedError
from target_chartmogul.records.object_types import CONTACT
from target_chartmogul.records.payloads import (
    CUSTOM,
    Change,
    held_from,
    lacking,
    named_fields,
)
from target_chartmogul.writing.memory import ANY, OVERRIDDEN, REFUSED, UNDEFINED
from target_chartmogul.writing.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_chartmogul.api.client import ChartMogulClient
    from target_chartmogul.decisions.planning import Plan, Planner
    from target_chartmogul.matching.finder import Finder
    from target_chartmogul.records.buffer import Row
    from target_chartmogul.records.payloads import Held, Shape, Wanted
    from target_chartmogul.writing.late_creates import CreateGuard
    from target_chartmogul.writing.memory import Memory

_MAX_TRIES = 7
_MAX_RESOLVED = 3  # times that a record is looked for again, because it went away while it was written
Changes = dict[str, Change]


@dataclass
class Job:
    """The work on one row as it stands: what ChartMogul holds by now, and what was refused, with its reasons."""

    row: Row
    want: Wanted
    held: Held | None = None
    created: bool = False
    found: bool = False  #: it was there when its creation had no reply: whoever has made it, it may hold other values
    first: Changes = field(default_factory=dict)
    todo: Changes = field(default_factory=dict)
    kept: Changes = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The row's external id, without which nothing is written."""
        return self.row.id or ""

    @property
    def uuid(self) -> str:
        """Whom it is about."""
        return self.held.uuid if self.held else ""

    def holds(self, values: Mapping[str, Any]) -> None:
        """Take what a reply tells."""
        if self.held:
            self.held = replace(self.held, values={**self.held.values, **values})


class Writer(ABC):
    """Writes rows. Used from several threads; no two rows of a run concern the same record."""

    def __init__(
        self, client: ChartMogulClient, planner: Planner, finder: Finder, source: str, guard: CreateGuard
    ) -> None:
        self._client, self._planner, self._finder, self._source = client, planner, finder, source
        self._guard = guard
        self._shape: Shape = planner.shape
        self._memory: Memory = planner.memory

    @abstractmethod
    def _body(self, job: Job, changed: Changes) -> dict[str, Any]:
        """Give the body of a creation."""

    @abstractmethod
    def _send(self, job: Job) -> None:
        """Write `job.todo` to what there is, and take the replies into `job.held`."""

    def write(self, row: Row, plan: Plan) -> Outcome:
        """Do what was planned for a row; a refusal becomes the outcome `rejected`.

        Raises:
            ConfigurationError, FatalAPIError: the whole run must stop.
        """
        job = Job(row, plan.want, plan.held)
        try:
            if plan.action == "delete":
                self._client.delete_contact(job.uuid)
                self._memory.settle(self._shape.kind.stream, job.id, ())
                return plan.outcome
            return self._settled(job)
        except RecordRefusedError as error:
            return Outcome("rejected", error.reason, job.uuid or None, status=error.status)
        except LostReplyError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts to create one of the {self._shape.kind.stream}: no STATE "
                "was written, so the next run starts from the same point."
            ) from None

    def _settled(self, job: Job) -> Outcome:
        """Create or update, and look again for a record that went away meanwhile: it may have been merged."""
        for attempt in range(_MAX_RESOLVED + 1):
            try:
                if job.held is None:
                    self._create(job)
                self._update(job)
            except RecordRefusedError as error:
                if not error.is_missing or attempt == _MAX_RESOLVED:
                    raise
                job.held = self._find(job)
                continue
            break
        return self._told(job)

    def _create(self, job: Job) -> None:
        """Create a record, without the fields that ChartMogul refuses; or take the one that is there after all."""
        if self._guard.must_look_up() and (found := self._find(job)):
            job.held = found
            self._finder.is_short = True
            return
        changed, job.kept = self._planner.first(job.row, job.want)
        job.first = changed
        while job.held is None:
            try:
                job.held = self._posted(job, changed)
                job.created = True
            except RecordRefusedError as error:
                if error.is_duplicate and (taken := self._find(job)):
                    job.held = taken
                    return
                changed = self._without(error, changed, job)
        self._finder.note(job.id, job.held)

    def _find(self, job: Job) -> Held | None:
        """Ask for what the row is about now."""
        return self._finder.find(job.id)

    def _without(self, error: RecordRefusedError, changed: Changes, job: Job) -> Changes:
        """Leave out the fields that a refusal names, or, if it names none, the attributes: they follow apart."""
        names = named_fields(error.named, changed)
        job.refused |= dict.fromkeys(names, error.reason)
        rest = {name: one for name, one in changed.items() if name not in names and (names or "." not in name)}
        if len(rest) == len(changed) or error.is_missing:
            raise error
        return rest

    def _posted(self, job: Job, changed: Changes) -> Held:
        """Create; after a lost reply find, or create anew.

        Raises:
            LostReplyError: no attempt was answered.
            RecordRefusedError: it cannot be created.
        """

        def attempt(may_exist: bool) -> Held:  # noqa: FBT001 the argument of a callback
            if may_exist and (found := self._find(job)):
                job.found = True
                return found
            entry = self._client.create(self._shape.kind, self._body(job, changed))
            return held_from(entry, self._shape, self._source)

        return create_once(attempt, LostReplyError, tries=_MAX_TRIES, longest=30)

    def _update(self, job: Job) -> None:
        """Write what differs, or, of a record just created, what its creation has not taken."""
        if job.held is None:
            return
        todo, kept = self._planner.todo(job.row, job.want, job.held)
        job.kept |= kept
        fresh = job.created and not job.found
        later = {name for name in todo if fresh and not self._repairs(name)}
        job.todo = {name: one for name, one in todo.items() if name not in job.refused and name not in later}
        if job.todo:
            self._send(job)
        job.todo |= {name: one for name, one in todo.items() if name in later}

    def _repairs(self, name: str) -> bool:  # noqa: ARG002 - for those who can
        """Say whether a field that a creation has not taken can be written in another way."""
        return False

    def _patch(self, job: Job, body: dict[str, Any]) -> None:
        """Write fields, without those that ChartMogul refuses."""
        while body:
            try:
                entry = self._client.update(self._shape.kind, job.uuid, body)
            except RecordRefusedError as error:
                names = named_fields(error.named, body)
                if not names:
                    raise
                job.refused |= dict.fromkeys(names, error.reason)
                body = {name: value for name, value in body.items() if name not in names}
            else:
                job.held = held_from(entry, self._shape, self._source)
                return

    def _told(self, job: Job) -> Outcome:
        """Compare what was sent with what ChartMogul says it holds, and remember what it holds back."""
        if job.held is None:
            raise RuntimeError("Nothing is told of what is not there.")
        sent = job.first if job.created else job.todo
        sent = {name: one for name, one in sent.items() if name not in job.refused}
        absent = lacking(sent, job.held, self._shape)
        self._remember(job, sent, absent)
        changed = {name: one for name, one in sent.items() if name not in absent}
        held, refused = job.kept | absent, {**job.want.unfit, **job.refused}
        return Outcome(_kind(job, changed, held), "", job.uuid, changed, held, refused)

    def _remember(self, job: Job, sent: Changes, absent: Changes) -> None:
        stream, held = self._shape.kind.stream, job.held.values if job.held else {}
        contact = self._shape.kind is CONTACT
        for name, change in absent.items():
            undefined = contact and name.startswith(CUSTOM)
            whose, reason = (ANY, UNDEFINED) if undefined else (job.id, OVERRIDDEN)
            self._memory.note(stream, whose, name, change, reason)
        for name, reason in job.refused.items():
            change = job.todo.get(name) or Change(held.get(name), job.want.values.get(name))
            if not self._memory.is_everybodys(stream, name):
                self._memory.note(stream, job.id, name, change, f"{REFUSED}{reason}")
        self._memory.settle(stream, job.id, {*absent, *job.kept, *job.refused})
        self._memory.forget(stream, ANY, *(held if contact else (name for name in sent if name not in absent)))


def _kind(job: Job, changed: Changes, held: Changes) -> str:
    """Name what became of a row that was neither deleted nor refused."""
    if job.created:
        return "created"
    if changed:
        return "updated"
    return "held" if held or job.refused else "unchanged"
