"""The summary of a run: lines in the log, and a file beside the store."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from standpipe_maps._kit.json_types import JsonValue

NAMED = 10


class Notes:
    """Counts for the summary, with the ids of ten records if a user should look at them.

    Args:
        odd: the notes whose records are listed.
    """

    def __init__(self, odd: Collection[str]) -> None:
        self._odd = odd
        self.counts: Counter[str] = Counter()
        self.ids: dict[str, list[str]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.ids.clear()

    def count_record(self, note: str, key: str) -> None:
        """Count the record with this id."""
        self.counts[note] += 1
        if note in self._odd and self.counts[note] <= NAMED:
            self.ids.setdefault(note, []).append(key)

    def count_many(self, note: str, count: int, keys: Collection[str]) -> None:
        """Count many records under a note that lists records. The ids of some are enough."""
        self.counts[note] += count
        if keys:
            self.ids[note] = [*self.ids.get(note, ()), *keys][:NAMED]

    def format_lines(self) -> Iterator[str]:
        """Return one line per note that lists records."""
        return (f"{note.replace('_', ' ')}: {', '.join(ids)}" for note, ids in self.ids.items())


def format_summary(name: str, summary: Mapping[str, JsonValue]) -> str:
    """Return a summary as lines of text. A table in it takes one line."""
    lines = [f"Summary of {name}"]
    for label, value in summary.items():
        text = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
        lines.append(f"{label.replace('_', ' ')}: {text}")
    return "\n  ".join(lines)


def write_summary(folder: Path, name: str, summary: Mapping[str, JsonValue]) -> None:
    """Write ``<name>.summary.json``, completely or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{name}.summary.json.new"
    draft.write_text(json.dumps(summary, indent=2) + "\n")
    # Readers never see an incomplete file, as the rename is atomic.
    draft.replace(folder / f"{name}.summary.json")
