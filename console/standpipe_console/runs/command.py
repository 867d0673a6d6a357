"""`standpipe run JOB`."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from standpipe_console.alerts.check import tell_after_run
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.runs import runner as running
from standpipe_console.runs.processes import TRIGGER
from standpipe_console.runs.runner import JobRunner
from standpipe_console.runs.subset_folders import build_subset_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console.project.meltano import Project

LOCK_WAIT = click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    default=running.LOCK_WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another run of the job.",
)


@click.command("run")
@LOCK_WAIT
@click.option(
    "--only",
    multiple=True,
    metavar="SUBJECT=ID",
    help="Read only this customer, company or contact again, such as `customer=c1`; may be repeated.",
)
@click.argument("job")
@click.pass_obj
def run_command(project: Project, job: str, only: tuple[str, ...], lock_wait: float) -> None:
    """Run a job alone: it waits for another run of the same job, and leaves a log in logs/.

    Exits with Meltano's exit code, or with 75 when the other run did not end in time.
    """
    jobs = [one["name"] for one in project.meltano_yml.get("jobs") or []]
    if job not in jobs:
        raise ConsoleError(f"meltano.yml has no job `{job}`: it has {', '.join(jobs)}.")
    env = build_subset(job, only)
    pipeline = next((one for one in PIPELINES if one.job == job), None)
    if env and pipeline:
        env |= build_subset_folders(project, pipeline, "only")
    runner = JobRunner(project, job, lock_wait, trigger=os.environ.get(TRIGGER) or "person")
    run_and_exit(runner, env, is_subset=bool(only))


def run_and_exit(runner: JobRunner, env: Mapping[str, str], *, is_subset: bool = False) -> None:
    """Run once, and exit as the run did; a signal ends the run in order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: runner.stop())
    try:
        outcome = runner.run(env, is_subset=is_subset)
    except ConsoleError:
        tell_after_run(runner.project, runner.job, is_good=False)
        raise
    if outcome.reason:
        # cron mails what is printed, so a good run prints nothing.
        click.echo(outcome.reason, err=True)
    tell_after_run(runner.project, runner.job, is_good=outcome.succeeded and not is_subset)
    # A shell shows a death by signal as 128 and its number.
    sys.exit(outcome.code if outcome.code >= 0 else 128 - outcome.code)


def build_subset(job: str, only: tuple[str, ...]) -> dict[str, str]:
    """Return the settings that make a run read only some records, as variables.

    Raises:
        ConsoleError: an id is not given as SUBJECT=ID, or the job reads nothing of that kind.
    """
    variables = next((one.subset for one in PIPELINES if one.job == job), {})
    ids: dict[str, list[str]] = {}
    for one in only:
        subject, equals, id_ = one.partition("=")
        if not (equals and id_ and subject in variables):
            known = ", ".join(f"{name}=ID" for name in variables) or "nothing: it has no such setting"
            raise ConsoleError(f"`--only {one}`: the job {job} takes {known}.")
        ids.setdefault(variables[subject], []).append(id_)
    return {variable: json.dumps(found) for variable, found in ids.items()}
