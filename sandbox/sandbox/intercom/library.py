"""What a workspace has besides contacts, companies and conversations: its staff, its settings and its content.

Documents as they go over the wire, by kind and id; the tables that make them are in `library_*.py`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.intercom import library_content, library_staff, library_tickets
from sandbox.intercom.library_draw import Draw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.library_draw import Document

MAKERS = library_staff.MAKERS | library_tickets.MAKERS | library_content.MAKERS
"""By kind, in the order in which they are made: a later kind refers to earlier ones."""


class Library:
    """Every document of these kinds, made from the seed; the same in a workspace of any size."""

    def __init__(self, seed: int, now: int, app_id: str) -> None:
        self._kinds: dict[str, dict[str, Document]] = {"calls": {}}
        draw = Draw(Random(f"intercom library:{seed}"), now, app_id, self._kinds)
        for kind, make in MAKERS.items():
            self._kinds[kind] = {str(one["id"]): one for one in make(draw)}

    def all(self, kind: str) -> list[Document]:
        """The documents of a kind, oldest first."""
        return list(self._kinds[kind].values())

    def get(self, kind: str, record_id: str) -> Document | None:
        """One document, None when there is none."""
        return self._kinds[kind].get(record_id)

    def ids(self, kind: str) -> list[str]:
        """The ids of a kind's documents."""
        return list(self._kinds[kind])

    def add(self, kind: str, documents: Iterable[Document]) -> None:
        """Add documents that somebody else made."""
        self._kinds.setdefault(kind, {}).update((str(one["id"]), one) for one in documents)

    def touch(self, kind: str, record_id: str, at: int, **facts: Any) -> None:
        """Change a document at an instant."""
        self._kinds[kind][record_id] = {**self._kinds[kind][record_id], **facts, "updated_at": at}
