"""The journals of a target's runs in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from singer_kit.journal import Intent, list_journals, open_journal

if TYPE_CHECKING:
    from pathlib import Path


class Journals:
    """A folder with at most one journal, because reading deletes it."""

    def __init__(self, folder: Path) -> None:
        self.setting = str(folder)
        self._folder = folder

    def read(self) -> list[dict[str, Any]]:
        """Return the lines of the only journal, without times, and delete it."""
        (path,) = list_journals(self._folder)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        return [{name: value for name, value in line.items() if name != "at"} for line in lines]

    def read_entries(self) -> list[Any]:
        """Return the entries that a reader finds in the only journal, and delete it."""
        (path,) = list_journals(self._folder)
        with open_journal(path) as journal:
            assert journal is not None
            entries: list[Any] = list(journal.iterate_entries())
        path.unlink()
        return entries

    def read_intents(self) -> list[Intent]:
        """Return all intents of the only journal, and leave it."""
        (path,) = list_journals(self._folder)
        with open_journal(path) as journal:
            assert journal is not None
            return [line for line in journal.iterate_lines() if isinstance(line, Intent)]


def change(before: Any, after: Any) -> dict[str, Any]:
    """Return a field in the form of a journal line."""
    return {"before": before, "after": after}
