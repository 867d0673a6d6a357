"""What would change in ChartMogul, and the bodies of the requests that change it. Pure.

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
    from target_chartmogul.records.fitting import Wanted, WriteOptions
    from target_chartmogul.records.remote import RemoteRecord

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
    """Return what is to be written so that ChartMogul holds what it should.

    On a customer that another source shares, the fields of that source are left out. Tags are added and never removed.
    """
    return {
        name: Change(remote.values.get(name), value)
        for name, value in want.values.items()
        if options.may_write(name, remote) and not is_same(options.find_type(name), value, remote.values.get(name))
    }


def list_initial_changes(want: Wanted) -> Changes:
    """Return what the creation of a record writes."""
    return {name: Change(None, value) for name, value in want.values.items() if value is not None}


def find_missing(changes: Mapping[str, Change], remote: RemoteRecord, options: WriteOptions) -> Changes:
    """Return those changes that ChartMogul does not show after they were written, with the value that it shows."""
    return {
        name: Change(remote.values.get(name), change.after)
        for name, change in changes.items()
        if not is_same(options.find_type(name), change.after, remote.values.get(name))
    }


def build_fields(changes: Mapping[str, Change]) -> JsonObject:
    """Build the body that changes plain fields, without attributes, tags, and the customer of a contact."""
    return {name: change.after for name, change in changes.items() if "." not in name and name != CUSTOMER_ID}


def build_attributes(changes: Mapping[str, Change], options: WriteOptions) -> list[JsonObject]:
    """Build the custom attributes of a customer with their types: only so do booleans stay what they are."""
    return [
        {"type": options.find_type(name), "key": name.removeprefix(CUSTOM), "value": change.after}
        for name, change in changes.items()
        if name.startswith(CUSTOM) and change.after is not None
    ]


def build_customer(changes: Mapping[str, Change], options: WriteOptions) -> JsonObject:
    """Build the body of a new customer, but for its source and external id."""
    attributes: JsonObject = {}
    if custom := build_attributes(changes, options):
        attributes["custom"] = custom
    if tags := list_tags(changes):
        attributes["tags"] = tags
    return build_fields(changes) | ({"attributes": attributes} if attributes else {})


def build_contact(changes: Mapping[str, Change]) -> JsonObject:
    """Build the body of a new or changed contact; here custom attributes have no types."""
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
    """Return the keys of the custom attributes that changes clear."""
    return [
        name.removeprefix(CUSTOM)
        for name, change in changes.items()
        if name.startswith(CUSTOM) and change.after is None
    ]


def list_refused_fields(refused: Sequence[str], sent: Iterable[str]) -> list[str]:
    """Return those of the sent fields that a refusal names. It names attributes only as a whole: they are left out."""
    return sorted(set(refused) & {name for name in sent if "." not in name})
