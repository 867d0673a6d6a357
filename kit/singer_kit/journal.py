"""The journal of a target's run: what it was about to write, what it has written, and what it left alone.

A file of JSON lines that only grows; every line is one `write` of the system, so a `kill -9` of the process loses none.
The order is intent, request, outcome: what a killed run has written stands in its journal as an outcome, or as an
intent without one, of which nobody knows yet whether the vendor took it.

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
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec
from singer_sdk.exceptions import ConfigurationError

from .json_types import JsonObject, JsonValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

VERSION = 1
_SUFFIX = ".jsonl"
_OPEN = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class FieldChange(msgspec.Struct, frozen=True):
    """What a field held, and what it is to hold."""

    before: JsonValue
    after: JsonValue


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One line of a journal."""


class _Person(_Line, frozen=True, kw_only=True):
    """Who a record is, so that people can search for it."""

    name: str = ""
    email: str = ""
    company: str = ""


class RunStart(_Line, frozen=True, kw_only=True, tag="run"):
    """The run, and how it was started."""

    version: int
    run_id: str
    plugin: str  #: such as `target-intercom`
    at: float
    plugin_version: str = ""
    loader: str = ""  #: the plugin's name in meltano.yml, such as `target-intercom-trial`
    environment: str = ""  #: Meltano's
    job: str = ""  #: empty when `standpipe run` did not start it
    trigger: str = ""  #: `schedule`, `person`, `live`, `page`, `retry` or `meltano`; empty outside of Meltano
    mode: str = "sync"
    is_subset: bool = False  #: whether the input is not everybody


class Intent(_Person, frozen=True, kw_only=True, tag="intent"):
    """A write that is about to be made."""

    n: int
    stream: str
    id: str
    action: str
    at: float
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class Outcome(_Line, frozen=True, kw_only=True, tag="outcome"):
    """What became of a write."""

    n: int
    kind: str
    at: float
    reason: str = ""
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class RecordResult(_Person, frozen=True, kw_only=True, tag="record"):
    """What became of a record that cost no write."""

    stream: str
    id: str
    kind: str
    reason: str = ""
    remote_id: str | None = None
    fields: dict[str, FieldChange] = {}


class RunEnd(_Line, frozen=True, kw_only=True, tag="end"):
    """How the run ended."""

    status: str  #: `completed`, `failed` or `stopped`
    at: float
    stopped_by: str = ""  #: `guard` when every run over everybody would stop again until a person decides
    error: str = ""  #: one sentence
    summary: JsonObject = {}  #: the content of `summary.json`


Line = RunStart | Intent | Outcome | RecordResult | RunEnd


class Write(NamedTuple):
    """A write as far as a journal tells of it; without an outcome nobody knows yet whether it was made."""

    intent: Intent
    outcome: Outcome | None


Entry = RunStart | Write | RecordResult | RunEnd


class Who(NamedTuple):
    """Who a record is."""

    name: str = ""
    email: str = ""
    company: str = ""


NOBODY = Who()


