"""Runs a job of meltano.yml under its lock, with its own log, and without any remaining process at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from standpipe_console.errors import ConsoleError
from standpipe_console.history.statuses import NOT_STARTED
from standpipe_console.history.store import StartedRun
from standpipe_console.project.jobs import find_base, find_loader
from standpipe_console.runs.catalogs import keep_catalog
from standpipe_console.runs.history_notes import HistoryNotes
from standpipe_console.runs.last_run import LastRun, write_last_run
from standpipe_console.runs.locks import JobLock
from standpipe_console.runs.log_errors import find_last_error
from standpipe_console.runs.meltano_database import check_database_user, create_database
from standpipe_console.runs.processes import JOB, RUN_ID, TRIGGER, find_processes, stop_processes
from standpipe_console.undo.pauses import describe_pause, find_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from standpipe_console.project.meltano import Project

#: Seconds that a run waits for the run before it.
LOCK_WAIT = 3600.0
#: The number of logs that are kept per job.
KEPT_LOGS = 60
#: Seconds that a plugin may take to record its writes before it is killed.
PATIENCE = 60.0
#: The pattern of log names, so that other files in the folder are not affected.
_LOG_NAME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]-[0-9][0-9]-[0-9][0-9]*Z"


class _Started(msgspec.Struct):
    """The note of a current run. If the note remains, the run was killed."""

    run_id: str


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    run_id: str
    job: str
    code: int  #: Meltano's exit code; `NOT_STARTED` when nothing was started
    started_at: datetime
    ended_at: datetime
    log: Path | None = None
    reason: str = ""  #: one sentence; empty when all went well

    @property
    def was_started(self) -> bool:
        """Whether Meltano was started."""
        return self.log is not None

    @property
    def succeeded(self) -> bool:
        """Whether Meltano ran the job to its end."""
        return self.code == 0


@dataclass
class JobRunner:
    """Runs one job, one run after the other.

    Args:
        project: the Meltano project.
        job: the name of the job.
        lock_wait: how long to wait for another run of the job, in seconds.
        gives_way: whether waiting scheduled runs go first.
        patience: how long a plugin may take to stop, in seconds.
        trigger: who started it: `schedule`, `person`, `live`, `page` or `retry`.
        on_start: called with the time, in unix seconds, when the run has the lock.
    """

    project: Project
    job: str
    lock_wait: float = LOCK_WAIT
    gives_way: bool = False
    patience: float = PATIENCE
    trigger: str = "person"
    on_start: Callable[[float], None] | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    @property
    def folder(self) -> Path:
        """Return the folder of locks and notes."""
        return self.project.system_dir / "standpipe"

    def run(self, env: Mapping[str, str] | None = None, *, is_subset: bool = False) -> Outcome:
        """Run the job once.

        Args:
            env: settings for this run alone, as variables.
            is_subset: whether it reads some records only; the end of such a run says nothing about the other records.

        Raises:
            ConsoleError: Meltano is not there.
        """
        run_id = uuid.uuid4().hex
        notes, started = HistoryNotes(self.project), self._describe_start(run_id, is_subset=is_subset)
        with JobLock(self.folder, self.job).hold(self.lock_wait, gives_way=self.gives_way, sleep=self._sleep) as lock:
            if lock is None or self._stopping.is_set():
                cause = (
                    "it was told to stop" if self._stopping.is_set() else "another run of the job is still under way"
                )
                outcome = self._refuse(started, f"{self.job} was not started: {cause}.")
            elif pause := find_pause(self.project, self.job):
                # The check needs the lock, which an undo holds while it pauses. A run that is refused here has no row.
                return self._refuse(started, describe_pause(pause))
            else:
                started = msgspec.structs.replace(started, started_at=time.time())
                if self.on_start:
                    self.on_start(started.started_at)
                notes.note_start(started)
                try:
                    outcome = self._run_alone(started, lock, env or {})
                except ConsoleError as error:
                    notes.note_end(started, NOT_STARTED, error.message)
                    raise
            notes.note_end(started, outcome.code, outcome.reason)
        return outcome

    def _describe_start(self, run_id: str, *, is_subset: bool) -> StartedRun:
        loader = find_loader(self.project, self.job)
        config = self.project.plugins.get(loader, {}).get("config") or {}
        return StartedRun(
            run_id=run_id,
            job=self.job,
            plugin=find_base(self.project, loader),
            trigger=self.trigger,
            started_at=time.time(),
            is_subset=is_subset,
            mode=config.get("mode", "sync"),
        )

    def _refuse(self, started: StartedRun, reason: str) -> Outcome:
        started_at = datetime.fromtimestamp(started.started_at, UTC)
        return Outcome(started.run_id, self.job, NOT_STARTED, started_at, datetime.now(UTC), reason=reason)

    def _run_alone(self, started: StartedRun, lock: IO[str], env: Mapping[str, str]) -> Outcome:
        """Run Meltano under the lock of the job, and wait until all of the run's processes have ended."""
        run_id, started_at = started.run_id, datetime.fromtimestamp(started.started_at, UTC)
        check_database_user(self.project)
        create_database(self.project)
        force = self._clear_killed_run()
        self._note.write_bytes(msgspec.json.encode(_Started(run_id)))
        log = self._open_log(started_at)
        code = self._run_meltano(run_id, log, lock, env, force=force)
        # After the lock is free, no process of this run may write.
        left = stop_processes(run_id, self.patience)
        if code >= 0 and not left:
            self._note.unlink(missing_ok=True)
        ended_at = datetime.now(UTC)
        reason = self._describe_failure(code, log)
        if not started.is_subset:
            times = started.started_at, ended_at.timestamp()
            write_last_run(self.project, self.job, LastRun(run_id, code, *times, reason))
            if code == 0:
                keep_catalog(self.project, self.job)
        return Outcome(run_id, self.job, code, started_at, ended_at, log, reason)

    def stop(self) -> None:
        """End the current run, or the wait for it. It is safe to call this from a signal handler."""
        self._stopping.set()
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    @property
    def _note(self) -> Path:
        return self.folder / f"{self.job}.run.json"

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _clear_killed_run(self) -> bool:
        """End the remaining processes of a killed run. Return whether certainly no other run is in progress."""
        try:
            killed = msgspec.json.decode(self._note.read_bytes(), type=_Started)
        except (FileNotFoundError, msgspec.DecodeError):
            return False
        stop_processes(killed.run_id, self.patience)
        if find_processes(killed.run_id):
            raise ConsoleError(
                f"Some processes of the killed run {killed.run_id} are still running: stop them, then run again."
            )
        # If a person has started Meltano since, its own refusal must stay in force.
        return not self.project.find_running()

    def _run_meltano(self, run_id: str, log: Path, lock: IO[str], env: Mapping[str, str], *, force: bool) -> int:
        executable = self.project.meltano_executable
        # cron's PATH lacks Meltano, which plugins' own commands may call.
        path = f"{executable.parent}:{os.environ.get('PATH', os.defpath)}"
        told = {RUN_ID: run_id, JOB: self.job, TRIGGER: self.trigger}
        variables: dict[str, Any] = {**self.project.command_env, "NO_COLOR": "1", "PATH": path, **told, **env}
        flags = ["--force"] if force else []
        with log.open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603
                [str(executable), *self.project.environment_options, "run", *flags, self.job],
                cwd=self.project.root,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # only this process gets Ctrl-C, and it stops the others in order
                pass_fds=(lock.fileno(),),  # if only this process is killed, Meltano keeps the lock
            )
        if self._stopping.is_set():
            self.stop()
        return self._child.wait()

    def _describe_failure(self, code: int, log: Path) -> str:
        if code == 0:
            return ""
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        ended = f"was killed by signal {-code}" if code < 0 else f"failed (exit code {code})"
        said = find_last_error(lines)
        return f"{self.job} {ended}{f': {said}' if said else ''}; its log is {log}"

    def _open_log(self, started_at: datetime) -> Path:
        """Return a new log that only its owner may read, and delete the oldest ones."""
        folder = self.project.log_dir / self.job
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Live may start several runs within a second.
        names = (f"{started_at:%Y-%m-%dT%H-%M-%S}{suffix}Z.log" for suffix in ("", *(f".{n}" for n in range(1, 1000))))
        path = next(one for name in names if not (one := folder / name).exists())
        path.touch(mode=0o600)
        for old in list_logs(self.project, self.job)[:-KEPT_LOGS]:
            old.unlink()
        return path


def list_logs(project: Project, job: str) -> list[Path]:
    """Return the logs of a job's runs, the oldest first."""
    return sorted((project.log_dir / job).glob(f"{_LOG_NAME}.log"))
