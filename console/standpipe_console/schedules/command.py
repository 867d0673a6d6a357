"""`schedule install | remove | show | run`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from standpipe_console import output
from standpipe_console.runs.command import LOCK_WAIT, run_and_exit
from standpipe_console.runs.runner import JobRunner
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project


@click.group()
def schedule() -> None:
    """Let this machine's cron run the schedules of meltano.yml."""


@schedule.command()
@click.pass_obj
def install(project: Project) -> None:
    """Put the schedules of the pipelines that are set up into the crontab; run it again to bring them up to date."""
    lines = schedules.build_lines(project)
    changed = schedules.write_lines(project, lines)
    click.echo("Installed:" if changed else "Installed already:")
    for line in lines.values():
        click.echo(line)
    if not crontab.is_daemon_running():
        click.echo(f"No cron runs on this machine, so nothing starts these: {crontab.START_DAEMON}.", err=True)


@schedule.command()
@click.pass_obj
def remove(project: Project) -> None:
    """Remove this project's lines from the crontab, and nothing else."""
    removed = schedules.read_installed(project)
    schedules.write_lines(project, {})
    click.echo(f"Removed: {', '.join(removed)}" if removed else "Nothing was installed.")


@schedule.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(project: Project, *, as_json: bool) -> None:
    """Show the schedules, whether cron has them, and when they run next."""
    now = datetime.now().astimezone()
    installed = schedules.read_installed(project)
    rows = []
    for one in schedules.load_schedules(project):
        next_run = one.find_next_run(now)
        rows.append(
            {
                "schedule": one.name,
                "job": one.job,
                "interval": one.interval,
                "installed": one.name in installed,
                "next_run": next_run and next_run.isoformat(timespec="minutes"),
                "line": schedules.build_line(project, one),
            }
        )
    if as_json:
        output.print_json(rows)
        return
    headings = ("schedule", "job", "interval", "installed", "next run")
    cells = ([row[heading.replace(" ", "_")] for heading in headings] for row in rows)
    output.open_console().print(output.build_table(headings, cells))
    for row in rows:
        click.echo(row["line"])


@schedule.command()
@LOCK_WAIT
@click.argument("name")
@click.pass_obj
def run(project: Project, name: str, lock_wait: float) -> None:
    """Run the job of a schedule now, as cron does; see `standpipe run`."""
    found = schedules.find_schedule(project, name)
    run_and_exit(JobRunner(project, found.job, lock_wait, trigger="schedule"), found.env)
