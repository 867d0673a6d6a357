"""Before a run is undone: what that means, and how much it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import words
from .runs import build_line

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .site import Site


def show_undo(site: Site, request: Request) -> Response:
    """Show what an undo of a run would put back, and ask."""
    history = site.history.open()
    run = history.get_run(request.query_params.get("id", ""))
    if run is None:
        return site.show_message(request, "Not found", "The history does not know this run.", status=404)
    counts = history.count_records(run.run_id)
    context = {
        "run": run,
        "line": build_line(run),
        "changed": sum(count for kind, _, count in counts if kind in words.WRITTEN and kind != "created"),
        "created": sum(count for kind, _, count in counts if kind == "created"),
        "unknown": sum(count for kind, _, count in counts if kind == "unknown"),
    }
    return site.render(request, "undo.html", "Undo a run", context, section="Runs")
