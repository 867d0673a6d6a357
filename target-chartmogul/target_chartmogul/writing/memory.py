"""What ChartMogul was found to hold back, from one run to the next, so that it is not sent again every time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from target_chartmogul._kit.clock import is_recent
from target_chartmogul._kit.csv_files import CsvWriter, read_rows
from target_chartmogul._kit.private_files import open_private
from target_chartmogul.records.object_types import EXTERNAL_ID
from target_chartmogul.reporting.files import HELD_VALUES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from target_chartmogul.records.payloads import Change

COLUMNS = ("stream", "id", "field", "wanted", "held", "reason", "found_at")
ANY = "*"  #: stands for the id where a field is held back whosever it is
OVERRIDDEN, UNDEFINED, REFUSED = "kept as ChartMogul has it", "not defined in ChartMogul", "refused: "

_BELIEVED = 86_400  # seconds for which it is taken to be held back still, while neither side changes
_RENAMING_BELIEVED = 30 * _BELIEVED  # for which an account is taken not to change external ids


class Entry(NamedTuple):
    """What was wanted and what ChartMogul kept instead, in JSON; why, and since when that is known (unix seconds)."""

    wanted: str
    held: str
    reason: str
    found_at: int


Whose = tuple[str, str]
"""Stream and id."""


class Memory:
    """The table `held_values.csv` of the memory folder. Safe in several threads.

    Nothing in ChartMogul's lists tells that a value is pinned (`overrides`), and no error says so: only the reply to a
    write shows that the value did not stay. The table remembers it for a day while both sides stay as they were.
    Without it nothing goes wrong: the value is sent once more, and reverted once more.

    Args:
        folder: where it is kept.
        earlier: the folder of the reports, where it was kept by earlier versions.
        now: unix seconds.
    """

    def __init__(self, folder: Path, earlier: Path, now: int) -> None:
        self._path, self._now = folder / HELD_VALUES, now
        path = self._path if self._path.exists() else earlier / HELD_VALUES
        self._lock = threading.Lock()
        self._entries: dict[Whose, dict[str, Entry]] = {}
        for whose, field, entry in _read(path):
            self._entries.setdefault(whose, {})[field] = entry
        self._known = {(stream, field, entry.reason) for (stream, _), field, entry in self._all()}

    def is_held(self, stream: str, record_id: str, field: str, change: Change) -> bool:
        """Say whether ChartMogul is known to hold back just this, for this record or for all."""
        with self._lock:
            everybody = self._entries.get((stream, ANY), {}).get(field)
            own = self._entries.get((stream, record_id), {}).get(field)
        if everybody and self._fresh(everybody, field):
            return True
        return own is not None and self._fresh(own, field) and own[:2] == (_json(change.after), _json(change.before))

    def is_everybodys(self, stream: str, field: str) -> bool:
        """Say whether a field is held back whosever it is."""
        with self._lock:
            return field in self._entries.get((stream, ANY), {})

    def note(self, stream: str, record_id: str, field: str, change: Change, reason: str) -> None:
        """Remember that ChartMogul keeps `change.before` instead of `change.after`; ANY as id: whosever it is."""
        entry = Entry(_json(change.after), _json(change.before), reason, self._now)
        with self._lock:
            self._entries.setdefault((stream, record_id), {})[field] = entry

    def forget(self, stream: str, record_id: str, *fields: str) -> None:
        """Forget what no longer holds."""
        with self._lock:
            for field in fields:
                self._entries.get((stream, record_id), {}).pop(field, None)

    def settle(self, stream: str, record_id: str, held: Collection[str]) -> None:
        """Forget of a record all fields but those that are held back still."""
        with self._lock:
            entries = self._entries.pop((stream, record_id), {})
            if kept := {field: entry for field, entry in entries.items() if field in held}:
                self._entries[stream, record_id] = kept

    def save(self) -> None:
        """Replace the table of the run before."""
        draft = self._path.with_name(f"{HELD_VALUES}.draft")
        with open_private(draft) as file:
            writer = CsvWriter(file)
            writer.writerow(COLUMNS)
            writer.writerows(self.rows())
        draft.replace(self._path)

    def earlier_ids(self, stream: str) -> Iterator[tuple[str, str]]:
        """Give the records that ChartMogul keeps under an earlier external id, which it would not change."""
        for (whose, record_id), entries in list(self._entries.items()):
            if whose == stream and EXTERNAL_ID in entries:
                yield record_id, str(json.loads(entries[EXTERNAL_ID].held))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Give the lines of the table."""
        for whose, field, entry in self._all():
            yield (*whose, field, *entry)

    def news(self) -> Counter[tuple[str, str, str]]:
        """Count, by stream, field and reason, what was not known before this run."""
        found = Counter((stream, field, entry.reason) for (stream, _), field, entry in self._all())
        return Counter({what: count for what, count in found.items() if what not in self._known})

    def _all(self) -> Iterator[tuple[Whose, str, Entry]]:
        for whose, entries in sorted(self._entries.items()):
            for field, entry in sorted(entries.items()):
                yield whose, field, entry

    def _fresh(self, entry: Entry, field: str) -> bool:
        believed = _RENAMING_BELIEVED if field == EXTERNAL_ID else _BELIEVED
        return is_recent(entry.found_at, self._now, believed)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(path: Path) -> Iterator[tuple[Whose, str, Entry]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        for line in read_rows(file):
            with suppress(KeyError, TypeError, ValueError):  # a line cut off by a killed run is no memory
                entry = Entry(line["wanted"], line["held"], line["reason"], int(line["found_at"]))
                yield (line["stream"], line["id"]), line["field"], entry
