"""Tables of text that a page shows, before they are HTML."""

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
    """A cell of a table: its text, its link, and whether it is a number."""

    text: str
    href: str | None = None
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table; every row is as long as `heads`. `figures` means that each column has one kind of value."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    figures: bool = False


def format_instant(seconds: int) -> str:
    """Return unix seconds as readable UTC; numbers outside the calendar stay as they are."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def make_cell(value: Any, *, is_instant: bool = False) -> Cell:
    """Return a cell with any value of a record; null is an empty cell."""
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if is_instant and isinstance(value, int):
        return Cell(format_instant(value))
    return Cell(str(value), number=isinstance(value, int | float))


def build_table(heads: Iterable[str], rows: Iterable[Sequence[Cell]], *, figures: bool = False) -> Table:
    """Return a table with any rows."""
    return Table(tuple(heads), tuple(tuple(row) for row in rows), figures)


def build_list_table(records: Iterable[Record], base: str, fields: Sequence[str], columns: Mapping[str, str]) -> Table:
    """Return one row per record, linked in its first cell; `columns` are custom attributes with their types."""
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
    """Return a record's standard fields, one per row, without empty ones."""
    return build_table(
        ("field", "value"),
        (
            (Cell(name), make_cell(value, is_instant=name in INSTANTS))
            for name, value in record.document.items()
            if value is not None and name != "custom_attributes"
        ),
    )


def build_attribute_table(record: Record, model: str, attributes: Attributes) -> Table:
    """Return a record's custom attributes, one per row, by name."""
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
