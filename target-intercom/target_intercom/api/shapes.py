"""What the answers of Intercom hold that this target reads. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from typing import Any

import msgspec

from target_intercom._kit.list_shape import Key, ListShape, Number, Text


class Link(msgspec.Struct):
    """A company that a contact is attached to."""

    id: Text


class Links(msgspec.Struct):
    """The first ten companies of a contact."""

    data: list[Link]
    has_more: bool = False


class Option(msgspec.Struct):
    """One of the values that a list attribute permits."""

    value: str


class App(msgspec.Struct):
    """The workspace that a token belongs to."""

    id_code: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """What `/me` answers."""

    app: App


#: Who a contact is decides what may be done with it; e-mail, external id, link and companies are what it is matched by.
CONTACTS = ListShape(
    name="contacts",
    items="data",
    key={"id": Text},
    needed={
        "role": Text,
        "email": str | None,
        "external_id": str | None,
        "custom_attributes": dict[str, Any] | None,
        "companies": Links | None,
    },
    wanted={"name": str, "phone": str},
    paging="cursor",
    total="total_count",
    total_needed=True,
)

#: The companies by scroll, and one company.
COMPANIES = ListShape(
    name="companies",
    items="data",
    key={"id": Text},
    needed={"company_id": str | None, "name": str | None, "custom_attributes": dict[str, Any] | None},
    wanted={
        "plan": dict[str, Any],
        "user_count": Number,
        "monthly_spend": float,
        "remote_created_at": Number,
        "website": str,
        "industry": str,
        "size": int,
    },
    paging="scroll",
)

#: The companies of one contact.
LINKS = ListShape(name="companies of a contact", items="data", key={"id": Text}, paging="numbered", total="total_count")

#: The data attributes of a model.
ATTRIBUTES = ListShape(
    name="data attributes",
    items="data",
    key={"name": Text},
    needed={"data_type": Text},
    wanted={
        "id": Key,
        "custom": bool,
        "archived": bool,
        "api_writable": bool,
        "model": str,
        "options": list[Option | str],
    },
)
