"""The two types of record that this target writes. All differences between contacts and companies are here."""

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
    """Intercom's name for the type in data attributes."""
    identity: ClassVar[str]
    """The field with the caller's own id."""
    page: ClassVar[str]
    """The path of a record in Intercom's web application, below the workspace's address."""
    standard: ClassVar[Mapping[str, str]]
    """The type of each field, to which its values are converted."""
    created_only: ClassVar[frozenset[str]] = frozenset()
    """Standard fields that only a creation can write."""
    creation: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The fixed part of every creation."""
    match_keys: ClassVar[tuple[MatchKey, ...]]
    """The possible match keys. The first one is the default."""
    remote: ClassVar[type[RemoteRecord]]
    """The class for Intercom's answers."""
    joins_companies: ClassVar[bool] = False
    """Whether a record can name the company that it belongs to."""
    has_own_prefix: ClassVar[bool] = False
    """Whether the setting `company_prefix` applies to it."""

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
    #: `PUT /companies/{id}` does not accept `remote_created_at` (API description 2.16, 2026-08-21).
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
