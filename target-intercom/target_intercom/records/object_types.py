"""The two kinds of record that Intercom holds and this target writes, as data."""

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
    model: str  #: what Intercom calls the owner of its data attributes
    identity: str  #: the field that holds the caller's own id
    page: str  #: where Intercom's web application shows one, below the workspace's address
    standard: Mapping[str, str] = field(hash=False)  #: by field, the type that its value is fitted to
    created_only: frozenset[str] = frozenset()  #: standard fields that a creation writes and no update can


#: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts
CONTACT = Kind(
    stream="contacts",
    model="contact",
    identity="external_id",
    page="users/{id}/all-conversations",
    standard=MappingProxyType({"email": "string", "name": "string", "phone": "string"}),
)

#: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
#: `PUT /companies/{id}` knows no `remote_created_at` (API description 2.16, 2026-08-21).
COMPANY = Kind(
    stream="companies",
    model="company",
    identity="company_id",
    page="companies/{id}/users",
    standard=MappingProxyType(
        {"name": "string", "plan": "string", "monthly_spend": "whole number", "remote_created_at": "date"}
    ),
    created_only=frozenset({"remote_created_at"}),
)

#: By stream, in the order in which they are written: companies first, so that contacts can be attached to them.
KINDS = {kind.stream: kind for kind in (COMPANY, CONTACT)}
