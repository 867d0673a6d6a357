"""The JSON schemas of the two derived streams: ChartMogul's fields, and the selected attributes.

https://dev.chartmogul.com/reference/customers and /contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_maps.json_schema import DATE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.leads.attributes import Attribute
    from standpipe_maps.leads.records import ContactOptions, CustomerOptions

KEY: Mapping[str, JsonValue] = {"type": ["string"]}
# Field, type, meaning, source.
CUSTOMER_FIELDS: Sequence[tuple[str, Mapping[str, JsonValue], str, str]] = (
    ("external_id", KEY, "Id of the customer", "company.company_id, or id"),
    ("name", TEXT, "Name", "company.name, else the external id"),
    ("company", TEXT, "Company", "company.name"),
    ("email", TEXT, "E-mail address", "email of the earliest contact"),
    ("website_url", TEXT, "Website", "company.website"),
    ("lead_created_at", DATE, "When the lead was created", "company.created_at, or `trial_date_field`"),
    ("free_trial_started_at", DATE, "When the trial started", "company.created_at, or `trial_date_field`"),
    ("country", TEXT, "Country, two letters of ISO 3166", "location of the earliest contact, or `country_field`"),
    ("city", TEXT, "City", "location of the earliest contact, or `city_field`"),
)
CONTACT_FIELDS: Sequence[tuple[str, Mapping[str, JsonValue], str, str]] = (
    ("external_id", KEY, "Id of the contact at this customer", "contact.id and the customer's external_id"),
    ("previous_external_id", TEXT, "Id that it had before", "contact.id and company.id"),
    ("customer_external_id", TEXT, "Id of the customer", "as external_id of customers"),
    ("first_name", TEXT, "First name", "first word of contact.name"),
    ("last_name", TEXT, "Last name", "the other words of contact.name"),
    ("email", TEXT, "E-mail address", "contact.email"),
    ("phone", TEXT, "Phone", "contact.phone"),
    ("title", TEXT, "Job title", "the contact attribute `title_attribute`"),
    ("linked_in", TEXT, "LinkedIn", "contact.social_profiles"),
    ("twitter", TEXT, "Twitter", "contact.social_profiles"),
)
DELETED = ("_sdc_deleted_at", DATE, "When it was noticed that the contact had left the company", "this map")
TAGS = {"type": ["array", "null"], "items": {"type": "string"}, "description": "Tags"}


def build_customers_schema(options: CustomerOptions) -> JsonObject:
    """Return the JSON schema of the stream `customers`."""
    parts = {"custom": _build_customs(options.customs), **({"tags": TAGS} if options.tags else {})}
    return _build_schema(CUSTOMER_FIELDS, {"attributes": _make_object(parts)})


def build_contacts_schema(options: ContactOptions) -> JsonObject:
    """Return the JSON schema of the stream `contacts`."""
    return _build_schema(
        (*CONTACT_FIELDS, *((DELETED,) if options.deletes else ())), {"custom": _build_customs(options.customs)}
    )


def _build_schema(
    fields: Iterable[tuple[str, Mapping[str, JsonValue], str, str]], more: Mapping[str, JsonValue]
) -> JsonObject:
    properties = {name: {**kind, "description": text} for name, kind, text, _ in fields}
    return {"type": "object", "properties": {**properties, **more}, "required": ["external_id"]}


def _build_customs(attributes: Iterable[Attribute]) -> JsonObject:
    return _make_object({one.key: {**one.type, "description": one.name} for one in attributes})


def _make_object(properties: Mapping[str, JsonValue]) -> JsonObject:
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
