"""The names of records in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom._kit.journal import Who
from target_intercom.records.write_options import read_attributes

if TYPE_CHECKING:
    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.records.buffer import Row


def name_row(row: Row) -> str:
    """Return the name of a row: its id, or its link or match value if the stream has no key."""
    return row.id or row.link or row.key or f"record {row.seq}"


def find_who(record: JsonObject, prefix: str) -> Who:
    """Return names that help people recognise a record. `prefix` is that of the owned attributes."""
    company = read_attributes(record).get(f"{prefix}company_name")
    return Who(*(_read_text(value) for value in (record.get("name"), record.get("email"), company)))


def _read_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""
