"""The leads in ChartMogul: customers, contacts, values that were changed by hand, and possible merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS
from standpipe_console.project.plugin_facts import Wording

from .overview import list_outcomes
from .paging import SIZE, build_pager, read_controls
from .project_view import MERGE_REPORT
from .reports import Reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from .site import Site


@dataclass(frozen=True)
class Tab:
    """One of the tables of the page."""

    name: str
    title: str
    tables: tuple[str, ...]  #: reports with these names
    columns: Mapping[str, str]  #: the columns that are shown, with their headings
    empty: str  #: what is said when there is nothing


TABS = (
    Tab(
        "imported",
        "In ChartMogul",
        ("review_customers",),
        {"external_id": "Customer", "name": "Name", "status": "Status", "lead_created_at": "Lead since",
         "contacts": "Contacts", "sources": "Sources"},
        "Nothing is listed yet: press List what ChartMogul holds.",
    ),
    Tab(
        "contacts",
        "Contacts",
        ("review_contacts",),
        {"external_id": "Contact", "first_name": "First name", "last_name": "Last name", "email": "E-mail",
         "customer_external_id": "Customer"},
        "Nothing is listed yet: press List what ChartMogul holds.",
    ),
    Tab(
        "last",
        "Last run",
        ("created", "updated", "held", "deleted", "skipped", "rejected"),
        {"stream": "Kind", "id": "Record", "outcome": "Became", "because": "Because", "fields": "Fields"},
        "The last run changed nothing.",
    ),
    Tab(
        "overrides",
        "Kept by hand",
        ("held_values",),
        {"stream": "Kind", "id": "Record", "field": "Field", "wanted": "Intercom says", "held": "ChartMogul keeps",
         "reason": "Why", "found_at": "Since"},
        "No value was changed by hand in ChartMogul.",
    ),
    Tab(
        "merges",
        "Merge report",
        ("merges",),
        {"name": "Lead", "outcome": "Found", "because": "What that means", "matched_by": "By", "value": "Value",
         "into_name": "Customer", "into": "Its id"},
        "Leads were not compared yet: press Compare with billing customers.",
    ),
)  # fmt: skip


def show_leads(site: Site, request: Request) -> Response:
    """Show one of the tables, with the counts of the last run above it."""
    if LEADS not in site.project.ready_pipelines:
        raise ConsoleError(f"{LEADS.title} is not set up: run `meltano invoke standpipe:setup chartmogul`.")
    last = Reports(site.view.find_report_dir(LEADS.target))
    first = "imported" if last.has_table("review_customers") else "last"
    by_name = {one.name: one for one in TABS}
    tab = by_name.get(request.query_params.get("tab", ""), by_name[first])
    controls = read_controls("/leads", {**request.query_params, "tab": tab.name}, ("tab", "q"), frozenset())
    reports = Reports(site.view.find_report_dir(MERGE_REPORT if tab.name == "merges" else LEADS.target))
    rows = [row for row in _iterate_rows(site, reports, tab) if _is_wanted(row, controls.query.get("q", ""))]
    context = {
        "tabs": [(one, f"/leads?tab={one.name}") for one in TABS],
        "tab": tab,
        "at": reports.written_at,
        "last_at": last.written_at,
        "outcomes": list_outcomes(last.read_summary(), site.project.get_facts(LEADS.target)),
        "rows": rows[controls.offset : controls.offset + SIZE],
        "pager": build_pager(controls, len(rows)),
        "controls": controls,
        "columns": _list_columns(tab, rows),
        "may_compare": MERGE_REPORT in site.project.plugins,
    }
    return site.render(request, "leads.html", "Leads", context)


def _list_columns(tab: Tab, rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return the columns that contain any value."""
    return [(name, title) for name, title in tab.columns.items() if any(row.get(name) for row in rows)]


def _iterate_rows(site: Site, reports: Reports, tab: Tab) -> Iterable[dict[str, str]]:
    for table in tab.tables:
        for row in reports.read_table(table):
            outcome = row.get("outcome") or table
            wording = _explain(site, tab, outcome, row.get("reason", ""))
            yield {**row, "outcome": outcome, "because": wording.text, "remedy": wording.remedy}


def _explain(site: Site, tab: Tab, outcome: str, reason: str) -> Wording:
    facts = site.project.get_facts(LEADS.target)
    if tab.name == "merges":
        kind, _, why = outcome.partition(":")
        wording = facts.facts.merge_outcomes.get(kind, Wording(kind))
        return Wording(f"{wording.text}: {why.strip()}" if why else wording.text, wording.remedy)
    return facts.explain_outcome(outcome, reason)


def _is_wanted(row: Mapping[str, str], text: str) -> bool:
    words = text.casefold()
    return not words or any(words in str(value or "").casefold() for value in row.values())
