"""The documents of a workspace that are neither contacts, companies nor threads: staff, settings, content, notes.

``fixtures/library.json`` holds a template for each kind. A template can name `{number}` from 0 on and `{count}` from 1
on, `{id}` and `{serial}`, the same as a number, `{created_at}`, `{updated_at}` and `{logged_at}`, a `{topic}`,
`{app_id}`, and what a row of the kind's own table holds, such as `{row[name]}`. A kind can name the documents of an
earlier kind, such as `{ticket_states}`. `stamped` adds `created_at` and `updated_at`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from sandbox.clock import DAY
from sandbox.intercom.fixtures import read_fixture
from sandbox.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.json_types import JsonObject

OLDEST = 400
TOPICS = (
    "billing", "invoices", "your first week", "importing data", "roles and permissions", "single sign-on", "webhooks",
    "the mobile app", "reports", "time zones", "custom fields", "exports",
)  # fmt: skip


class Library:
    """Documents by kind and id, the same in every workspace until one is written."""

    def __init__(self, now: int, app_id: str) -> None:
        self._kinds: dict[str, dict[str, JsonObject]] = json.loads(_render_documents(now, app_id))

    def list_documents(self, kind: str) -> list[JsonObject]:
        """Return the documents of a kind, oldest first."""
        return list(self._kinds[kind].values())

    def find(self, kind: str, record_id: str) -> JsonObject | None:
        """Return one document, or None."""
        return self._kinds[kind].get(record_id)

    def find_all(self, kind: str, ids: Iterable[str]) -> list[JsonObject]:
        """Return the documents with these ids, without removed ones."""
        return [self._kinds[kind][one] for one in ids if one in self._kinds[kind]]

    def list_ids(self, kind: str) -> list[str]:
        """Return the ids of a kind's documents."""
        return list(self._kinds[kind])

    def add(self, kind: str, documents: Iterable[JsonObject]) -> None:
        """Add documents, or replace those with the same ids."""
        self._kinds[kind].update((str(one["id"]), one) for one in documents)

    def remove(self, kind: str, ids: Iterable[str]) -> None:
        """Delete documents."""
        for one in ids:
            del self._kinds[kind][one]


@cache
def _render_documents(now: int, app_id: str) -> str:
    """Return the first documents by kind and id, as JSON: every workspace begins with a copy of the same."""
    kinds: dict[str, dict[str, JsonObject]] = {"calls": {}, "notes": {}, "segments": {}}
    for kind, table in read_fixture("library").items():
        count = table.get("count", len(table.get("rows", ())))
        documents = [_make_document(kinds, table, number, now, app_id) for number in range(count)]
        kinds[kind] = {str(one["id"]): one for one in documents}
    return json.dumps(kinds)


def _make_document(
    kinds: Mapping[str, dict[str, JsonObject]], table: JsonObject, number: int, now: int, app_id: str
) -> JsonObject:
    # Ages are spread over the days before the first day, so that no two documents are equal.
    created_at = now - (1 + number * 37 % OLDEST) * DAY - number
    updated_at = created_at + (now - created_at) * (number * 7 % 10) // 10
    stamps = {"created_at": created_at, "updated_at": updated_at}
    # Some of the vendor's ids are numbers, others are digits in a string.
    serial = table.get("first_id", 0) + number
    names = {
        **{kind: list(documents.values()) for kind, documents in kinds.items()},
        **stamps,
        "number": number,
        "count": number + 1,
        "id": str(serial),
        "serial": serial,
        "logged_at": now - number * DAY - number,
        "topic": TOPICS[number % len(TOPICS)],
        "app_id": app_id,
    }
    if "rows" in table:
        names["row"] = fill_template(table["rows"][number % len(table["rows"])], names, number)
    document: JsonObject = fill_template(table["document"], names, number)
    return document | (stamps if table.get("stamped") else {})
