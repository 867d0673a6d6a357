"""The journal of a target's run: what it was about to write, what it has written, and what it left alone.

A file of JSON lines that only grows; every line is one `write` of the system, so a `kill -9` of the process loses none.
The order is intent, request, outcome: each write of a killed run is in its journal as an outcome, or as an intent
without an outcome if it is unknown whether the vendor received it.

    {"type": "run", "version": 1, "run_id": "8f2c…", "plugin": "target-intercom", "mode": "sync", "at": 1764522000.1, …}
    {"type": "intent", "n": 1, "stream": "contacts", "id": "c1", "remote_id": "5f…", "action": "update",
     "fields": {"custom_attributes.cb_mrr": {"before": 1, "after": 2}}, "name": "Ann", "at": …}
    {"type": "outcome", "n": 1, "kind": "updated", "remote_id": "5f…", "fields": {…}, "at": …}
    {"type": "record", "stream": "contacts", "id": "c2", "kind": "skipped", "reason": "ambiguous"}
    {"type": "end", "status": "completed", "summary": {…}, "at": …}

- `n` numbers the writes of a run. A write may need several requests, such as a creation and then its external id: then
  the intent is repeated under the same `n` with all that is to be written so far, and the later one replaces the
  earlier. One outcome says what was written of it all.
- A second `run` line replaces the first: only the SCHEMA messages say that the input is a subset.
- Empty members are left out. Times are unix seconds. The fields of an outcome are those that were written.
- A record that cost no write has a `record` line. In mode `validate` that is every record, with the fields that a sync
  would write. Of two lines about one record the later one counts.
- A journal without an `end` line whose writer is gone belongs to a run that was killed.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from singer_sdk.exceptions import ConfigurationError

from .journal_lines import (
    SUFFIX,
    VERSION,
    FieldChange,
    Intent,
    Journal,
    Line,
    Outcome,
    RecordResult,
    RunEnd,
    RunStart,
    Write,
    list_journals,
    open_journal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .json_types import JsonObject, JsonValue

__all__ = [
    "NOBODY",
    "VERSION",
    "FieldChange",
    "Intent",
    "Journal",
    "JournalWriter",
    "JournaledWrite",
    "Outcome",
    "RecordResult",
    "RunEnd",
    "RunStart",
    "Who",
    "Write",
    "build_fields",
    "list_journals",
    "open_journal",
]

_OPEN = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Who(NamedTuple):
    """Names that help people recognise a record."""

    name: str = ""
    email: str = ""
    company: str = ""


NOBODY = Who()


class JournalWriter:
    """Writes the journal of one run. It writes nothing until it is opened. Safe in several threads.

    As long as it lives it holds a lock on its file, which tells readers that more lines may come. Every method raises a
    `ConfigurationError` when the journal cannot be written: then nothing may be written to the vendor either.

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        self._run: RunStart
        self._path: Path
        self._descriptor: int | None = None
        self._problem = ""
        self._is_subset = False
        self._writes = 0

    def open(self, folder: Path, run: RunStart) -> None:
        """Create a journal in a folder, with its first line.

        Raises:
            ConfigurationError: it cannot be created.
        """
        run = msgspec.structs.replace(run, is_subset=self._is_subset)
        self._run, self._path = run, folder / f"{run.run_id}{SUFFIX}"
        draft = folder / f"{run.run_id}.{os.getpid()}.draft"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(draft, _OPEN, 0o600)
            self._close = weakref.finalize(self, os.close, self._descriptor)
            # Readers must not see the journal before it is locked, as it would look like that of a killed run.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self.append(run)
            self._path = _find_free_path(folder, run.run_id)
            draft.rename(self._path)
        except OSError as error:
            self._stop(error.strerror)

    @property
    def is_subset(self) -> bool:
        """Whether the input of the run contains only some records."""
        return self._is_subset

    @property
    def is_on(self) -> bool:
        """Whether a journal is being written."""
        return self._descriptor is not None

    def mark_subset(self) -> None:
        """Note that the input of the run contains only some records."""
        if self.is_on and not self._is_subset:
            self.append(msgspec.structs.replace(self._run, is_subset=True))
        self._is_subset = True

    def begin_write(self, stream: str, record_id: str, action: str, who: Who = NOBODY) -> JournaledWrite:
        """Return a write, to be announced before each of its requests and settled after the last one."""
        return JournaledWrite(self, stream, record_id, action, who)

    def add_record(  # noqa: PLR0913 - the members of the line
        self,
        stream: str,
        record_id: str,
        kind: str,
        reason: str = "",
        *,
        detail: str = "",
        remote_id: str | None = None,
        fields: Mapping[str, tuple[JsonValue, JsonValue]] | None = None,
        who: Who = NOBODY,
    ) -> None:
        """Note the result of a record that needed no write."""
        if not self.is_on:
            return
        changes = build_fields(fields or {})
        self.append(
            RecordResult(
                stream=stream,
                id=record_id,
                kind=kind,
                reason=reason,
                detail=detail,
                remote_id=remote_id,
                fields=changes,
                name=who.name,
                email=who.email,
                company=who.company,
            )
        )

    def end(self, status: str, *, summary: JsonObject, stopped_by: str = "", error: str = "") -> None:
        """Write the last line, and close the journal."""
        try:
            self.append(RunEnd(status=status, at=self.now(), stopped_by=stopped_by, error=error, summary=summary))
        finally:
            if self.is_on:
                self._close()
                self._descriptor = None

    def now(self) -> float:
        """Return the time of a line."""
        return round(self._clock(), 3)

    def number_write(self) -> int:
        """Return the number of the next write."""
        with self._lock:
            self._writes += 1
            return self._writes

    def append(self, line: Line) -> None:
        """Write a line with a single call of the system."""
        if self._descriptor is None:
            return
        content = self._encoder.encode(line) + b"\n"
        with self._lock:
            # Readers stop at an incomplete line, so no other line may follow it.
            if self._problem:
                raise ConfigurationError(self._problem)
            try:
                written = os.write(self._descriptor, content)
            except OSError as error:
                self._stop(error.strerror)
            else:
                if written < len(content):
                    self._stop("the last line was cut off")

    def _stop(self, cause: str | None) -> None:
        self._problem = (
            f"The journal {self._path} cannot be written ({cause}), and nothing is written without it: free some "
            "space, or set `journal_dir` to another folder."
        )
        raise ConfigurationError(self._problem)


