"""The completion marker, which a tap writes into its last STATE after it read every selected stream to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .json_types import JsonObject

MARKER = "_sync"
#: A map sets this keyword of a SCHEMA when its records are only some of all.
SUBSET = "x-standpipe-subset"


def build_marker(
    rows: Mapping[str, int], *, whole: Iterable[str], start_date: int | None, completed_at: int, subset: bool = False
) -> JsonObject:
    """Return the marker for ``bookmarks``. It contains only ints and strings, as SDK taps fail on other values.

    Args:
        rows: the number of records per selected stream, counted before ``stream_maps``.
        whole: the streams of which every record was read, so that a record that did not come does not exist.
        start_date: the start date of the run in Unix seconds, or None.
        completed_at: the end of the run in Unix milliseconds.
        subset: whether only some customers were read.
    """
    return {
        "completed_at": completed_at,
        "streams": ",".join(sorted(rows)),
        "from": start_date,
        "subset": int(subset),
        "whole": ",".join(sorted(whole)),
        "rows": ",".join(f"{stream}:{count}" for stream, count in sorted(rows.items())),
    }
