"""The history as text for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standpipe_console import output

from .figures import FIGURES, sum_figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from .rows import ChangeRow, Page, RecordRow, RunRow

#: The number of characters of a run's id that identify it.
_SHORT = 8


def print_runs(out: Console, runs: Sequence[RunRow]) -> None:
    """Print runs as a table, and the reasons of failed runs."""
    if not runs:
        out.print("The history has no run yet.")
        return
    headings = ("run", "started (UTC)", "job", "started by", "status", "seconds", *FIGURES)
    out.print(output.build_table(headings, map(_list_cells, runs)))
    for run in runs:
        if run.reason:
            out.print(f"{run.run_id[:_SHORT]}: {run.reason}", markup=False, soft_wrap=True)


def print_run(out: Console, run: RunRow, records: Page[RecordRow], changes: Iterable[ChangeRow]) -> None:
    """Print one run: its changed, refused and newly skipped records, and what was written to them."""
    print_runs(out, [run])
    if not records.total:
        out.print("No record was written, refused or skipped for a new reason.")
        return
    out.print()
    headings = ("record", "outcome", "reason", "name", "e-mail", "vendor's id")
    rows = (
        (row.record_id, row.kind, row.detail or row.reason, row.name, row.email, row.remote_id) for row in records.rows
    )
    out.print(output.build_table(headings, rows))
    if len(records.rows) < records.total:
        out.print(f"{len(records.rows)} of {records.total} records: --limit shows more.")
    if cells := [(one.record_id, *row) for one in changes for row in _list_fields(one)]:
        out.print()
        out.print(output.build_table(("record", "field", "before", "after"), cells))


def print_record(out: Console, record_id: str, rows: Sequence[RecordRow]) -> None:
    """Print what runs did with one record, the latest first."""
    if not rows:
        out.print(f"No run has written, refused or skipped the record {record_id}.", markup=False)
    for row in rows:
        why = row.detail or row.reason
        outcome = f"{row.kind} ({why})" if why else row.kind
        line = f"{_format_time(row.at)}  {row.plugin}  run {row.run_id[:_SHORT]}: {outcome}"
        out.print(line, markup=False, soft_wrap=True)
        if cells := [cell for change in row.changes for cell in _list_fields(change)]:
            out.print(
                output.build_table(("  field", "before", "after"), ((f"  {name}", *rest) for name, *rest in cells))
            )


def _list_cells(run: RunRow) -> tuple[object, ...]:
    seconds = None if run.seconds is None else f"{run.seconds:.1f}"
    start = (run.run_id[:_SHORT], _format_time(run.started_at), run.job, run.trigger, run.status, seconds)
    return *start, *sum_figures(run.counts, run.mode).values()


def _list_fields(change: ChangeRow) -> Iterator[tuple[str, object, object]]:
    for full_name, field in change.fields.items():
        name = full_name.removeprefix("custom_attributes.")
        yield name, output.format_value(name, field.before), output.format_value(name, field.after)


def _format_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
