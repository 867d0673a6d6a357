"""The rules of an undo: restore what a run wrote where the vendor still has it. Pure.

`undo_run` reads and writes. A target defines how its records are read, compared and written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .changes import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .json_types import JsonValue

CHANGED_SINCE = "it has changed since"
CREATED = "the run created it"


@dataclass(frozen=True)
class Written:
    """The writes of a run to one of the vendor's records.

    Args:
        stream: the stream of the record.
        id: its id in the source; empty if it has none.
        remote_id: the vendor's id; None if the run did not learn it.
        fields: for each field, the value before and the written value.
        action: what the run did, such as `update`, `create` or `merge`.
        is_created: whether the run created the record.
    """

    stream: str
    id: str
    remote_id: str | None
    fields: Mapping[str, Change]
    action: str = "update"
    is_created: bool = False


@dataclass(frozen=True)
class UndoPlan:
    """What an undo does with the fields of one record."""

    restore: dict[str, Change] = field(default_factory=dict)  #: their present values, and their values after the undo
    kept: dict[str, str] = field(default_factory=dict)  #: the reasons for the others


def merge_writes(writes: Iterable[Written]) -> list[Written]:
    """Return each record once, with the values before its first write and after its last one."""
    merged: dict[tuple[str, str], Written] = {}
    for one in writes:
        key = one.stream, one.remote_id or one.id
        earlier = merged.get(key)
        if earlier is None:
            merged[key] = one
            continue
        fields = {
            name: Change(earlier.fields[name].before, change.after) if name in earlier.fields else change
            for name, change in one.fields.items()
        }
        merged[key] = Written(
            one.stream,
            earlier.id or one.id,
            one.remote_id,
            {**earlier.fields, **fields},
            earlier.action,
            is_created=earlier.is_created or one.is_created,
        )
    return list(merged.values())


def plan_undo(
    written: Written,
    held: Mapping[str, JsonValue],
    is_same: Callable[[str, JsonValue, JsonValue], bool],
    find_obstacle: Callable[[str, Change], str | None],
) -> UndoPlan:
    """Decide, field by field, what is put back.

    A field with its value from before the run needs no write, so a stopped undo continues where it stopped.

    Args:
        written: what the run wrote.
        held: what the vendor holds now, by field; a field that is missing here holds nothing.
        is_same: whether two values of a field are equal for the vendor.
        find_obstacle: why a field can never be put back; None when it can.
    """
    plan = UndoPlan()
    for name, change in written.fields.items():
        value = held.get(name)
        if is_same(name, value, change.before):
            continue
        if not is_same(name, value, change.after):
            plan.kept[name] = CHANGED_SINCE
        elif obstacle := find_obstacle(name, change):
            plan.kept[name] = obstacle
        else:
            plan.restore[name] = Change(value, change.before)
    return plan


def is_untouched(
    written: Written, held: Mapping[str, JsonValue], is_same: Callable[[str, JsonValue, JsonValue], bool]
) -> bool:
    """Return whether a record still has every value that the run wrote."""
    return all(is_same(name, held.get(name), change.after) for name, change in written.fields.items())
