"""Every kind of document, by the name of its table; fixtures hold their templates and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject

STAMPED = ("created_at", "updated_at", "resource_version")
_FILES = ("selling", "billing", "holding", "keeping")


@dataclass(frozen=True)
class Kind:
    """A kind of document: its template, how many there are, and which of its timestamps the vendor shows.

    ``facts`` is the template. Members that are null are left out, and ``id`` and ``created_at`` are drawn if they are
    missing. It can name these values:

    - ``{customer.id}``, ``{subscription.plan.id}``, ``{invoice.id}``, ``{payment.id}``, ``{credit_note.id}``: of
      records that are drawn once per document; ``{one.id}``: of the document's own record (see ``each``);
    - ``{number}`` from 0, ``{count}`` from 1; ``{at}``, its time, and ``{days[30]}``, so many days later.
    """

    object: str
    facts: dict[str, Any]
    count: int = 24
    each: str = ""
    """The table or part of the catalog whose records each get a document; it replaces ``count``."""
    per: int = 1
    """The number of documents per record of ``each``."""
    stamps: tuple[str, ...] = STAMPED
    beside: tuple[str, ...] = ()
    """The names of facts that are shown as siblings in the envelope."""
    key: str | None = "id"
    """The attribute that names a document; None where the vendor has no id."""
    hidden: tuple[str, ...] = ()
    """Facts that the vendor uses in filters or paths but does not show."""
    always_stamped: bool = False
    """Whether all documents have timestamps, because the kind is newer than the vendor's timestamps."""
    holder: str = ""
    """The parent record whose event reports a change of the document, for kinds without events of their own."""
    growing: bool = False
    """Whether documents are written and deleted while time passes."""


def read_fixture(name: str) -> JsonObject:
    """Return a fixture file."""
    content = (files("sandbox.business.documents") / "fixtures" / f"{name}.json").read_bytes()
    return msgspec.json.decode(content, type=dict)


KINDS: dict[str, Kind] = {
    table: kind for name in _FILES for table, kind in msgspec.convert(read_fixture(name), dict[str, Kind]).items()
}
