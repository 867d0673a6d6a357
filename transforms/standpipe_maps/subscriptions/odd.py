"""Members of a record that cannot be right: an attribute that reads one is null, and everything else goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ODD_VALUE = "odd_value"
MISSING_MEMBER = "missing_member"


class OddValueError(Exception):
    """A rule read a member that cannot be right; the text says which."""


class OddRecord(dict[str, Any]):
    """A record of which some members are odd.

    Such a member is None in the record, and ``get`` of it raises ``OddValueError``: so what is derived from it cannot
    be mistaken for what is derived from a member that is absent. ``known`` reads it as None.

    Args:
        record: its members.
        odd: the names of those that are odd or missing.
        prefix: what stands before a member's name in a report, such as ``subscription s1: ``.
        notes: of each odd member, nested ones too, the note of the summary and its name.
    """

    def __init__(
        self, record: Mapping[str, Any], odd: Iterable[str], prefix: str, notes: Iterable[tuple[str, str]]
    ) -> None:
        super().__init__(record)
        self.odd = frozenset(odd)
        self.prefix = prefix
        self.notes = tuple(notes)
        self.update(dict.fromkeys(self.odd))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a member.

        Raises:
            OddValueError: it is odd.
        """
        if name in self.odd:
            raise OddValueError(self.prefix + name)
        return super().get(name, default)


def known(record: dict[str, Any], name: str) -> Any:
    """Return a member; None where it is absent or odd. For what orders and joins, which must go on."""
    return dict.get(record, name)


def notes_of(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the note and the name of each odd member of a record."""
    return record.notes if isinstance(record, OddRecord) else ()


def write_notes(notes: Iterable[tuple[str, str]]) -> str | None:
    """Return notes and the names of their members as a text that a store can keep; None when there are none."""
    return ",".join(f"{note} {name}" for note, name in notes) or None


def read_notes(text: str | None) -> list[tuple[str, str]]:
    """Return what ``write_notes`` wrote."""
    pairs = (entry.split(" ", 1) for entry in text.split(",")) if text else ()
    return [(note, name) for note, name in pairs]
