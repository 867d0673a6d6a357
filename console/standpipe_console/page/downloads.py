"""A list as a CSV file: all of its pages, as it is searched and sorted."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import StreamingResponse

from standpipe_console._kit.csv_files import protect_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.responses import Response

    from standpipe_console.history import Page

Row = TypeVar("Row")

#: Records that are read at a time.
_READ_AT_ONCE = 1000


def build_download(name: str, rows: Iterable[tuple[object, ...]]) -> Response:
    """Return rows as a CSV file, which is sent while it is read."""

    def iterate_lines() -> Iterator[str]:
        for row in rows:
            buffer = io.StringIO()
            # Cells that a spreadsheet would compute are marked as text, because strangers may have written them.
            csv.writer(buffer).writerow([protect_cell(value) for value in row])
            yield buffer.getvalue()

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(iterate_lines(), media_type="text/csv; charset=utf-8", headers=headers)


def iterate_pages(fetch: Callable[[int, int], Page[Row]]) -> Iterator[Row]:
    """Yield the rows of all pages; `fetch` returns the page with an offset and a number of rows."""
    offset, total = 0, 1
    while offset < total:
        page = fetch(offset, _READ_AT_ONCE)
        yield from page.rows
        offset, total = offset + _READ_AT_ONCE, page.total


def format_time(at: float) -> str:
    """Return a time as spreadsheets read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
