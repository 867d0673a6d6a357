"""Derives ChartMogul's records from Intercom's: a customer per company, and a contact per link to a company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps.leads import rules
from standpipe_maps.leads.attributes import Attribute, read_value, read_values
from standpipe_maps.leads.countries import find_country_code
from standpipe_maps.leads.models import Location

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.leads.models import Company, Contact

LOCATION = "location"
# The counts of the summary. For the notes in ODD it also reports some ids.
UNFIT, NO_WEBSITE, NO_COUNTRY = "unfit_attribute", "no_website", "unknown_country"
CUSTOMER_NOTES = ("without_name", "without_email", "without_date", NO_WEBSITE, NO_COUNTRY, UNFIT)
ODD = frozenset({UNFIT, NO_WEBSITE, NO_COUNTRY})


class DerivedRecord(NamedTuple):
    """A record and its notes for the summary."""

    record: JsonObject
    notes: Sequence[str]


@dataclass(frozen=True)
class CustomerOptions:
    """The settings for customers."""

    customs: Sequence[Attribute]
    date: Attribute | None
    """The source of the lead's and the trial's date: a standard field or an attribute of the company."""
    country: Attribute | str | None
    """The source: an attribute of the company, or ``LOCATION``, its representative's. The same for ``city``."""
    city: Attribute | str | None
    tags: bool


@dataclass(frozen=True)
class ContactOptions:
    """The settings for contacts."""

    customs: Sequence[Attribute]
    title: Attribute | None
    deletes: bool
    """Whether contacts that left a company are sent as deleted. All others then say that they are not."""


def build_customer(
    company: Company, external_id: str, speaker: Contact | None, options: CustomerOptions
) -> DerivedRecord:
    """Return the customer for a company.

    Args:
        company: Intercom's company.
        external_id: the id that the setting `customer_id_field` names.
        speaker: the contact that represents the company, which has no e-mail address and no place itself.
        options: the settings.
    """
    name, website = rules.strip_text(company.name), rules.normalize_website(company.website)
    dates = {"created_at": company.created_at, "remote_created_at": company.remote_created_at}
    date, is_date = read_value(options.date, {**(company.custom_attributes or {}), **dates})
    country, city, are_places = _find_places(company, speaker, options)
    customs, fit = read_values(options.customs, company.custom_attributes)
    email = rules.strip_text(speaker.email) if speaker else None
    code = country and find_country_code(country)
    record = {
        "external_id": external_id,
        "name": name or external_id,
        "company": name,
        "email": email,
        "website_url": website,
        "lead_created_at": date,
        "free_trial_started_at": date,
        "country": code,
        "city": city,
        "attributes": {"custom": customs, **({"tags": _list_tags(company)} if options.tags else {})},
    }
    # In the order of CUSTOMER_NOTES.
    holds = (
        name is None,
        email is None,
        options.date is not None and date is None,
        website is None and rules.strip_text(company.website) is not None,
        country is not None and code is None,
        not (fit and is_date and are_places),
    )
    return DerivedRecord(record, [note for note, one in zip(CUSTOMER_NOTES, holds, strict=True) if one])


def _list_tags(company: Company) -> list[str]:
    tags = (company.tags.tags if company.tags else None) or ()
    return sorted({tag for one in tags if (tag := rules.strip_text(one.name))})


def _find_places(
    company: Company, speaker: Contact | None, options: CustomerOptions
) -> tuple[str | None, str | None, bool]:
    """Return country and city, and whether the attributes for them have the right types."""
    seen = (speaker.location if speaker else None) or Location()
    customs = company.custom_attributes
    country, is_country = _find_place(options.country, customs, rules.strip_text(seen.country_code) or seen.country)
    city, is_city = _find_place(options.city, customs, seen.city)
    return country, city, is_country and is_city


def _find_place(
    source: Attribute | str | None, customs: Mapping[str, JsonValue] | None, seen: str | None
) -> tuple[str | None, bool]:
    found, fits = read_value(source, customs) if isinstance(source, Attribute) else (seen if source else None, True)
    return rules.strip_text(found), fits


def build_contact(contact: Contact, options: ContactOptions) -> DerivedRecord:
    """Return a contact's fields that are the same at every customer."""
    first, last = rules.split_name(contact.name)
    customs, fit = read_values(options.customs, contact.custom_attributes)
    title, is_title = read_value(options.title, contact.custom_attributes)
    pages = (contact.social_profiles.data if contact.social_profiles else None) or ()
    record = {
        "first_name": first,
        "last_name": last,
        "email": rules.strip_text(contact.email),
        "phone": rules.strip_text(contact.phone),
        "title": rules.strip_text(title),
        **rules.find_profiles(pages),
        "custom": customs,
        **({"_sdc_deleted_at": None} if options.deletes else {}),
    }
    return DerivedRecord(record, [] if fit and is_title else [UNFIT])
