"""What queries of the history return. All times are unix seconds."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from standpipe_console._kit.journal_lines import FieldChange
from standpipe_console._kit.json_types import JsonObject

T = TypeVar("T")


class RunRow(msgspec.Struct, frozen=True):
    """One run of a target.

    The status is one of `running`, `loading`, `completed`, `partly_refused`, `failed`, `guarded`, `stopped`, `killed`
    and `not_started`.
    """

    run_id: str
    plugin: str  #: the target
    job: str  #: the job of meltano.yml
    environment: str
    trigger: str  #: `schedule`, `person`, `live`, `page`, `retry`, or `meltano` for a bare `meltano run`
    mode: str  #: `sync`, `validate` or `undo`
    is_subset: bool  #: whether it read some records only
    started_at: float
    ended_at: float | None
    status: str
    exit_code: int | None  #: Meltano's; None when only the journal is known
    reason: str  #: one sentence; empty when all went well
    counts: JsonObject  #: records by outcome, calls, seconds, as in summary.json; zeros are left out
    plugin_version: str

    @property
    def undoes(self) -> str:
        """The id of the run that this one undid; empty for other runs, and if it is not known."""
        return str(self.counts.get("undoes", ""))

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended_at is None else max(0.0, self.ended_at - self.started_at)


class ChangeRow(msgspec.Struct, frozen=True):
    """One write to one record of the vendor.

    When `kind` is `unknown`, the run ended between the write and its answer: the vendor may have taken it or not.
    """

    run_id: str
    stream: str
    record_id: str
    remote_id: str
    action: str  #: `update`, `create`, `clear`, …
    kind: str  #: the outcome of the record in this run: `updated`, `created`, …
    at: float
    fields: dict[str, FieldChange]


class RecordRow(msgspec.Struct, frozen=True):
    """What a run did with a record. There is none if it did nothing."""

    run_id: str
    plugin: str
    stream: str
    record_id: str
    remote_id: str
    kind: str  #: `updated`, `created`, `skipped`, `rejected`, `unknown`, …; `unchanged` only after a problem
    reason: str
    at: float
    name: str = ""
    email: str = ""
    company: str = ""
    detail: str = ""  #: the vendor's own sentence about a refusal
    changes: tuple[ChangeRow, ...] = ()  #: filled by `list_record_history` only


class RecordGroup(msgspec.Struct, frozen=True):
    """The records of a run with one outcome and one reason."""

    kind: str
    reason: str
    count: int
    detail: str = ""  #: the vendor's own sentence about a refusal, of one of them
    details: int = 0  #: how many different sentences there are


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows of many."""

    rows: list[T]
    total: int


class RejectRow(msgspec.Struct, frozen=True):
    """A record that the vendor refused."""

    plugin: str
    stream: str
    record_id: str
    reason: str  #: that of the last time
    first_at: float
    last_at: float
    times: int  #: runs in which it was refused, since it was taken for the last time
    resolved_at: float | None
    remote_id: str = ""
    name: str = ""
    email: str = ""
    company: str = ""
    detail: str = ""  #: the vendor's own sentence


class PauseRow(msgspec.Struct, frozen=True):
    """A job that must not run until somebody resumes it."""

    job: str
    since: float
    reason: str
    run_id: str


class AlertRow(msgspec.Struct, frozen=True):
    """A situation of a job, and when its message was sent."""

    job: str
    situation: str
    since: float
    sent_at: float | None = None
    cause: str = ""  #: a short name: the same for runs that failed alike
    channel: str = ""  #: a short name of the address that was told, without its keys
