"""The files that a run leaves in `report_dir`, and a progress line on the way."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from target_intercom._kit.csv_files import CsvWriter
from target_intercom._kit.private_files import draft_of, move_into_place, open_private, replace_file
from target_intercom.records.payloads import attributes_of, match_value
from target_intercom.reporting.not_sent import describe
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.page import page

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from target_intercom.records.buffer import Row
    from target_intercom.records.payloads import Shape
    from target_intercom.reporting.links import Links, Listing
    from target_intercom.reporting.not_sent import NotSent
    from target_intercom.reporting.outcomes import Cleared
    from target_intercom.reporting.results import Result
    from target_intercom.writing.memory import Archived, Moved

_EVERY = 10.0  # seconds between two progress lines
#: Who a record is, at the end of every table in which records stand.
_WHO = ("name", "company", "mrr", "source_link", "intercom_link")
_TABLES = {
    "matched": (
        *("id", "value", "intercom_id", "intercom_name", "intercom_email", "outcome", "reason", "fields"),
        *("intercom_external_id", "stream", *_WHO),  # of a company, its `company_id`
    ),
    "unmatched": ("id", "value", "outcome", "reason", "fields", "stream", "intercom_id", *_WHO),
    "ambiguous": ("id", "value", "intercom_ids", "outcome", "reason", "stream", *_WHO),
    "not_reached": ("id", "value", "outcome", "reason", "stream", "intercom_id", *_WHO),
    "not_sent": ("id", "reason", "instead_of", "because", "name", "company", "mrr", "source_link"),
    "moved": ("id", "value", "intercom_id", "was_on", "stream", "outcome", "found_at"),
    "archived": ("id", "value", "intercom_id", "found_at"),
    "unfit": ("id", "value", "intercom_id", "field", "reason", "stream"),
}
_LISTS = ("rejects", "changes")
#: Every file that a run may leave in `report_dir`. Who removes the reports one day removes these, and nothing else.
REPORT_FILES = (
    *(f"{table}.csv" for table in _TABLES),
    *(f"{name}.jsonl" for name in _LISTS),
    "summary.json",
    "validation.html",
)

#: The tables in which every record that came stands exactly once.
RECORD_TABLES = ("matched", "unmatched", "ambiguous", "not_reached")


@dataclass(frozen=True)
class Addresses:
    """Where records are looked at, in Intercom and in the system that they come from."""

    intercom: Links
    source: str = ""  #: with `{id}` to be filled in; empty for none

    def of_source(self, record_id: str | None) -> str:
        """Return the address of a record in the system that it comes from."""
        return self.source.replace("{id}", quote(record_id, safe="")) if self.source and record_id else ""

    def of_intercom(self, stream: str, intercom_ids: Iterable[str]) -> str:
        """Return the addresses of contacts or companies."""
        return " ".join(self.intercom.to(stream, one) for one in intercom_ids)


class ReportFiles:
    """The files of one run, which replace those of the run before when it ends, also with an error.

    Until then they are drafts: a run that is killed leaves the last run's reports whole. They hold personal data: mode
    0600, in a folder of 0700.
    """

    def __init__(self, directory: Path, now: int, listing: Listing, addresses: Addresses) -> None:
        self._directory = directory
        self._now = now
        self.listing = listing
        self._addresses = addresses
        self._stack = ExitStack()
        self._tables = {name: CsvWriter(self._open(f"{name}.csv")) for name in _TABLES}
        for name, columns in _TABLES.items():
            self._tables[name].writerow(columns)
        self._lists = {name: self._open(f"{name}.jsonl") for name in _LISTS}

    def close(self) -> None:
        """Close every file and put it in the place of the last run's."""
        self._stack.close()
        for name in (*(f"{table}.csv" for table in reversed(_TABLES)), *(f"{name}.jsonl" for name in _LISTS)):
            move_into_place(self._directory / name)
        (self._directory / "validation.html").unlink(missing_ok=True)

    def write_result(self, shape: Shape, row: Row, result: Result) -> None:
        """Write the one line of a record: what was found for it, and what became of it."""
        stream, found = shape.kind.stream, result.concerned
        ids = [one.id for one in found] if result.table != "unmatched" else []
        ids = [result.intercom_id] if not ids and result.intercom_id else ids
        line = {
            "id": row.id,
            "value": match_value(row.record, shape.match_on),
            "outcome": result.kind,
            "reason": result.reason,
            "fields": " ".join(result.fields),
            "stream": stream,
            "intercom_id": " ".join(ids),
            "intercom_ids": " ".join(ids),
            "intercom_link": self._addresses.of_intercom(stream, ids),
            "source_link": self._addresses.of_source(row.id),
            **_describe(shape, row),
        }
        if result.table == "matched":
            (one,) = found
            line |= {"intercom_name": one.name, "intercom_email": one.email, "intercom_external_id": one.identity}
        self._write(result.table, line)

    def write_not_sent(self, not_sent: NotSent, value_name: str) -> None:
        """Write the line of every customer that the map did not send."""
        for record in not_sent.records():
            record_id = record.get("customer_id")
            self._write(
                "not_sent",
                record
                | {
                    "id": record_id,
                    "because": describe(record, value_name),
                    "source_link": self._addresses.of_source(record_id and str(record_id)),
                },
            )

    def write_remembered(self, moved: Iterable[tuple[Moved, str]], archived: Iterable[Archived]) -> None:
        """Write the lines of records that moved, with what became of the earlier match, and of archived contacts."""
        for one, outcome in moved:
            was_on = " ".join(one.was_on)
            self._tables["moved"].writerow(
                (one.id, one.value, one.intercom_id, was_on, one.stream, outcome, one.found_at)
            )
        for line in archived:
            self._tables["archived"].writerow((line.id, line.value, line.intercom_id, line.found_at))

    def note(self, shape: Shape, row: Row, outcome: Outcome, *, written: bool) -> None:
        """Write why a record was refused and what was changed, in the order in which it happened."""
        self.listing.note(shape.kind.stream, row.id, outcome)
        if outcome.kind == "rejected":
            self._rejected(shape, row, outcome)
        for field, reason in outcome.unfit.items():
            value = match_value(row.record, shape.match_on)
            self._tables["unfit"].writerow((row.id, value, outcome.intercom_id, field, reason, shape.kind.stream))
        if written:
            self.note_cleared(shape, row, outcome.cleared)
            self._changed(shape, row, outcome)

    def note_cleared(self, shape: Shape, row: Row, cleared: Iterable[Cleared]) -> None:
        """Write what was cleared of the records that a row has left."""
        for one in cleared:
            self._changed(shape, row, Outcome("cleared", "", one.intercom_id, one.changed))

    def _rejected(self, shape: Shape, row: Row, outcome: Outcome) -> None:
        """Write why a record was refused, in Intercom's words."""
        error, line = outcome.refused, self._head(shape, row, outcome) | {"reason": outcome.reason}
        if error:
            line |= {"status": error.status, "code": error.code, "reason": error.reason, "other_id": error.other_id}
        self._line("rejects", line)

    def _changed(self, shape: Shape, row: Row, outcome: Outcome) -> None:
        """Write before and after of every field that was written."""
        if not outcome.changed:
            return
        fields = {name: {"before": change.before, "after": change.after} for name, change in outcome.changed.items()}
        self._line("changes", self._head(shape, row, outcome) | {"outcome": outcome.kind, "fields": fields})

    @staticmethod
    def _head(shape: Shape, row: Row, outcome: Outcome) -> dict[str, Any]:
        return {"stream": shape.kind.stream, "id": row.id, "intercom_id": outcome.intercom_id}

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write `summary.json`."""
        with replace_file(self._directory / "summary.json") as file:
            json.dump(summary, file, indent=2)
            file.write("\n")

    def page(self, summary: Mapping[str, Any], sums: Iterable[str], warnings: Iterable[str]) -> None:
        """Write `validation.html` from the tables, which are closed by then."""
        when = datetime.fromtimestamp(self._now, UTC).strftime("%d %B %Y, %H:%M UTC")
        with replace_file(self._directory / "validation.html") as file:
            file.writelines(page(self._directory, summary, sums, warnings, when))

    def _write(self, name: str, line: Mapping[str, Any]) -> None:
        self._tables[name].writerow([line.get(column) for column in _TABLES[name]])

    def _line(self, name: str, line: Mapping[str, Any]) -> None:
        self._lists[name].write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open(self, name: str) -> IO[str]:
        return self._stack.enter_context(open_private(draft_of(self._directory / name)))


def _describe(shape: Shape, row: Row) -> dict[str, Any]:
    """Return who a record is: its name, its company and its MRR, as far as it says so."""
    attributes = attributes_of(row.record)
    return {
        "name": row.record.get("name"),
        "company": attributes.get(f"{shape.prefix}company_name"),
        "mrr": attributes.get(f"{shape.prefix}cust_mrr"),
    }


class Progress:
    """Says now and then how far a run is."""

    def __init__(self, logger: logging.Logger, what: str, total: int) -> None:
        self._logger, self._what, self._total = logger, what, total
        self._done = 0
        self._next = time.monotonic() + _EVERY

    def step(self, count: int = 1) -> None:
        """Note that so many more are done."""
        self._done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._logger.info("%s: %d of %d", self._what, self._done, self._total)
