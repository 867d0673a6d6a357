"""Every kind of document, by the name of its table: the fixtures say what each holds and how many there are."""

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
    """A kind of document: its template, how many there are, and which of its stamps the vendor shows.

    A template names ``id`` and ``created_at`` only where they are not to be drawn.
    """

    object: str
    facts: dict[str, Any]
    count: int = 24
    each: str = ""
    """What the documents are about, one after the other: a table or part of the catalog; it replaces ``count``."""
    per: int = 1
    """How many documents there are about each of them."""
    stamps: tuple[str, ...] = STAMPED
    beside: tuple[str, ...] = ()
    """The facts that are siblings in the envelope."""
    key: str | None = "id"
    """The attribute that names a document; None where the vendor has no id."""
    hidden: tuple[str, ...] = ()
    """The facts that the vendor filters by or reaches by path, and does not show."""
    always_stamped: bool = False
    """Whether all have stamps: the vendor introduced the kind after it began to stamp."""
    holder: str = ""
    """What it belongs to, where a change of it is reported as an event of that."""
    growing: bool = False
    """Whether documents are written and deleted while time passes."""


def read_fixture(name: str) -> JsonObject:
    """Return a fixture file."""
    content = (files("sandbox.business.documents") / "fixtures" / f"{name}.json").read_bytes()
    return msgspec.json.decode(content, type=dict)


KINDS: dict[str, Kind] = {
    table: kind for name in _FILES for table, kind in msgspec.convert(read_fixture(name), dict[str, Kind]).items()
}