class JournalWriter:
    """Writes the journal of one run; until it is opened, nothing. Safe in several threads.

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
        self._writes = 0

    def open(self, folder: Path, run: RunStart) -> None:
        """Make a journal in a folder, with its first line.

        Raises:
            ConfigurationError: it cannot be made.
        """
        self._run, self._path = run, folder / f"{run.run_id}{_SUFFIX}"
        draft = folder / f"{run.run_id}.{os.getpid()}.draft"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(draft, _OPEN, 0o600)
            self._close = weakref.finalize(self, os.close, self._descriptor)
            # Nobody may see the journal before it is locked: it would pass for that of a killed run.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self.append(run)
            self._path = _find_free_path(folder, run.run_id)
            draft.rename(self._path)
        except OSError as error:
            self._stop(error.strerror)

    @property
    def is_on(self) -> bool:
        """Whether a journal is being written."""
        return self._descriptor is not None

    def mark_subset(self) -> None:
        """Note that the input of the run is not everybody."""
        if self.is_on and not self._run.is_subset:
            self._run = msgspec.structs.replace(self._run, is_subset=True)
            self.append(self._run)

    def begin_write(self, stream: str, record_id: str, action: str, who: Who = NOBODY) -> JournaledWrite:
        """Return a write that is to be announced before each of its requests, and settled after the last one."""
        return JournaledWrite(self, stream, record_id, action, who)

    def add_record(  # noqa: PLR0913 - the members of the line
        self,
        stream: str,
        record_id: str,
        kind: str,
        reason: str = "",
        *,
        remote_id: str | None = None,
        fields: Mapping[str, tuple[JsonValue, JsonValue]] | None = None,
        who: Who = NOBODY,
    ) -> None:
        """Note what became of a record that cost no write."""
        if not self.is_on:
            return
        changes = build_fields(fields or {})
        self.append(
            RecordResult(
                stream=stream,
                id=record_id,
                kind=kind,
                reason=reason,
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
        """Return the number of one more write."""
        with self._lock:
            self._writes += 1
            return self._writes

    def append(self, line: Line) -> None:
        """Write a line, in one piece."""
        if self._descriptor is None:
            return
        content = self._encoder.encode(line) + b"\n"
        with self._lock:
            # After a line that was cut off no other one could be read.
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
            f"The journal {self._path} cannot be written ({cause}), and nothing is written without it: make room, or "
            "set `journal_dir` to another folder."
        )
        raise ConfigurationError(self._problem)


class JournaledWrite:
    """One write in the journal; used by one thread.

    Args:
        journal: the journal.
        stream: the stream of the record.
        record_id: the record.
        action: what is done: `update`, `create`, `merge` and so on.
        who: who the record is.
    """

    def __init__(self, journal: JournalWriter, stream: str, record_id: str, action: str, who: Who) -> None:
        self._journal = journal
        self._stream, self._id, self._action, self._who = stream, record_id, action, who
        self._number: int | None = None
        self._remote_id: str | None = None
        self._fields: dict[str, tuple[JsonValue, JsonValue]] = {}

    def announce(self, remote_id: str | None, fields: Mapping[str, tuple[JsonValue, JsonValue]]) -> None:
        """Note what the next request is about to write, unless the journal tells of it already.

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
        remote_id: str | None = None,
        fields: Mapping[str, tuple[JsonValue, JsonValue]] | None = None,
    ) -> None:
        """Note what became of it; of a write that was never announced, that its record cost none.

        Raises:
            ConfigurationError: the journal cannot be written.
        """
        if not self._journal.is_on:
            return
        if self._number is None:
            self._journal.add_record(self._stream, self._id, kind, reason, remote_id=remote_id, who=self._who)
            return
        changes = build_fields(fields or {})
        self._journal.append(
            Outcome(
                n=self._number, kind=kind, at=self._journal.now(), reason=reason, remote_id=remote_id, fields=changes
            )
        )


class Journal:
    """A journal, to be read.

    Args:
        file: the file, open.
        is_busy: whether its writer lives, or another program reads it.
    """

    def __init__(self, file: IO[bytes], *, is_busy: bool) -> None:
        self._file = file
        self.is_busy = is_busy

    def iterate_lines(self) -> Iterator[Line]:
        """Yield the lines; the end of one that a killed writer or a full disk has cut off is left out."""
        decoder = msgspec.json.Decoder(Line)
        self._file.seek(0)
        for content in self._file:
            if not content.endswith(b"\n"):
                return
            try:
                # msgspec does not look at the bytes of members that it leaves out.
                line: Line = decoder.decode(content.decode())
            except (msgspec.DecodeError, UnicodeDecodeError):
                # What follows a damaged line might belong to writes that it told of.
                return
            yield line

    def iterate_entries(self) -> Iterator[Entry]:
        """Yield the run, its writes with their outcomes, the other records and the end, as they were settled.

        Writes without an outcome come last.
        """
        begun: dict[int, Intent] = {}
        for line in self.iterate_lines():
            if isinstance(line, Intent):
                begun[line.n] = line
            elif isinstance(line, Outcome):
                if line.n in begun:
                    yield Write(begun.pop(line.n), line)
            else:
                yield line
        for intent in begun.values():
            yield Write(intent, None)

    def list_unknown(self) -> list[Intent]:
        """Return the writes without an outcome."""
        return [one.intent for one in self.iterate_entries() if isinstance(one, Write) and one.outcome is None]


@contextmanager
def open_journal(path: Path) -> Iterator[Journal | None]:
    """Open a journal; None when it is gone. Until it is closed, others find it busy."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_busy = False
        except BlockingIOError:
            is_busy = True
        # Another reader may have removed it in between.
        yield Journal(file, is_busy=is_busy) if os.fstat(file.fileno()).st_nlink else None


def list_journals(folder: Path) -> list[Path]:
    """List the journals in a folder."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def build_fields(fields: Mapping[str, tuple[JsonValue, JsonValue]]) -> dict[str, FieldChange]:
    """Return fields in the form of a line."""
    return {name: FieldChange(before, after) for name, (before, after) in fields.items()}


def _find_free_path(folder: Path, run_id: str) -> Path:
    """Return a name for a journal: one run may start the same target twice, one after the other."""
    names = (f"{run_id}{suffix}{_SUFFIX}" for suffix in ("", *(f".{number}" for number in range(2, 1000))))
    return next(path for name in names if not (path := folder / name).exists())
