"""`status`: what ran, what it did, what runs next, and what to do about a run that was killed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from standpipe_console import output
from standpipe_console.checks import runs
from standpipe_console.errors import ConsoleError
from standpipe_console.project import stores
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from rich.console import Console

    from standpipe_console.checks.runs import Run
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

SHOWN = 5
#: The columns of the table after when, result and duration: of a run's figures, those that are added up.
FIGURES = {
    "records": ("records",),
    "written": ("updated", "created", "converted"),
    "skipped": ("skipped",),
    "rejected": ("rejected",),
    "calls": ("calls",),
}
KILLED = (
    "Meltano has a run down as running, but no process of it is there: it was killed. Nothing is lost: wait five "
    "minutes, or start the next one with `meltano run --force {job}`."
)


@dataclass(frozen=True)
class Status:
    """How a pipeline is."""

    pipeline: Pipeline
    runs: list[Run]
    next_run: datetime | None
    state_age: float | None  #: seconds since the run that the state confirms had read everything
    killed: bool  #: a run is down as running, and is not there
    cron_runs: bool = True  #: a cron daemon is there to start the next run
    crontab_error: str = ""  #: why the crontab could not be read

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "job": self.pipeline.job,
            "runs": [run.as_dict() | {"totals": totals(run)} for run in self.runs],
            "next_run": self.next_run and self.next_run.isoformat(),
            "state_age_seconds": self.state_age,
            "killed": self.killed,
            "cron_runs": self.cron_runs,
            "crontab_error": self.crontab_error,
        }


def status_of(project: Project, pipeline: Pipeline, now: datetime) -> Status:
    """Look a pipeline up."""
    state = stores.state_of(project, pipeline)
    listed = runs.runs_of(project, pipeline, SHOWN)
    under_way = any(run.result == "RUNNING" for run in listed)
    next_run, crontab_error = None, ""
    try:
        next_run = _next_run(project, pipeline, now)
    except ConsoleError as error:
        crontab_error = error.message
    return Status(
        pipeline,
        listed,
        next_run,
        state.completed_at and now.timestamp() - state.completed_at,
        killed=under_way and not project.running(),
        cron_runs=crontab.is_daemon_running(),
        crontab_error=crontab_error,
    )


def _next_run(project: Project, pipeline: Pipeline, now: datetime) -> datetime | None:
    present = schedules.installed(project)
    mine = (one for one in schedules.schedules(project) if one.pipeline == pipeline and one.name in present)
    return min(filter(None, (one.next_run(now) for one in mine)), default=None)


def totals(run: Run) -> dict[str, int | None]:
    """A run's figures, by column; None when its log tells none."""
    return {column: _sum(run.counts, names) for column, names in FIGURES.items()}


def _sum(counts: dict[str, float], names: tuple[str, ...]) -> int | None:
    if "records" not in counts:
        return None
    return int(sum(value for name, value in counts.items() if name.split(":")[0] in names))


def show(out: Console, status: Status, now: datetime) -> None:
    """Print it for a person."""
    pipeline = status.pipeline
    out.print(f"[bold]{pipeline.job}[/bold]  {pipeline.title}")
    if status.runs:
        headings = ("started (UTC)", "result", "seconds", *FIGURES)
        out.print(output.table(headings, (_row(run) for run in status.runs)))
    else:
        out.print("It has never run: `meltano run validate` looks without writing anything.", soft_wrap=True)
    for sentence in sentences(status, now):
        out.print(sentence, markup=False, soft_wrap=True)
    out.print()


def _row(run: Run) -> tuple[Any, ...]:
    seconds = None if run.seconds is None else f"{run.seconds:.1f}"
    return run.started.astimezone(UTC).strftime("%Y-%m-%d %H:%M"), run.result, seconds, *totals(run).values()


def sentences(status: Status, now: datetime) -> list[str]:
    """What there is to say beside the table."""
    job = status.pipeline.job
    told = []
    if status.killed:
        told.append(KILLED.format(job=job))
    if status.runs and status.runs[0].error:
        told.append(f"The last run failed: {status.runs[0].error}")
    if status.state_age is not None:
        told.append(f"What was read last was complete {output.ago(status.state_age)}.")
    if status.crontab_error:
        told.append(status.crontab_error)
    elif status.next_run is None:
        told.append("Not scheduled: `meltano invoke standpipe:schedule install`.")
    elif not status.cron_runs:
        told.append(f"Scheduled, but no cron runs on this machine, so nothing starts it: {crontab.START_DAEMON}.")
    else:
        minutes = (status.next_run - now).total_seconds() / 60
        told.append(f"Next run: {status.next_run:%Y-%m-%d %H:%M} by this machine's clock, in {minutes:.0f} min.")
    return told
