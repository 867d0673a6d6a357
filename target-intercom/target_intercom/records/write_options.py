"""The options for writing the records of one stream: settings, and attributes of the workspace. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import msgspec

from target_intercom.records.match_keys import EMAIL, Keys, MatchKey, read_identifier
from target_intercom.records.object_types import CONTACT, ObjectType
from target_intercom.records.remote import RemoteRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom._kit.json_types import JsonObject, JsonValue

Remote = TypeVar("Remote", bound=RemoteRecord)

#: The longest string that a custom attribute holds.
MAX_STRING = 255


@dataclass(frozen=True)
class WriteOptions:
    """The options for writing records.

    Args:
        types: the type of every custom attribute that may be written.
        object_type: contacts or companies.
        match_key: the field that identifies records.
        update_all: whether standard fields and foreign attributes are written to a match.
        prefix: the prefix of this integration's attributes.
        link: the attribute with the record's id; empty for none.
        choices: by list attribute, the permitted values.
        archived: attributes that can no longer be written.
        guarded: attributes whose changes count for `max_changed_share`, whatever their names.
    """

    types: Mapping[str, str]
    object_type: ObjectType = CONTACT
    match_key: MatchKey = EMAIL
    update_all: bool = False
    prefix: str = "cb_"
    link: str = "cb_cust_id"
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    archived: frozenset[str] = frozenset()
    guarded: frozenset[str] = frozenset()

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return self.object_type.stream

    @property
    def created_by(self) -> str:
        """The attribute that says whether this integration created the record."""
        return f"{self.prefix}created_by"

    def owns_attribute(self, name: str) -> bool:
        """Return whether a custom attribute belongs to this integration, which may change and clear it."""
        return name.startswith(self.prefix) or (bool(self.link) and name == self.link)

    def read_link(self, record: Mapping[str, JsonValue], record_id: str | None) -> str | None:
        """Return the id for the link attribute: the record's own value of it, else its key property."""
        if not self.link:
            return None
        return read_identifier(read_attributes(record).get(self.link)) or read_identifier(record_id)

    def read_keys(self, record: Mapping[str, JsonValue], record_id: str | None, *, may_create: bool) -> Keys:
        """Return the keys of a record in the input.

        Args:
            record: the record.
            record_id: the value of its key property.
            may_create: whether it can become a new user, whose e-mail address nobody else may have.
        """
        value = self.match_key.read_value(record)
        key = self.match_key.normalise(value) if value and len(value) <= MAX_STRING else None
        email = self._read_guarded_email(EMAIL.read_value(record)) if may_create else None
        return Keys(key, self.read_link(record, record_id), self.object_type.read_lookup_id(record), email)

    def find_overlong(self, record: Mapping[str, JsonValue], link: str | None) -> str | None:
        """Return the name of an identifier that is too long for Intercom. A shortened one could be another record's."""
        names = (self.match_key.field, self.object_type.identity, "email")
        values = {name: read_identifier(record.get(name)) for name in names} | {self.link: link}
        return next((name for name, value in values.items() if len(value or "") > MAX_STRING), None)

    def read_remote_key(self, remote: RemoteRecord) -> str:
        """Return the match value of a contact or company in the form for comparisons."""
        return self.match_key.normalise(str(remote.get_field(self.match_key.field) or ""))

    def read_remote_email(self, remote: RemoteRecord) -> str | None:
        """Return the e-mail address of a contact, unless users are matched by it."""
        return self._read_guarded_email(remote.get_field("email") if self.match_key.needs_free_email else None)

    def read_remote_link(self, remote: RemoteRecord) -> str | None:
        """Return the id of the record to which a contact or company is linked."""
        value = remote.custom_attributes.get(self.link) if self.link else None
        return None if value is None or value == "" else str(value)

    def read_remote_keys(self, remote: RemoteRecord) -> Keys:
        """Return the keys of a contact or company."""
        return Keys(
            self.read_remote_key(remote),
            self.read_remote_link(remote),
            remote.lookup_id,
            self.read_remote_email(remote),
        )

    def trim_remote(self, remote: Remote) -> Remote:
        """Return a contact or company with only the attributes that are compared or may have to be cleared."""
        kept = {
            name: value
            for name, value in remote.custom_attributes.items()
            if name in self.types or (self.owns_attribute(name) and name not in self.archived)
        }
        return msgspec.structs.replace(remote, custom_attributes=kept)

    def _read_guarded_email(self, value: str | None) -> str | None:
        return EMAIL.normalise(value or "") or None if self.match_key.needs_free_email else None


def read_attributes(record: Mapping[str, JsonValue]) -> JsonObject:
    """Return the custom attributes of a record; none if the value is not an object."""
    attributes = record.get("custom_attributes")
    return attributes if isinstance(attributes, dict) else {}
