"""The reports of a validation as one HTML page that needs nothing else and prints well."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from importlib import resources
from itertools import islice
from string import Template
from typing import TYPE_CHECKING

from target_intercom._kit.csv_files import read_rows
from target_intercom.reporting.page_records import LISTED, count_left_out, pack_records
from target_intercom.reporting.words import MEANINGS, REASONS, describe_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_intercom._kit.json_types import JsonValue

#: Rows per table, which a browser shows that runs no script. The CSV files have all of them.
LONGEST = 200

#: Texts for the counts of a summary, in the order of the page.
FIGURES = {
    "records": "records came",
    "matched": "were found in Intercom",
    "updated": "would update",
    "unchanged": "would stay as they are",
    "created": "would create",
    "converted": "would convert leads to users",
    "moved": "now match a different user or company; the earlier one keeps its values (moved.csv)",
    "moved_cleared": "now match a different user or company; the earlier one would be cleared (moved.csv)",
    "companies_without_users": "companies without users, which Intercom shows nowhere",
    "companies_attached": "contacts would join their company",
    "companies_not_found": "contacts name a company that Intercom does not have",
    "events_sent": "data events would be sent",
}

_WHO = {"name": "Name", "company": "Company", "mrr": "MRR"}

#: The tables of the page: report, heading, explanation, and shown columns.
TABLES = (
    (
        "ambiguous",
        "Ambiguous",
        "Several records of Intercom match: none of them would be written. Merge or correct them, and validate again.",
        {"id": "Record", **_WHO, "value": "Match value", "intercom_ids": "Intercom", "reason": "Reason"},
    ),
    (
        "unmatched",
        "Not matched",
        "Intercom has no user or company for these.",
        {"id": "Record", **_WHO, "value": "Match value", "outcome": "A sync", "reason": "Reason", "fields": "Fields"},
    ),
    (
        "not_sent",
        "Not sent",
        "A sync would write nothing for these: another record is sent instead, or none.",
        {"id": "Record", **_WHO, "because": "Reason"},
    ),
    (
        "moved",
        "Moved",
        "These now match a different user or company, or are no longer sent. The earlier one keeps its values.",
        {
            "id": "Record",
            "value": "Match value",
            "intercom_id": "Now on",
            "was_on": "Was on",
            "outcome": "Outcome for the earlier one",
        },
    ),
    (
        "matched",
        "Matched",
        "One user or company was found for each of these.",
        {
            "id": "Record",
            **_WHO,
            "value": "Match value",
            "intercom_name": "Name in Intercom",
            "intercom_email": "E-mail in Intercom",
            "intercom_external_id": "Id there",
            "outcome": "A sync",
            "reason": "Reason",
            "fields": "Fields",
        },
    ),
)


#: The table of a run that has data events.
EVENTS = (
    "events",
    "Data events",
    "A sync would send these to their contacts, each once. What was sent before is not among them.",
    {
        "id": "Event",
        "customer": "Record",
        "event": "Name",
        "created_at": "When",
        "outcome": "A sync",
        "reason": "Reason",
        "intercom_id": "Intercom",
    },
)


def render_page(
    directory: Path, summary: Mapping[str, JsonValue], sums: Iterable[str], warnings: Iterable[str], when: str
) -> Iterator[str]:
    """Yield the page, row by row.

    Args:
        directory: the folder with the reports as CSV.
        summary: the counts.
        sums: how the customers of the source add up.
        warnings: why a sync would stop, and what does not add up.
        when: the date and time for the reader.
    """
    script = _read_resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    names = {
        "title": "Validation for Intercom",
        "subtitle": f"{escape(when)}. Nothing was written to Intercom.",
        # No other script runs, whatever a record is called.
        "script_hash": f"sha256-{digest}",
    }
    yield Template(_read_resource("page.html")).substitute(names)
    yield from (f'<p class="warning">{escape(warning)}</p>\n' for warning in warnings)
    yield from (f'<p class="sum">{escape(text)}</p>\n' for text in sums)
    yield from _render_figures(summary)
    yield from _render_tables(directory, [one for one in TABLES if one[0] not in LISTED])
    if (directory / "events.csv").exists():
        yield from _render_tables(directory, [EVENTS])
    yield _render_list(count_left_out(directory))
    yield '<div id="tables">\n'
    yield from _render_tables(directory, [one for one in TABLES if one[0] in LISTED])
    yield '</div>\n<script type="text/plain" id="data">'
    yield from pack_records(directory)
    yield f"</script>\n<script>{script}</script>\n</body>\n</html>\n"


def _render_tables(directory: Path, tables: Iterable[tuple[str, str, str, Mapping[str, str]]]) -> Iterator[str]:
    for name, heading, explanation, columns in tables:
        with (directory / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
            yield from _render_table(read_rows(rows), f"{name}.csv", (heading, explanation), columns)


def _read_resource(name: str) -> str:
    return resources.files("target_intercom.reporting").joinpath(name).read_text("utf-8")


def _render_list(left_out: int) -> str:
    """Return the empty list, which the script fills."""
    titles = ("Record", "Match value", "In Intercom", "A sync", "Reason", "Values")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    left = f"<p>{left_out:,} more are in the CSV files beside this page.</p>\n" if left_out else ""
    return (
        '<section id="list" hidden>\n<h3>Records</h3>\n<div class="filter">\n'
        '<label>Search <input id="text" type="search" autocomplete="off"></label>\n'
        '<label>Show <select id="kind"><option value="">all records</option></select></label>\n</div>\n'
        f'<p id="count" role="status"></p>\n{left}'
        f'<table>\n<thead><tr>{head}</tr></thead>\n<tbody id="rows"></tbody>\n</table>\n'
        '<p><button id="more" type="button" hidden></button></p>\n</section>\n'
    )


def _render_figures(summary: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the counts, each reason with what to do about it."""
    yield '<table class="figures">\n'
    figures = [(words, summary[name], "") for name, words in FIGURES.items() if summary.get(name) or name == "records"]
    figures += [
        (f"would skip: {describe_reason(name)}", count, REASONS[name].remedy if name in REASONS else "")
        for name, count in summary["skipped"].items()
    ]
    figures += [(f"would be refused: {name}", count, "") for name, count in summary["rejected"].items()]
    figures += [("would create attributes", len(summary["attributes_missing"]), "")]
    yield from (
        f"<tr><td>{escape(words)}</td><td>{count:,}</td><td>{escape(remedy)}</td></tr>\n"
        for words, count, remedy in figures
        if count
    )
    yield "</table>\n"


