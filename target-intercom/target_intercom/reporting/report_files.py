"""The files that a run leaves in `report_dir`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from target_intercom._kit.csv_files import CsvWriter
from target_intercom._kit.private_files import get_draft_path, move_into_place, open_private, replace_file
from target_intercom.records.data_events import STREAM
from target_intercom.records.object_types import CONTACT
from target_intercom.records.write_options import read_attributes
from target_intercom.reporting.not_sent import describe_not_sent
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.page import render_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.records.buffer import Row
    from target_intercom.records.data_events import DataEvent
    from target_intercom.records.write_options import WriteOptions
    from target_intercom.reporting.links import Links
    from target_intercom.reporting.not_sent import NotSent
    from target_intercom.reporting.outcomes import Cleared
    from target_intercom.reporting.results import Result
    from target_intercom.reporting.terminal import Listing
    from target_intercom.writing.memory import Archived, Moved

#: The last columns of every table of records, which help people recognise a record.
_WHO = ("name", "company", "mrr", "source_link", "intercom_link")
TABLES = {
    "matched": (
        *("id", "value", "intercom_id", "intercom_name", "intercom_email", "outcome", "reason", "fields"),
        *("intercom_external_id", "stream", *_WHO),  # for a company, its `company_id`
    ),
    "unmatched": ("id", "value", "outcome", "reason", "fields", "stream", "intercom_id", *_WHO),
    "ambiguous": ("id", "value", "intercom_ids", "outcome", "reason", "stream", *_WHO),
    "not_reached": ("id", "value", "outcome", "reason", "stream", "intercom_id", *_WHO),
    "not_sent": ("id", "reason", "instead_of", "because", "name", "company", "mrr", "source_link"),
    "moved": ("id", "value", "intercom_id", "was_on", "stream", "outcome", "found_at"),
    "archived": ("id", "value", "intercom_id", "found_at"),
    "unfit": ("id", "value", "intercom_id", "field", "reason", "stream"),
}
#: The table of data events, which only a run with the stream `events` leaves.
EVENTS = ("id", "customer", "event", "created_at", "outcome", "reason", "intercom_id", "intercom_link")
#: The table of custom objects, which only a run with the stream `subscription_objects` leaves.
OBJECTS = ("stream", "id", "customer", "outcome", "reason", "intercom_id", "intercom_link", "fields")
_LISTS = ("rejects", "changes", "plan")
#: All files that a run may leave in `report_dir`. A removal of the reports deletes these and nothing else.
REPORT_FILES = (
    *(f"{table}.csv" for table in TABLES),
    *(f"{name}.jsonl" for name in _LISTS),
    "events.csv",
    "objects.csv",
    "summary.json",
    "validation.html",
)

#: The tables that together contain every input record exactly once.
RECORD_TABLES = ("matched", "unmatched", "ambiguous", "not_reached")


class ReportFiles:
    """The files of one run, which replace those of the last run at its end, even after an error.

    Until then they are drafts, so a killed run leaves the last run's reports unchanged. They contain personal data, so
    their mode is 0600, and their folder's is 0700.

    Args:
        directory: the folder.
        now: the time of this run in Unix seconds.
        listing: receives the records for the terminal.
        links: builds the addresses of records.
    """

    def __init__(self, directory: Path, now: int, listing: Listing, links: Links) -> None:
        self._directory, self._now, self._links = directory, now, links
        self.listing = listing
        self._stack = ExitStack()
        self._tables = {name: CsvWriter(self._open(f"{name}.csv")) for name in TABLES}
        for name, columns in TABLES.items():
            self._tables[name].writerow(columns)
        self._extra: dict[str, CsvWriter] = {}
        self._lists = {name: self._open(f"{name}.jsonl") for name in _LISTS}

    def close(self) -> None:
        """Close every file, and replace the last run's."""
        self._stack.close()
        for name in (*(f"{table}.csv" for table in reversed(TABLES)), *(f"{name}.jsonl" for name in _LISTS)):
            move_into_place(self._directory / name)
        (self._directory / "validation.html").unlink(missing_ok=True)
        for name in ("events", "objects"):
            if name in self._extra:
                move_into_place(self._directory / f"{name}.csv")
            else:
                (self._directory / f"{name}.csv").unlink(missing_ok=True)
        plan = self._directory / "plan.jsonl"
        if not plan.stat().st_size:
            plan.unlink()  # a run that writes leaves none

    def write_result(self, options: WriteOptions, row: Row, result: Result) -> None:
        """Write a record's line with its match and its outcome."""
        records, attributes = result.concerned, read_attributes(row.record)
        ids = [one.id for one in records] if result.table != "unmatched" else []
        ids = [result.intercom_id] if not ids and result.intercom_id else ids
        line = {
            "id": row.id,
            "value": options.match_key.read_value(row.record),
            "outcome": result.kind,
            "reason": result.reason,
            "fields": " ".join(result.fields),
            "stream": options.stream,
            "intercom_id": " ".join(ids),
            "intercom_ids": " ".join(ids),
            "intercom_link": self._links.build_intercom_links(options.stream, ids),
            "source_link": self._links.build_source_link(row.id),
            "name": row.record.get("name"),
            "company": attributes.get(f"{options.prefix}company_name"),
            "mrr": attributes.get(f"{options.prefix}cust_mrr"),
        }
        if result.table == "matched":
            (one,) = records
            line |= {"intercom_name": one.name, "intercom_email": one.email, "intercom_external_id": one.identity}
        self._write_row(result.table, line)

    def write_not_sent(self, not_sent: NotSent, value_name: str) -> None:
        """Write a line for every customer that the map did not send."""
        for record in not_sent.iterate_records():
            record_id = record.get("customer_id")
            line = {
                "id": record_id,
                "because": describe_not_sent(record, value_name),
                "source_link": self._links.build_source_link(record_id and str(record_id)),
            }
            self._write_row("not_sent", record | line)

    def write_remembered(self, moved: Iterable[tuple[Moved, str]], archived: Iterable[Archived]) -> None:
        """Write lines for moved records, with the outcome for the earlier match, and for archived contacts."""
        for one, outcome in moved:
            was_on = " ".join(one.was_on)
            self._tables["moved"].writerow(
                (one.id, one.value, one.intercom_id, was_on, one.stream, outcome, one.found_at)
            )
        for line in archived:
            self._tables["archived"].writerow((line.id, line.value, line.intercom_id, line.found_at))

    def write_outcome(self, options: WriteOptions, row: Row, outcome: Outcome, *, is_written: bool) -> None:
        """Write why a record was refused and what was changed, in the order of the events."""
        self.listing.add_record(options.stream, row.id, outcome)
        if outcome.kind == "rejected":
            line = _build_head(options, row, outcome) | {"reason": outcome.reason}
            if error := outcome.error:
                # The reason is Intercom's own text.
                line |= {"status": error.status, "code": error.code, "reason": error.reason, "other_id": error.other_id}
            self._write_line("rejects", line)
        for field, reason in outcome.unfit.items():
            value = options.match_key.read_value(row.record)
            self._tables["unfit"].writerow((row.id, value, outcome.intercom_id, field, reason, options.stream))
        if is_written:
            self.write_cleared(options, row, outcome.cleared)
        self._write_changes("changes" if is_written else "plan", options, row, outcome)

    def write_cleared(self, options: WriteOptions, row: Row, cleared: Iterable[Cleared]) -> None:
        """Write what was cleared in records that a row no longer matches."""
        for one in cleared:
            self._write_changes("changes", options, row, Outcome("cleared", "", one.intercom_id, one.changes))

    def write_event(self, event: DataEvent, outcome: Outcome) -> None:
        """Write what became of a data event."""
        link = self._links.build_intercom_link(CONTACT.stream, outcome.intercom_id) if outcome.intercom_id else ""
        what = (event.event_id, event.customer_id, event.event_name, event.created_at)
        self._open_extra("events", EVENTS).writerow((*what, outcome.kind, outcome.reason, outcome.intercom_id, link))
        if error := outcome.error:
            line = {"stream": STREAM, "id": event.event_id, "intercom_id": outcome.intercom_id}
            self._write_line("rejects", line | {"reason": error.reason, "status": error.status, "code": error.code})

    def write_object(self, stream: str, record_id: str, customer_id: str, outcome: Outcome) -> None:
        """Write what became of a custom object, or of the references of a contact."""
        link = self._links.build_intercom_link(CONTACT.stream, outcome.intercom_id) if outcome.intercom_id else ""
        head = (stream, record_id, customer_id, outcome.kind, outcome.reason, outcome.intercom_id, link)
        self._open_extra("objects", OBJECTS).writerow((*head, " ".join(outcome.changes)))
        if error := outcome.error:
            line = {"stream": stream, "id": record_id, "intercom_id": outcome.intercom_id}
            self._write_line("rejects", line | {"reason": error.reason, "status": error.status, "code": error.code})

    def _open_extra(self, name: str, columns: tuple[str, ...]) -> CsvWriter:
        """Return a table that only some runs leave."""
        if name not in self._extra:
            self._extra[name] = CsvWriter(self._open(f"{name}.csv"))
            self._extra[name].writerow(columns)
        return self._extra[name]

    def write_summary(self, summary: Mapping[str, JsonValue]) -> None:
        """Write `summary.json`."""
        with replace_file(self._directory / "summary.json") as file:
            json.dump(summary, file, indent=2)
            file.write("\n")

    def write_page(self, summary: Mapping[str, JsonValue], sums: Iterable[str], warnings: Iterable[str]) -> None:
        """Write `validation.html` from the tables, which are closed now."""
        when = datetime.fromtimestamp(self._now, UTC).strftime("%d %B %Y, %H:%M UTC")
        with replace_file(self._directory / "validation.html") as file:
            file.writelines(render_page(self._directory, summary, sums, warnings, when))

    def _write_changes(self, name: str, options: WriteOptions, row: Row, outcome: Outcome) -> None:
        """Write the values before and after of every written field."""
        if not outcome.changes:
            return
        fields = {field: {"before": change.before, "after": change.after} for field, change in outcome.changes.items()}
        self._write_line(name, _build_head(options, row, outcome) | {"outcome": outcome.kind, "fields": fields})

    def _write_row(self, name: str, line: Mapping[str, JsonValue]) -> None:
        self._tables[name].writerow([line.get(column) for column in TABLES[name]])

    def _write_line(self, name: str, line: Mapping[str, JsonValue]) -> None:
        self._lists[name].write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open(self, name: str) -> IO[str]:
        return self._stack.enter_context(open_private(get_draft_path(self._directory / name)))


def _build_head(options: WriteOptions, row: Row, outcome: Outcome) -> JsonObject:
    return {"stream": options.stream, "id": row.id, "intercom_id": outcome.intercom_id}
