"""What becomes of the rows of a stream while they are processed: each is told of once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_chartmogul._kit.limits import RejectLimit
    from target_chartmogul.decisions.planning import Plan
    from target_chartmogul.records.buffer import Row
    from target_chartmogul.reporting.report_files import Progress, ReportFiles
    from target_chartmogul.reporting.summary import Summary
    from target_chartmogul.writing.outcomes import Outcome


@dataclass(frozen=True)
class Processing:
    """Takes the outcome of every row of a stream, for the summary, the reports and the limit of refusals."""

    stream: str
    summary: Summary
    reports: ReportFiles
    progress: Progress
    limit: RejectLimit

    def unwritten(self, planned: Iterable[tuple[Row, Plan]]) -> Iterator[tuple[Row, Plan]]:
        """Give the rows that are to be written; of the others what was planned is what becomes of them."""
        for row, plan in planned:
            if plan.writes:
                self.summary.values_cut += plan.want.cut
                yield row, plan
            else:
                self.leave(row, plan)

    def leave(self, row: Row, plan: Plan) -> None:
        """Take what was planned for a row for what becomes of it, and forget what is held back of it no more."""
        self.summary.values_cut += plan.want.cut
        if row.id and plan.outcome.kind in {"unchanged", "held"}:
            self.reports.memory.settle(self.stream, row.id, plan.outcome.held)
        self._note(row, plan.outcome, written=False)

    def wrote(self, item: tuple[Row, Plan], outcome: Outcome) -> None:
        """Take what became of a row that was written."""
        self._note(item[0], outcome, written=True)
        self.limit.note(outcome.reason if outcome.kind == "rejected" else None)

    def _note(self, row: Row, outcome: Outcome, *, written: bool) -> None:
        self.summary.note(self.stream, outcome)
        self.reports.done(self.stream, row, outcome, written=written)
        self.progress.step()
