"""What the answers of ChartMogul hold that this target reads. Pure.

https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from typing import Any

import msgspec

from target_chartmogul._kit.list_shape import ListShape, Text
from target_chartmogul.records.object_types import CONTACT, CUSTOMER


class Attributes(msgspec.Struct):
    """What hangs on a customer."""

    custom: dict[str, Any] | None = None
    tags: list[str] | None = None


#: Sources and external ids are what a customer is found by, however it was merged.
CUSTOMERS = ListShape(
    name="customers",
    items="entries",
    key={"uuid": Text},
    needed={
        "external_id": str | None,
        "data_source_uuid": str | None,
        "data_source_uuids": list[str] | None,
        "external_ids": list[str] | None,
    },
    wanted={**dict.fromkeys(CUSTOMER.fields, str), "attributes": Attributes, "historical_values": dict[str, Any]},
    paging="has_more",
)

#: A contact of nobody is nobody's duplicate.
CONTACTS = ListShape(
    name="contacts",
    items="entries",
    key={"uuid": Text},
    needed={"external_id": str | None, "customer_uuid": str | None, "customer_external_id": str | None},
    wanted={**dict.fromkeys(CONTACT.fields, str), "custom": dict[str, Any]},
    paging="has_more",
)

OF_KIND = {CUSTOMER.stream: CUSTOMERS, CONTACT.stream: CONTACTS}

#: The data sources of an account.
SOURCES = ListShape(
    name="data sources",
    items="data_sources",
    key={"uuid": Text},
    needed={"name": Text, "system": str | None},
    wanted={"status": str, "created_at": str, "processing_status": dict[str, Any]},
)

#: What a customer has after its attributes or tags were written.
CUSTOM = ListShape(name="custom attributes", items="", key={"custom": dict[str, Any]})
TAGS = ListShape(name="tags", items="", key={"tags": list[str]})
