"""The list of runs, and one run: its records by action and reason, and what it wrote field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.history.figures import WRITTEN
from standpipe_console.history.records import SORTS
from standpipe_console.project.plugin_facts import Wording

from . import words
from .downloads import build_download, format_time, iterate_pages
from .formats import describe_details, list_fields, shorten_field
from .formats import format_time as format_moment
from .paging import SIZE, build_pager, read_controls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.history import ChangeRow, History, Page, RecordGroup, RecordRow, RejectRow, RunRow

    from .paging import Controls
    from .site import Site
    from .words import Badge

#: Runs of one page of the list.
RUNS = 50
_CSV = ("record_id", "stream", "remote_id", "name", "email", "company", "kind", "reason", "because", "at")
_CHANGES_CSV = ("record_id", "stream", "remote_id", "outcome", "field", "before", "after", "at")
_FILTERS = ("id", "kind", "reason", "q")


@dataclass(frozen=True)
class RunLine:
    """A run in the list."""

    run: RunRow
    reason: str
    name: str
    status: Badge
    trigger: str
    figures: dict[str, int | None]
    undoes: str = ""  #: the id of the run that it undid


@dataclass(frozen=True)
class RecordLine:
    """A record of a run."""

    record: RecordRow
    badge: Badge
    because: str
    remedy: str
    changes: list[tuple[str, object, object]]


@dataclass(frozen=True)
class GroupLine:
    """The records of a run with one outcome and one reason."""

    group: RecordGroup
    badge: Badge
    because: str
    remedy: str
    address: str  #: of the list of these records


def show_runs(site: Site, request: Request) -> Response:
    """Show the runs, the latest first."""
    pipelines = {one.job: one for one in site.project.ready_pipelines}
    job = request.query_params.get("job", "")
    chosen = pipelines.get(job)
    before = _read_number(request.query_params.get("before", ""))
    found = site.history.open().list_runs(
        plugin=chosen.target if chosen else None, limit=RUNS + 1, before=before, environment=site.project.environment
    )
    context = {
        "lines": build_lines(site, found[:RUNS]),
        "pipelines": list(pipelines.values()),
        "job": job if chosen else "",
        "older": found[RUNS - 1].started_at if len(found) > RUNS else None,
        "is_first": before is None,
    }
    return site.render(request, "runs.html", "Runs", context)


def show_run(site: Site, request: Request) -> Response:
    """Show one run and its records."""
    history = site.history.open()
    run = history.get_run(request.query_params.get("id", ""))
    if run is None:
        return site.show_message(request, "Not found", "The history does not know this run.", status=404)
    controls = read_controls("/run", request.query_params, _FILTERS, frozenset(SORTS))
    found = _fetch_records(history, run, controls, controls.offset, SIZE)
    (line,) = build_lines(site, [run])
    groups = [_build_group(site, run, controls, one) for one in history.count_records(run.run_id)]
    context = {
        "run": run,
        "line": line,
        "undos": build_lines(site, history.list_undos(run)),
        "remedy": "",
        "groups": groups,
        "records": build_records(site, history, run, found.rows),
        "pager": build_pager(controls, found.total),
        "controls": controls,
        "download": controls.build_address("/run/records.csv"),
        "download_changes": controls.build_address("/run/changes.csv", kind="", reason="", q="", sort=""),
        "may_undo": run.mode == "sync" and any(one.group.kind in WRITTEN for one in groups),
    }
    return site.render(request, "run.html", line.name, context, section="Runs")


def download_records(site: Site, request: Request) -> Response:
    """Send the records of a run as a CSV file, all pages of the list as it is filtered and sorted."""
    history = site.history.open(whole=True)
    run = history.get_run(request.query_params.get("id", ""))
    if run is None:
        return site.show_message(request, "Not found", "The history does not know this run.", status=404)
    controls = read_controls("/run", request.query_params, _FILTERS, frozenset(SORTS))
    return build_download(f"records-{run.run_id[:8]}.csv", _iterate_records(site, history, run, controls))


def download_changes(site: Site, request: Request) -> Response:
    """Send every field that a run wrote as a CSV file."""
    history = site.history.open(whole=True)
    run = history.get_run(request.query_params.get("id", ""))
    if run is None:
        return site.show_message(request, "Not found", "The history does not know this run.", status=404)
    return build_download(f"changes-{run.run_id[:8]}.csv", _iterate_changes(history.list_changes(run.run_id)))


def build_lines(site: Site, runs: list[RunRow]) -> list[RunLine]:
    """Return runs as the list shows them."""
    undone = {run.undoes for run in runs} - {""}
    starts = site.history.open().find_starts(undone) if undone else {}
    times = {run_id: format_moment(at, site.clock(), None) for run_id, at in starts.items()}
    return [_build_line(run, times.get(run.undoes, "")) for run in runs]


def _build_line(run: RunRow, undone: str) -> RunLine:
    reason = words.describe_undo(run) if run.mode == "undo" and not run.reason else run.reason
    return RunLine(
        run,
        words.explain_guard(reason) if run.status == "guarded" else words.clean_reason(reason),
        words.describe_job(run, undone),
        words.describe_status(run.status),
        words.describe_trigger(run.trigger),
        words.count_figures(run),
        run.undoes if undone else "",
    )


def _build_group(site: Site, run: RunRow, controls: Controls, group: RecordGroup) -> GroupLine:
    wording = _explain_in(site, run, group.kind, group.reason)
    because = describe_details(group) if group.detail else wording.text
    address = controls.build_address(kind=group.kind, reason=group.reason, q="", page=1)
    return GroupLine(group, words.describe_kind(group.kind), because, wording.remedy, address)


def build_records(site: Site, history: History, run: RunRow, rows: list[RecordRow]) -> list[RecordLine]:
    """Return records with what was written to each."""
    fields: dict[tuple[str, str], list[tuple[str, object, object]]] = {}
    for one in history.list_changes_of(run.run_id, [row.record_id for row in rows]) if rows else ():
        fields.setdefault((one.stream, one.record_id), []).extend(list_fields(one.fields))
    lines = []
    for row in rows:
        wording = _explain_in(site, run, row.kind, row.reason, row.detail)
        written = fields.get((row.stream, row.record_id), [])
        lines.append(RecordLine(row, words.describe_kind(row.kind), wording.text, wording.remedy, written))
    return lines


def explain(site: Site, plugin: str, kind: str, reason: str) -> Wording:
    """Return what an outcome means, in the words of the target."""
    pipeline = words.find_pipeline(plugin)
    if pipeline is None or pipeline not in site.project.ready_pipelines:
        return Wording(reason)
    wording = site.view.find_facts(plugin).explain_outcome(kind, reason)
    remedy = wording.remedy or (words.REFUSAL_REMEDIES.get(plugin, "") if kind == "rejected" else "")
    return Wording(wording.text or reason, remedy)


def _explain_in(site: Site, run: RunRow, kind: str, reason: str, detail: str = "") -> Wording:
    """Return an outcome in a run. What a guard kept from being written waits for a person."""
    if kind == "not_reached" and run.status == "guarded":
        return Wording(words.WAITING, words.GUARD_REMEDY)
    wording = explain(site, run.plugin, kind, reason)
    return Wording(detail, wording.remedy) if detail else wording


def explain_row(site: Site, row: RecordRow | RejectRow, kind: str) -> Wording:
    """Return the outcome of a record and its reason, in the vendor's own words if there are any."""
    wording = explain(site, row.plugin, kind, row.reason)
    return Wording(row.detail, wording.remedy) if row.detail else wording


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < 1e11 else None  # noqa: PLR2004 the year 5138


def _fetch_records(history: History, run: RunRow, controls: Controls, offset: int, limit: int) -> Page[RecordRow]:
    return history.list_records(
        run.run_id,
        kind=controls.query.get("kind"),
        reason=controls.query.get("reason"),
        search=controls.query.get("q", ""),
        sort=controls.sort or "record_id",
        offset=offset,
        limit=limit,
    )


def _iterate_records(site: Site, history: History, run: RunRow, controls: Controls) -> Iterator[tuple[object, ...]]:
    yield _CSV
    for row in iterate_pages(lambda offset, limit: _fetch_records(history, run, controls, offset, limit)):
        because = explain_row(site, row, row.kind).text
        yield (
            *(row.record_id, row.stream, row.remote_id, row.name, row.email, row.company, row.kind, row.reason),
            *(because, format_time(row.at)),
        )


def _iterate_changes(changes: Iterator[ChangeRow]) -> Iterator[tuple[object, ...]]:
    yield _CHANGES_CSV
    for one in changes:
        for name, before, after in list_fields(one.fields):
            yield (
                *(one.record_id, one.stream, one.remote_id, one.kind, shorten_field(name), before, after),
                format_time(one.at),
            )
