"""Common parts of customers and contacts: values, history, and overrides that keep a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.chartmogul.fields import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.json_types import JsonObject

CUSTOM = "custom."
"""Custom attributes are stored among the values with this prefix."""


class Change(NamedTuple):
    """One field's change: time (unix seconds), author, old and new value."""

    at: int
    by: str
    field: str
    before: Any
    after: Any


class Birth(NamedTuple):
    """A record's creation: uuid, time (unix seconds) and author."""

    uuid: str
    at: int
    by: str


class Record:
    """One customer or contact. Its values are made when they are first read.

    Attributes:
        pins: the overrides in force, by name, each with the values that come back when it ends.
    """

    def __init__(self, birth: Birth, load: Callable[[], JsonObject]) -> None:
        self.uuid, self.created_at, self.by = birth
        self.pins: dict[str, JsonObject] = {}
        self.changes: list[Change] = []
        self._load = load
        self._values: JsonObject | None = None

    @property
    def values(self) -> JsonObject:
        """All fields by name, instants in unix seconds."""
        if self._values is None:
            self._values = self._load()
        return self._values

    @property
    def history(self) -> list[Change]:
        """All changes, the oldest first, the first of them the creation."""
        return [Change(self.created_at, self.by, "(created)", None, None), *self.changes]

    def custom(self) -> JsonObject:
        """Return the custom attributes."""
        return {name[len(CUSTOM) :]: value for name, value in self.values.items() if name.startswith(CUSTOM)}

    def write(self, values: Mapping[str, Any], flags: Mapping[str, bool], at: int, by: str) -> None:
        """Write values; a field with an override is reverted unless the same request sets the override."""
        for name, flag in flags.items():
            if flag:
                self._pin(name)
            else:
                self._unpin(name, at, by)
        for field, value in values.items():
            pin = name_override(field)
            if pin in self.pins and pin not in flags:
                self.pins[pin][field] = value
            else:
                self.set(field, value, at, by)

    def set(self, field: str, value: Any, at: int, by: str) -> None:
        """Change one value, whether or not it has an override."""
        before = self.values.get(field)
        if before != value or type(before) is not type(value) or field not in self.values:
            self.changes.append(Change(at, by, field, before, value))
            self.values[field] = value

    def remove(self, field: str, at: int, by: str) -> None:
        """Remove a custom attribute."""
        if field in self.values:
            self.changes.append(Change(at, by, field, self.values.pop(field), None))

    def note(self, what: str, before: Any, after: Any, at: int, by: str) -> None:
        """Add something to the history that is not a change of a field."""
        self.changes.append(Change(at, by, what, before, after))

    def past(self, field: str) -> list[Change]:
        """Return the changes of a field, the newest first; the last entry is its value when the record was made."""
        changes = [change for change in self.changes if change.field == field]
        first = changes[0].before if changes else self.values.get(field)
        return [*reversed(changes), Change(self.created_at, self.by, field, None, first)]

    def _pin(self, name: str) -> None:
        if name not in self.pins:
            fields = ADDRESS if name == "address" else (name,)
            self.pins[name] = {field: self.values.get(field) for field in fields}

    def _unpin(self, name: str, at: int, by: str) -> None:
        for field, value in self.pins.pop(name, {}).items():
            if field.startswith(CUSTOM) and value is None:
                self.remove(field, at, by)
            else:
                self.set(field, value, at, by)


def name_override(field: str) -> str:
    """Return the name of the override for a field; one override covers the whole address."""
    return "address" if field in ADDRESS else field


def nest_overrides(names: Iterable[str], *above: str) -> JsonObject:
    """Return overrides in the form of replies: custom attributes by key, below `above`."""
    plain: JsonObject = {}
    custom: dict[str, bool] = {}
    for name in names:
        (custom if name.startswith(CUSTOM) else plain)[name.removeprefix(CUSTOM)] = True
    shown: JsonObject = {"custom": custom} if custom else {}
    for level in above if custom else ():
        shown = {level: shown}
    return plain | shown
