"""The completion marker: what a tap says in its last STATE when every selected stream was read to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .json_types import JsonObject

MARKER = "_sync"


def build_marker(
    rows: Mapping[str, int], *, whole: Iterable[str], start_date: int | None, completed_at: int, subset: bool = False
) -> JsonObject:
    """Return the marker, which stands under ``bookmarks``: ints and strings only, since SDK taps crash on others.

    Args:
        rows: how many records of each selected stream were read, counted before ``stream_maps``.
        whole: the streams of which everything was read, so that what did not come does not exist.
        start_date: the bound of the run in unix seconds, None when it had none.
        completed_at: when the run ended, unix milliseconds.
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
