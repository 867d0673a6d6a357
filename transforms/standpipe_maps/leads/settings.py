"""The settings of map-leads, and what they make of the tap's schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import DATE, EVERY, TEXT
from standpipe_maps.leads.attributes import Attribute, check_keys, select, unix_date
from standpipe_maps.leads.records import LOCATION, ContactShape, CustomerShape

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE = "none"
STANDARD_DATES = ("created_at", "remote_created_at")
NAMES = th.ArrayType(th.StringType)
SETTINGS = (
    th.Property(
        "customer_id_field",
        th.StringType,
        default="company_id",
        allowed_values=["company_id", "id"],
        title="Customer id",
        description="Which id of a company its customer bears: the workspace's own `company_id`, or Intercom's `id`.",
    ),
    th.Property(
        "only_linked_contacts",
        th.BooleanType,
        default=True,
        title="Only contacts with a company",
        description="Send no contact that belongs to no company: in ChartMogul a contact is a customer's, so "
        "target-chartmogul skips it.",
    ),
    th.Property(
        "trial_date_field",
        th.StringType,
        default="created_at",
        title="Date of the lead and the trial",
        description="`created_at`, `remote_created_at`, a date among the company's custom attributes, or `none`.",
    ),
    th.Property(
        "company_attributes",
        NAMES,
        default=[],
        title="Attributes of companies",
        description="Custom attributes of companies to send, by name, or `*` for all.",
    ),
    th.Property(
        "contact_attributes",
        NAMES,
        default=[],
        title="Attributes of contacts",
        description="Custom attributes of contacts to send, by name, or `*` for all.",
    ),
    th.Property(
        "company_tags",
        th.BooleanType,
        default=True,
        title="Tags of companies",
        description="Send the tags of a company as tags of its customer.",
    ),
    th.Property(
        "country_field",
        th.StringType,
        default=LOCATION,
        title="Country",
        description="`location` of the earliest contact, a custom attribute of the company, or `none`.",
    ),
    th.Property(
        "city_field",
        th.StringType,
        default=LOCATION,
        title="City",
        description="`location` of the earliest contact, a custom attribute of the company, or `none`.",
    ),
    th.Property(
        "title_attribute",
        th.StringType,
        title="Job title",
        description="Custom attribute of contacts that holds the job title.",
    ),
    th.Property(
        "on_unlinked",
        th.StringType,
        default="keep",
        allowed_values=["keep", "delete"],
        title="Contacts that left a company",
        description="Keep the contact at the customer that it left, or have it deleted there.",
    ),
)


def check_settings(config: Mapping[str, Any]) -> None:
    """Refuse what can be seen without a schema.

    Raises:
        UserError: two attributes would have one key.
    """
    for setting in ("company_attributes", "contact_attributes"):
        check_keys(setting, [name for name in config[setting] if name != EVERY])


def customer_shape(config: Mapping[str, Any], schema: Mapping[str, Any]) -> CustomerShape:
    """What customers look like.

    Args:
        config: the settings.
        schema: of the tap's stream `companies`.

    Raises:
        UserError: a setting names an attribute that is not there, or not of the type that is needed.
    """
    return CustomerShape(
        customs=select("company_attributes", config["company_attributes"], "companies", schema),
        date=_date(config["trial_date_field"], schema),
        country=_place("country_field", config, schema),
        city=_place("city_field", config, schema),
        tags=config["company_tags"],
    )


def _date(name: str, schema: Mapping[str, Any]) -> Attribute | None:
    if name == NONE:
        return None
    if name in STANDARD_DATES:
        return unix_date(name)
    return _named("trial_date_field", name, "companies", schema, DATE)


def _place(setting: str, config: Mapping[str, Any], schema: Mapping[str, Any]) -> Attribute | str | None:
    name = config[setting]
    if name in (LOCATION, NONE):
        return LOCATION if name == LOCATION else None
    return _named(setting, name, "companies", schema, TEXT)


def _named(setting: str, name: str, stream: str, schema: Mapping[str, Any], kind: Mapping[str, Any]) -> Attribute:
    (found,) = select(setting, [name], stream, schema)
    if found.type is not kind:
        word = "date" if kind is DATE else "text"
        raise UserError(
            f"`{setting}` names `{name}`, which is no {word}: take it out, or declare it as one in Intercom."
        )
    return found


def contact_shape(config: Mapping[str, Any], schema: Mapping[str, Any]) -> ContactShape:
    """What contacts look like; the arguments and errors are those of customers, with the stream `contacts`.

    Raises:
        UserError: also when the stream does not say who belongs to which company.
    """
    properties = schema.get("properties")
    if properties and "companies" not in properties:
        raise UserError("The tap's stream contacts comes without `companies`, which the join needs: select it.")
    title = config.get("title_attribute")
    return ContactShape(
        customs=select("contact_attributes", config["contact_attributes"], "contacts", schema),
        title=_named("title_attribute", title, "contacts", schema, TEXT) if title else None,
        deletes=config["on_unlinked"] == "delete",
    )
