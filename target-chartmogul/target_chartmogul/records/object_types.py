"""The two types of record that this target writes, and what each takes from a stream. Pure.

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
from target_chartmogul.records.values import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_chartmogul._kit.json_types import JsonObject, JsonValue

R_co = TypeVar("R_co", bound=RemoteObject, covariant=True)

#: The external ids under which an earlier version of its map wrote a contact.
PREVIOUS_ID = "previous_external_id"
#: Singer's mark of a record that is gone.
DELETED_AT = "_sdc_deleted_at"


class ObjectType(Generic[R_co]):
    """A type of record. Two instances stand for all there are: `CUSTOMER` and `CONTACT`."""

    stream: ClassVar[str]
    #: Where ChartMogul has the collection.
    path: ClassVar[str]
    #: By field, the type that its value is fitted to.
    fields: ClassVar[Mapping[str, str]]
    #: Where a record of the stream, and its schema, have the custom attributes.
    custom_at: ClassVar[tuple[str, ...]]
    #: What else a record of the stream may have.
    other_fields: ClassVar[frozenset[str]]
    #: Of a record that another data source shares: fields that are always written, and those only while it has none.
    shared_fields: ClassVar[frozenset[str]] = frozenset()
    fields_set_once: ClassVar[frozenset[str]] = frozenset()
    #: A record that is marked as gone is deleted.
    is_deletable: ClassVar[bool]
    _remote: type[R_co]

    def decode(self, entry: JsonObject) -> R_co:
        """Return an answer of ChartMogul as a struct; its shape is already proved."""
        return msgspec.convert(entry, self._remote)

    def list_values(self, record: JsonObject, types: Mapping[str, str]) -> Iterator[tuple[str, str, JsonValue]]:
        """Yield what a record of the stream says: field, type and value.

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
        """Return the external ids under which a record was written before."""
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
        """Yield what a record says, tags included."""
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
    """Contacts. Each belongs to one customer."""

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
        """Return the external ids in `previous_external_id`, which holds one or a list."""
        value = record.get(PREVIOUS_ID)
        ids = map(parse_id, value if isinstance(value, list) else [value])
        return list(dict.fromkeys(one for one in ids if one and one != parse_id(record.get(EXTERNAL_ID))))


CUSTOMER, CONTACT = CustomerType(), ContactType()
#: By stream, in the order in which they are written: a contact needs its customer.
OBJECT_TYPES: Mapping[str, CustomerType | ContactType] = {one.stream: one for one in (CUSTOMER, CONTACT)}
