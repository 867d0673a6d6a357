"""Finds a customer, and shows Chargebee's data, what the map derives from it, and everything that was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from standpipe_console.checks.explain import explain_customer
from standpipe_console.checks.explain_text import compare_attributes, describe_decision, tabulate
from standpipe_console.errors import ConsoleError
from standpipe_console.history.recording import PROBLEMS
from standpipe_console.project.pipelines import SYNC

from . import words
from .formats import list_fields
from .runs import explain_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.history import RecordRow

    from .site import Site
    from .words import Badge

#: The most hits that are listed.
MOST = 50
#: No id, e-mail address or name is longer.
_LONGEST = 1000


@dataclass(frozen=True)
class Deed:
    """What a run did with a record."""

    record: RecordRow
    job: str
    badge: Badge
    because: str
    remedy: str
    fields: list[tuple[str, Any, Any]]


@dataclass(frozen=True)
class RecordTable:
    """The records of one of Chargebee's streams."""

    title: str
    columns: list[str]
    rows: list[list[Any]]


def show_customers(site: Site, request: Request) -> Response:
    """Show the customers that were searched for."""
    query = request.query_params.get("q", "").strip()[:_LONGEST]
    rows = site.history.open().find_customer(query, MOST + 1) if query else []
    context = {
        "query": query,
        "lines": [(row, words.describe_kind(row.kind), explain_row(site, row, row.kind).text,
                   words.name_system(row.plugin)) for row in rows[:MOST]],
        "has_more": len(rows) > MOST,
        "may_explain": SYNC in site.project.ready_pipelines,
    }  # fmt: skip
    return site.render(request, "customers.html", "Customers", context)


def show_customer(site: Site, request: Request) -> Response:
    """Show one customer. Data from the vendors appears when they have answered."""
    wanted = request.query_params.get("id", "").strip()[:_LONGEST]
    still = "still" in request.query_params
    explained, problem = _explain(site, wanted)
    customer_id = explained["customer_id"] if explained else wanted
    rows = site.history.open().list_record_history(customer_id)
    named = next((row for row in rows if row.name or row.email), None)
    attributes = list(compare_attributes(explained)) if explained else []
    deeds = [_describe_deed(site, row) for row in rows]
    is_asked = SYNC in site.project.ready_pipelines
    context = {
        "id": customer_id,
        "wanted": wanted,
        "named": named,
        "deeds": deeds,
        # Obstacles come first, according to the last outcome in each system.
        "obstacles": [one for one in _find_last(deeds) if one.record.kind in PROBLEMS],
        "explained": explained,
        "problem": problem,
        "is_asked": is_asked,
        "still": still,
        "tables": list(_build_tables(explained)) if explained else [],
        # Differences come first, because people look for them.
        "attributes": sorted(attributes, key=lambda one: one[1] == one[2]),
        "differing": sum(one[1] != one[2] for one in attributes),
        "moments": list(_list_moments(explained)),
        "decision": list(describe_decision(explained)) if explained else [],
        "links": _build_links(site, customer_id, explained),
    }
    renews = is_asked and explained is None and not problem and not still
    return site.render(request, "customer.html", customer_id, context, section="Customers", renews=renews)


def _find_last(deeds: list[Deed]) -> Iterator[Deed]:
    """Yield what happened last in each system."""
    seen = set()
    for one in deeds:
        if one.job not in seen:
            seen.add(one.job)
            yield one


def _explain(site: Site, wanted: str) -> tuple[JsonObject | None, str]:
    """Return what is known about a customer, or why nothing is known. Both are empty while the vendors are asked."""
    if SYNC not in site.project.ready_pipelines or not wanted:
        return None, ""
    try:
        explained: JsonObject | None = site.results.get(
            ("explain", wanted), lambda: explain_customer(site.project, wanted)
        )
    except ConsoleError as error:
        return None, error.message
    return explained, ""


def _describe_deed(site: Site, row: RecordRow) -> Deed:
    fields = [field for change in row.changes for field in list_fields(change.fields)]
    wording = explain_row(site, row, row.kind)
    return Deed(row, words.name_system(row.plugin), words.describe_kind(row.kind), wording.text, wording.remedy, fields)


def _build_tables(explained: JsonObject) -> Iterator[RecordTable]:
    """Yield what Chargebee says, a table for each stream; columns without any value are left out."""
    for stream, records in explained["chargebee"].items():
        yield RecordTable(stream, *tabulate(stream, records, explained["zero_decimal_currencies"]))


def _list_moments(explained: JsonObject | None) -> Iterator[JsonObject]:
    """Yield the data events that were sent to the matched contact, with their time in unix seconds."""
    for one in (explained or {}).get("moments", []):
        yield {**one, "at": datetime.fromisoformat(one["at"]).timestamp()}


def _build_links(site: Site, customer_id: str, explained: JsonObject | None) -> list[tuple[str, str]]:
    links = []
    if SYNC in site.project.ready_pipelines:
        source = str(site.view.find_settings(SYNC.target).get("source_url") or "")
        if "{id}" in source:
            links.append((source.replace("{id}", quote(customer_id, safe="")), "Open in Chargebee"))
    addresses = (explained or {}).get("decision", {}).get("intercom_links") or []
    links += [(address, "Open in Intercom") for address in addresses]
    return links
