"""What a record is called in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom._kit.journal import Who
from target_intercom.records.write_options import read_attributes

if TYPE_CHECKING:
    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.records.buffer import Row


def name_row(row: Row) -> str:
    """Return what names a row: its id, or where the stream has no key, its link or its match value."""
    return row.id or row.link or row.key or f"record {row.seq}"


def find_who(record: JsonObject, prefix: str) -> Who:
    """Return who a record is; `prefix` is that of the owned attributes."""
    company = read_attributes(record).get(f"{prefix}company_name")
    return Who(*(_read_text(value) for value in (record.get("name"), record.get("email"), company)))


def _read_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""
