"""Values that ChartMogul does not accept, remembered so that not every run sends them again."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from target_chartmogul._kit.clock import is_recent
from target_chartmogul._kit.csv_files import CsvWriter, read_rows
from target_chartmogul._kit.private_files import open_private
from target_chartmogul.records.remote import EXTERNAL_ID
from target_chartmogul.reporting.files import HELD_VALUES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from target_chartmogul._kit.json_types import JsonValue
    from target_chartmogul.records.payloads import Change

COLUMNS = ("stream", "id", "field", "wanted", "held", "reason", "found_at")
ANY = "*"  #: replaces the id if a field is overridden in every record
OVERRIDDEN, UNDEFINED, REFUSED = "kept as ChartMogul has it", "not defined in ChartMogul", "refused: "

_DAY = 86_400
_RENAME_RETRY = 30 * _DAY  # an account that cannot change external ids will probably never do so


class Entry(NamedTuple):
    """The wanted value and ChartMogul's value in JSON, the reason, and the time of the discovery (Unix seconds)."""

    wanted: str
    held: str
    reason: str
    found_at: int


class Memory:
    """The table `held_values.csv` of the memory folder. Several threads may use it.

    Neither ChartMogul's lists nor an error show that a user has pinned a value. Only the reply to a write shows that
    the value did not stay. The table remembers that for a day while both values stay the same. Without it, the value is
    sent once more, and reverted once more.

    Args:
        folder: the folder of the table.
        report_dir: the folder in which earlier versions kept it.
        now: Unix seconds.
    """

    def __init__(self, folder: Path, report_dir: Path, now: int) -> None:
        self._path, self._now = folder / HELD_VALUES, now
        path = self._path if self._path.exists() else report_dir / HELD_VALUES
        self._lock = threading.Lock()
        #: By stream and id, the entries by field.
        self._entries: dict[tuple[str, str], dict[str, Entry]] = {}
        for owner, field, entry in _read_entries(path):
            self._entries.setdefault(owner, {})[field] = entry
        #: Findings of earlier runs, which are not reported as new.
        self._loaded = set(self.count_reasons())

    def is_overridden(self, stream: str, record_id: str, field: str, change: Change) -> bool:
        """Return whether ChartMogul is known to override this change, in this record or in all records."""
        with self._lock:
            for_all = self._entries.get((stream, ANY), {}).get(field)
            for_record = self._entries.get((stream, record_id), {}).get(field)
        if for_all and self._is_believed(for_all, field):
            return True
        if for_record is None or not self._is_believed(for_record, field):
            return False
        # Another value may be accepted, and this one too after ChartMogul's value has changed.
        return for_record[:2] == (_encode(change.after), _encode(change.before))

    def is_overridden_for_all(self, stream: str, field: str) -> bool:
        """Return whether a field is overridden in every record."""
        with self._lock:
            return field in self._entries.get((stream, ANY), {})

    def remember(self, stream: str, record_id: str, field: str, change: Change, reason: str) -> None:
        """Store that ChartMogul keeps `change.before` instead of `change.after`. The id ANY means every record."""
        entry = Entry(_encode(change.after), _encode(change.before), reason, self._now)
        with self._lock:
            self._entries.setdefault((stream, record_id), {})[field] = entry

    def forget(self, stream: str, record_id: str, *fields: str) -> None:
        """Forget the entries of fields."""
        with self._lock:
            for field in fields:
                self._entries.get((stream, record_id), {}).pop(field, None)

    def forget_all_but(self, stream: str, record_id: str, fields: Collection[str]) -> None:
        """Forget all entries of a record except for some fields."""
        with self._lock:
            entries = self._entries.pop((stream, record_id), {})
            if remaining := {field: entry for field, entry in entries.items() if field in fields}:
                self._entries[stream, record_id] = remaining

    def save(self) -> None:
        """Replace the last run's table."""
        draft = self._path.with_name(f"{HELD_VALUES}.draft")
        with open_private(draft) as file:
            writer = CsvWriter(file)
            writer.writerow(COLUMNS)
            writer.writerows(self.list_rows())
        draft.replace(self._path)

    def list_earlier_ids(self, stream: str) -> Iterator[tuple[str, str]]:
        """Yield the records that ChartMogul keeps under an earlier external id, with that id."""
        for (owner, record_id), entries in list(self._entries.items()):
            if owner == stream and EXTERNAL_ID in entries:
                yield record_id, str(json.loads(entries[EXTERNAL_ID].held))

    def list_rows(self) -> Iterator[tuple[str | int, ...]]:
        """Yield the rows of the table."""
        for owner, entries in sorted(self._entries.items()):
            for field, entry in sorted(entries.items()):
                yield (*owner, field, *entry)

    def count_reasons(self) -> Counter[tuple[str, str, str]]:
        """Count the entries by stream, field and reason."""
        return Counter(
            (stream, field, entry.reason)
            for (stream, _), entries in self._entries.items()
            for field, entry in entries.items()
        )

    def count_new_reasons(self) -> Counter[tuple[str, str, str]]:
        """Count the entries by stream, field and reason, without those from before this run."""
        return Counter({what: count for what, count in self.count_reasons().items() if what not in self._loaded})

    def _is_believed(self, entry: Entry, field: str) -> bool:
        return is_recent(entry.found_at, self._now, _RENAME_RETRY if field == EXTERNAL_ID else _DAY)


def _encode(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read_entries(path: Path) -> Iterator[tuple[tuple[str, str], str, Entry]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        for line in read_rows(file):
            with suppress(KeyError, TypeError, ValueError):  # a killed run may have left an incomplete last line
                entry = Entry(line["wanted"], line["held"], line["reason"], int(line["found_at"]))
                yield (line["stream"], line["id"]), line["field"], entry
