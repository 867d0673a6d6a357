"""Notes that teammates leave on contacts and companies.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/notes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact

FIRST = 29_000_000


class Note(NamedTuple):
    """One note; `model` says what `owner_id` is the id of."""

    id: str
    model: str
    owner_id: str
    author_id: str
    created_at: int
    body: str


class Notes:
    """Every note of a workspace, by id; contacts and companies hold the ids of theirs."""

    def __init__(self) -> None:
        self._by_id: dict[str, Note] = {}
        self._made = 0

    def add(self, model: str, owner: Contact | Company, author_id: str, at: int, body: str) -> Note:
        """Leave a note."""
        self._made += 1
        note = Note(str(FIRST + self._made), model, owner.id, author_id, at, body)
        self._by_id[note.id] = note
        owner.notes = (*owner.notes, note.id)
        return note

    def get(self, note_id: str) -> Note | None:
        """One note, None when there is none."""
        return self._by_id.get(note_id)

    def newest_first(self, ids: Iterable[str]) -> list[Note]:
        """The notes with these ids."""
        return [self._by_id[one] for one in reversed(tuple(ids))]

    def forget(self, owner: Contact | Company) -> None:
        """Delete the notes of somebody who is deleted."""
        for one in owner.notes:
            del self._by_id[one]

    def move(self, source: Contact, target: Contact) -> None:
        """Give one contact's notes to another."""
        for one in source.notes:
            self._by_id[one] = self._by_id[one]._replace(owner_id=target.id)
        target.notes = (*target.notes, *source.notes)
        source.notes = ()
