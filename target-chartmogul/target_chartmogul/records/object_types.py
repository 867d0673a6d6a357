"""The two kinds of record that ChartMogul holds and this target writes, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Kind:
    """A kind of record."""

    stream: str
    path: str  #: where its collection is
    fields: Mapping[str, str] = field(hash=False)  #: by field, the type that its value is fitted to
    custom_at: tuple[str, ...] = ()  #: where a record of the stream has its custom attributes
    own: frozenset[str] = frozenset()  #: fields that are written even where a billing system shares the record
    once: frozenset[str] = frozenset()  #: of a record that is shared: fields that are written only while it has none


#: https://dev.chartmogul.com/reference/customers
CUSTOMER = Kind(
    stream="customers",
    path="/customers",
    fields=MappingProxyType(
        {
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
    ),
    custom_at=("attributes", "custom"),
    own=frozenset({"website_url"}),
    once=frozenset({"lead_created_at", "free_trial_started_at"}),
)

#: https://dev.chartmogul.com/reference/contacts
CONTACT = Kind(
    stream="contacts",
    path="/contacts",
    fields=MappingProxyType(
        {
            "first_name": "text",
            "last_name": "text",
            "email": "e-mail",
            "phone": "text",
            "title": "text",
            "linked_in": "text",
            "twitter": "text",
        }
    ),
    custom_at=("custom",),
)

#: By stream, in the order in which they are written: a contact needs its customer.
KINDS = {kind.stream: kind for kind in (CUSTOMER, CONTACT)}

#: The field of a contact's record that names its customer.
CUSTOMER_ID = "customer_external_id"

#: Its external id, and the ones under which it was written by an earlier version of its map.
EXTERNAL_ID, PREVIOUS_ID = "external_id", "previous_external_id"

#: Singer's mark of a record that is gone.
DELETED_AT = "_sdc_deleted_at"
