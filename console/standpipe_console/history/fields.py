"""The fields of a change in the database's form, which takes a fifth of the space of the journal's form.

A dot leads into an object, and before and after are a list: `custom_attributes.cb_mrr: {"before": 1, "after": 2}` is
`{"custom_attributes": {"cb_mrr": [1, 2]}}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_console._kit.journal_lines import FieldChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_console._kit.json_types import JsonObject, JsonValue


def pack_fields(fields: Mapping[str, FieldChange]) -> JsonObject:
    """Return fields in the form of the database."""
    packed: JsonObject = {}
    for name, change in fields.items():
        group, _, member = name.partition(".")
        values = [_clean(change.before), _clean(change.after)]
        if member and isinstance(packed.setdefault(group, {}), dict):
            packed[group][member] = values
        else:
            packed[name] = values
    return packed


def unpack_fields(packed: Mapping[str, JsonValue]) -> dict[str, FieldChange]:
    """Return fields under the target's names for them."""
    fields = {}
    for name, value in packed.items():
        if isinstance(value, dict):
            fields.update({f"{name}.{member}": FieldChange(*values) for member, values in value.items()})
        else:
            fields[name] = FieldChange(*value)
    return fields


def _clean(value: JsonValue) -> JsonValue:
    """Return a value without NUL characters, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return value
