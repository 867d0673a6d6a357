"""The command `standpipe`, which Meltano runs as `meltano invoke standpipe:COMMAND`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from standpipe_console import output
from standpipe_console.checks import doctor as doctoring
from standpipe_console.checks import explain as explaining
from standpipe_console.checks import explain_text, status
from standpipe_console.errors import ConsoleError
from standpipe_console.live.command import live
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import SYSTEMS
from standpipe_console.removal import clean as cleaning
from standpipe_console.removal import erase as erasing
from standpipe_console.removal import unlink as unlinking
from standpipe_console.runs.command import run_command
from standpipe_console.schedules.command import schedule
from standpipe_console.setup.command import setup
from standpipe_console.setup.prompts import confirm

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
@click.version_option(package_name="standpipe-console")
@click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=lambda: Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")),
    show_default="the present folder",
    help="The folder of meltano.yml.",
)
@click.option("--environment", envvar="MELTANO_ENVIRONMENT", help="The environment of Meltano's.")
@click.pass_context
def main(context: click.Context, project: Path, environment: str | None) -> None:
    """Set up, check, explain, schedule and remove Standpipe's pipelines."""
    context.obj = Project(project, environment)


main.add_command(setup)
main.add_command(schedule)
main.add_command(run_command)
main.add_command(live)


@main.command()
@AS_JSON
@click.pass_obj
def doctor(project: Project, *, as_json: bool) -> None:
    """Check everything that the pipelines stand on; exit with 1 when something is wrong."""
    found = list(doctoring.examine(project))
    if as_json:
        output.as_json([{"job": job, **finding.as_dict()} for job, finding in found])
    else:
        rows = [(job or "all", one.check, one.result, one.told) for job, one in found]
        output.out().print(output.table(("job", "check", "result", "finding"), rows))
    if any(finding.result == "fail" for _, finding in found):
        sys.exit(1)


@main.command("status")
@AS_JSON
@click.pass_obj
def status_command(project: Project, *, as_json: bool) -> None:
    """Tell of the last runs, the next one, and what to do about one that was killed."""
    now = datetime.now().astimezone()
    found = [status.status_of(project, pipeline, now) for pipeline in project.linked]
    if as_json:
        output.as_json([one.as_dict() for one in found])
        return
    out = output.out()
    for one in found:
        status.show(out, one, now)
    if not found:
        out.print("No pipeline is set up: `meltano invoke standpipe:setup`.")


@main.command()
@AS_JSON
@click.argument("customer_id")
@click.pass_obj
def explain(project: Project, customer_id: str, *, as_json: bool) -> None:
    """Tell why Intercom shows what it shows for a customer, by Chargebee's id or by what it is matched by."""
    explained = explaining.explain(project, customer_id)
    if as_json:
        output.as_json(explained)
    else:
        explain_text.tell(output.out(), explained)


@main.command()
@AS_JSON
@YES
@click.option("--older-than", default=30, show_default=True, metavar="DAYS", help="Stores younger than this stay.")
@click.pass_obj
def clean(project: Project, *, as_json: bool, yes: bool, older_than: int) -> None:
    """List the stores that no state names, and what killed runs left, then remove them."""
    found = cleaning.rubbish(project, older_than)
    if as_json:
        output.as_json([asdict(one) for one in found])
    elif found:
        rows = [(one.path.relative_to(project.root), one.why, one.days, f"{one.size / 1e6:.1f}") for one in found]
        output.out().print(output.table(("file", "why", "days old", "MB"), rows))
    else:
        click.echo(f"Nothing to remove: every store is named by a state, or younger than {older_than} days.")
    if not found or (as_json and not yes):
        return
    if yes or confirm(f"Remove these {len(found)} files?"):
        for one in found:
            one.path.unlink()
    else:
        click.echo("Nothing was removed.")


@main.command()
@YES
@click.argument("person")
@click.pass_obj
def erase(project: Project, person: str, *, yes: bool) -> None:
    """Remove one person, by e-mail address or id, from ChartMogul, the stores and the reports, and keep them out."""
    trace = erasing.find_trace(project, person)
    for line in trace.lines():
        click.echo(line)
    if not (yes or confirm("Remove all this of that person, and never take them in again?")):
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
    """Take a pipeline off this machine: its schedule, state, store, settings, keys and reports."""
    pipeline = SYSTEMS[system]
    if pipeline not in project.pipelines:
        raise ConsoleError(f"meltano.yml has no pipeline to {system}.")
    if clear_attributes and system != "intercom":
        raise ConsoleError(unlinking.STAYS[system])
    for line in unlinking.plan(project, pipeline):
        click.echo(line)
    if not (yes or confirm(f"Remove all this of {pipeline.title}?")):
        click.echo("Nothing was removed.")
        return
    click.echo(unlinking.stop(project, pipeline))
    if clear_attributes:
        for line in unlinking.clear_attributes(project, lambda question: yes or confirm(question)):
            click.echo(line)
    for line in unlinking.unlink(project, pipeline):
        click.echo(line)
