"""Reports about every record: files in `report_dir`, a table on the terminal, and progress lines."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from target_chartmogul._kit.csv_files import CsvWriter
from target_chartmogul._kit.private_files import get_draft_path, move_into_place, open_private, replace_file
from target_chartmogul.reporting.files import HELD_VALUES, LISTS
from target_chartmogul.writing.memory import COLUMNS, Memory
from target_chartmogul.writing.outcomes import KINDS_OF_OUTCOME

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from target_chartmogul._kit.journal import JournalWriter
    from target_chartmogul._kit.json_types import JsonObject, JsonValue
    from target_chartmogul._kit.limits import RejectLimit
    from target_chartmogul.decisions.planning import Plan
    from target_chartmogul.records.buffer import Row
    from target_chartmogul.reporting.summary import Summary
    from target_chartmogul.writing.outcomes import Outcome

_INTERVAL = 10.0  # seconds between two progress lines
_ROW = ("stream", "id", "customer", "uuid", "reason", "fields", "held", "left_out")
_MERGES = ("external_id", "name", "outcome", "matched_by", "value", "found", "into", "into_name", "uuid", "into_uuid")
_HELD = HELD_VALUES.removesuffix(".csv")


class ReportFiles:
    """The files of one run, which replace those of the run before when it ends, also with an error.

    Until then they are drafts: a run that is killed leaves the last run's reports whole. They hold personal data: mode
    0600, in a folder of 0700.

    Every input record has exactly one line in the tables, each of which is named as its outcome: `created.csv` and so
    on. `rejects.jsonl` says why records, and values of records, were refused; `changes.jsonl` what was written.
    `held_values.csv` shows what `memory` holds at the end.
    """

    def __init__(self, directory: Path, memory: Memory) -> None:
        self._directory = directory
        self.memory = memory
        self._stack = ExitStack()
        columns = {_HELD: COLUMNS, "merges": _MERGES} | dict.fromkeys(KINDS_OF_OUTCOME, _ROW)
        self._tables = {name: CsvWriter(self._open_draft(f"{name}.csv")) for name in columns}
        for name, titles in columns.items():
            self._tables[name].writerow(titles)
        self._lists = {name: self._open_draft(f"{name}.jsonl") for name in LISTS}

    def close(self) -> None:
        """Close every file, and replace the last run's."""
        self._tables[_HELD].writerows(self.memory.list_rows())
        self._stack.close()
        for name in (*(f"{table}.csv" for table in self._tables), *(f"{name}.jsonl" for name in LISTS)):
            move_into_place(self._directory / name)

    def write_outcome(self, stream: str, row: Row, outcome: Outcome, *, is_written: bool) -> None:
        """Write the outcome of a record. `is_written` means that it was written, not only planned."""
        names = (" ".join(outcome.changes), " ".join(outcome.overridden), " ".join(outcome.refused))
        self._tables[outcome.kind].writerow((stream, row.id, row.customer, outcome.uuid, outcome.reason, *names))
        record = {"stream": stream, "id": row.id, "uuid": outcome.uuid}
        if outcome.kind == "rejected":
            self._write_line("rejects", record | {"reason": outcome.reason, "status": outcome.status})
        for name, reason in outcome.refused.items():
            self._write_line("rejects", record | {"field": name, "reason": reason})
        if outcome.changes and is_written:
            fields = {name: {"before": one.before, "after": one.after} for name, one in outcome.changes.items()}
            self._write_line("changes", record | {"outcome": outcome.kind, "fields": fields})

    def write_merges(self, rows: Iterable[Sequence[JsonValue]]) -> None:
        """Write the actual or planned merges, and the reasons for the other leads."""
        self._tables["merges"].writerows(rows)

    def write_summary(self, figures: JsonObject) -> None:
        """Write `summary.json`."""
        with replace_file(self._directory / "summary.json") as file:
            json.dump(figures, file, indent=2)
            file.write("\n")

    def _write_line(self, name: str, line: JsonObject) -> None:
        self._lists[name].write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open_draft(self, name: str) -> IO[str]:
        return self._stack.enter_context(open_private(get_draft_path(self._directory / name)))


