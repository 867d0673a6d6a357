"""The differences from ChartMogul's data, and the bodies of the requests that change it. Pure.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_chartmogul._kit.changes import Change, Changes
from target_chartmogul.records.remote import CUSTOM, CUSTOMER_ID, TAG
from target_chartmogul.records.values import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.records.remote import RemoteRecord
    from target_chartmogul.records.values import Wanted, WriteOptions

__all__ = [
    "Change",
    "Changes",
    "build_attributes",
    "build_contact",
    "build_customer",
    "build_fields",
    "find_changes",
    "find_missing",
    "list_cleared_attributes",
    "list_initial_changes",
    "list_refused_fields",
    "list_tags",
]


def find_changes(want: Wanted, remote: RemoteRecord, options: WriteOptions) -> Changes:
    """Return the changes that ChartMogul needs.

    The other source's fields of a shared customer are left out. Tags are added and never removed.
    """
    return {
        name: Change(remote.values.get(name), value)
        for name, value in want.values.items()
        if options.may_write(name, remote) and not is_same(options.find_type(name), value, remote.values.get(name))
    }


def list_initial_changes(want: Wanted) -> Changes:
    """Return the changes of a creation."""
    return {name: Change(None, value) for name, value in want.values.items() if value is not None}


def find_missing(changes: Mapping[str, Change], remote: RemoteRecord, options: WriteOptions) -> Changes:
    """Return the changes that ChartMogul does not show after the write, with the values that it shows."""
    return {
        name: Change(remote.values.get(name), change.after)
        for name, change in changes.items()
        if not is_same(options.find_type(name), change.after, remote.values.get(name))
    }


def build_fields(changes: Mapping[str, Change]) -> JsonObject:
    """Build the body for plain fields, without attributes, tags, and the customer of a contact."""
    return {name: change.after for name, change in changes.items() if "." not in name and name != CUSTOMER_ID}


def build_attributes(changes: Mapping[str, Change], options: WriteOptions) -> list[JsonObject]:
    """Build the custom attributes of a customer with their types, as booleans would otherwise change."""
    return [
        {"type": options.find_type(name), "key": name.removeprefix(CUSTOM), "value": change.after}
        for name, change in changes.items()
        if name.startswith(CUSTOM) and change.after is not None
    ]


def build_customer(changes: Mapping[str, Change], options: WriteOptions) -> JsonObject:
    """Build the body of a new customer without its source and external id."""
    attributes: JsonObject = {}
    if custom := build_attributes(changes, options):
        attributes["custom"] = custom
    if tags := list_tags(changes):
        attributes["tags"] = tags
    return build_fields(changes) | ({"attributes": attributes} if attributes else {})


def build_contact(changes: Mapping[str, Change]) -> JsonObject:
    """Build the body of a new or changed contact, whose custom attributes have no types."""
    custom = [
        {"key": name.removeprefix(CUSTOM), "value": change.after}
        for name, change in changes.items()
        if name.startswith(CUSTOM)
    ]
    return build_fields(changes) | ({"custom": custom} if custom else {})


def list_tags(changes: Iterable[str]) -> list[str]:
    """Return the tags among changes."""
    return [name.removeprefix(TAG) for name in changes if name.startswith(TAG)]


def list_cleared_attributes(changes: Mapping[str, Change]) -> list[str]:
    """Return the keys of the custom attributes that the changes clear."""
    return [
        name.removeprefix(CUSTOM)
        for name, change in changes.items()
        if name.startswith(CUSTOM) and change.after is None
    ]


def list_refused_fields(refused: Sequence[str], sent: Iterable[str]) -> list[str]:
    """Return the sent fields in a refusal. It names attributes only as a whole, so they are left out."""
    return sorted(set(refused) & {name for name in sent if "." not in name})
