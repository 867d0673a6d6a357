"""The settings of map-leads, and their meaning for a record under the tap's schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import DATE, EVERY, TEXT
from standpipe_maps.leads.attributes import Attribute, check_keys, make_date_attribute, select_attributes
from standpipe_maps.leads.records import LOCATION, ContactOptions, CustomerOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from standpipe_maps._kit.json_types import JsonValue
    from standpipe_maps.json_schema import JsonSchema

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
        description="The company's id that becomes the customer's external id: the workspace's own `company_id`, or "
        "Intercom's `id`.",
    ),
    th.Property(
        "only_linked_contacts",
        th.BooleanType,
        default=True,
        title="Only contacts with a company",
        description="Send no contacts without a company. In ChartMogul every contact belongs to a customer, so "
        "target-chartmogul would skip them.",
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


def check_settings(config: Mapping[str, JsonValue]) -> None:
    """Check the settings that need no schema.

    Raises:
        UserError: two attributes would have the same key.
    """
    for setting in ("company_attributes", "contact_attributes"):
        check_keys(setting, [name for name in config[setting] if name != EVERY])


def read_customer_options(config: Mapping[str, JsonValue], schema: JsonSchema) -> CustomerOptions:
    """Return the settings for customers.

    Args:
        config: the settings.
        schema: the schema of the tap's stream `companies`.

    Raises:
        UserError: a setting names an attribute that is missing or has a wrong type.
    """
    return CustomerOptions(
        customs=select_attributes("company_attributes", config["company_attributes"], "companies", schema),
        date=_choose_date(config["trial_date_field"], schema),
        country=_choose_place("country_field", config, schema),
        city=_choose_place("city_field", config, schema),
        tags=config["company_tags"],
    )


def _choose_date(name: str, schema: JsonSchema) -> Attribute | None:
    if name == NONE:
        return None
    if name in STANDARD_DATES:
        return make_date_attribute(name)
    return _find_attribute("trial_date_field", name, "companies", schema, DATE)


def _choose_place(setting: str, config: Mapping[str, JsonValue], schema: JsonSchema) -> Attribute | str | None:
    name = config[setting]
    if name in (LOCATION, NONE):
        return LOCATION if name == LOCATION else None
    return _find_attribute(setting, name, "companies", schema, TEXT)


def _find_attribute(setting: str, name: str, stream: str, schema: JsonSchema, kind: JsonSchema) -> Attribute:
    (found,) = select_attributes(setting, [name], stream, schema)
    if found.type is not kind:
        word = "date" if kind is DATE else "text"
        raise UserError(
            f"`{setting}` names `{name}`, which is not a {word}: remove it, or declare it as one in Intercom."
        )
    return found


def read_contact_options(config: Mapping[str, JsonValue], schema: JsonSchema) -> ContactOptions:
    """Return the settings for contacts, see ``read_customer_options``.

    Raises:
        UserError: a setting names an attribute that is missing or has a wrong type, or the stream lacks `companies`.
    """
    properties = schema.get("properties")
    if properties and "companies" not in properties:
        raise UserError("The tap's stream contacts comes without `companies`, which the join needs: select it.")
    title = config.get("title_attribute")
    return ContactOptions(
        customs=select_attributes("contact_attributes", config["contact_attributes"], "contacts", schema),
        title=_find_attribute("title_attribute", title, "contacts", schema, TEXT) if title else None,
        deletes=config["on_unlinked"] == "delete",
    )
