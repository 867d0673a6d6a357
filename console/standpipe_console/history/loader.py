"""Load the journals of targets into the history, each line once, however often a loader is killed.

The row of a run stores how many lines of its journal are loaded. It is committed together with their content. A
loader that was killed therefore continues where its last commit ended. A journal is deleted when all of it is loaded.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from standpipe_console._kit.journal_lines import Intent, Outcome, RecordResult, RunEnd, RunStart, open_journal

from .recording import ATTRIBUTES, Recorder, RecordOutcome, Write
from .statuses import decide_status, read_target_status
from .tables import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from standpipe_console._kit.journal_lines import Line
    from standpipe_console._kit.json_types import JsonObject

    from .database import Database

LOGGER = logging.getLogger(__name__)
#: Streams of the journal without records of the source. They are not counted as records.
_NO_RECORDS = frozenset({ATTRIBUTES, "not_sent"})
#: The number of records per transaction.
BATCH = 1000
#: How long to wait for another program that loads, in seconds.
_LOCK_WAIT = 30.0


@dataclass
class _Reading:
    """The part of a journal that has been read so far."""

    run: RunStart | None = None
    end: RunEnd | None = None
    open_intents: dict[int, Intent] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    last_at: float = 0.0

    def read(self, line: Line) -> RecordOutcome | None:
        """Read the next line; return what it says about a record, if anything."""
        if isinstance(line, RecordResult):
            return self._count(_build_outcome(line, line, self.last_at))
        self.last_at = line.at
        if isinstance(line, RunStart):
            self.run = line
        elif isinstance(line, RunEnd):
            self.end = line
        elif isinstance(line, Intent):
            self.open_intents[line.n] = line
        elif intent := self.open_intents.pop(line.n, None):
            return self._count(_build_write(intent, line))
        return None

    def settle_rest(self) -> list[RecordOutcome]:
        """Return the writes without a known answer, after the target has ended."""
        intents = list(self.open_intents.values())
        return [
            self._count(_build_write(one, Outcome(n=one.n, kind="unknown", at=one.at, fields=one.fields)))
            for one in intents
        ]

    def build_counts(self) -> JsonObject:
        """Return the figures of the run: those of the target's summary, else those of the lines; zeros are left out."""
        total = self.counts.total() + self.skipped.total() + self.rejected.total()
        counts: JsonObject = {"records": total, **self.counts}
        counts |= {"skipped": dict(self.skipped), "rejected": dict(self.rejected)}
        for name, value in (self.end.summary if self.end else {}).items():
            if isinstance(value, dict):
                counts[name] = {key: one for key, one in value.items() if _is_number(one) and one}
            elif _is_number(value):
                counts[name] = value
        return {name: value for name, value in counts.items() if value}

    def _count(self, outcome: RecordOutcome) -> RecordOutcome:
        if outcome.stream in _NO_RECORDS:
            return outcome
        if outcome.kind == "skipped":
            self.skipped[outcome.reason] += 1
        elif outcome.kind == "rejected":
            self.rejected[outcome.reason] += 1
        else:
            self.counts[outcome.kind] += 1
        return outcome


def _build_write(intent: Intent, line: Outcome) -> RecordOutcome:
    outcome = _build_outcome(intent, line, line.at)
    return replace(outcome, detail=_clean(line.detail), write=Write(intent.action, line.fields))


def _build_outcome(record: Intent | RecordResult, result: Outcome | RecordResult, at: float) -> RecordOutcome:
    return RecordOutcome(
        stream=record.stream,
        record_id=_clean(record.id),
        kind=result.kind,
        reason=_clean(result.reason),
        at=at,
        remote_id=_clean(result.remote_id or record.remote_id or ""),
        name=_clean(record.name),
        email=_clean(record.email),
        company=_clean(record.company),
    )


