"""Records as tables of text: what a page shows, before it is HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.intercom.search import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.intercom.attributes import Attributes
    from sandbox.intercom.records import Change, Record

INSTANTS = frozenset({
    "created_at", "updated_at", "signed_up_at", "last_seen_at", "last_replied_at", "last_contacted_at",
    "last_email_opened_at", "last_email_clicked_at", "remote_created_at", "last_request_at",
})  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, where it leads, and whether it is a number."""

    text: str
    href: str | None = None
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Heads and rows of equal length; in a table of `figures` each column holds one kind of value."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    figures: bool = False


def format_instant(seconds: int) -> str:
    """Unix seconds as a reader's UTC; far-off numbers, which a caller may well have written, as they are."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def make_cell(value: Any, *, is_instant: bool = False) -> Cell:
    """Any value of a record; null is an empty cell."""
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if is_instant and isinstance(value, int):
        return Cell(format_instant(value))
    return Cell(str(value), number=isinstance(value, int | float))


def build_table(heads: Iterable[str], rows: Iterable[Sequence[Cell]], *, figures: bool = False) -> Table:
    """Return a table of any rows."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows), figures)


def build_list_table(records: Iterable[Record], base: str, fields: Sequence[str], columns: Mapping[str, str]) -> Table:
    """One row a record, its first cell a link; `columns` are custom attributes by name, with their types."""
    rows = []
    for record in records:
        document = record.document
        plain = [make_cell(document[name], is_instant=name in INSTANTS) for name in fields]
        first = Cell(plain[0].text or record.id, f"{base}/{record.id}")
        custom = document["custom_attributes"]
        rows.append(
            [first, *plain[1:], *(make_cell(custom.get(name), is_instant=columns[name] == "date") for name in columns)]
        )
    return build_table((*fields, *columns), rows, figures=True)


def build_field_table(record: Record) -> Table:
    """Return a record's standard fields, one a row, those without a value left out."""
    return build_table(
        ("field", "value"),
        (
            (Cell(name), make_cell(value, is_instant=name in INSTANTS))
            for name, value in record.document.items()
            if value is not None and name != "custom_attributes"
        ),
    )


def build_attribute_table(record: Record, model: str, attributes: Attributes) -> Table:
    """Return a record's custom attributes, one a row, by name."""
    rows = []
    for name, value in sorted(record.document["custom_attributes"].items()):
        data_type = _data_type(attributes, model, name)
        rows.append((Cell(name), Cell(data_type), make_cell(value, is_instant=data_type == "date")))
    return build_table(("attribute", "type", "value"), rows)


def build_change_table(history: Iterable[Change], model: str, attributes: Attributes) -> Table:
    """Return a record's changes, newest first."""
    rows = []
    for change in reversed(tuple(history)):
        name = change.field.removeprefix(CUSTOM)
        custom = name != change.field and _data_type(attributes, model, name) == "date"
        values = [make_cell(value, is_instant=custom or name in INSTANTS) for value in (change.before, change.after)]
        rows.append((Cell(format_instant(change.at)), Cell(change.source), Cell(change.field), *values))
    return build_table(("when (UTC)", "who", "field", "before", "after"), rows)


def _data_type(attributes: Attributes, model: str, name: str) -> str:
    found = attributes.get(model, name)
    return found.data_type if found else ""
