"""From Intercom's companies and contacts to what ChartMogul gets: one customer a company, one contact a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps.leads import rules
from standpipe_maps.leads.attributes import Attribute, value, values
from standpipe_maps.leads.countries import find_country_code
from standpipe_maps.leads.models import Location

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from standpipe_maps.leads.models import Company, Contact

LOCATION = "location"
# What the summary counts of the records; of those in ODD it names some.
UNFIT, NO_WEBSITE, NO_COUNTRY = "unfit_attribute", "no_website", "unknown_country"
CUSTOMER_NOTES = ("without_name", "without_email", "without_date", NO_WEBSITE, NO_COUNTRY, UNFIT)
ODD = frozenset({UNFIT, NO_WEBSITE, NO_COUNTRY})


class Derived(NamedTuple):
    """A record, and what the summary says of it."""

    record: dict[str, Any]
    notes: Sequence[str]


@dataclass(frozen=True)
class CustomerShape:
    """The settings that decide what a customer looks like."""

    customs: Sequence[Attribute]
    date: Attribute | None
    """Of the lead and the trial: a standard field of the company's, or an attribute."""
    country: Attribute | str | None
    """An attribute of the company's, or ``LOCATION``: where its speaker is; as is the next."""
    city: Attribute | str | None
    tags: bool


@dataclass(frozen=True)
class ContactShape:
    """The settings that decide what a contact looks like."""

    customs: Sequence[Attribute]
    title: Attribute | None
    deletes: bool
    """Contacts that left a company are sent as deleted; the others then say that they are not."""


def customer(company: Company, external_id: str, speaker: Contact | None, shape: CustomerShape) -> Derived:
    """The customer that a company is.

    Args:
        company: Intercom's.
        external_id: as the setting `customer_id_field` has it.
        speaker: the contact whose e-mail address and place are the company's: it has none of its own.
        shape: the settings.
    """
    name, website = rules.text(company.name), rules.website_url(company.website)
    date, is_date = _date(company, shape.date)
    country, city, are_places = _places(company, speaker, shape)
    customs, fit = values(shape.customs, company.custom_attributes)
    email = rules.text(speaker.email) if speaker else None
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
        "attributes": {"custom": customs, **({"tags": _tags(company)} if shape.tags else {})},
    }
    holds = (
        name is None,
        email is None,
        shape.date is not None and date is None,
        website is None and rules.text(company.website) is not None,
        country is not None and code is None,
        not (fit and is_date and are_places),
    )
    return Derived(record, [note for note, one in zip(CUSTOMER_NOTES, holds, strict=True) if one])


def _date(company: Company, source: Attribute | None) -> tuple[str | None, bool]:
    standard = {"created_at": company.created_at, "remote_created_at": company.remote_created_at}
    return value(source, {**(company.custom_attributes or {}), **standard})


def _places(company: Company, speaker: Contact | None, shape: CustomerShape) -> tuple[str | None, str | None, bool]:
    """Country and city, and whether the attributes that they come from are of their types."""
    seen = (speaker.location if speaker else None) or Location()
    customs = company.custom_attributes
    country, is_country = _place(shape.country, customs, rules.text(seen.country_code) or seen.country)
    city, is_city = _place(shape.city, customs, seen.city)
    return country, city, is_country and is_city


def _place(
    source: Attribute | str | None, customs: Mapping[str, Any] | None, seen: str | None
) -> tuple[str | None, bool]:
    found, fits = value(source, customs) if isinstance(source, Attribute) else (seen if source else None, True)
    return rules.text(found), fits


def _tags(company: Company) -> list[str]:
    tags = (company.tags.tags if company.tags else None) or ()
    return sorted({name for one in tags if (name := rules.text(one.name))})


def person(contact: Contact, shape: ContactShape) -> Derived:
    """What a contact is at every customer, without the ids that differ."""
    first, last = rules.split_name(contact.name)
    customs, fit = values(shape.customs, contact.custom_attributes)
    title, is_title = value(shape.title, contact.custom_attributes)
    pages = (contact.social_profiles.data if contact.social_profiles else None) or ()
    record = {
        "first_name": first,
        "last_name": last,
        "email": rules.text(contact.email),
        "phone": rules.text(contact.phone),
        "title": rules.text(title),
        **rules.profiles(pages),
        "custom": customs,
        **({"_sdc_deleted_at": None} if shape.deletes else {}),
    }
    return Derived(record, [] if fit and is_title else [UNFIT])
