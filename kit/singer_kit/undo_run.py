"""Carries out an undo: reads each record, restores what is still as the run left it, and reports each result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from .dispatch import open_workers, run_all
from .journal import NOBODY, Who
from .undo import CHANGED_SINCE, CREATED, UndoPlan, Written, is_untouched, merge_writes, plan_undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .changes import Change
    from .journal import JournalWriter
    from .json_types import JsonObject, JsonValue

STOPPED = "The undo was stopped. What it restored stays restored: run it again to continue."
GONE = "it is archived, merged or deleted"
UNKNOWN_STREAM = "this target no longer writes such records"
UNKNOWN_CREATION = "the run was killed while creating it, so its id is unknown"

_QUEUED = 4  # records in progress per worker


class Remote(ABC):
    """A vendor's record in its present state."""

    @property
    @abstractmethod
    def who(self) -> Who:
        """Names that help people recognise the record."""

    @abstractmethod
    def read_fields(self, fields: Mapping[str, Change]) -> Mapping[str, JsonValue]:
        """Return the present values of these fields."""


class Restorer(ABC):
    """How a target reads, compares and writes the records of its vendor."""

    streams: ClassVar[Sequence[str]]
    """The streams in the order of the undo. Records that refer to others come first."""
    final_actions: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Actions that cannot be undone, and why."""
    final_streams: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Streams whose writes cannot be undone, and why."""

    @abstractmethod
    def fetch(self, stream: str, remote_id: str) -> Remote | None:
        """Read a record by the vendor's id; None if it no longer exists."""

    @abstractmethod
    def is_same(self, stream: str, name: str, value: JsonValue, other: JsonValue) -> bool:
        """Return whether two values of a field are equal for the vendor."""

    @abstractmethod
    def find_obstacle(self, stream: str, name: str, change: Change) -> str | None:
        """Return why a field cannot be restored; None if it can."""

    @abstractmethod
    def restore(self, written: Written, changes: Mapping[str, Change]) -> dict[str, str]:
        """Write the earlier values. Return the reason for each field that the vendor refused."""

    @abstractmethod
    def archive(self, written: Written, remote: Remote) -> str:
        """Archive a record that the run created. Return why it stays, or an empty text."""


@dataclass(frozen=True)
class UndoResult:
    """What became of one record.

    The outcomes are `restored` (at least one field was put back), `kept` (none was, though some differ), `unchanged`
    (it holds what it held before the run), `created` (the run created it, and it stays), `archived` and `gone`.
    """

    written: Written
    outcome: str
    reason: str = ""
    restored: Mapping[str, Change] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)  #: for each kept field, the reason
    who: Who = NOBODY

    def build_line(self) -> JsonObject:
        """Return the result as one JSON object."""
        written = self.written
        line: JsonObject = {"stream": written.stream, "id": written.id, "remote_id": written.remote_id}
        line |= {name: value for name, value in self.who._asdict().items() if value}
        return line | {
            "outcome": self.outcome,
            "reason": self.reason,
            "restored": {name: change._asdict() for name, change in self.restored.items()},
            "kept": dict(self.kept),
        }


class UndoRun:
    """The undo of one run.

    Args:
        restorer: reads and writes.
        journal: notes what is about to be written, and what was.
        concurrency: how many records are worked on at once.
        archive_created: whether records that the run created are archived.
    """

    def __init__(self, restorer: Restorer, journal: JournalWriter, concurrency: int, *, archive_created: bool) -> None:
        self._restorer, self._journal, self._concurrency = restorer, journal, concurrency
        self._archive_created = archive_created
        self._is_stopping = False

    def stop(self) -> None:
        """Finish the current writes and start no others. It is safe to call this from a signal handler."""
        self._is_stopping = True

    def run(self, writes: Iterable[Written], record: Callable[[UndoResult], None]) -> None:
        """Undo these writes.

        Args:
            writes: what the run wrote, in its order.
            record: is called for each record with what became of it.

        Raises:
            FatalAPIError: it was stopped, or the vendor cannot be reached.
        """
        merged = merge_writes(writes)
        for one in merged:
            if one.stream not in self._restorer.streams:
                record(
                    self._leave(UndoResult(one, "kept", self._restorer.final_streams.get(one.stream, UNKNOWN_STREAM)))
                )
        with open_workers(self._concurrency) as executor:
            for stream in self._restorer.streams:
                run_all(
                    executor,
                    self._undo,
                    (one for one in merged if one.stream == stream),
                    window=_QUEUED * self._concurrency,
                    record=lambda _, result: record(result),
                    find_stop_reason=lambda: STOPPED if self._is_stopping else None,
                )

    def _undo(self, written: Written) -> UndoResult:
        """Undo the writes to one record in a worker's thread."""
        if reason := self._restorer.final_actions.get(written.action):
            return self._leave(UndoResult(written, "kept", reason))
        if written.remote_id is None:
            return self._leave(UndoResult(written, "kept", UNKNOWN_CREATION))
        stream = written.stream
        remote = self._restorer.fetch(stream, written.remote_id)
        if remote is None:
            return self._leave(UndoResult(written, "gone", GONE))
        held = remote.read_fields(written.fields)
        is_same = partial(self._restorer.is_same, stream)
        if written.is_created:
            return self._undo_creation(written, remote, is_untouched=is_untouched(written, held, is_same))
        return self._restore(
            written, remote, plan_undo(written, held, is_same, partial(self._restorer.find_obstacle, stream))
        )

    def _restore(self, written: Written, remote: Remote, plan: UndoPlan) -> UndoResult:
        if not plan.restore:
            outcome = "kept" if plan.kept else "unchanged"
            return self._leave(UndoResult(written, outcome, "", {}, plan.kept, remote.who))
        write = self._journal.begin_write(written.stream, written.id, "undo", remote.who)
        write.announce(written.remote_id, plan.restore)
        refused = self._restorer.restore(written, plan.restore)
        restored = {name: change for name, change in plan.restore.items() if name not in refused}
        kept = {**plan.kept, **refused}
        result = UndoResult(written, "restored" if restored else "kept", "", restored, kept, remote.who)
        write.settle(result.outcome, _join_reasons(result), remote_id=written.remote_id, fields=restored)
        return result

    def _undo_creation(self, written: Written, remote: Remote, *, is_untouched: bool) -> UndoResult:
        if not self._archive_created:
            return self._leave(UndoResult(written, "created", CREATED, who=remote.who))
        if not is_untouched:
            return self._leave(UndoResult(written, "created", f"{CREATED}, and {CHANGED_SINCE}", who=remote.who))
        write = self._journal.begin_write(written.stream, written.id, "archive", remote.who)
        write.announce(written.remote_id, {})
        reason = self._restorer.archive(written, remote)
        result = UndoResult(written, "created" if reason else "archived", reason, who=remote.who)
        write.settle("kept" if reason else "archived", reason, remote_id=written.remote_id)
        return result

    def _leave(self, result: UndoResult) -> UndoResult:
        """Note a record without any write."""
        written = result.written
        # The journal of an undo has no outcome `created`.
        kind = "kept" if result.outcome == "created" else result.outcome
        self._journal.add_record(
            written.stream, written.id, kind, _join_reasons(result), remote_id=written.remote_id, who=result.who
        )
        return result


def _join_reasons(result: UndoResult) -> str:
    """Return the different reasons for kept fields."""
    return "; ".join(dict.fromkeys(filter(None, (result.reason, *result.kept.values()))))
