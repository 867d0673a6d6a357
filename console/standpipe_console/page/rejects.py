"""The records that a vendor refused, each with its age and its reason; and trying them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .runs import explain_row
from .words import name_system

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .site import Site

#: Rejects that are listed; the oldest come first.
MOST = 500


def show_rejects(site: Site, request: Request) -> Response:
    """Show what was refused and not taken since, what waits longest first."""
    rows = site.history.open().list_rejects(limit=MOST + 1)
    lines = []
    for row in rows[:MOST]:
        wording = explain_row(site, row, "rejected")
        lines.append(
            {
                "reject": row,
                "system": name_system(row.plugin),
                "because": wording.text,
                "remedy": wording.remedy,
            }
        )
    context = {"lines": lines, "has_more": len(rows) > MOST}
    return site.render(request, "rejects.html", "Rejects", context)
