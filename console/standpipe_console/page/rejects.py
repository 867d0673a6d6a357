"""The records that a vendor refused, each with its age and its reason; and trying them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.history.records import REJECT_SORTS
from standpipe_console.undo.retry import MOST

from .downloads import build_download, format_time, iterate_pages
from .paging import SIZE, build_pager, read_controls
from .runs import explain_row
from .words import name_system

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.history import History, Page, RejectRow
    from standpipe_console.project.pipelines import Pipeline

    from .paging import Controls
    from .site import Site

_CSV = ("record_id", "stream", "system", "remote_id", "name", "email", "company", "reason", "because", "first_at",
        "last_at", "times")  # fmt: skip


@dataclass(frozen=True)
class RejectLine:
    """A refused record."""

    reject: RejectRow
    system: str
    because: str
    remedy: str


@dataclass(frozen=True)
class RetryForm:
    """A button that tries refused records again."""

    action: str  #: `retry`, or `sync` for a full run
    job: str  #: empty for all jobs
    words: str


def show_rejects(site: Site, request: Request) -> Response:
    """Show what was refused and not taken since, what waits longest first unless the list is sorted."""
    history = site.history.open()
    controls = _read_controls(request)
    found = _fetch(history, controls, controls.offset, SIZE)
    pipelines = site.project.ready_pipelines
    counts = [(one, sum(group.count for group in history.count_rejects(one.target))) for one in pipelines]
    context = {
        "lines": [_build_line(site, row) for row in found.rows],
        "pager": build_pager(controls, found.total),
        "controls": controls,
        "total": sum(count for _, count in counts),
        "forms": list_retry_forms(counts),
        "most": MOST,
        "download": controls.build_address("/rejects.csv"),
    }
    return site.render(request, "rejects.html", "Rejects", context)


def download_rejects(site: Site, request: Request) -> Response:
    """Send the refused records as a CSV file, all pages of the list as it is searched and sorted."""
    history = site.history.open(whole=True)
    return build_download("rejects.csv", _iterate_rows(site, history, _read_controls(request)))


def list_retry_forms(counts: Iterable[tuple[Pipeline, int]]) -> list[RetryForm]:
    """Return the buttons that try all refused records again.

    Args:
        counts: how many records of each pipeline are refused. More than `MOST` of one are tried by a run over
            everything, which costs the same.
    """
    refused = [(pipeline, count) for pipeline, count in counts if count]
    if refused and max(count for _, count in refused) <= MOST:
        return [RetryForm("retry", "", "Try all again")]
    return [
        RetryForm("retry", pipeline.job, f"Try those of {name_system(pipeline.target)} again")
        if count <= MOST
        else RetryForm("sync", pipeline.job, f"Sync all to {name_system(pipeline.target)} now")
        for pipeline, count in refused
    ]


def _read_controls(request: Request) -> Controls:
    return read_controls("/rejects", request.query_params, ("q",), REJECT_SORTS)


def _fetch(history: History, controls: Controls, offset: int, limit: int) -> Page[RejectRow]:
    search = controls.query.get("q", "")
    return history.page_rejects(search=search, sort=controls.sort or "first_at", offset=offset, limit=limit)


def _build_line(site: Site, row: RejectRow) -> RejectLine:
    wording = explain_row(site, row, "rejected")
    return RejectLine(row, name_system(row.plugin), wording.text, wording.remedy)


def _iterate_rows(site: Site, history: History, controls: Controls) -> Iterator[tuple[object, ...]]:
    yield _CSV
    for row in iterate_pages(lambda offset, limit: _fetch(history, controls, offset, limit)):
        yield (
            *(row.record_id, row.stream, name_system(row.plugin), row.remote_id, row.name, row.email, row.company),
            *(row.reason, explain_row(site, row, "rejected").text),
            *(format_time(row.first_at), format_time(row.last_at), row.times),
        )
