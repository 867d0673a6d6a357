"""Tables of records: by row, by id, as JSON, and as they were some seconds ago for lists that lag."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from sandbox.business.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.json_types import JsonObject

R = TypeVar("R", bound=Record)
_ABSENT = object()
encode = msgspec.json.Encoder().encode


class Table(Generic[R]):
    """All records of one kind, in the order of their rows; ``version`` rises with every change.

    ``build`` makes the members of a record that are not ``alike`` in all; a None is left out. With ``keeps_past``, each
    version that a change replaces is kept until :meth:`seen` finds it out of date.
    """

    def __init__(
        self, name: str, build: Callable[[R], JsonObject], alike: JsonObject | None = None, *, keeps_past: bool = False
    ) -> None:
        self.name = name
        self._build = build
        self._alike = alike or {}
        # The members that are the same in all records are encoded only once.
        self._opening = encode(alike)[:-1] + b"," if alike else b"{"
        self._by_id: dict[str, R] = {}
        self._keeps_past = keeps_past
        self._past: list[tuple[int, int, R | None]] = []
        self.on_write: Callable[..., None] | None = None
        """Called before every write."""
        self.records: list[R] = []
        self.version = 0

    def extend(self, records: Iterable[R]) -> None:
        """Append complete records, and number their rows."""
        for record in records:
            record.row = len(self.records)
            self.records.append(record)
            if record.id not in self._by_id or not record.deleted:
                self._by_id[record.id] = record
        self.version += 1

    def append(self, record: R, at: int) -> None:
        """Append a record created at a time."""
        if self.on_write:
            self.on_write(record, at, {}, created=True)
        self.extend([record])
        self._keep(at, record.row, None)
        self._stamp(record, at)

    def get(self, record_id: str) -> R | None:
        """Return the record with this id; the live one if a deleted one has the same id."""
        return self._by_id.get(record_id)

    def seen(self, at: int) -> Sequence[R | None]:
        """Return the records as they were at an instant, by row; None where a record did not exist yet."""
        self._past = [kept for kept in self._past if kept[0] > at]
        if not self._past:
            return self.records
        seen: list[R | None] = list(self.records)
        for _, row, before in reversed(self._past):
            seen[row] = before
        return seen

    def body(self, record: R) -> JsonObject:
        """Return the whole record as the vendor's API shows it; absent attributes are left out."""
        body = {**self._alike, **self._build(record), **record.edits}
        return {name: value for name, value in body.items() if value is not None}

    def json(self, record: R) -> bytes:
        """Return the body as JSON, encoded once."""
        if record.json is None:
            if record.edits:
                record.json = encode(self.body(record))
            else:
                present = {name: value for name, value in self._build(record).items() if value is not None}
                record.json = self._opening + encode(present)[1:]
        return record.json

    def value(self, record: R, name: str) -> Any:
        """Return one attribute as filters and sorts see it; None when it is absent."""
        if name in record.edits:
            return record.edits[name]
        value = getattr(record, name, _ABSENT)
        if value is not _ABSENT:
            return value
        hidden = getattr(record, "hidden", {})
        return hidden[name] if name in hidden else _read_inside(self.body(record), name)

    def change(self, record: R, at: int, /, **facts: Any) -> None:
        """Write attributes at a time: ``updated_at`` never goes back, and ``resource_version`` always grows."""
        self.change_quietly(record, at, **facts)
        self._stamp(record, at)

    def change_quietly(self, record: R, at: int, /, **facts: Any) -> None:
        """Write attributes whose change the vendor does not stamp (an invoice's dunning, for one)."""
        if self.on_write:
            self.on_write(record, at, facts)
        self.change_unnoted(record, at, **facts)

    def change_unnoted(self, record: R, at: int, /, **facts: Any) -> None:
        """Write attributes without an event and without a timestamp."""
        self._keep(at, record.row, record)
        for name, value in facts.items():
            if name in record.__dataclass_fields__:
                setattr(record, name, value)
            else:
                record.edits[name] = value
        record.forget()
        self.version += 1

    def _keep(self, at: int, row: int, before: R | None) -> None:
        if not self._keeps_past:
            return
        kept = copy(before)
        if kept is not None:
            kept.edits = dict(kept.edits)
        self._past.append((at, row, kept))

    def _stamp(self, record: R, at: int) -> None:
        record.updated_at = max(record.updated_at or 0, at)
        record.resource_version = max((record.resource_version or 0) + 1, at * 1000)


def _read_inside(body: JsonObject, name: str) -> Any:
    """Return an attribute of a body. ``gifter[customer_id]`` is one of a nested object, or of a list's first member."""
    outer, _, inner = name.partition("[")
    value = body.get(outer)
    if inner and isinstance(value, list):
        value = value[0] if value else None
    return value.get(inner.rstrip("]")) if inner and isinstance(value, dict) else value
