"""`status`: past runs with their results, the next run, and what to do when a run did not end well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.history.figures import FIGURES, sum_figures
from standpipe_console.project.jobs import list_jobs
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from rich.console import Console

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.history import History, PauseRow, RunRow
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

MAX_RUNS = 5


@dataclass(frozen=True)
class Status:
    """The state of a pipeline."""

    pipeline: Pipeline
    runs: list[RunRow]
    next_run: datetime | None
    state_age: float | None  #: seconds since the last good full run began to read
    pause: PauseRow | None = None
    cron_runs: bool = True  #: whether a cron daemon runs that can start the next run
    crontab_error: str = ""  #: why the crontab could not be read

    @property
    def killed(self) -> bool:
        """Whether the last run was killed."""
        return bool(self.runs) and self.runs[0].status == "killed"

    def build_json(self) -> JsonObject:
        """Return the status as JSON."""
        return {
            "job": self.pipeline.job,
            "runs": [
                {**msgspec.to_builtins(run), "seconds": run.seconds, "totals": sum_figures(run.counts, run.mode)}
                for run in self.runs
            ],
            "next_run": self.next_run and self.next_run.isoformat(),
            "state_age_seconds": self.state_age,
            "killed": self.killed,
            "paused": self.pause and msgspec.to_builtins(self.pause),
            "cron_runs": self.cron_runs,
            "crontab_error": self.crontab_error,
        }


def read_status(history: History, project: Project, pipeline: Pipeline, now: datetime) -> Status:
    """Return the state of a pipeline."""
    jobs = list_jobs(project, pipeline.target)
    good_run = history.find_last_good_run(jobs, project.environment)
    next_run, crontab_error = None, ""
    try:
        next_run = _find_next_run(project, pipeline, now)
    except ConsoleError as error:
        # The other parts are still shown.
        crontab_error = error.message
    return Status(
        pipeline,
        history.list_runs(jobs, limit=MAX_RUNS, environment=project.environment),
        next_run,
        now.timestamp() - good_run.started_at if good_run else None,
        pause=history.get_pause(pipeline.job),
        cron_runs=crontab.is_daemon_running(),
        crontab_error=crontab_error,
    )


def _find_next_run(project: Project, pipeline: Pipeline, now: datetime) -> datetime | None:
    # Meltano, which is slow to start, is only started for the schedules when the crontab has one.
    installed = schedules.read_installed(project)
    found = schedules.load_schedules(project) if installed else []
    times = [one.find_next_run(now) for one in found if one.pipeline == pipeline and one.name in installed]
    return min((time for time in times if time), default=None)


def print_status(out: Console, status: Status, now: datetime) -> None:
    """Print the state of a pipeline for a person."""
    out.print(f"[bold]{status.pipeline.job}[/bold]  {status.pipeline.title}")
    if status.runs:
        headings = ("started (UTC)", "status", "seconds", *FIGURES)
        rows = [
            (
                f"{datetime.fromtimestamp(run.started_at, UTC):%Y-%m-%d %H:%M}",
                run.status,
                None if run.seconds is None else f"{run.seconds:.1f}",
                *sum_figures(run.counts, run.mode).values(),
            )
            for run in status.runs
        ]
        out.print(output.build_table(headings, rows))
    else:
        out.print(
            "There was no run yet. To see what a run would do, without writing anything: `meltano run validate`.",
            soft_wrap=True,
        )
    for sentence in describe_status(status, now):
        out.print(sentence, markup=False, soft_wrap=True)
    out.print()


def describe_status(status: Status, now: datetime) -> list[str]:
    """Return further facts for a person, in sentences."""
    job = status.pipeline.job
    sentences = []
    if status.pause:
        since = output.describe_age(now.timestamp() - status.pause.since)
        sentences.append(f"Paused {since}: {status.pause.reason.rstrip('.')}. To continue: `standpipe resume {job}`.")
    if status.killed:
        sentences.append(
            f"The last run was killed. Nothing is lost. Start the next one with `standpipe run {job}`; a bare `meltano "
            "run` has to wait five minutes, or needs `--force`."
        )
    elif status.runs and status.runs[0].reason:
        sentences.append(_describe_reason(status.runs[0]))
    if status.state_age is not None:
        sentences.append(f"The last good full run started {output.describe_age(status.state_age)}.")
    if status.crontab_error:
        sentences.append(status.crontab_error)
    elif status.next_run is None:
        sentences.append("Not scheduled: run `meltano invoke standpipe:schedule install`.")
    elif not status.cron_runs:
        sentences.append(f"Scheduled, but no cron runs on this machine: {crontab.START_DAEMON}.")
    else:
        minutes = (status.next_run - now).total_seconds() / 60
        sentences.append(f"Next run: {status.next_run:%Y-%m-%d %H:%M} by this machine's clock, in {minutes:.0f} min.")
    return sentences


def _describe_reason(run: RunRow) -> str:
    """Return why the last run did not end well; the sentence of `standpipe run` names the job itself."""
    return run.reason if run.reason.startswith(f"{run.job} ") else f"The last run failed: {run.reason}"