class JournaledWrite:
    """One write in the journal, used by one thread.

    Args:
        journal: the journal.
        stream: the stream of the record.
        record_id: the id of the record.
        action: the action, such as `update`, `create` or `merge`.
        who: names that help people recognise the record.
    """

    def __init__(self, journal: JournalWriter, stream: str, record_id: str, action: str, who: Who) -> None:
        self._journal = journal
        self._stream, self._id, self._action, self._who = stream, record_id, action, who
        self._number: int | None = None
        self._remote_id: str | None = None
        self._fields: dict[str, tuple[JsonValue, JsonValue]] = {}

    def announce(self, remote_id: str | None, fields: Mapping[str, tuple[JsonValue, JsonValue]]) -> None:
        """Note what the next request will write, unless the journal already has it.

        Raises:
            ConfigurationError: the journal cannot be written.
        """
        if not self._journal.is_on:
            return
        is_told = self._number is not None and remote_id == self._remote_id and self._fields.items() >= fields.items()
        if is_told:
            return
        self._number = self._number or self._journal.number_write()
        self._remote_id = remote_id
        self._fields |= fields
        self._journal.append(
            Intent(
                n=self._number,
                stream=self._stream,
                id=self._id,
                action=self._action,
                at=self._journal.now(),
                remote_id=remote_id,
                fields=build_fields(self._fields),
                name=self._who.name,
                email=self._who.email,
                company=self._who.company,
            )
        )

    def settle(
        self,
        kind: str,
        reason: str = "",
        *,
        detail: str = "",
        remote_id: str | None = None,
        fields: Mapping[str, tuple[JsonValue, JsonValue]] | None = None,
    ) -> None:
        """Note the outcome. A write that was never announced becomes a record without a write.

        Raises:
            ConfigurationError: the journal cannot be written.
        """
        if not self._journal.is_on:
            return
        if self._number is None:
            self._journal.add_record(
                self._stream, self._id, kind, reason, detail=detail, remote_id=remote_id, who=self._who
            )
            return
        self._journal.append(
            Outcome(
                n=self._number,
                kind=kind,
                at=self._journal.now(),
                reason=reason,
                detail=detail,
                remote_id=remote_id,
                fields=build_fields(fields or {}),
            )
        )


def build_fields(fields: Mapping[str, tuple[JsonValue, JsonValue]]) -> dict[str, FieldChange]:
    """Return fields in the form of a journal line."""
    return {name: FieldChange(before, after) for name, (before, after) in fields.items()}


def _find_free_path(folder: Path, run_id: str) -> Path:
    """Return a free file name, as one run may start the same target twice in succession."""
    names = (f"{run_id}{suffix}{SUFFIX}" for suffix in ("", *(f".{number}" for number in range(2, 1000))))
    return next(path for name in names if not (path := folder / name).exists())
