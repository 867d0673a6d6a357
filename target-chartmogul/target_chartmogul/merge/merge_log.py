"""The merges of this target, in a file of the memory folder that only grows. `unmerge` reads it."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from target_chartmogul._kit.private_files import open_private
from target_chartmogul.reporting.files import MERGE_LOG, MERGE_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from target_chartmogul._kit.json_types import JsonObject, JsonValue

BEGUN, MERGED, PENDING, REFUSED = "begun", "merged", "pending", "refused"
UNMERGING, UNMERGED = "unmerging", "unmerged"
#: The content of the settings file after a run over some leads.
_POSTPONED: JsonObject = {"postponed": True}


@dataclass(frozen=True)
class Merge:
    """A merge: the external ids of lead and remaining customer, each in its data source, and the reason."""

    source: str
    external_ids: tuple[str, ...]
    billing: str
    into: tuple[str, ...]
    key: str = field(compare=False)  #: the key that found it


@dataclass(frozen=True)
class Entry:
    """The outcome of a merge, and its time (ISO 8601)."""

    merge: Merge
    outcome: str
    at: str


class MergeLog:
    """The file. Several threads may use it.

    A merge is logged before the request to ChartMogul, so that a killed run leaves no unknown merge.

    Args:
        folder: the folder of the file.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MERGE_LOG
        self._lock = threading.Lock()

    def append(self, merge: Merge, outcome: str) -> None:
        """Append the outcome of a merge."""
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "outcome": outcome, **asdict(merge)}
        with self._lock, open_private(self._path, append=True) as file:
            # An incomplete line from a killed run stays a separate line.
            content = self._path.read_bytes()
            is_cut = bool(content) and not content.endswith(b"\n")
            file.write("\n" * is_cut + json.dumps(line, ensure_ascii=False) + "\n")

    def read_latest(self) -> list[Entry]:
        """Return every merge with its last outcome."""
        return list({entry.merge: entry for entry in self._read_entries()}.values())

    def list_unmerged(self, source: str, billing: str) -> frozenset[tuple[str, str]]:
        """Return the external ids of unmerged leads and customers, which must not be merged again."""
        unmerged = [one.merge for one in self.read_latest() if one.outcome in {UNMERGING, UNMERGED}]
        ours = [one for one in unmerged if (one.source, one.billing) == (source, billing)]
        return frozenset((lead, into) for one in ours for lead in one.external_ids for into in one.into)

    def _read_entries(self) -> Iterator[Entry]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            with suppress(KeyError, TypeError, ValueError):  # a killed run may have left an incomplete line
                found = json.loads(line)
                ids, into = tuple(found["external_ids"]), tuple(found["into"])
                merge = Merge(found["source"], ids, found["billing"], into, found["key"])
                yield Entry(merge, found["outcome"], found["at"])


class MergeSettings:
    """The settings of the last comparison of every lead, in a file of the memory folder.

    A run contains only changes, so unchanged leads would never be compared with new settings.

    Args:
        folder: the folder of the file.
        current: the settings of this run, in JSON's types.
    """

    def __init__(self, folder: Path, current: Mapping[str, object]) -> None:
        self._path, self._current = folder / MERGE_SETTINGS, current

    @property
    def are_new(self) -> bool:
        """Whether no run with these settings has compared every lead yet."""
        return bool(self._read() != dict(self._current))

    def describe_reason(self) -> str:
        """Return why every lead is to be compared."""
        return "Runs over some leads merged nothing" if self._read() == _POSTPONED else "The merge settings are new"

    def save(self) -> None:
        """Note that every lead was compared."""
        self._write(self._current)

    def postpone(self) -> None:
        """Store that a run over some leads did not compare them."""
        if not self.are_new:
            self._write(_POSTPONED)

    def _read(self) -> JsonValue:
        try:
            found: JsonValue = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def _write(self, content: Mapping[str, object]) -> None:
        with open_private(self._path) as file:
            json.dump(dict(content), file)
