"""The figures of a run, as the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonValue

#: Each column and the counts that it adds up.
FIGURES = {
    "records": ("records",),
    "written": ("updated", "created", "converted"),
    "skipped": ("skipped",),
    "rejected": ("rejected",),
    "calls": ("calls",),
}


def sum_figures(counts: Mapping[str, JsonValue]) -> dict[str, int | None]:
    """Return the figures of a run by column; None if its target has no counts."""
    if not counts:
        return dict.fromkeys(FIGURES)
    return {column: int(sum(_add_up(counts.get(name, 0)) for name in names)) for column, names in FIGURES.items()}


def _add_up(count: JsonValue) -> float:
    """Return a count; skips and rejects are counted per reason."""
    found: float = sum(count.values()) if isinstance(count, dict) else count
    return found
