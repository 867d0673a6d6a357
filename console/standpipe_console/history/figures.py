"""The figures of a run, as the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonValue

#: The outcomes that are writes.
WRITTEN = ("updated", "created", "converted", "cleared", "deleted", "attached", "merged", "restored")
#: Each column and the counts that it adds up.
FIGURES = {
    "records": ("records",),
    "written": WRITTEN,
    "skipped": ("skipped",),
    "rejected": ("rejected",),
    "calls": ("calls",),
}


def sum_figures(counts: Mapping[str, JsonValue], mode: str = "sync") -> dict[str, int | None]:
    """Return the figures of a run by column; None if its target has no counts, and for writes that it only planned."""
    if not counts:
        return dict.fromkeys(FIGURES)
    figures: dict[str, int | None] = {
        column: int(sum(_add_up(counts.get(name, 0)) for name in names)) for column, names in FIGURES.items()
    }
    return figures | {"written": None} if mode == "validate" else figures


def _add_up(count: JsonValue) -> float:
    """Return a count; skips and rejects are counted per reason."""
    found: float = sum(count.values()) if isinstance(count, dict) else count
    return found
