"""Customers and contacts as ChartMogul sends them, and their form for comparisons. Pure.

https://dev.chartmogul.com/reference/customers, https://dev.chartmogul.com/reference/contacts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from target_chartmogul._kit.json_types import JsonObject, JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The prefixes of custom attributes and tags among the fields of a record.
CUSTOM, TAG = "custom.", "tag."
#: A contact's field for its customer, and its field for its external id.
CUSTOMER_ID, EXTERNAL_ID = "customer_external_id", "external_id"


@dataclass(frozen=True)
class RemoteRecord:
    """ChartMogul's values of a customer or contact, by field.

    Args:
        uuid: its id in ChartMogul.
        values: by field; custom attributes as `custom.<key>`, tags as `tag.<name>`.
        external_id: its first one in this target's data source; empty if it has none there.
        customer_uuid: the customer of a contact.
        is_shared: whether another data source has a part in this customer.
        position: the place of a contact in ChartMogul's list; older ones have lower numbers.
    """

    uuid: str
    values: Mapping[str, JsonValue]
    external_id: str = ""
    customer_uuid: str | None = None
    is_shared: bool = False
    position: int = 0


class RemoteObject(Protocol):
    """What customers and contacts have in common."""

    uuid: str
    external_id: str | None

    def list_external_ids(self, source: str) -> list[str]:
        """Return its external ids in a data source."""

    def list_index_ids(self, source: str) -> list[str]:
        """Return the external ids by which the list of a data source shows it."""

    def to_record(self, source: str, attributes: Iterable[str]) -> RemoteRecord:
        """Return it in the form for comparisons.

        Args:
            source: the uuid of this target's data source.
            attributes: the custom attributes that the stream declares; no others are compared.
        """


class Attributes(msgspec.Struct):
    """The attributes of a customer."""

    custom: JsonObject | None = None
    tags: list[str] | None = None


class CustomerFields(msgspec.Struct, kw_only=True):
    """The plain fields of a customer."""

    name: str | None = None
    email: str | None = None
    company: str | None = None
    website_url: str | None = None
    lead_created_at: str | None = None
    free_trial_started_at: str | None = None
    country: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None


class RemoteCustomer(CustomerFields, kw_only=True):
    """A customer."""

    uuid: str
    external_id: str | None = None
    data_source_uuid: str | None = None
    data_source_uuids: list[str] | None = None
    external_ids: list[str] | None = None
    attributes: Attributes | None = None
    status: JsonValue = None
    historical_values: JsonObject | None = None

    @property
    def custom(self) -> JsonObject:
        """The custom attributes."""
        return (self.attributes and self.attributes.custom) or {}

    @property
    def tags(self) -> list[str]:
        """The tags."""
        return (self.attributes and self.attributes.tags) or []

    def list_external_ids(self, source: str) -> list[str]:
        """Return all external ids of this customer in one source.

        A merged customer has a list of sources and one of external ids, with the same length. The single fields belong
        to the primary one. A source may be listed several times.
        """
        sources, ids = self.data_source_uuids or [], self.external_ids or []
        if sources and len(sources) == len(ids):
            return [one for place, one in zip(sources, ids, strict=True) if place == source]
        return [self.external_id] if self.data_source_uuid == source and self.external_id else []

    def list_index_ids(self, source: str) -> list[str]:
        """Return the external ids of the data source."""
        return self.list_external_ids(source)

    def to_record(self, source: str, attributes: Iterable[str]) -> RemoteRecord:
        """Return it in the form for comparisons."""
        ids = self.list_external_ids(source)
        values: dict[str, JsonValue] = {name: getattr(self, name) for name in CustomerFields.__struct_fields__}
        values |= _prefix_attributes(self.custom, attributes)
        values |= {TAG + tag: True for tag in self.tags}
        return RemoteRecord(
            self.uuid,
            values,
            external_id=ids[0] if ids else "",
            is_shared=any(one != source for one in self.data_source_uuids or ()),
        )


class ContactFields(msgspec.Struct, kw_only=True):
    """The plain fields of a contact."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None
    linked_in: str | None = None
    twitter: str | None = None


class RemoteContact(ContactFields, kw_only=True):
    """A contact. Without a customer it has no `customer_uuid`."""

    uuid: str
    external_id: str | None = None
    customer_uuid: str | None = None
    customer_external_id: str | None = None
    data_source_uuid: JsonValue = None
    custom: JsonObject | None = None
    position: JsonValue = None

    @property
    def person_key(self) -> str:
        """The key of this contact in an account that keeps no external ids."""
        return build_person_key(self.customer_uuid, self.email, self.first_name, self.last_name)

    def list_external_ids(self, source: str) -> list[str]:
        """Return its external id if it belongs to this data source."""
        return [self.external_id] if self.data_source_uuid == source and self.external_id else []

    def list_index_ids(self, source: str) -> list[str]:  # noqa: ARG002 - the list holds contacts of one source only
        """Return its external id."""
        external_id = (self.external_id or "").strip()
        return [external_id] if external_id else []

    def to_record(self, source: str, attributes: Iterable[str]) -> RemoteRecord:
        """Return it in the form for comparisons."""
        # Its customer and its id are compared too, as both can be out of date.
        names = (*ContactFields.__struct_fields__, CUSTOMER_ID, EXTERNAL_ID)
        values: dict[str, JsonValue] = {name: getattr(self, name) for name in names}
        values |= _prefix_attributes(self.custom or {}, attributes)
        return RemoteRecord(
            self.uuid,
            values,
            external_id="".join(self.list_external_ids(source)),
            customer_uuid=self.customer_uuid,
            position=self.position if isinstance(self.position, int) else 0,
        )


def build_person_key(customer_uuid: str | None, *texts: str | None) -> str:
    """Return the key of a contact in an account without external ids: customer, e-mail address and name."""
    return "\n".join([customer_uuid or "", *(" ".join((text or "").casefold().split()) for text in texts)])


def _prefix_attributes(custom: JsonObject, declared: Iterable[str]) -> JsonObject:
    return {CUSTOM + key: custom[key] for key in declared if key in custom}
