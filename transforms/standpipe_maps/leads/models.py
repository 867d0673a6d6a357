"""Intercom's companies and contacts: the members that the map uses. Their types are checked as they arrive.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts and /companies. Times are Unix
seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.messages import DECODER

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Named(msgspec.Struct):
    """A tag."""

    name: str | None = None


class Tags(msgspec.Struct):
    """The tags of a company."""

    tags: list[Named] | None = None


class Company(msgspec.Struct):
    """A company."""

    id: str
    company_id: str | None = None
    """The workspace's own id for the company."""
    name: str | None = None
    website: str | None = None
    created_at: Seconds | None = None
    updated_at: Seconds | None = None
    remote_created_at: int | None = None
    tags: Tags | None = None
    custom_attributes: dict[str, Any] | None = None


class Link(msgspec.Struct):
    """A contact's company."""

    id: str


class Links(msgspec.Struct):
    """A contact's companies."""

    data: list[Link] | None = None
    has_more: bool | None = None


class Profile(msgspec.Struct):
    """A contact's page in a social network."""

    name: str | None = None
    url: str | None = None


class Profiles(msgspec.Struct):
    """A contact's pages in social networks."""

    data: list[Profile] | None = None


class Location(msgspec.Struct):
    """Intercom's last known location of a contact. Its ``country_code`` has three letters."""

    country: str | None = None
    country_code: str | None = None
    city: str | None = None


class Contact(msgspec.Struct):
    """A contact: a user or a lead."""

    id: str
    role: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    created_at: Seconds | None = None
    updated_at: Seconds | None = None
    location: Location | None = None
    social_profiles: Profiles | None = None
    companies: Links | None = None
    custom_attributes: dict[str, Any] | None = None

    @property
    def company_ids(self) -> list[str]:
        """Intercom's ids of the contact's companies, each once."""
        data = (self.companies.data if self.companies else None) or ()
        return list(dict.fromkeys(one.id for one in data))


COMPANY = msgspec.json.Decoder(Company)
CONTACT = msgspec.json.Decoder(Contact)


def read_companies(records: Sequence[bytes]) -> list[Company]:
    """Return companies from their JSON.

    Raises:
        UserError: a field is of a wrong type, or there is no id.
    """
    return read_records(COMPANY, "companies", records, "Intercom")


def read_contacts(records: Sequence[bytes]) -> list[Contact]:
    """Return contacts from their JSON.

    Raises:
        UserError: a field has a wrong type, there is no id, or a list of companies is incomplete, as Intercom's pages
            have
            it after the tenth.
    """
    found = read_records(CONTACT, "contacts", records, "Intercom")
    for one in found:
        # With an incomplete list, the contact would seem to leave the other companies.
        if one.companies and one.companies.has_more:
            raise UserError(
                f"The contact {one.id} belongs to more companies than its record lists: the tap must read the others."
            )
    return found


def read_records(decoder: msgspec.json.Decoder[T], stream: str, records: Sequence[bytes], vendor: str) -> list[T]:
    """Return records as structs with the members that the map uses.

    Args:
        decoder: decodes one record of the stream.
        stream: the stream's name.
        records: JSON.
        vendor: the name of the vendor, for the error.

    Raises:
        UserError: a field has a wrong type, a field that every record has is missing, or a record is not UTF-8.
    """
    decode = decoder.decode
    try:
        return [decode(record) for record in records]
    except UnicodeDecodeError as error:
        raise UserError(f"A record of {stream} is not UTF-8: the tap's output was damaged.") from error
    except msgspec.ValidationError as error:
        raise _describe_bad_record(decoder, stream, records, vendor) from error


def _describe_bad_record(
    decoder: msgspec.json.Decoder[Any], stream: str, records: Sequence[bytes], vendor: str
) -> UserError:
    for record in records:
        try:
            decoder.decode(record)
        except msgspec.ValidationError as error:
            whole = DECODER.decode(record)
            key = whole.get("id") if isinstance(whole, dict) else None
            return UserError(
                f"The record {key} of {stream} does not have the form that {vendor} documents ({error}): check the tap."
            )
    raise AssertionError("called although every record can be read")
