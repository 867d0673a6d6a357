"""The names of records in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul._kit.journal import Who

if TYPE_CHECKING:
    from target_chartmogul.records.buffer import Row

#: The streams of other writes besides customers and contacts.
SOURCES, MERGES = "data_sources", "merges"


def name_row(row: Row) -> str:
    """Return the name of a row: its external id, if it has one."""
    return row.id or f"record {row.seq}"


def find_who(row: Row) -> Who:
    """Return names that help people recognise a row's record: a company or a person."""
    texts = {name: value for name, value in row.record.items() if isinstance(value, str)}
    person = " ".join(texts[name] for name in ("first_name", "last_name") if texts.get(name))
    return Who(texts.get("name") or person, texts.get("email", ""), texts.get("company", ""))
