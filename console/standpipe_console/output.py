"""The console's output: tables for people, JSON for programs, and the question before a removal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from standpipe_console._kit.json_types import JsonValue

#: The table is wide enough for a name and a sentence, on any terminal or pipe.
WIDTH = 120
#: The endings of names of times.
_TIME_ENDINGS = ("_at", "date")


def open_console() -> Console:
    """Return the output for tables."""
    return Console(width=WIDTH, highlight=False, soft_wrap=False)


def build_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without a frame. A missing value is shown as a dash."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_format_cell(value) for value in row))
    return table


def _format_cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return escape(str(value))


def format_value(name: str, value: JsonValue) -> JsonValue:
    """Return a field's value for people. Times come as Unix seconds or as ISO date-times."""
    if not name.endswith(_TIME_ENDINGS):
        return value
    try:
        if isinstance(value, int | float):
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M}"
        if isinstance(value, str) and "T" in value:
            return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return value  # a name with such an ending need not be a time
    return value


def print_json(value: JsonValue) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def describe_age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits at least twice."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} seconds ago"


def confirm(question: str) -> bool:
    """Ask before a removal. Only a clear yes counts as yes.

    The question is a complete line on standard output, as Meltano passes a utility's output on line by line.
    """
    click.echo(f"{question} Type y for yes, anything else for no:")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