def format_summary(figures: JsonObject) -> list[str]:
    """Return a line per figure of the summary, without zeros."""
    rows = [(name, value) for name, value in figures.items() if value or name in {"records", "updated", "created"}]
    flat = list(_flatten(rows))
    width = max(len(name) for name, _ in flat)
    return [f"{name.replace('_', ' '):<{width}}  {value:>10}" for name, value in flat]


def _flatten(rows: Iterable[tuple[str, JsonValue]]) -> Iterator[tuple[str, JsonValue]]:
    """Yield every figure with its path. A list counts with its length."""
    for name, value in rows:
        if isinstance(value, dict):
            yield from _flatten((f"{name}: {key}", figure) for key, figure in value.items() if figure)
        else:
            yield name, len(value) if isinstance(value, list) else value


class Progress:
    """Logs at intervals how many records are done."""

    def __init__(self, logger: logging.Logger, label: str, total: int) -> None:
        self._logger, self._label, self._total = logger, label, total
        self._done = 0
        self._next = time.monotonic() + _INTERVAL

    def count_record(self) -> None:
        """Count one more record."""
        self._done += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL
            self._logger.info("%s: %d of %d", self._label, self._done, self._total)


@dataclass(frozen=True)
class OutcomeRecorder:
    """Takes the outcome of every row of a stream once."""

    stream: str
    summary: Summary
    reports: ReportFiles
    progress: Progress
    limit: RejectLimit
    journal: JournalWriter
    recorded: bytearray
    """A bit for each row."""

    def filter_writes(self, plans: Iterable[tuple[Row, Plan]]) -> Iterator[tuple[Row, Plan]]:
        """Yield the rows to write, and record the plans of the others as their outcomes."""
        for row, plan in plans:
            if plan.writes:
                self.summary.values_cut += plan.want.cut
                yield row, plan
            else:
                self.record_plan(row, plan)

    def record_plan(self, row: Row, plan: Plan) -> None:
        """Record the plan of a row as its outcome."""
        self.summary.values_cut += plan.want.cut
        if row.id and plan.outcome.kind in {"unchanged", "held"}:
            # A value that is no longer overridden has reached ChartMogul in some way.
            self.reports.memory.forget_all_but(self.stream, row.id, plan.outcome.overridden)
        self._record(row, plan.outcome, is_written=False)
        if self.journal.is_on:
            outcome = plan.outcome
            self.journal.add_record(
                self.stream,
                row.label,
                outcome.kind,
                outcome.reason,
                remote_id=outcome.uuid,
                fields=outcome.changes,
                who=row.who,
            )

    def record_write(self, item: tuple[Row, Plan], outcome: Outcome) -> None:
        """Record the outcome of a written row."""
        self._record(item[0], outcome, is_written=True)
        self.limit.count_attempt(outcome.reason if outcome.kind == "rejected" else None)

    def _record(self, row: Row, outcome: Outcome, *, is_written: bool) -> None:
        self.summary.count_outcome(self.stream, outcome)
        self.reports.write_outcome(self.stream, row, outcome, is_written=is_written)
        self.recorded[row.seq // 8] |= 1 << row.seq % 8
        self.progress.count_record()

    def journal_unreached(self, rows: Iterable[Row], cut_off: Collection[int]) -> None:
        """Note in the journal the rows that a stopped run did not reach.

        Args:
            rows: all rows.
            cut_off: the numbers of rows whose writes have no outcome in the journal.
        """
        for row in rows:
            if row.seq not in cut_off and not self.recorded[row.seq // 8] >> row.seq % 8 & 1:
                self.journal.add_record(self.stream, row.label, "not_reached", who=row.who)
