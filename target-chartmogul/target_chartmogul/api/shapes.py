"""The conditions for each of ChartMogul's answers before this target uses it.

Pure. https://dev.chartmogul.com/reference
"""

from __future__ import annotations

import msgspec

from target_chartmogul._kit.json_types import JsonObject
from target_chartmogul._kit.list_shape import ListShape, Text
from target_chartmogul.records.object_types import CONTACT, CUSTOMER
from target_chartmogul.records.remote import Attributes, ContactFields, CustomerFields


class DataSource(msgspec.Struct):
    """A data source of the account."""

    uuid: str
    name: str
    system: str | None = None
    status: str | None = None
    created_at: str | None = None
    processing_status: JsonObject | None = None


class CustomAttributes(msgspec.Struct):
    """The custom attributes of a customer after a write."""

    custom: JsonObject


class Tags(msgspec.Struct):
    """The tags of a customer after a write."""

    tags: list[str]


#: Sources and external ids identify a customer, even after merges.
_CUSTOMERS = ListShape(
    name="customers",
    items="entries",
    key={"uuid": Text},
    needed={
        "external_id": str | None,
        "data_source_uuid": str | None,
        "data_source_uuids": list[str] | None,
        "external_ids": list[str] | None,
    },
    wanted={
        **dict.fromkeys(CustomerFields.__struct_fields__, str),
        "attributes": Attributes,
        "historical_values": JsonObject,
    },
    paging="has_more",
)
_CONTACTS = ListShape(
    name="contacts",
    items="entries",
    key={"uuid": Text},
    needed={"external_id": str | None, "customer_uuid": str | None, "customer_external_id": str | None},
    wanted={**dict.fromkeys(ContactFields.__struct_fields__, str), "custom": JsonObject},
    paging="has_more",
)

#: By stream, the lists of customers and contacts.
OBJECTS = {CUSTOMER.stream: _CUSTOMERS, CONTACT.stream: _CONTACTS}
SOURCES = ListShape(
    name="data sources",
    items="data_sources",
    key={"uuid": Text},
    needed={"name": Text, "system": str | None},
    wanted={"status": str, "created_at": str, "processing_status": JsonObject},
)
CUSTOM = ListShape(name="custom attributes", items="", key={"custom": JsonObject})
TAGS = ListShape(name="tags", items="", key={"tags": list[str]})