def _clean(text: str) -> str:
    """Return a text without NUL characters, which PostgreSQL cannot store."""
    return text.replace("\0", "")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Loader:
    """Loads journals.

    Args:
        database: the history.
        folder: where the journals are, a folder for each plugin.
        environment: Meltano's environment, for runs that `standpipe run` did not start.
        host: this machine.
        find_job: returns the job of a plugin in meltano.yml, for such runs.
    """

    database: Database
    folder: Path
    environment: str
    host: str
    find_job: Callable[[str], str]

    def load_all(self) -> set[str] | None:
        """Load every journal, the oldest first.

        Returns the runs whose targets still write theirs; None when another program is loading and does not finish in
        time.
        """
        if not self.folder.is_dir():
            return set()
        with _hold_lock(self.folder) as is_held:
            if not is_held:
                return None
            paths = sorted(self.folder.glob("*/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
            return {run_id for path in paths if (run_id := self._load(path))}

    def _load(self, path: Path) -> str | None:
        """Load one journal; return its run while the target still writes it."""
        with open_journal(path) as journal:
            if journal is None:
                return None
            lines = journal.iterate_lines()
            reading = _Reading()
            first = next(lines, None)
            if not isinstance(first, RunStart):
                LOGGER.warning("%s is not a journal: move it to another folder.", path)
                return None
            reading.read(first)
            row = self._begin_run(first, path, is_alive=journal.is_busy)
            recorder = Recorder(self.database, row.id, first.plugin)
            count = self._load_lines(lines, reading, recorder, row.loaded_lines)
            if journal.is_busy and reading.end is None:
                run_id: str = row.run_id
                return run_id
            self._end_run(reading, recorder, count)
            path.unlink()
        return None

    def _load_lines(self, lines: Iterator[Line], reading: _Reading, recorder: Recorder, loaded: int) -> int:
        """Load the lines after those that are loaded, and return how many there are."""
        batch: list[RecordOutcome] = []
        number = 1
        for number, line in enumerate(lines, 2):
            outcome = reading.read(line)
            # A validation only says what would be done, so it is not part of a record's history.
            if outcome and number > loaded and reading.run and reading.run.mode != "validate":
                batch.append(outcome)
            if len(batch) == BATCH:
                self._commit(recorder, batch, number)
                batch = []
        if batch:
            self._commit(recorder, batch, number)
        return number

    def _commit(self, recorder: Recorder, batch: list[RecordOutcome], count: int) -> None:
        with self.database.write() as connection:
            recorder.record(connection, batch)
            connection.execute(sa.update(RUNS).where(RUNS.c.id == recorder.run).values(loaded_lines=count))

    def _begin_run(self, start: RunStart, path: Path, *, is_alive: bool) -> Any:
        """Find or make the row of the run, and return it."""
        with self.database.write() as connection:
            run_id = path.stem  # a second run of the same target within a job has a number behind its id
            row = _find_run(connection, run_id)
            if row and row.plugin_version and row.plugin != start.plugin:
                # A job with two targets: the second one has a row of its own.
                run_id = f"{run_id}.{start.plugin}"
                row = _find_run(connection, run_id)
            values: dict[str, Any] = {
                "plugin": start.plugin,
                "plugin_version": start.plugin_version or "?",
                "mode": start.mode,
            }
            if row is None or row.exit_code is None:
                values["status"] = "running" if is_alive else "loading"
            if row:
                connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(values))
                return row
            values |= {
                "run_id": run_id,
                "job": start.job or self.find_job(start.loader or path.parent.name),
                "environment": start.environment or self.environment,
                "host": self.host,
                "trigger": start.trigger,
                "is_subset": start.is_subset,
                "started_at": start.at,
                "target_status": "",
                "reason": "",
                "counts": {},
                "loaded_lines": 0,
            }
            connection.execute(sa.insert(RUNS).values(values))
            return _find_run(connection, run_id)

    def _end_run(self, reading: _Reading, recorder: Recorder, count: int) -> None:
        """Write how the target ended, once all of its journal is loaded."""
        is_run = RUNS.c.id == recorder.run
        with self.database.write() as connection:
            row = connection.execute(sa.select(RUNS).where(is_run)).one()
            if row.target_status:
                return  # a loader was killed after its last commit, before it deleted the journal
            unknown = reading.settle_rest()
            if unknown:
                recorder.record(connection, unknown)
            counts = reading.build_counts()
            target_status = read_target_status(reading.end, sum(counts.get("rejected", {}).values()))
            values: dict[str, Any] = {
                "counts": counts,
                "target_status": target_status,
                "status": decide_status(row.exit_code, target_status),
                "is_subset": row.is_subset or bool(reading.run and reading.run.is_subset),
                "loaded_lines": count,
            }
            if row.ended_at is None:
                values["ended_at"] = reading.last_at
            if not row.reason:
                values["reason"] = _describe_end(reading.end, target_status)
            connection.execute(sa.update(RUNS).where(is_run).values(values))


def _find_run(connection: sa.Connection, run_id: str) -> Any:
    return connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).one_or_none()


def _describe_end(end: RunEnd | None, target_status: str) -> str:
    if target_status == "killed":
        return "The target was killed: nothing is lost, the next run repeats what was not confirmed."
    return end.error if end else ""


@contextmanager
def _hold_lock(folder: Path) -> Iterator[bool]:
    """Hold the lock of loaders, so that no line is loaded twice; False when another one does not end in time."""
    # Opened for reading: a folder that cannot be written to can still be loaded from, though nothing is deleted.
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _wait_for_lock(handle)
    finally:
        os.close(handle)


def _wait_for_lock(handle: int) -> bool:
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True
