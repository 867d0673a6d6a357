"""The two types of record that this target writes, and the fields that it reads of each. Pure.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import msgspec

from target_chartmogul.records.remote import (
    CUSTOM,
    CUSTOMER_ID,
    EXTERNAL_ID,
    TAG,
    RemoteContact,
    RemoteCustomer,
    RemoteObject,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_chartmogul._kit.json_types import JsonObject, JsonValue

R_co = TypeVar("R_co", bound=RemoteObject, covariant=True)

#: The field with a contact's external ids from an earlier version of the map.
PREVIOUS_ID = "previous_external_id"
#: Singer's mark of a deleted record.
DELETED_AT = "_sdc_deleted_at"


class ObjectType(Generic[R_co]):
    """A type of record. There are only two instances, `CUSTOMER` and `CONTACT`."""

    stream: ClassVar[str]
    #: ChartMogul's path of the collection.
    path: ClassVar[str]
    #: The type of each field, to which its values are converted.
    fields: ClassVar[Mapping[str, str]]
    #: The path to the custom attributes in a record and in its schema.
    custom_at: ClassVar[tuple[str, ...]]
    #: Further members that a record may have.
    other_fields: ClassVar[frozenset[str]]
    #: For a shared record: fields that are always written, and fields that are written only while they are empty.
    shared_fields: ClassVar[frozenset[str]] = frozenset()
    fields_set_once: ClassVar[frozenset[str]] = frozenset()
    #: Whether a record with the mark of deletion is deleted.
    is_deletable: ClassVar[bool]
    _remote: type[R_co]

    def decode(self, entry: JsonObject) -> R_co:
        """Return an answer of ChartMogul as a struct. Its form is already checked."""
        return msgspec.convert(entry, self._remote)

    def list_values(self, record: JsonObject, types: Mapping[str, str]) -> Iterator[tuple[str, str, JsonValue]]:
        """Yield the values of a record: field, type and value.

        Args:
            record: the record.
            types: by custom attribute, the type that the stream declares.
        """
        for name, data_type in self.fields.items():
            yield name, data_type, record.get(name)
        part: JsonValue = record
        for level in self.custom_at:
            part = part.get(level) or {}
            if not isinstance(part, dict):
                yield ".".join(self.custom_at), "object", part
                return
        for key, value in part.items():
            if key in types:
                yield CUSTOM + key, types[key], value

    def list_previous_ids(self, record: JsonObject) -> list[str]:  # noqa: ARG002 - contacts have some
        """Return the earlier external ids of a record."""
        return []


class CustomerType(ObjectType[RemoteCustomer]):
    """Customers. They are shared with other data sources, and never deleted."""

    stream = "customers"
    path = "/customers"
    fields: ClassVar = {
        "name": "text",
        "email": "e-mail",
        "company": "text",
        "website_url": "text",
        "lead_created_at": "Timestamp",
        "free_trial_started_at": "Timestamp",
        "country": "code",
        "state": "text",
        "city": "text",
        "zip": "text",
    }
    custom_at = ("attributes", "custom")
    other_fields = frozenset({EXTERNAL_ID, "attributes"})
    shared_fields = frozenset({"website_url"})
    fields_set_once = frozenset({"lead_created_at", "free_trial_started_at"})
    is_deletable = False
    _remote = RemoteCustomer

    def list_values(self, record: JsonObject, types: Mapping[str, str]) -> Iterator[tuple[str, str, JsonValue]]:
        """Yield the values of a record, including tags."""
        yield from super().list_values(record, types)
        attributes = record.get("attributes")
        tags = (attributes.get("tags") if isinstance(attributes, dict) else None) or []
        if not isinstance(tags, list) or any(isinstance(tag, dict | list) for tag in tags):
            yield "attributes.tags", "list of texts", tags
            return
        for tag in map(parse_id, tags):
            if tag:
                yield TAG + tag, "tag", True


class ContactType(ObjectType[RemoteContact]):
    """Contacts. Each belongs to a customer."""

    stream = "contacts"
    path = "/contacts"
    fields: ClassVar = {
        "first_name": "text",
        "last_name": "text",
        "email": "e-mail",
        "phone": "text",
        "title": "text",
        "linked_in": "text",
        "twitter": "text",
    }
    custom_at = ("custom",)
    other_fields = frozenset({EXTERNAL_ID, "custom", CUSTOMER_ID, PREVIOUS_ID})
    is_deletable = True
    _remote = RemoteContact

    def list_previous_ids(self, record: JsonObject) -> list[str]:
        """Return the external ids in `previous_external_id`, which is one id or a list."""
        value = record.get(PREVIOUS_ID)
        ids = map(parse_id, value if isinstance(value, list) else [value])
        return list(dict.fromkeys(one for one in ids if one and one != parse_id(record.get(EXTERNAL_ID))))


CUSTOMER, CONTACT = CustomerType(), ContactType()
#: The types by stream, in the order of writing, as a contact needs its customer.
OBJECT_TYPES: Mapping[str, CustomerType | ContactType] = {one.stream: one for one in (CUSTOMER, CONTACT)}
#: The streams of other writes in the journal.
SOURCES, MERGES = "data_sources", "merges"


def parse_id(value: JsonValue) -> str | None:
    """Return an id as text without surrounding spaces; None if it is empty, a list or an object."""
    return None if value is None or isinstance(value, dict | list) else str(value).strip() or None
