"""What a run leaves behind: files in `report_dir`, a table on the terminal, a progress line on the way."""

from __future__ import annotations

import csv
import json
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from target_intercom.page import page
from target_intercom.payloads import match_value
from target_intercom.reporting.not_sent import describe

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_intercom.listing import Listing
    from target_intercom.outcomes import Outcome
    from target_intercom.payloads import Shape
    from target_intercom.reporting.not_sent import NotSent
    from target_intercom.spool import Row

_EVERY = 10.0  # seconds between two progress lines
_LAST = ("intercom_external_id", "stream")  #: of a company, its `company_id`
_TABLES = {
    "matched": ("id", "value", "intercom_id", "intercom_name", "intercom_email", "outcome", "reason", "fields", *_LAST),
    "unmatched": ("id", "value", "outcome", "reason", "fields", "stream"),
    "ambiguous": ("id", "value", "intercom_ids", "outcome", "reason", "stream"),
    "not_sent": ("id", "reason", "instead_of", "name", "company", "mrr", "because"),
    "moved": ("id", "value", "intercom_id", "was_on", "stream"),
    "archived": ("id", "value", "intercom_id", "found_at"),
    "unfit": ("id", "value", "intercom_id", "field", "reason", "stream"),
}
_BELIEVED = 86_400  # seconds for which an archived contact is taken to be archived still
_LISTS = ("rejects", "changes")


