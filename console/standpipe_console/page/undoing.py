"""The page before an undo: its effects, its size, and some examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from standpipe_console.history.figures import WRITTEN

from . import words
from .runs import build_lines, build_records

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.history import History, RunRow

    from .runs import RecordLine
    from .site import Site

#: Records that are shown as examples.
_SHOWN = 10
#: Outcomes whose earlier values can be put back.
_CHANGED = tuple(kind for kind in WRITTEN if kind != "created")
#: The number of runs that are searched for later ones with writes.
_LATER = 50


def show_undo(site: Site, request: Request) -> Response:
    """Show what an undo of a run would restore, and ask."""
    history = site.history.open()
    run = history.get_run(request.query_params.get("id", ""))
    if run is None:
        return site.show_message(request, "Not found", "The history does not know this run.", status=404)
    groups = history.count_records(run.run_id)
    changed = sum(one.count for one in groups if one.kind in _CHANGED)
    (line,) = build_lines(site, [run])
    undos = build_lines(site, history.list_undos(run))
    context = {
        "run": run,
        "line": line,
        "undos": undos,
        "rest": max(0, changed - sum(int(one.run.counts.get("restored", 0)) for one in undos)),
        "system": words.name_system(run.plugin),
        "changed": changed,
        "created": sum(one.count for one in groups if one.kind == "created"),
        "unknown": sum(one.count for one in groups if one.kind == "unknown"),
        "later": _count_later_runs(history, run),
        "records": _list_examples(site, history, run) if changed else [],
    }
    return site.render(request, "undo.html", "Undo a run", context, section="Runs")


def _list_examples(site: Site, history: History, run: RunRow) -> list[RecordLine]:
    """Return some records of a run, each field with what the run wrote and what it would get back."""
    rows = history.list_records(run.run_id, kind=_CHANGED, limit=_SHOWN).rows
    lines = build_records(site, history, run, rows)
    return [replace(one, changes=[(name, after, before) for name, before, after in one.changes]) for one in lines]


def _count_later_runs(history: History, run: RunRow) -> int:
    """Return how many runs have written to the same system since."""
    runs = history.list_runs(plugin=run.plugin, environment=run.environment, limit=_LATER)
    later = [one for one in runs if one.started_at > run.started_at]
    return sum(bool(words.count_figures(one)["written"]) for one in later)
