"""The command `standpipe`, which Meltano runs as `meltano invoke standpipe:COMMAND`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from standpipe_console import output
from standpipe_console.checks.doctor import run_checks
from standpipe_console.errors import ConsoleError
from standpipe_console.lazy_group import LazyGroup
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import SYNC, SYSTEMS
from standpipe_console.removal import erase as erasing
from standpipe_console.removal import unlink as unlinking
from standpipe_console.removal.clean import find_unused_files

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
#: Commands with a module of their own, which is imported when the command is run.
PLACES = {
    "alert": "standpipe_console.alerts.command:alert",
    "explain": "standpipe_console.checks.commands:explain",
    "history": "standpipe_console.history.command:history_command",
    "live": "standpipe_console.live.command:live",
    "pause": "standpipe_console.undo.command:pause_command",
    "resume": "standpipe_console.undo.command:resume_command",
    "retry": "standpipe_console.undo.command:retry_command",
    "run": "standpipe_console.runs.command:run_command",
    "schedule": "standpipe_console.schedules.command:schedule",
    "serve": "standpipe_console.page.command:serve",
    "setup": "standpipe_console.setup.command:setup",
    "status": "standpipe_console.checks.commands:status",
    "undo": "standpipe_console.undo.command:undo_command",
}


@click.group(cls=LazyGroup, places=PLACES)
@click.version_option(package_name="standpipe-console")
@click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=lambda: Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")),
    show_default="the current folder",
    help="The folder of meltano.yml.",
)
@click.option("--environment", envvar="MELTANO_ENVIRONMENT", help="The environment of Meltano to use.")
@click.pass_context
def main(context: click.Context, project: Path, environment: str | None) -> None:
    """Set up, check, explain, schedule and remove Standpipe's pipelines."""
    context.obj = Project(project, environment)


@main.command()
@AS_JSON
@click.pass_obj
def doctor(project: Project, *, as_json: bool) -> None:
    """Check everything that the pipelines need; exit with 1 when something is wrong."""
    findings = list(run_checks(project))
    if as_json:
        output.print_json([{"job": job, **asdict(finding)} for job, finding in findings])
    else:
        rows = [(job or "all", one.check, one.result, one.text) for job, one in findings]
        output.open_console().print(output.build_table(("job", "check", "result", "finding"), rows))
    if any(finding.result == "fail" for _, finding in findings):
        sys.exit(1)


@main.command()
@AS_JSON
@YES
@click.option("--older-than", default=30, show_default=True, metavar="DAYS", help="Younger stores stay.")
@click.pass_obj
def clean(project: Project, *, as_json: bool, yes: bool, older_than: int) -> None:
    """List the stores that no state names, and what killed runs left, then remove them."""
    files = find_unused_files(project, older_than)
    if as_json:
        output.print_json([one.describe() for one in files])
    elif files:
        rows = [(_shorten(one.path, project), one.why, one.days, f"{one.size / 1e6:.1f}") for one in files]
        output.open_console().print(output.build_table(("file", "why", "days old", "MB"), rows))
    else:
        click.echo(f"Nothing to remove: a state names every store, or it is younger than {older_than} days.")
    # With --json, a program reads the output, so there is no question.
    if not files or (as_json and not yes):
        return
    if yes or output.confirm(f"Remove these {len(files)} files?"):
        for one in files:
            one.remove()
    else:
        click.echo("Nothing was removed.")


def _shorten(path: Path | str, project: Project) -> str:
    return str(path.relative_to(project.root)) if isinstance(path, Path) else path


@main.command()
@YES
@click.argument("person")
@click.pass_obj
def erase(project: Project, person: str, *, yes: bool) -> None:
    """Remove one person, by e-mail address or id, from ChartMogul, the stores and the reports, and keep them out."""
    trace = erasing.find_trace(project, person)
    for line in trace.describe():
        click.echo(line)
    if not (yes or output.confirm("Remove all of this, and keep the person out of all future runs?")):
        click.echo("Nothing was removed.")
        return
    for line in erasing.erase(project, trace):
        click.echo(line)


@main.command()
@YES
@click.option("--clear-attributes", is_flag=True, help="First set Standpipe's attributes in Intercom to null.")
@click.argument("system", type=click.Choice(list(SYSTEMS)))
@click.pass_obj
def unlink(project: Project, system: str, *, yes: bool, clear_attributes: bool) -> None:
    """Remove a pipeline from this machine: its schedule, state, store, settings, keys and reports."""
    pipeline = SYSTEMS[system]
    if pipeline not in project.pipelines:
        raise ConsoleError(f"meltano.yml has no pipeline to {system}.")
    if clear_attributes and pipeline != SYNC:
        raise ConsoleError(f"--clear-attributes is for {SYNC.system} only. {unlinking.WHAT_STAYS[system]}")
    for line in unlinking.describe_plan(project, pipeline):
        click.echo(line)
    if not (yes or output.confirm(f"Remove all this of {pipeline.title}?")):
        click.echo("Nothing was removed.")
        return
    click.echo(unlinking.stop_schedules(project, pipeline))
    if clear_attributes:
        for line in unlinking.clear_owned_attributes(project, lambda question: yes or output.confirm(question)):
            click.echo(line)
    for line in unlinking.unlink_pipeline(project, pipeline):
        click.echo(line)
