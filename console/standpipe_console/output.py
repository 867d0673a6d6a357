"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Wide enough for a sentence beside its name, whatever the width of the terminal or pipe.
WIDTH = 120


def out() -> Console:
    """Where tables go."""
    return Console(width=WIDTH, highlight=False, soft_wrap=False)


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table without a frame; what is missing is a dash."""
    made = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return escape(str(value))


def as_json(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def ago(seconds: float) -> str:
    """How long ago, in the greatest unit that fits."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} seconds ago"
