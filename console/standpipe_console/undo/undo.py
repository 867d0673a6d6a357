"""`undo`: lets the target restore the values before a run, with the run's history.

The target does the work, as only it can read, compare and write its vendor's records.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from standpipe_console._kit.journal_lines import Intent, Outcome
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.project.meltano import describe_failure
from standpipe_console.runs.locks import JobLock
from standpipe_console.runs.processes import JOB, RUN_ID, TRIGGER

from .pauses import require_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from standpipe_console.history import ChangeRow, History, RecordRow, RunRow
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: The number of records that are shown before the question.
SHOWN = 10
#: The stream of attributes in a journal of target-intercom.
_ATTRIBUTES = "data_attributes"
_UNDER_WAY = {"running", "loading"}
_CUT_OFF = 2


class Restored(msgspec.Struct):
    """A restored field."""

    before: object = None
    after: object = None


class UndoneRecord(msgspec.Struct):
    """The outcome of one record, as the target prints it; see `singer_kit.undo_command`."""

    stream: str
    id: str
    outcome: str
    remote_id: str | None = None
    name: str = ""
    email: str = ""
    reason: str = ""
    restored: dict[str, Restored] = {}
    kept: dict[str, str] = {}  #: for each kept field, the reason


@dataclass(frozen=True)
class UndoPlan:
    """The records that an undo will check."""

    run: RunRow
    pipeline: Pipeline
    changes: list[ChangeRow]
    names: dict[str, RecordRow]  #: by id, for the records that are shown

    @property
    def records(self) -> list[tuple[str, str]]:
        """The written records, each once, as stream and id."""
        return list(dict.fromkeys((one.stream, one.record_id) for one in self.changes if one.stream != _ATTRIBUTES))

    @property
    def created(self) -> int:
        """The number of records that the run created."""
        return sum(one.action == "create" and one.stream != _ATTRIBUTES for one in self.changes)

    @property
    def attributes(self) -> int:
        """The number of attributes that the run created, which stay."""
        return sum(one.stream == _ATTRIBUTES for one in self.changes)

    @property
    def fields(self) -> int:
        """The number of changed fields in records that existed before."""
        return sum(len(one.fields) for one in self.changes if one.action != "create")


@dataclass
class UndoReport:
    """The result of an undo."""

    run_id: str  #: the id of the undo itself
    records: list[UndoneRecord] = field(default_factory=list)
    exit_code: int = 0
    reason: str = ""  #: why it ended early; otherwise empty

    def count(self, outcome: str) -> int:
        """Return the number of records with this outcome."""
        return sum(one.outcome == outcome for one in self.records)

    @property
    def fields(self) -> int:
        """The number of restored fields."""
        return sum(len(one.restored) for one in self.records)


def plan_undo(project: Project, run: str, record_id: str | None = None) -> UndoPlan:
    """Find the writes of a run.

    Args:
        project: the project.
        run: the run's id, or its first letters; `latest` for the last run.
        record_id: only this record.

    Raises:
        ConsoleError: there is no such run, it has not ended, or it wrote nothing.
    """
    with open_history(project) as history:
        row = _find_run(history, run)
        pipeline = _find_pipeline(project, row)
        changes = list(history.list_changes(row.run_id, record_id))
        if not changes:
            whom = f" to {record_id}" if record_id else ""
            raise ConsoleError(f"The run {row.run_id} wrote nothing{whom}: there is nothing to undo.")
        shown = {one.record_id for one in changes[:SHOWN]}
        names = {one.record_id: one for id_ in sorted(shown) for one in history.list_record_history(id_, limit=1)}
    return UndoPlan(row, pipeline, changes, names)


def _find_run(history: History, run: str) -> RunRow:
    found = history.list_runs(limit=1) if run == "latest" else history.find_runs(run.strip()) if run.strip() else []
    if len(found) >= _CUT_OFF and found[0].run_id != run.strip():
        raise ConsoleError(f"Several runs begin with `{run}`: give more of the id.")
    if not found:
        raise ConsoleError(f"The history has no run `{run}`: `standpipe history` lists them.")
    if found[0].status in _UNDER_WAY:
        raise ConsoleError(f"The run {found[0].run_id} is still under way: undo it when it has ended.")
    return found[0]


def _find_pipeline(project: Project, run: RunRow) -> Pipeline:
    """Return the pipeline of a run, if its target can undo."""
    pipeline = next((one for one in project.pipelines if one.target == run.plugin), None)
    if pipeline is None:
        pipeline = require_pipeline(project, run.job)
    if "undo" not in (project.plugins[pipeline.target].get("commands") or {}):
        raise ConsoleError(f"{pipeline.target} cannot undo a run.")
    return pipeline


def build_journal(changes: Iterable[ChangeRow]) -> Iterator[bytes]:
    """Yield the lines of a journal with these writes."""
    encode = msgspec.json.Encoder().encode
    for number, one in enumerate(changes, 1):
        remote_id = one.remote_id or None
        yield encode(
            Intent(
                n=number,
                stream=one.stream,
                id=one.record_id,
                action=one.action,
                at=one.at,
                remote_id=remote_id,
                fields=one.fields,
            )
        )
        if one.kind != "unknown":
            # A record's outcome may stand for several writes, while a creation has its own outcome.
            kind = "created" if one.action == "create" else "updated"
            yield encode(Outcome(n=number, kind=kind, at=one.at, remote_id=remote_id, fields=one.fields))


class UndoRunner:
    """Runs the target's command `undo` under the lock of the pipeline, which is paused first.

    Args:
        project: the project.
        plan: what to undo.
        lock_wait: how long to wait for a run of the pipeline, in seconds.
    """

    def __init__(self, project: Project, plan: UndoPlan, lock_wait: float) -> None:
        self._project, self._plan, self._lock_wait = project, plan, lock_wait
        self._stopping = threading.Event()
        self._child: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """End the undo in order. It is safe to call this from a signal handler."""
        self._stopping.set()
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def run(self, *, archive_created: bool = False, watch: Callable[[UndoneRecord], None] | None = None) -> UndoReport:
        """Undo.

        Args:
            archive_created: whether records that the run created are archived.
            watch: is called for each record as soon as it is done.

        Raises:
            ConsoleError: a run of the pipeline does not end in time.
        """
        pipeline, run = self._plan.pipeline, self._plan.run
        report = UndoReport(uuid.uuid4().hex)
        folder = self._project.system_dir / "standpipe"
        with JobLock(folder, pipeline.job).hold(self._lock_wait, sleep=self._sleep) as lock:
            if lock is None or self._stopping.is_set():
                cause = "it was told to stop" if self._stopping.is_set() else f"a run of {pipeline.job} is under way"
                raise ConsoleError(f"Nothing was undone: {cause}.")
            with open_history(self._project) as history:
                history.pause(pipeline.job, f"the run {run.run_id[:8]} was undone", run.run_id)
            self._run_target(report, lock.fileno(), watch or (lambda _: None), archive_created=archive_created)
        with open_history(self._project) as history:
            # The undo's journal is loaded, as the undo is a separate run in the history.
            history.note_undo(report.run_id, run.run_id)
            return report

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _run_target(
        self, report: UndoReport, lock: int, watch: Callable[[UndoneRecord], None], *, archive_created: bool
    ) -> None:
        project, target = self._project, self._plan.pipeline.target
        decode = msgspec.json.Decoder(UndoneRecord).decode
        with project.write_config(target) as config, tempfile.TemporaryFile("w+") as log:
            journal = config.with_name("journal.jsonl")
            _write_lines(journal, build_journal(self._plan.changes))
            options = ["--archive-created"] if archive_created else []
            self._child = subprocess.Popen(  # noqa: S603
                [str(project.find_executable(target)), f"--config={config}", "undo", f"--journal={journal}", *options],
                cwd=project.root,
                env=self._build_env(report.run_id),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # only this process gets Ctrl-C, and it stops the target in order
                pass_fds=(lock,),  # if only this process is killed, the target keeps the lock
            )
            if self._stopping.is_set():
                self.stop()
            with self._child:
                for line in self._child.stdout or ():
                    if line.startswith('{"outcomes"'):
                        continue  # the counts, which the report already has
                    record = decode(line)
                    report.records.append(record)
                    watch(record)
            report.exit_code = self._child.returncode
            if report.exit_code:
                log.seek(0)
                report.reason = describe_failure(target, "undo", report.exit_code, log.read())

    def _build_env(self, run_id: str) -> dict[str, str]:
        project = self._project
        return {
            **project.command_env,
            RUN_ID: run_id,
            JOB: self._plan.pipeline.job,
            TRIGGER: "person",
            "MELTANO_ENVIRONMENT": project.environment,
            "MELTANO_PROJECT_ROOT": str(project.root),
            "MELTANO_SYS_DIR_ROOT": str(project.system_dir),
        }


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(line + b"\n" for line in lines)
