"""How a target's run begins and ends: its lock, its journal, and a summary that is complete only after STATE."""

from __future__ import annotations

import abc
import os
import time
import uuid
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, ClassVar, Protocol

import click
from singer_sdk.exceptions import ConfigurationError

from .errors import LOGGER, describe_error
from .journal import VERSION, JournalWriter, RunStart
from .kept_reports import keep_reports
from .private_files import PLUGIN
from .run_lock import PATIENCE, RunLock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from .json_types import JsonObject, JsonValue

#: The figures that show whether a run wrote something, or whether something was refused.
_DONE = (
    *("updated", "created", "converted", "deleted", "moved_cleared", "attributes_created", "rejected", "events_sent"),
    *("objects_saved", "objects_deleted", "references_written"),
)
STOPPED = "The run was stopped by a signal: no STATE was written, so the next run starts from the same point."
NOTHING_CAME = "The input had no records and no SCHEMA: look at the logs of the tap and the map."


class Folders(Protocol):
    """The folders of a run."""

    @property
    def report_dir(self) -> Path:
        """Where its reports are."""

    @property
    def memory_dir(self) -> Path:
        """What it must know of earlier runs, and its lock."""

    @property
    def journal_dir(self) -> Path | None:
        """Where its journal is written; None for none."""


class RunBase(abc.ABC):
    """The beginning and the end of a run. Each target defines what happens in between."""

    summary: JsonValue
    lock_patience: ClassVar[float] = PATIENCE
    """The seconds to wait for another run."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._recording = self._stopping = self._is_done = False
        self._reports: JsonValue = None
        self._figures: JsonObject = {}
        self._lock: RunLock | None = None
        self._keeps: tuple[Path, Collection[str], float] | None = None
        self.journal = JournalWriter()

    @abc.abstractmethod
    def _build_figures(self, seconds: float) -> JsonObject:
        """Return the content of `summary.json` after this many seconds."""

    @abc.abstractmethod
    def _log_summary(self, reports: JsonValue) -> None:
        """Log the result of the run."""

    def stops_by_itself(self) -> bool:
        """Ask the run to stop before its next write.

        Return False if there is nothing to report, so that it may simply end.
        """
        self._stopping = True
        return self._recording

    def complete(self) -> None:
        """Mark the run as completed, as STATE is now written."""
        # After a second call, the log must not have the summary twice.
        if self._is_done and self.summary.status != "completed":
            self.summary.status = "completed"
            self._write_summary(self._reports)
            self._log_summary(self._reports)

    def end(self, error: BaseException | None = None) -> None:
        """Release the lock, and write into the journal how the run ended; only the first call counts.

        Args:
            error: what ended it; None when nothing did.
        """
        status, sentence = self._describe_end(error)
        self._keep_reports(status)
        if self._lock:
            self._lock.release()
        stopped_by = getattr(self.summary, "stopped_by", None) or ""
        try:
            self.journal.end(status, summary=self._figures, stopped_by=stopped_by, error=sentence)
        except ConfigurationError as problem:
            # The journal contains all writes, so a missing last line is no reason to repeat them.
            LOGGER.warning("The end of the run could not be written into its journal: %s", problem)

    def _begin(self, folders: Folders, reports: Collection[str]) -> None:
        """Open the journal, and take the lock unless this is a validation.

        Args:
            folders: the folders of the run, which exist.
            reports: the names of all reports.

        Raises:
            ConfigurationError: the journal cannot be written, or another run holds the lock.
        """
        mode = str(self.summary.mode)
        now = time.time()
        if folders.journal_dir:
            self.journal.open(folders.journal_dir, build_run_start(os.environ, mode, now))
        if mode != "validate":
            self._lock = RunLock(folders.memory_dir, self.lock_patience)
        self._keeps = folders.report_dir, reports, now

    def _keep_reports(self, status: str) -> None:
        """Keep the reports beside those of the next run, unless a run over a few records had nothing to do."""
        keeps, self._keeps = self._keeps, None
        is_idle = self.journal.is_subset and status == "completed" and not any(map(self._figures.get, _DONE))
        if keeps is None or self._reports is None or is_idle:
            return
        try:
            keep_reports(*keeps)
        except OSError as error:
            LOGGER.warning("The reports of this run could not be copied into %s/runs: %s", keeps[0], error.strerror)

    def _describe_end(self, error: BaseException | None) -> tuple[str, str]:
        """Return a word and a sentence about the end of the run."""
        if error is None:
            return ("completed", "") if self.summary.status == "completed" else ("failed", NOTHING_CAME)
        status, sentence = _describe_error_end(error)
        return "completed" if status == "failed" and self.summary.status == "completed" else status, sentence

    def _find_stop_reason(self) -> str | None:
        return STOPPED if self._stopping else None

    def _write_summary(self, reports: JsonValue) -> None:
        self._reports = reports
        self._figures = self._build_figures(time.monotonic() - self._started)
        reports.write_summary(self._figures)

    def _write_first_summary(self, reports: JsonValue) -> None:
        """Write the summary before STATE is written, or if it never will be."""
        self._write_summary(reports)
        if not self._is_done or self.summary.status == "completed":
            self._log_summary(reports)


@contextmanager
def open_command_journal(folders: Folders, mode: str) -> Iterator[JournalWriter]:
    """Keep a journal and hold the lock of the target's runs, for a command that writes beside them.

    Args:
        folders: the folders of the target's runs, which exist.
        mode: the name of the command.

    Raises:
        ConfigurationError: the journal cannot be written, or a run holds the lock.
    """
    journal = JournalWriter()
    if folders.journal_dir:
        journal.open(folders.journal_dir, build_run_start(os.environ, mode, time.time()))
    try:
        lock = RunLock(folders.memory_dir, PATIENCE)
        try:
            yield journal
        finally:
            lock.release()
    except BaseException as error:
        status, sentence = _describe_error_end(error)
        journal.end(status, summary={}, error=sentence)
        raise
    journal.end("completed", summary={})


def _describe_error_end(error: BaseException) -> tuple[str, str]:
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return "stopped", STOPPED
    described = describe_error(error) if isinstance(error, Exception) else None
    # The text of any other error may contain data of a record.
    sentence = error.message if isinstance(error, click.ClickException) else described or type(error).__name__
    return "failed", sentence


def build_run_start(environ: Mapping[str, str], mode: str, at: float) -> RunStart:
    """Return the first line of the journal of a run.

    Args:
        environ: the environment variables. `standpipe run` and Meltano set the run's id, job and trigger there.
        mode: `sync`, `validate` or `undo`.
        at: unix seconds.
    """
    is_meltano = any(name.startswith("MELTANO_") for name in environ)
    return RunStart(
        version=VERSION,
        run_id=environ.get("STANDPIPE_RUN_ID") or uuid.uuid4().hex,
        plugin=PLUGIN,
        at=round(at, 3),
        plugin_version=_find_version(),
        loader=environ.get("MELTANO_LOADER_NAME", ""),
        environment=environ.get("MELTANO_ENVIRONMENT", ""),
        job=environ.get("STANDPIPE_JOB", ""),
        trigger=environ.get("STANDPIPE_TRIGGER") or ("meltano" if is_meltano else ""),
        mode=mode,
    )


def _find_version() -> str:
    try:
        return version(f"standpipe-{PLUGIN}")
    except PackageNotFoundError:
        return ""
