"""The two types of record that this target writes: all differences between contacts and companies, in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from target_intercom.records.match_keys import COMPANY_ID, COMPANY_NAME, EMAIL, EXTERNAL_ID, MatchKey
from target_intercom.records.remote import RemoteCompany, RemoteContact, RemoteRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_intercom._kit.json_types import JsonValue


class ObjectType(ABC):
    """A type of record."""

    stream: ClassVar[str]
    model: ClassVar[str]
    """What Intercom calls the owner of its data attributes."""
    identity: ClassVar[str]
    """The field that holds the caller's own id."""
    page: ClassVar[str]
    """Where Intercom's web application shows a record, below the workspace's address."""
    standard: ClassVar[Mapping[str, str]]
    """By field, the type that its value is fitted to."""
    created_only: ClassVar[frozenset[str]] = frozenset()
    """Standard fields that a creation writes and no update can."""
    creation: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What every creation carries."""
    match_keys: ClassVar[tuple[MatchKey, ...]]
    """What a record may be recognised by; the first one is the default."""
    remote: ClassVar[type[RemoteRecord]]
    """What Intercom's answers become."""
    joins_companies: ClassVar[bool] = False
    """Whether a record names the company that it is to be attached to."""
    has_own_prefix: ClassVar[bool] = False
    """Whether the setting `company_prefix` is about it."""

    def find_match_key(self, field: str) -> MatchKey:
        """Return the match key of this field."""
        return next(key for key in self.match_keys if key.field == field)

    @abstractmethod
    def read_lookup_id(self, record: Mapping[str, JsonValue]) -> str | None:
        """Return the id by which Intercom can be asked for a record at any time."""

    @abstractmethod
    def can_create(self, lookup_id: str | None) -> bool:
        """Return whether a record carries the id that a creation needs."""


class ContactType(ObjectType):
    """Users and leads, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts."""

    stream = "contacts"
    model = "contact"
    identity = "external_id"
    page = "users/{id}/all-conversations"
    standard = MappingProxyType({"email": "string", "name": "string", "phone": "string"})
    creation = MappingProxyType({"role": "user"})
    match_keys = (EMAIL, EXTERNAL_ID)
    remote = RemoteContact
    joins_companies = True

    def read_lookup_id(self, record: Mapping[str, JsonValue]) -> str | None:  # noqa: ARG002 - see the base
        """Return None: contacts are found by search."""
        return None

    def can_create(self, lookup_id: str | None) -> bool:  # noqa: ARG002 - see the base
        """Return True: a user needs no id."""
        return True


class CompanyType(ObjectType):
    """Companies, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies."""

    stream = "companies"
    model = "company"
    identity = "company_id"
    page = "companies/{id}/users"
    standard = MappingProxyType(
        {"name": "string", "plan": "string", "monthly_spend": "whole number", "remote_created_at": "date"}
    )
    #: `PUT /companies/{id}` knows no `remote_created_at` (API description 2.16, 2026-08-21).
    created_only = frozenset({"remote_created_at"})
    match_keys = (COMPANY_ID, COMPANY_NAME)
    remote = RemoteCompany
    has_own_prefix = True

    def read_lookup_id(self, record: Mapping[str, JsonValue]) -> str | None:
        """Return the `company_id`."""
        return COMPANY_ID.read_value(record)

    def can_create(self, lookup_id: str | None) -> bool:
        """Return whether there is a `company_id`: Intercom creates no company without one."""
        return lookup_id is not None


CONTACT, COMPANY = ContactType(), CompanyType()

#: By stream, in the order in which they are written: companies first, so that contacts can be attached to them.
OBJECT_TYPES: Mapping[str, ObjectType] = MappingProxyType({one.stream: one for one in (COMPANY, CONTACT)})
