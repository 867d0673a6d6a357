"""What a run leaves behind: files in `report_dir`, a table on the terminal, a progress line on the way."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

from target_chartmogul._kit.csv_files import CsvWriter
from target_chartmogul._kit.private_files import draft_of, move_into_place, open_private, replace_file
from target_chartmogul.reporting.files import HELD_VALUES, LISTS
from target_chartmogul.writing.memory import COLUMNS, Memory
from target_chartmogul.writing.outcomes import KINDS_OF_OUTCOME

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_chartmogul.records.buffer import Row
    from target_chartmogul.writing.outcomes import Outcome

_EVERY = 10.0  # seconds between two progress lines
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
        self._tables = {name: CsvWriter(self._open(f"{name}.csv")) for name in columns}
        for name, titles in columns.items():
            self._tables[name].writerow(titles)
        self._lists = {name: self._open(f"{name}.jsonl") for name in LISTS}

    def close(self) -> None:
        """Close every file and put it in the place of the last run's."""
        self._tables[_HELD].writerows(self.memory.rows())
        self._stack.close()
        for name in (*(f"{table}.csv" for table in self._tables), *(f"{name}.jsonl" for name in LISTS)):
            move_into_place(self._directory / name)

    def done(self, stream: str, row: Row, outcome: Outcome, *, written: bool) -> None:
        """Write what became of a record."""
        names = (" ".join(outcome.changed), " ".join(outcome.held), " ".join(outcome.refused))
        self._tables[outcome.kind].writerow((stream, row.id, row.customer, outcome.uuid, outcome.reason, *names))
        head = {"stream": stream, "id": row.id, "uuid": outcome.uuid}
        if outcome.kind == "rejected":
            self._line("rejects", head | {"reason": outcome.reason, "status": outcome.status})
        for name, reason in outcome.refused.items():
            self._line("rejects", head | {"field": name, "reason": reason})
        if outcome.changed and written:
            fields = {name: {"before": one.before, "after": one.after} for name, one in outcome.changed.items()}
            self._line("changes", head | {"outcome": outcome.kind, "fields": fields})

    def merges(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write what is, or would be, merged, and what is not and why."""
        self._tables["merges"].writerows(rows)

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write `summary.json`."""
        with replace_file(self._directory / "summary.json") as file:
            json.dump(summary, file, indent=2)
            file.write("\n")

    def _line(self, name: str, line: Mapping[str, Any]) -> None:
        self._lists[name].write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open(self, name: str) -> IO[str]:
        return self._stack.enter_context(open_private(draft_of(self._directory / name)))


def table(summary: Mapping[str, Any]) -> list[str]:
    """Lay a summary out for the terminal, a line a figure, leaving out what is nothing."""
    rows = [(name, value) for name, value in summary.items() if value or name in {"records", "updated", "created"}]
    flat = list(_flat(rows))
    width = max(len(name) for name, _ in flat)
    return [f"{name.replace('_', ' '):<{width}}  {value:>10}" for name, value in flat]


def _flat(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Name every figure by the way to it; a list is told by its length."""
    for name, value in rows:
        if isinstance(value, dict):
            yield from _flat((f"{name}: {key}", figure) for key, figure in value.items() if figure)
        else:
            yield name, len(value) if isinstance(value, list) else value


class Progress:
    """Says now and then how far a run is."""

    def __init__(self, logger: logging.Logger, what: str, total: int) -> None:
        self._logger, self._what, self._total = logger, what, total
        self._done = 0
        self._next = time.monotonic() + _EVERY

    def step(self) -> None:
        """Note that one more is done."""
        self._done += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._logger.info("%s: %d of %d", self._what, self._done, self._total)
