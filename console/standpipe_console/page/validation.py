"""What a sync would do: totals that add up, the reason of each skip with what to do, and the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import SYNC

from .formats import list_fields
from .paging import SIZE, build_pager, read_controls
from .reports import Reports
from .words import explain_not_sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.history import FieldChange
    from standpipe_console.project.plugin_facts import PluginFacts

    from .site import Site

#: The job that only reports and writes nothing.
JOB = "validate"
#: The tables that together contain each record once, and the customers that are not sent.
_TABLES = ("matched", "unmatched", "ambiguous", "not_reached", "not_sent")
#: The words of a validation for outcomes.
_WOULD = {
    "updated": "would be updated",
    "created": "would be created",
    "converted": "would become a user",
    "unchanged": "would stay as it is",
    "skipped": "would be skipped",
    "rejected": "would be refused",
    "not_sent": "would not be sent",
    "not_reached": "not looked at",
}
#: Columns that not every table has.
_ABSENT = dict.fromkeys(("value", "fields", "name", "company", "mrr", "intercom_link"), "")
_LEVELS = {"updated": "good", "created": "good", "converted": "good", "rejected": "bad", "unchanged": ""}


@dataclass(frozen=True)
class Group:
    """The number of customers with one planned outcome and reason, and what to do about it."""

    kind: str
    reason: str
    count: int
    would: str
    level: str
    because: str
    remedy: str
    address: str = ""


@dataclass(frozen=True)
class Line:
    """One customer."""

    row: Mapping[str, str]
    kind: str
    would: str
    level: str
    because: str
    remedy: str
    intercom_links: list[str]
    changes: list[tuple[str, Any, Any]]


def show_validation(site: Site, request: Request) -> Response:
    """Show the last validation, or how to start one."""
    if SYNC not in site.project.ready_pipelines:
        raise ConsoleError(f"{SYNC.title} is not set up: run `meltano invoke standpipe:setup`.")
    reports = Reports(site.view.find_report_dir(SYNC.dry_run_target))
    summary = reports.read_summary()
    facts = site.project.get_facts(SYNC.target)
    controls = read_controls("/validation", request.query_params, ("kind", "reason", "q"), frozenset())
    chosen = [row for row in _iterate_rows(reports) if _is_wanted(row, controls.query)]
    shown = chosen[controls.offset : controls.offset + SIZE]
    changes = reports.read_changes({row["id"] for row in shown})
    groups = list_groups(summary, facts)
    context = {
        "at": reports.written_at,
        "summary": summary,
        "groups": [(one, controls.build_address(kind=one.kind, reason=one.reason, q="", page=1)) for one in groups],
        "total": sum(one.count for one in groups),
        "equation": build_equation(summary),
        "missing": summary.get("attributes_missing") or [],
        "lines": [_build_line(row, facts, changes.get(row["id"], {})) for row in shown],
        "pager": build_pager(controls, len(chosen)),
        "controls": controls,
        "running": _find_running(site),
    }
    return site.render(request, "validation.html", "Validation", context)


def list_groups(summary: JsonObject, facts: PluginFacts) -> list[Group]:
    """Return the number of customers per planned outcome and reason. The counts add up to all customers."""
    groups = [
        _build_group(kind, "", summary[kind], facts)
        for kind in ("updated", "created", "converted", "unchanged", "not_reached")
        if summary.get(kind)
    ]
    for kind in ("skipped", "rejected"):
        groups += [_build_group(kind, reason, count, facts) for reason, count in (summary.get(kind) or {}).items()]
    groups += [
        Group("not_sent", reason, count, _WOULD["not_sent"], "", explain_not_sent(reason), "")
        for reason, count in (summary.get("not_sent") or {}).items()
        if count
    ]
    return groups


def build_equation(summary: JsonObject) -> str:
    """Return how the customers of Chargebee add up; empty when the map does not say."""
    totals = summary.get("totals") or {}
    if not totals:
        return ""
    left_out = sum((totals.get("not_sent") or {}).values())
    return f"{totals['customers']:,} customers in Chargebee: {totals['sent']:,} looked up in Intercom" + (
        f", {left_out:,} not sent" if left_out else ""
    )


def _build_group(kind: str, reason: str, count: int, facts: PluginFacts) -> Group:
    wording = facts.explain_outcome(kind, reason)
    return Group(kind, reason, count, _WOULD[kind], _LEVELS.get(kind, "notice"), wording.text, wording.remedy)


def _iterate_rows(reports: Reports) -> Iterator[dict[str, str]]:
    for table in _TABLES:
        for row in reports.read_table(table):
            yield {**_ABSENT, **row, "outcome": row.get("outcome") or table}


def _is_wanted(row: Mapping[str, str], query: Mapping[str, str]) -> bool:
    if query.get("kind", row["outcome"]) != row["outcome"]:
        return False
    if query.get("reason", row["reason"]) != row["reason"]:
        return False
    text = query.get("q", "").casefold()
    return not text or any(text in str(row.get(name) or "").casefold() for name in ("id", "value", "name", "company"))


def _build_line(row: Mapping[str, str], facts: PluginFacts, fields: Mapping[str, FieldChange]) -> Line:
    kind = row["outcome"]
    if kind == "not_sent":
        because, remedy = row["because"], ""
    else:
        wording = facts.explain_outcome(kind, row["reason"])
        because, remedy = wording.text, wording.remedy
    return Line(
        row,
        kind,
        _WOULD.get(kind, kind),
        _LEVELS.get(kind, "notice"),
        because,
        remedy,
        (row.get("intercom_link") or "").split(),
        list_fields(fields),
    )


def _find_running(site: Site) -> str:
    """Return the id of a validation that was started here and is under way."""
    return next((one.id for one in site.actions.list_recent() if one.job == JOB and one.is_running), "")
