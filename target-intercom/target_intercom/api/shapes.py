"""The form of Intercom's answers, and the contacts and companies that are read from them. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_intercom._kit.json_types import JsonObject
from target_intercom._kit.list_shape import Key, ListShape, Number, Text
from target_intercom.records.attributes import Choice, RemoteAttribute
from target_intercom.records.remote import RemoteCompany, RemoteContact

if TYPE_CHECKING:
    from target_intercom._kit.page_decoder import Item


class Link(msgspec.Struct):
    """A company that a contact is attached to."""

    id: Text


class Links(msgspec.Struct):
    """The first ten companies of a contact."""

    data: list[Link]
    has_more: bool = False


class Plan(msgspec.Struct):
    """The plan of a company."""

    name: str | None = None


class App(msgspec.Struct):
    """A token's workspace."""

    id_code: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """The answer of `/me`."""

    app: App


class ListedEvent(msgspec.Struct):
    """A data event in the list of a contact."""

    event_name: Text
    created_at: Number
    metadata: JsonObject | None = None


class EventPages(msgspec.Struct):
    """Where the list goes on: the address of the next page."""

    next: str | None = None


class ListedEvents(msgspec.Struct):
    """A page of the data events of a contact."""

    events: list[ListedEvent]
    pages: EventPages | None = None


class SavedObject(msgspec.Struct):
    """An instance of a custom object after a write."""

    id: Text
    custom_attributes: JsonObject = {}


class Gone(msgspec.Struct):
    """The answer to archiving or deleting a record."""

    id: Text


#: The role limits what can be done with a contact. The other members are for matching and comparing.
CONTACTS = ListShape(
    name="contacts",
    items="data",
    key={"id": Text},
    needed={
        "role": Text,
        "email": str | None,
        "external_id": str | None,
        "custom_attributes": JsonObject | None,
        "companies": Links | None,
    },
    wanted={"name": str, "phone": str},
    paging="cursor",
    total="total_count",
    total_needed=True,
)

#: The companies in a scroll, and one company.
COMPANIES = ListShape(
    name="companies",
    items="data",
    key={"id": Text},
    needed={"company_id": str | None, "name": str | None, "custom_attributes": JsonObject | None},
    wanted={
        "plan": Plan,
        "user_count": Number,
        "monthly_spend": int | float,
        "remote_created_at": Number,
    },
    paging="scroll",
)

#: The companies of one contact.
LINKS = ListShape(name="companies of a contact", items="data", key={"id": Text}, paging="numbered", total="total_count")

#: The instances of a custom object.
OBJECTS = ListShape(name="custom objects", items="data", key={"id": Text}, paging="numbered", total="total_count")

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
        "options": list[Choice | str],
    },
)


def read_contact(item: Item) -> RemoteContact:
    """Return the contact in a checked answer. One without `companies` is attached to none."""
    members = item.members
    return RemoteContact(
        id=members.id,
        role=members.role,
        email=members.email,
        external_id=members.external_id,
        name=members.name,
        phone=members.phone,
        company_ids=tuple(company.id for company in members.companies.data) if members.companies else (),
        has_more_companies=bool(members.companies and members.companies.has_more),
        custom_attributes=members.custom_attributes or {},
    )


def read_company(item: Item) -> RemoteCompany:
    """Return the company in a checked answer."""
    members = item.members
    return RemoteCompany(
        id=members.id,
        company_id=members.company_id,
        name=members.name,
        plan=members.plan.name if members.plan else None,
        monthly_spend=members.monthly_spend,
        remote_created_at=members.remote_created_at,
        user_count=members.user_count,
        custom_attributes=members.custom_attributes or {},
    )


def read_attribute(item: Item) -> RemoteAttribute:
    """Return the data attribute in a checked answer."""
    members = item.members
    choices = [one.value if isinstance(one, Choice) else one for one in members.options or ()]
    return RemoteAttribute(
        name=members.name,
        data_type=members.data_type,
        model=members.model or "",
        is_custom=bool(members.custom),
        is_archived=bool(members.archived),
        is_read_only=members.api_writable is False,
        choices=frozenset(choices),
    )