def _render_table(
    rows: Iterator[dict[str, str]], name: str, words: Sequence[str], columns: Mapping[str, str]
) -> Iterator[str]:
    """Yield one report as a table, or nothing if it has no rows."""
    first = next(rows, None)
    if first is None:
        return
    heading, explanation = words
    yield f"<h2>{heading}</h2>\n<p>{explanation}</p>\n<table>\n<thead><tr>"
    yield "".join(f"<th>{title}</th>" for title in columns.values()) + "</tr></thead>\n<tbody>\n"
    yield _render_row(first, columns)
    yield from (_render_row(row, columns) for row in islice(rows, LONGEST - 1))
    yield "</tbody>\n</table>\n"
    if left := sum(1 for _ in rows):
        yield f"<p>{left:,} more are in {name}.</p>\n"


def _render_row(row: Mapping[str, str], columns: Mapping[str, str]) -> str:
    return "<tr>" + "".join(f"<td>{_render_cell(row, name)}</td>" for name in columns) + "</tr>\n"


def _render_cell(row: Mapping[str, str], name: str) -> str:
    text = row[name]
    if name == "id" and row.get("source_link"):
        return _render_link(row["source_link"], text)
    if name == "reason":
        return escape(describe_reason(text))
    if name == "outcome":
        return escape(MEANINGS[text].would if text in MEANINGS else text)
    if name == "intercom_ids":
        return "<br>".join(map(_render_link, row["intercom_link"].split(), text.split()))
    if name in {"intercom_name", "intercom_id"}:
        return _render_link(row.get("intercom_link", ""), text or row["intercom_id"])
    if name == "created_at":
        text = datetime.fromtimestamp(int(text), UTC).strftime("%d %B %Y, %H:%M UTC")
    return escape(text.replace(" ", ", ") if name == "fields" else text)


def _render_link(address: str, text: str) -> str:
    """Return a link to a web address. Other text stays text."""
    if not address.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(address)}">{escape(text)}</a>'
