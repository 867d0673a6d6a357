"""`standpipe history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from standpipe_console import output
from standpipe_console.errors import ConsoleError

from . import text
from .store import History, open_history

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

    from .rows import RecordRow, RunRow


@click.command("history")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--job", help="Only runs of this job.")
@click.option("--record", metavar="ID", help="Show every change of one record, by its id in the source.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many rows to show.")
@click.argument("run", required=False)
@click.pass_obj
def history_command(  # noqa: PLR0913 each is an option
    project: Project, *, run: str | None, job: str | None, record: str | None, limit: int, as_json: bool
) -> None:
    """Show the last runs; or one RUN, by the first letters of its id or `latest`: its records and what it wrote."""
    with open_history(project) as history:
        if run and record:
            _show_run(history, _find_run(history, run, job), limit, record=record, as_json=as_json)
        elif run:
            _show_run(history, _find_run(history, run, job), limit, as_json=as_json)
        elif record:
            rows = history.list_record_history(record, limit=limit)
            _print_rows(rows) if as_json else text.print_record(output.open_console(), record, rows)
        else:
            runs = history.list_runs(job, limit=limit)
            _print_rows(runs) if as_json else text.print_runs(output.open_console(), runs)


def _print_rows(rows: list[RunRow] | list[RecordRow]) -> None:
    output.print_json(msgspec.to_builtins(rows))


def _show_run(history: History, run: RunRow, limit: int, *, record: str | None = None, as_json: bool) -> None:
    records = history.list_records(run.run_id, record_id=record, limit=limit)
    changes = history.list_changes_of(run.run_id, [row.record_id for row in records.rows])
    if as_json:
        output.print_json(
            {
                "run": msgspec.to_builtins(run),
                "records": msgspec.to_builtins(records.rows),
                "total": records.total,
                "changes": msgspec.to_builtins(changes),
            }
        )
    else:
        text.print_run(output.open_console(), run, records, changes)


def _find_run(history: History, wanted: str, job: str | None) -> RunRow:
    found = history.list_runs(job, limit=1) if wanted == "latest" else history.find_runs(wanted)
    if not found:
        raise ConsoleError(f"The history has no run `{wanted}`: `standpipe history` lists the runs.")
    if len(found) > 1 and found[0].run_id != wanted:
        raise ConsoleError(f"Several runs begin with `{wanted}`: give more of the id.")
    return found[0]
