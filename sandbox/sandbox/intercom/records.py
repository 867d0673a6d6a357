"""What contacts and companies have in common: a document, its history of changes, and the indexes over many of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.intercom.search import CUSTOM, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Change(NamedTuple):
    """One field's change: when (unix seconds), by whom (`API`, `seed` or `Intercom`), and from what to what."""

    at: int
    source: str
    field: str
    before: Any
    after: Any


@dataclass
class Record:
    """One contact or company: `document` is what it holds, by Intercom's field names."""

    document: dict[str, Any]
    history: list[Change] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Intercom's id, 24 hexadecimal digits."""
        return str(self.document["id"])


def merged(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A document with new values; `custom_attributes` are laid over key by key."""
    custom = {**document["custom_attributes"], **(values.get("custom_attributes") or {})}
    return {**document, **values, "custom_attributes": custom}


def changes(before: Mapping[str, Any], after: Mapping[str, Any], at: int, source: str) -> list[Change]:
    """What differs between two documents, one entry a field; custom attributes by their full name."""
    found = [
        Change(at, source, name, before.get(name), value)
        for name, value in after.items()
        if name not in ("custom_attributes", "updated_at") and value != before.get(name)
    ]
    old = before["custom_attributes"]
    return found + [
        Change(at, source, f"{CUSTOM}{name}", old.get(name), value)
        for name, value in after["custom_attributes"].items()
        if value != old.get(name) or type(value) is not type(old.get(name))
    ]


class Index:
    """Ids by a field's value, for as many fields as were asked for; e-mails without regard to case."""

    def __init__(self, *fields: str) -> None:
        self._ids: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in fields}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add_field(self, name: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Begin to index a field over what is there already."""
        self._ids[name] = {}
        for document in documents:
            self._put(name, document)

    def add(self, document: Mapping[str, Any]) -> None:
        """Index a new document."""
        for name in self._ids:
            self._put(name, document)

    def remove(self, document: Mapping[str, Any]) -> None:
        """Forget a document."""
        for name, ids in self._ids.items():
            held = ids.get(_folded(name, value_of(document, name)))
            if held is not None:
                held.pop(document["id"], None)

    def count(self, name: str, value: Any) -> int | None:
        """How many documents hold the value; None for a field that is not indexed."""
        return len(self._ids[name].get(_folded(name, value), ())) if name in self._ids else None

    def find(self, name: str, value: Any) -> Iterator[str]:
        """Ids of the documents that hold the value, in the order in which they came to hold it."""
        return iter(self._ids[name].get(_folded(name, value), ()))

    def _put(self, name: str, document: Mapping[str, Any]) -> None:
        value = value_of(document, name)
        if value is not None:
            self._ids[name].setdefault(_folded(name, value), {})[document["id"]] = None


def _folded(name: str, value: Any) -> Any:
    return value.lower() if name == "email" and isinstance(value, str) else value
