"""The reports of a validation as one HTML page that needs nothing else and prints well."""

from __future__ import annotations

import csv
from html import escape
from importlib import resources
from itertools import islice
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Rows of one table; a page has to be looked through, and the CSV files hold them all.
LONGEST = 1000

#: What the counts of a summary are called, in the order of the page.
FIGURES = {
    "records": "records came",
    "matched": "were found in Intercom",
    "updated": "would be updated",
    "unchanged": "would stay as they are",
    "created": "would be created",
    "converted": "leads would become users",
    "moved": "move to another user or company, and the one they were on keeps its values (moved.csv)",
    "companies_without_users": "companies without users, which Intercom shows nowhere",
    "companies_attached": "contacts would join their company",
    "companies_not_found": "contacts name a company that Intercom has not",
}

#: Why a record would be skipped, in words.
REASONS = {
    "ambiguous": "several match",
    "archived": "the match is archived in Intercom",
    "cancelled": "not known to Intercom, and cancelled",
    "claimed": "the match belongs to another record",
    "deleted": "not known to Intercom, and deleted",
    "email_taken": "not known to Intercom by its id, but another user has its e-mail address",
    "lead": "only a lead matches",
    "no_company_id": "not known to Intercom, and without a company id",
    "no_identifier": "the record has no value to match by",
    "no_match": "not known to Intercom",
    "no_users": "a company of this name has no users, and may not be the only one",
    "superseded": "a later record has the same id",
}

#: The tables of the page: report, heading, explanation, and what of the report they show.
TABLES = (
    (
        "ambiguous",
        "Ambiguous",
        "Several records of Intercom match: none of them would be written. Merge or correct them, and validate again.",
        {"id": "Record", "value": "Match value", "intercom_ids": "Intercom", "reason": "Reason"},
    ),
    (
        "unmatched",
        "Not matched",
        "Intercom has no user or company for these.",
        {"id": "Record", "value": "Match value", "outcome": "Would be", "reason": "Reason", "fields": "Fields"},
    ),
    (
        "matched",
        "Matched",
        "One user or company was found for each of these.",
        {
            "id": "Record",
            "value": "Match value",
            "intercom_name": "Name in Intercom",
            "intercom_email": "E-mail in Intercom",
            "intercom_external_id": "Id there",
            "outcome": "Would be",
            "reason": "Reason",
            "fields": "Fields",
        },
    ),
)


def page(
    directory: Path,
    summary: Mapping[str, Any],
    warnings: Iterable[str],
    when: str,
    link: Callable[[str, str], str],
) -> Iterator[str]:
    """Give the page, row by row.

    Args:
        directory: holds the reports as CSV.
        summary: the counts.
        warnings: why a sync would stop.
        when: the date and time, for the reader.
        link: gives the address of a record in Intercom for its stream and Intercom's id.
    """
    names = {"title": "Validation for Intercom", "subtitle": f"{escape(when)}. Nothing was written to Intercom."}
    template = resources.files("target_intercom").joinpath("page.html").read_text("utf-8")
    yield Template(template).substitute(names)
    yield from (f'<p class="warning">A sync would stop: {escape(warning)}</p>\n' for warning in warnings)
    yield from _figures(summary)
    for name, heading, explanation, columns in TABLES:
        with (directory / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
            yield from _table(csv.DictReader(rows), f"{name}.csv", (heading, explanation), columns, link)
    yield "</body>\n</html>\n"


def _figures(summary: Mapping[str, Any]) -> Iterator[str]:
    yield '<table class="figures">\n'
    figures = [(words, summary[name]) for name, words in FIGURES.items() if summary[name] or name == "records"]
    figures += [(f"would be skipped: {REASONS.get(name, name)}", count) for name, count in summary["skipped"].items()]
    figures += [(f"would be refused: {name}", count) for name, count in summary["rejected"].items()]
    figures += [("attributes would be created", len(summary["attributes_missing"]))]
    yield from (f"<tr><td>{escape(words)}</td><td>{count:,}</td></tr>\n" for words, count in figures if count)
    yield "</table>\n"


def _table(
    rows: Iterator[dict[str, str]],
    name: str,
    words: Sequence[str],
    columns: Mapping[str, str],
    link: Callable[[str, str], str],
) -> Iterator[str]:
    """Lay one report out; a report without rows is left out."""
    first = next(rows, None)
    if first is None:
        return
    heading, explanation = words
    yield f"<h2>{heading}</h2>\n<p>{explanation}</p>\n<table>\n<thead><tr>"
    yield "".join(f"<th>{title}</th>" for title in columns.values()) + "</tr></thead>\n<tbody>\n"
    yield _row(first, columns, link)
    yield from (_row(row, columns, link) for row in islice(rows, LONGEST - 1))
    yield "</tbody>\n</table>\n"
    if left := sum(1 for _ in rows):
        yield f"<p>{left:,} more are in {name}.</p>\n"


def _row(row: Mapping[str, str], columns: Mapping[str, str], link: Callable[[str, str], str]) -> str:
    cells = (_cell(row, name, link) for name in columns)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _cell(row: Mapping[str, str], name: str, link: Callable[[str, str], str]) -> str:
    text = escape(row[name])
    if name == "reason":
        return escape(REASONS.get(row[name], row[name]))
    if name == "intercom_ids":
        return "<br>".join(_anchor(link(row["stream"], one), one) for one in row[name].split())
    if name == "intercom_name":
        return _anchor(link(row["stream"], row["intercom_id"]), row[name] or row["intercom_id"])
    return text.replace(" ", ", ") if name == "fields" else text


def _anchor(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'
