"""Common parts of contacts, companies and threads: a document, its history, and a store with indexes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from sandbox.intercom.search import CUSTOM, read_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.intercom.search import Document
    from sandbox.json_types import JsonObject, JsonValue


class Change(NamedTuple):
    """One field's change: time (unix seconds), source (`API`, `seed` or `Intercom`), old and new value."""

    at: int
    source: str
    field: str
    before: JsonValue
    after: JsonValue


@dataclass
class Record:
    """One contact, company or thread; `document` has Intercom's field names."""

    document: JsonObject
    history: list[Change] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Intercom's id, 24 hexadecimal digits."""
        return str(self.document["id"])


R = TypeVar("R", bound=Record)


class Index:
    """Ids by a field's value, for the fields that were added; e-mails are compared without letter case."""

    def __init__(self, *fields: str) -> None:
        self._ids: dict[str, dict[JsonValue, dict[str, None]]] = {name: {} for name in fields}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add_field(self, name: str, documents: Iterable[Document]) -> None:
        """Add an index on a field, filled with the existing documents."""
        self._ids[name] = {}
        for document in documents:
            self._put(name, document)

    def add(self, document: Document) -> None:
        """Add a document to the indexes."""
        for name in self._ids:
            self._put(name, document)

    def remove(self, document: Document) -> None:
        """Remove a document from the indexes."""
        for name, ids in self._ids.items():
            ids.get(_fold(name, read_value(document, name)), {}).pop(document["id"], None)

    def count(self, name: str, value: JsonValue) -> int | None:
        """Return how many documents have the value; None for a field without an index."""
        return len(self._ids[name].get(_fold(name, value), ())) if name in self._ids else None

    def find(self, name: str, value: JsonValue) -> Iterator[str]:
        """Return the ids of the documents with the value, in the order in which they got it."""
        return iter(self._ids[name].get(_fold(name, value), ()))

    def _put(self, name: str, document: Document) -> None:
        value = read_value(document, name)
        if value is not None:
            self._ids[name].setdefault(_fold(name, value), {})[document["id"]] = None


def _fold(name: str, value: JsonValue) -> JsonValue:
    return value.lower() if name == "email" and isinstance(value, str) else value


class Records(Generic[R]):
    """Records by id, indexed by some fields."""

    def __init__(self, *fields: str) -> None:
        self._by_id: dict[str, R] = {}
        self._index = Index(*fields)
        self.watch: Callable[[R, Document | None], object] = lambda *_: None
        """Called after every creation and change, with the earlier document."""

    def __len__(self) -> int:
        return sum(1 for _ in self.live())

    def live(self) -> Iterator[R]:
        """Return every record that is neither archived nor deleted, oldest first."""
        return (one for one in self._by_id.values() if self._is_live(one))

    def live_among(self, ids: Iterable[str]) -> Iterator[R]:
        """Return the live records among these ids."""
        return (self._by_id[one] for one in ids if one in self._by_id and self._is_live(self._by_id[one]))

    def update(self, record: R, values: JsonObject, at: int, source: str) -> None:
        """Change a record's values; `updated_at` moves if something changed."""
        before, after = record.document, lay_over(record.document, values)
        changes = list(find_changes(before, after, at, source))
        # A write without a change does not move updated_at, as at the vendor.
        if not changes:
            return
        after["updated_at"] = at
        self._index.remove(before)
        record.document = after
        self._index.add(after)
        record.history.extend(changes)
        self._note_write(record, before, at)
        self.watch(record, before)

    def _add(self, record: R, source: str) -> R:
        at = record.document["created_at"]
        record.history.append(Change(at, source, "(created)", None, None))
        self._by_id[record.id] = record
        self._index.add(record.document)
        self._note_write(record, None, at)
        self.watch(record, None)
        return record

    def _is_live(self, _: R) -> bool:
        return True

    def _note_write(self, record: R, before: Document | None, at: int) -> None:
        """Handle a record's creation or change; `before` is None for a new one."""


def lay_over(document: Document, values: Document) -> JsonObject:
    """Return a document with new values; `custom_attributes` are merged by key."""
    custom = {**document["custom_attributes"], **(values.get("custom_attributes") or {})}
    return {**document, **values, "custom_attributes": custom}


def find_changes(before: Document, after: Document, at: int, source: str) -> Iterator[Change]:
    """Return the differences between two documents, one per field, with custom attributes by their full name."""
    for name, value in after.items():
        if name not in ("custom_attributes", "updated_at") and value != before.get(name):
            yield Change(at, source, name, before.get(name), value)
    old = before["custom_attributes"]
    for name, value in after["custom_attributes"].items():
        # In Python True == 1, but in JSON they are different values.
        if value != old.get(name) or type(value) is not type(old.get(name)):
            yield Change(at, source, f"{CUSTOM}{name}", old.get(name), value)