class ReportFiles:
    """The files of one run, which replace those of the run before when it ends, also with an error.

    Until then they are drafts: a run that is killed leaves the last run's reports whole. They hold personal data: mode
    0600, in a folder of 0700.

    Every input record has exactly one line in `matched.csv`, `unmatched.csv` or `ambiguous.csv`; `rejects.jsonl` and
    `changes.jsonl` say what became of those that were written.

    `archived.csv` is a report and a memory: no read of Intercom shows an archived contact, only the refusal of a create
    names it, and that refusal is not worth asking for again in every run. For a day the line is believed, and kept as
    long as no run has looked at its record again.
    """

    def __init__(self, directory: Path, now: int, listing: Listing) -> None:
        self._directory = directory
        self._now = now
        self.listing = listing
        self._archived = dict(_archived_since(directory / "archived.csv", now - _BELIEVED))
        self._forgotten = dict(self._archived)
        self._stack = ExitStack()
        self._tables = {name: csv.writer(self._open(f"{name}.csv")) for name in _TABLES}
        for name, columns in _TABLES.items():
            self._tables[name].writerow(columns)
        self._lists = {name: self._open(f"{name}.jsonl") for name in _LISTS}

    def close(self) -> None:
        """Close every file and put it in the place of the last run's, the one with a memory first."""
        for key, (intercom_id, found_at) in self._forgotten.items():
            self._tables["archived"].writerow((*key, intercom_id, found_at))
        self._stack.close()
        for name in (*(f"{table}.csv" for table in reversed(_TABLES)), *(f"{name}.jsonl" for name in _LISTS)):
            _draft(self._directory / name).replace(self._directory / name)
        (self._directory / "validation.html").unlink(missing_ok=True)

    def planned(self, shape: Shape, row: Row, records: Sequence[Mapping[str, Any]], outcome: Outcome) -> None:
        """Write the line of a record: what was found for it, and what is to become of it."""
        self._forgotten.pop(_archived_key(row, shape), None)
        head, tail = (row.id, match_value(row.record, shape.match_on)), (outcome.kind, outcome.reason)
        stream, fields = (
            shape.kind.stream,
            " ".join(name.removeprefix("custom_attributes.") for name in outcome.changed),
        )
        concerned = [record for record in records if record["id"] == outcome.intercom_id] or records
        if not concerned:
            self._tables["unmatched"].writerow((*head, *tail, fields, stream))
        elif len(concerned) > 1:
            self._tables["ambiguous"].writerow((*head, " ".join(one["id"] for one in concerned), *tail, stream))
        else:
            held = [concerned[0].get(name) for name in ("id", "name", "email")]
            identity = concerned[0].get(shape.kind.identity)
            self._tables["matched"].writerow((*head, *held, *tail, fields, identity, stream))

    def moved(self, shape: Shape, row: Row, outcome: Outcome, was_on: Sequence[str]) -> None:
        """Write that a record's match is another than those that it was linked to, which keep link and values."""
        head = (row.id, match_value(row.record, shape.match_on))
        self._tables["moved"].writerow((*head, outcome.intercom_id, " ".join(was_on), shape.kind.stream))

    def done(self, shape: Shape, row: Row, outcome: Outcome, *, written: bool) -> None:
        """Write what became of a record, where there is more to say than its line of `planned` does."""
        self.listing.note(shape.kind.stream, row.id, outcome)
        if outcome.kind == "rejected":
            self._rejected(shape, row, outcome)
        elif outcome.reason == "archived":
            self._archive(shape, row, outcome.intercom_id)
        head = (row.id, match_value(row.record, shape.match_on), outcome.intercom_id)
        for field, reason in outcome.unfit.items():
            self._tables["unfit"].writerow((*head, field, reason, shape.kind.stream))
        if outcome.changed and written:
            self._changed(shape, row, outcome)

    def not_sent(self, not_sent: NotSent) -> None:
        """Write the line of every customer that the map did not send."""
        columns = ("customer_id", *_TABLES["not_sent"][1:-1])
        for record in not_sent.records():
            self._tables["not_sent"].writerow((*map(record.get, columns), describe(record)))

    def known_archived(self, row: Row, shape: Shape) -> str | None:
        """Give Intercom's id of the archived contact that stood in the way of a record less than a day ago."""
        return self._archived.get(_archived_key(row, shape), (None, 0))[0]

    def _archive(self, shape: Shape, row: Row, intercom_id: str | None) -> None:
        """Write that an archived contact stands in a record's way, and since when that is known."""
        key = _archived_key(row, shape)
        _, found_at = self._archived.get(key, (None, self._now))
        self._tables["archived"].writerow((*key, intercom_id, found_at))

    def _rejected(self, shape: Shape, row: Row, outcome: Outcome) -> None:
        """Write why a record was refused, in Intercom's words."""
        error, line = outcome.refused, self._head(shape, row, outcome) | {"reason": outcome.reason}
        if error:
            line |= {"status": error.status, "code": error.code, "reason": error.reason, "other_id": error.other_id}
        self._line("rejects", line)

    def _changed(self, shape: Shape, row: Row, outcome: Outcome) -> None:
        """Write before and after of every field that was written."""
        fields = {name: {"before": change.before, "after": change.after} for name, change in outcome.changed.items()}
        self._line("changes", self._head(shape, row, outcome) | {"outcome": outcome.kind, "fields": fields})

    @staticmethod
    def _head(shape: Shape, row: Row, outcome: Outcome) -> dict[str, Any]:
        return {"stream": shape.kind.stream, "id": row.id, "intercom_id": outcome.intercom_id}

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write `summary.json`."""
        with self._replaced("summary.json") as file:
            json.dump(summary, file, indent=2)
            file.write("\n")

    def page(self, summary: Mapping[str, Any], warnings: Iterable[str], link: Callable[[str, str], str]) -> None:
        """Write `validation.html` from the tables, which are closed by then."""
        when = datetime.fromtimestamp(self._now, UTC).strftime("%d %B %Y, %H:%M UTC")
        with self._replaced("validation.html") as file:
            file.writelines(page(self._directory, summary, warnings, when, link))

    def _line(self, name: str, line: Mapping[str, Any]) -> None:
        self._lists[name].write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open(self, name: str) -> IO[str]:
        return self._stack.enter_context(_private(_draft(self._directory / name)))

    @contextmanager
    def _replaced(self, name: str) -> Iterator[IO[str]]:
        draft = _draft(self._directory / name)
        with _private(draft) as file:
            yield file
        draft.replace(self._directory / name)


def prepare(directory: Path) -> None:
    """Make the folder of the reports.

    Raises:
        ConfigurationError: it cannot be made, or written to.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder of `report_dir`, {directory}, cannot be made: {error.strerror}."
        ) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The folder of `report_dir`, {directory}, cannot be written to.")


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


def _archived_key(row: Row, shape: Shape) -> tuple[str, str]:
    return row.id or "", match_value(row.record, shape.match_on) or ""


def _archived_since(path: Path, since: int) -> Iterator[tuple[tuple[str, str], tuple[str, int]]]:
    """Read the lines of the last run's `archived.csv` that are young enough: (id, value), (Intercom's id, found_at)."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            with suppress(KeyError, TypeError, ValueError):  # a line cut off by a killed run is no memory
                if int(line["found_at"]) >= since:
                    yield (line["id"], line["value"]), (line["intercom_id"], int(line["found_at"]))


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

    def step(self, count: int = 1) -> None:
        """Note that so many more are done."""
        self._done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._logger.info("%s: %d of %d", self._what, self._done, self._total)


def _private(path: Path) -> IO[str]:
    """Open a file for writing that only its owner may read, also when it existed with another mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
