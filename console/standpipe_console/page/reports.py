"""Reads a target's reports for the pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from standpipe_console._kit.csv_files import read_rows
from standpipe_console.history import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from standpipe_console._kit.json_types import JsonObject


@dataclass(frozen=True)
class Reports:
    """The reports of the last run in a folder. Missing ones are empty."""

    folder: Path

    @property
    def written_at(self) -> float | None:
        """When they were written, unix seconds; None when there are none."""
        try:
            return (self.folder / "summary.json").stat().st_mtime
        except OSError:
            return None

    def read_summary(self) -> JsonObject:
        """Return the counts of the run."""
        try:
            found: JsonObject = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def has_table(self, name: str) -> bool:
        """Return whether a table was written."""
        return (self.folder / f"{name}.csv").exists()

    def read_table(self, name: str) -> Iterator[dict[str, str]]:
        """Yield the lines of a table."""
        try:
            with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                yield from read_rows(file)
        except FileNotFoundError:
            return

    def read_changes(self, record_ids: set[str]) -> dict[str, dict[str, FieldChange]]:
        """Return the fields of some records with their values before and after, by record."""
        found: dict[str, dict[str, FieldChange]] = {}
        for name in ("changes", "plan"):
            try:
                with (self.folder / f"{name}.jsonl").open(encoding="utf-8") as file:
                    for line in file:
                        change = json.loads(line)
                        if change["id"] in record_ids:
                            fields = msgspec.convert(change["fields"], dict[str, FieldChange])
                            found.setdefault(change["id"], {}).update(fields)
            except FileNotFoundError:
                continue
        return found
