"""What a run tells of itself: a block in the log, and a file beside the store."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

NAMED = 10


class Notes:
    """Counts by note, and of the notes that a user should look into, the ids of the first ten records."""

    def __init__(self, odd: Collection[str]) -> None:
        self._odd = odd
        self.counts: Counter[str] = Counter()
        self.ids: dict[str, list[str]] = {}

    def take(self, note: str, key: str) -> None:
        """Count a record of this id."""
        self.counts[note] += 1
        if note in self._odd and self.counts[note] <= NAMED:
            self.ids.setdefault(note, []).append(key)

    def take_some(self, note: str, count: int, keys: Collection[str]) -> None:
        """Count so many records, of which some ids are known, under a note that a user should look into."""
        self.counts[note] += count
        if keys:
            self.ids[note] = [*self.ids.get(note, ()), *keys][:NAMED]

    def lines(self) -> Iterator[str]:
        """One line for each note that names records."""
        return (f"{note.replace('_', ' ')}: {', '.join(ids)}" for note, ids in self.ids.items())


def block(name: str, summary: Mapping[str, Any]) -> str:
    """The summary of the store of this name as lines of text; a table within it is one line."""
    return "\n  ".join([f"Summary of {name}", *_lines(summary)])


def _lines(summary: Mapping[str, Any]) -> Iterator[str]:
    for name, value in summary.items():
        text = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
        yield f"{name.replace('_', ' ')}: {text}"


def save(folder: Path, name: str, summary: Mapping[str, Any]) -> None:
    """Write ``<name>.summary.json``, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{name}.summary.json.new"
    draft.write_text(json.dumps(summary, indent=2) + "\n")
    draft.replace(folder / f"{name}.summary.json")
