"""Builds the bodies of requests: the differences from what Intercom has, and creations. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom._kit.changes import Change, Changes
from target_intercom.records.match_keys import EMAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.records.remote import RemoteRecord
    from target_intercom.records.values import WantedRecord
    from target_intercom.records.write_options import WriteOptions

__all__ = [
    "Change",
    "Changes",
    "build_create_body",
    "build_update_body",
    "find_changes",
    "find_clearing_changes",
    "find_creation_changes",
    "is_same",
]


def find_changes(
    wanted: WantedRecord, remote: RemoteRecord, options: WriteOptions, *, convert: bool = False
) -> Changes:
    """Compare each field's wanted value with Intercom's. An empty result means that there is nothing to write.

    The match value, and an identity that already has a value, are never in the result. Null clears owned attributes
    only. An empty standard field keeps Intercom's value.

    Args:
        wanted: the record.
        remote: the contact or company.
        options: the settings and types.
        convert: whether to make a user of a lead.
    """
    changes: Changes = {}
    attributes, identity = remote.custom_attributes, options.object_type.identity
    if convert and remote.is_lead:
        changes["role"] = Change(remote.get_field("role"), "user")
    # A record whose creation was interrupted lacks its identity, so it gets it with any settings.
    may_fill = options.update_all or attributes.get(options.created_by) is True
    if may_fill and wanted.identity and not remote.get_field(identity):
        changes[identity] = Change(remote.get_field(identity), wanted.identity)
    if options.update_all:
        changes |= _find_standard_changes(wanted, remote, options)
    for name, value in wanted.attributes.items():
        may_write = options.owns_attribute(name) or (options.update_all and value is not None)
        if may_write and not is_same(options.types[name], value, attributes.get(name)):
            changes[f"custom_attributes.{name}"] = Change(attributes.get(name), value)
    if attributes.get(options.created_by) is None:
        changes[f"custom_attributes.{options.created_by}"] = Change(None, after=False)
    return changes


def find_creation_changes(wanted: WantedRecord, options: WriteOptions) -> Changes:
    """Return the changes of a creation."""
    body = build_create_body(wanted, options)
    attributes = body.pop("custom_attributes")
    values = body | {f"custom_attributes.{name}": value for name, value in attributes.items()}
    return {name: Change(None, value) for name, value in values.items()}


def find_clearing_changes(remote: RemoteRecord, options: WriteOptions) -> Changes:
    """Return the changes that remove this integration's values and link from a record, but not who created it."""
    return {
        f"custom_attributes.{name}": Change(value, None)
        for name, value in remote.custom_attributes.items()
        if options.owns_attribute(name) and name != options.created_by and value is not None and value != ""
    }


def build_update_body(changes: Mapping[str, Change]) -> JsonObject:
    """Return the body of the PUT that makes these changes."""
    body: JsonObject = {}
    for name, change in changes.items():
        parent, _, attribute = name.partition(".")
        if attribute:
            body.setdefault(parent, {})[attribute] = change.after
        else:
            body[name] = change.after
    return body


def build_create_body(wanted: WantedRecord, options: WriteOptions) -> JsonObject:
    """Return the body of the POST for a new user or company, without an identity that an update adds later."""
    attributes = {name: value for name, value in wanted.attributes.items() if value is not None}
    body = {name: value for name, value in wanted.standard.items() if value is not None}
    body |= options.object_type.creation
    # An update adds a missing identity later; see `EmailKey`.
    if options.match_key.creates_with_identity:
        body[options.object_type.identity] = wanted.identity
    return body | {"custom_attributes": attributes | {options.created_by: True}}


def is_same(data_type: str, value: JsonValue, remote_value: JsonValue) -> bool:
    """Compare a converted value with Intercom's by type: 49 equals 49.0, dates equal to the second, "" is empty."""
    if value is None or remote_value is None or remote_value == "":
        return value is None and (remote_value is None or remote_value == "")
    if data_type in {"string", "boolean"}:
        return type(value) is type(remote_value) and bool(value == remote_value)
    try:
        return float(value) == float(remote_value)
    except (TypeError, ValueError):
        return False


def _find_standard_changes(wanted: WantedRecord, remote: RemoteRecord, options: WriteOptions) -> Changes:
    fixed = {options.match_key.field, *options.object_type.created_only}
    changes: Changes = {}
    for name, data_type in options.object_type.standard.items():
        value, remote_value = wanted.standard[name], remote.get_field(name)
        if name in fixed or value is None:
            continue
        if name == "email" and remote_value is not None:
            # Intercom may store an address in lower case, so another case must not lead to a write in every run.
            is_equal = EMAIL.normalise(value) == EMAIL.normalise(remote_value)
        else:
            is_equal = is_same(data_type, value, remote_value)
        if not is_equal:
            changes[name] = Change(remote_value, value)
    return changes
