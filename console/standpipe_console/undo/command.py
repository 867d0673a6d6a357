"""`standpipe retry`, `undo`, `pause` and `resume`."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import click
import msgspec

from standpipe_console import output
from standpipe_console.history import open_history
from standpipe_console.runs.command import LOCK_WAIT
from standpipe_console.runs.runner import JobRunner

from .pauses import BY_HAND, describe_pause, require_pipeline
from .retry import check_obstacle, find_pipelines, plan_retries, run_retry
from .undo import SHOWN, UndoRunner, plan_undo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from standpipe_console.history import ChangeRow
    from standpipe_console.project.meltano import Project

    from .retry import Retried, Retry
    from .undo import UndoneRecord, UndoPlan, UndoReport

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
#: The number of fields per record that are shown before the question.
_FIELDS = 3


class Stoppable(Protocol):
    """Work that a signal can end in order."""

    def stop(self) -> None:
        """End it."""


@click.command("undo")
@AS_JSON
@YES
@LOCK_WAIT
@click.option("--record", metavar="ID", help="Only this record, by its id in the source.")
@click.option("--archive-created", is_flag=True, help="Archive what the run created, where nobody changed it since.")
@click.argument("run")
@click.pass_obj
def undo_command(  # noqa: PLR0913 one argument an option
    project: Project, run: str, *, record: str | None, archive_created: bool, lock_wait: float, as_json: bool, yes: bool
) -> None:
    """Restore the values from before a run, where nobody changed them since, and pause its pipeline.

    RUN is the id of a run in `standpipe history`, the first characters of it, or `latest`. No run writes the same
    again until `standpipe resume JOB`. Run it again to continue after a stop.
    """
    plan = plan_undo(project, run, record)
    if not as_json:
        _print_plan(plan)
    elif not yes:
        output.print_json(_build_plan_json(plan))
        return
    if not (yes or output.confirm(f"Restore these values, and pause {plan.pipeline.job}?")):
        click.echo("Nothing was undone.")
        return
    runner = UndoRunner(project, plan, lock_wait)
    with _stop_on_signal(runner):
        report = runner.run(archive_created=archive_created)
    if as_json:
        output.print_json(_build_report_json(plan, report))
    else:
        _print_report(plan, report)
    if report.exit_code:
        click.echo(f"{report.reason} Run it again to continue.", err=True)
        sys.exit(report.exit_code if report.exit_code >= 0 else 128 - report.exit_code)


@click.command("retry")
@AS_JSON
@YES
@LOCK_WAIT
@click.option("--job", metavar="sync|leads", help="Only the refused records of this job.")
@click.argument("records", nargs=-1, metavar="[RECORD]...")
@click.pass_obj
def retry_command(  # noqa: PLR0913 one argument an option
    project: Project, records: tuple[str, ...], *, job: str | None, lock_wait: float, as_json: bool, yes: bool
) -> None:
    """Send the refused records again, all of them or those that are named, and show what became of each."""
    retries = plan_retries(project, find_pipelines(project, job), records)
    if not retries:
        output.print_json([]) if as_json else click.echo("There is nothing to retry: no record is refused.")
        return
    if not as_json:
        _print_rejects(retries)
    elif not yes:
        output.print_json([_build_retry_json(one) for one in retries])
        return
    if not (yes or output.confirm("Read these again, and send them?")):
        click.echo("Nothing was retried.")
        return
    code, results = 0, []
    for retry in retries:
        check_obstacle(project, retry.pipeline)
        runner = JobRunner(project, retry.pipeline.job, lock_wait, trigger="retry")
        with _stop_on_signal(runner):
            outcome, retried = run_retry(project, retry, runner)
        results += retried
        code = code or outcome.code
        if outcome.reason:
            click.echo(outcome.reason, err=True)
    if as_json:
        output.print_json([_build_retried_json(one) for one in results])
    elif results:
        rows = [(one.reject.record_id, one.reject.name, one.outcome, one.reason) for one in results]
        output.open_console().print(output.build_table(("record", "name", "became", "because"), rows))
    sys.exit(code if code >= 0 else 128 - code)


@click.command("pause")
@click.argument("job")
@click.pass_obj
def pause_command(project: Project, job: str) -> None:
    """Stop all runs of a pipeline until `standpipe resume JOB`: scheduled ones, live ones and those of people."""
    pipeline = require_pipeline(project, job)
    with open_history(project, load=False) as history:
        history.pause(pipeline.job, BY_HAND)
        pause = history.get_pause(pipeline.job)
    if pause:
        click.echo(describe_pause(pause))


@click.command("resume")
@click.argument("job")
@click.pass_obj
def resume_command(project: Project, job: str) -> None:
    """Let a paused pipeline run again. If the cause was not corrected, its next run writes the same again."""
    pipeline = require_pipeline(project, job)
    with open_history(project, load=False) as history:
        was_paused = history.resume(pipeline.job)
    click.echo(f"{pipeline.job} runs again." if was_paused else f"{pipeline.job} is not paused.")


@contextmanager
def _stop_on_signal(work: Stoppable) -> Iterator[None]:
    """Let a signal end something in order."""
    earlier = {one: signal.signal(one, lambda *_: work.stop()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


# The output before the question.


def _print_plan(plan: UndoPlan) -> None:
    run = plan.run
    started = datetime.fromtimestamp(run.started_at, UTC)
    click.echo(f"Run {run.run_id} of {run.job}, started {started:%Y-%m-%d %H:%M} UTC ({run.trigger or 'by hand'}).")
    click.echo(_describe_plan(plan))
    rows = [_build_row(plan, stream, record_id) for stream, record_id in plan.records[:SHOWN]]
    output.open_console().print(output.build_table(("record", "name", "e-mail", "values to restore"), rows))
    if len(plan.records) > SHOWN:
        click.echo(f"... and {len(plan.records) - SHOWN:,} more.")
    click.echo(
        "Each record is read first: what somebody changed since stays as it is. "
        f"Then {plan.pipeline.job} is paused until `standpipe resume {plan.pipeline.job}`."
    )


def _describe_plan(plan: UndoPlan) -> str:
    created = f", and created {plan.created:,}" if plan.created else ""
    existing = len(plan.records) - plan.created
    attributes = f" It created {plan.attributes:,} attributes, which stay." if plan.attributes else ""
    return f"It changed {plan.fields:,} fields of {existing:,} records{created}.{attributes}"


def _build_row(plan: UndoPlan, stream: str, record_id: str) -> Sequence[object]:
    changes = [one for one in plan.changes if (one.stream, one.record_id) == (stream, record_id)]
    known = plan.names.get(record_id)
    return record_id, known and known.name, known and known.email, _describe_changes(changes)


def _describe_changes(changes: Sequence[ChangeRow]) -> str:
    if any(one.action == "create" for one in changes):
        return "(it was created)"
    fields = {name: change for one in changes for name, change in one.fields.items()}
    texts = [f"{name.rpartition('.')[2]}: {_show(one.after)} -> {_show(one.before)}" for name, one in fields.items()]
    more = len(texts) - _FIELDS
    return "; ".join(texts[:_FIELDS]) + (f"; {more} more" if more > 0 else "")


def _show(value: object) -> str:
    return "nothing" if value is None or value == "" else str(value)


def _build_plan_json(plan: UndoPlan) -> dict[str, object]:
    return {
        "run": msgspec.to_builtins(plan.run),
        "records": len(plan.records),
        "fields": plan.fields,
        "created": plan.created,
        "first": [msgspec.to_builtins(one) for one in plan.changes[:SHOWN]],
    }


# The output at the end.


def _print_report(plan: UndoPlan, report: UndoReport) -> None:
    restored = report.count("restored")
    click.echo(f"Restored {report.fields:,} fields of {restored:,} records.")
    if archived := report.count("archived"):
        click.echo(f"Archived {archived:,} records that the run had created.")
    if unchanged := report.count("unchanged"):
        click.echo(f"{unchanged:,} records already had their values from before the run.")
    reasons = Counter(reason for one in report.records for reason in _list_reasons(one))
    if reasons:
        click.echo("Not restored:")
        output.open_console().print(
            output.build_table(("fields or records", "because"), [(n, r) for r, n in reasons.most_common()])
        )
        rows = [
            (one.id, one.name or one.email, ", ".join(_list_kept(one))) for one in report.records if _list_kept(one)
        ]
        output.open_console().print(output.build_table(("record", "who", "what stays"), rows[:SHOWN]))
        if len(rows) > SHOWN:
            click.echo(f"... and {len(rows) - SHOWN:,} more: `standpipe undo --json` lists all of them.")
    job = plan.pipeline.job
    click.echo(f"{job} is paused: it does not run until `standpipe resume {job}`. The undo is the run {report.run_id}.")


def _list_reasons(record: UndoneRecord) -> list[str]:
    return [*record.kept.values(), *([record.reason] if record.reason else [])]


def _list_kept(record: UndoneRecord) -> list[str]:
    """Return the fields that stay, or the record itself."""
    fields = [f"{name.rpartition('.')[2]}: {reason}" for name, reason in record.kept.items()]
    return fields or ([record.reason] if record.reason else [])


def _build_report_json(plan: UndoPlan, report: UndoReport) -> dict[str, object]:
    return {
        "run_id": report.run_id,
        "undone": plan.run.run_id,
        "paused": plan.pipeline.job,
        "fields": report.fields,
        "outcomes": Counter(one.outcome for one in report.records),
        "records": [msgspec.to_builtins(one) for one in report.records],
        "reason": report.reason,
    }


def _print_rejects(retries: Sequence[Retry]) -> None:
    for retry in retries:
        click.echo(f"{len(retry.rejects)} refused records of {retry.pipeline.job}:")
        rows = [(one.record_id, one.name, one.reason, one.times) for one in retry.rejects[:SHOWN]]
        output.open_console().print(output.build_table(("record", "name", "because", "times"), rows))
        if len(retry.rejects) > SHOWN:
            click.echo(f"... and {len(retry.rejects) - SHOWN} more.")


def _build_retry_json(retry: Retry) -> dict[str, object]:
    return {"job": retry.pipeline.job, "rejects": [msgspec.to_builtins(one) for one in retry.rejects]}


def _build_retried_json(one: Retried) -> dict[str, object]:
    return {"record": one.reject.record_id, "stream": one.reject.stream, "outcome": one.outcome, "reason": one.reason}
