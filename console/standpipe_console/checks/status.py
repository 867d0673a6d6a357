"""`status`: past runs with their results, the next run, and what to do about a killed run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.project.meltano import LIST_SCHEDULES
from standpipe_console.project.stores import build_state_command, read_state
from standpipe_console.runs.past import FIND_LOGS, LIST_LOGS, list_runs
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from rich.console import Console

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.runs.past import Run

MAX_RUNS = 5
#: The columns after start, result and duration, with the figures of a run that each sums up.
FIGURES = {
    "records": ("records",),
    "written": ("updated", "created", "converted"),
    "skipped": ("skipped",),
    "rejected": ("rejected",),
    "calls": ("calls",),
}


@dataclass(frozen=True)
class Status:
    """The state of a pipeline."""

    pipeline: Pipeline
    runs: list[Run]
    next_run: datetime | None
    state_age: float | None  #: seconds since the last confirmed run finished reading
    killed: bool  #: whether Meltano lists a run as running without any process
    cron_runs: bool = True  #: whether a cron daemon runs that can start the next run
    crontab_error: str = ""  #: why the crontab could not be read

    def build_json(self) -> JsonObject:
        """Return the status as JSON."""
        return {
            "job": self.pipeline.job,
            "runs": [run.build_json() | {"totals": sum_figures(run)} for run in self.runs],
            "next_run": self.next_run and self.next_run.isoformat(),
            "state_age_seconds": self.state_age,
            "killed": self.killed,
            "cron_runs": self.cron_runs,
            "crontab_error": self.crontab_error,
        }


def read_status(project: Project, pipeline: Pipeline, now: datetime) -> Status:
    """Return the state of a pipeline."""
    state_command = build_state_command(pipeline.build_state_id(project.environment))
    project.run_ahead([state_command, LIST_LOGS, FIND_LOGS, LIST_SCHEDULES])
    state = read_state(project, pipeline)
    runs = list_runs(project, pipeline, MAX_RUNS)
    next_run, crontab_error = None, ""
    try:
        next_run = _find_next_run(project, pipeline, now)
    except ConsoleError as error:
        # The other parts are still shown.
        crontab_error = error.message
    return Status(
        pipeline,
        runs,
        next_run,
        state.completed_at and now.timestamp() - state.completed_at,
        killed=any(run.result == "RUNNING" for run in runs) and not project.find_running(),
        cron_runs=crontab.is_daemon_running(),
        crontab_error=crontab_error,
    )


def _find_next_run(project: Project, pipeline: Pipeline, now: datetime) -> datetime | None:
    names = schedules.find_installed(project, pipeline)
    times = [one.find_next_run(now) for one in schedules.load_schedules(project) if one.name in names]
    return min((time for time in times if time), default=None)


def sum_figures(run: Run) -> dict[str, int | None]:
    """Return the figures of a run by column; None if its log has none."""
    if "records" not in run.counts:
        return dict.fromkeys(FIGURES)
    # Skips and rejects are counted per reason, such as `skipped: ambiguous`.
    return {
        column: int(sum(count for name, count in run.counts.items() if name.split(":")[0] in names))
        for column, names in FIGURES.items()
    }


def print_status(out: Console, status: Status, now: datetime) -> None:
    """Print the state of a pipeline for a person."""
    out.print(f"[bold]{status.pipeline.job}[/bold]  {status.pipeline.title}")
    if status.runs:
        headings = ("started (UTC)", "result", "seconds", *FIGURES)
        rows = [
            (
                f"{run.started.astimezone(UTC):%Y-%m-%d %H:%M}",
                run.result,
                None if run.seconds is None else f"{run.seconds:.1f}",
                *sum_figures(run).values(),
            )
            for run in status.runs
        ]
        out.print(output.build_table(headings, rows))
    else:
        out.print("It has never run. To look without writing anything: `meltano run validate`.", soft_wrap=True)
    for sentence in describe_status(status, now):
        out.print(sentence, markup=False, soft_wrap=True)
    out.print()


def describe_status(status: Status, now: datetime) -> list[str]:
    """Return further facts for a person, in sentences."""
    job = status.pipeline.job
    sentences = []
    if status.killed:
        sentences.append(
            "Meltano lists a run as running, but no process runs: it was killed. Nothing is lost. Wait five minutes, "
            f"or start the next run with `meltano run --force {job}`."
        )
    if status.runs and status.runs[0].error:
        sentences.append(f"The last run failed: {status.runs[0].error}")
    if status.state_age is not None:
        sentences.append(f"The last confirmed run finished reading {output.describe_age(status.state_age)}.")
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
