"""`schedule install | remove | show | run`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from standpipe_console import output
from standpipe_console.runs.command import LOCK_WAIT, run_and_exit
from standpipe_console.runs.runner import JobRunner
from standpipe_console.schedules import crontab
from standpipe_console.schedules import schedules as scheduling

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project


@click.group()
def schedule() -> None:
    """Run the schedules of meltano.yml by this machine's cron."""


@schedule.command()
@click.pass_obj
def install(project: Project) -> None:
    """Put the schedules of the pipelines that are set up into the crontab; again, to bring them up to date."""
    lines = scheduling.wanted(project)
    changed = scheduling.put(project, lines)
    click.echo("Installed:" if changed else "Installed already:")
    for line in lines.values():
        click.echo(line)
    if not crontab.is_daemon_running():
        click.echo(f"No cron runs on this machine, so nothing starts these: {crontab.START_DAEMON}.", err=True)


@schedule.command()
@click.pass_obj
def remove(project: Project) -> None:
    """Take this project's lines out of the crontab, and nothing else."""
    gone = scheduling.installed(project)
    scheduling.put(project, {})
    click.echo(f"Removed: {', '.join(gone)}" if gone else "Nothing was installed.")


@schedule.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(project: Project, *, as_json: bool) -> None:
    """Show the schedules, whether cron has them, and when they run next."""
    now = datetime.now().astimezone()
    present = scheduling.installed(project)
    found = [
        {
            "schedule": one.name,
            "job": one.job,
            "interval": one.interval,
            "installed": one.name in present,
            "next_run": (moment := one.next_run(now)) and moment.isoformat(timespec="minutes"),
            "line": scheduling.line(project, one),
        }
        for one in scheduling.schedules(project)
    ]
    if as_json:
        output.as_json(found)
        return
    shown = ("schedule", "job", "interval", "installed", "next_run")
    out = output.out()
    out.print(
        output.table(
            ("schedule", "job", "interval", "installed", "next run"), ([one[name] for name in shown] for one in found)
        )
    )
    for one in found:
        click.echo(one["line"])


@schedule.command()
@LOCK_WAIT
@click.argument("name")
@click.pass_obj
def run(project: Project, name: str, lock_wait: float) -> None:
    """Run the job of a schedule now, as cron does; see `standpipe run`."""
    found = scheduling.find_schedule(project, name)
    run_and_exit(JobRunner(project, found.job, lock_wait), found.env)
