"""The settings of the tap, and the checks of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_chargebee._kit.limit_stores import find_limit_url_problem
from tap_chargebee._kit.setting_rows import (
    build_activate_version_setting,
    build_limit_setting,
    build_page_size_setting,
    build_request_settings,
)
from tap_chargebee._kit.settings import find_date_problem, find_url_problem
from tap_chargebee._kit.urls import is_host_label
from tap_chargebee.streams.entities import is_entity_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_chargebee._kit.json_types import JsonValue

MISSING = {
    "site": "`acme` for https://acme.chargebee.com (TAP_CHARGEBEE_SITE)",
    "api_key": "a read-only key of the site (TAP_CHARGEBEE_API_KEY)",
}
SETTINGS = th.PropertiesList(
    th.Property(
        "site",
        th.StringType,
        required=True,
        title="Site",
        description="Name of the Chargebee site: `acme` for https://acme.chargebee.com.",
    ),
    th.Property(
        "api_key",
        th.StringType,
        required=True,
        secret=True,
        title="API key",
        description="A key of that site; a read-only one (Read-only, All) is enough.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API URL",
        description="The base URL of the API, if it is not https://{site}.chargebee.com/api/v2.",
    ),
    th.Property(
        "business_entity_id",
        th.StringType,
        title="Business entity",
        description="The id of a business entity of the site: read only the records of its customers. If not set, the "
        "records of all business entities are read.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description="Read only records that changed at or after this ISO 8601 date (by `updated_at`, or else by "
        "creation). If not set, everything is read; with a date every join over the streams is partial.",
    ),
    th.Property(
        "lookback",
        th.IntegerType(minimum=0),
        default=300,
        nullable=False,
        title="Lookback",
        description="Seconds to read back before the bookmark: Chargebee's lists are eventually consistent.",
    ),
    th.Property(
        "include_deleted",
        th.BooleanType,
        default=True,
        nullable=False,
        title="Include deleted",
        description="Read deleted records too; they carry `deleted: true`.",
    ),
    build_page_size_setting(100),
    *build_request_settings("Chargebee", "site"),
    build_limit_setting("site", "; needs `requests_per_minute`, which Chargebee does not say itself"),
    th.Property(
        "follow_events",
        th.BooleanType,
        default=True,
        nullable=False,
        title="Follow events",
        description="Read Chargebee's events for changes that do not move `updated_at`, and for deletions that lists "
        "do not show.",
    ),
    th.Property(
        "customer_limit",
        th.IntegerType(minimum=1),
        title="Customer limit",
        description="Read only this many customers, the first that were created and are not deleted, with all their "
        "subscriptions and invoices, and no other stream; bookmarks are neither used nor moved.",
    ),
    th.Property(
        "customer_ids",
        th.ArrayType(th.StringType),
        title="Customer ids",
        description="Read only these customers, with all their subscriptions and invoices, and no other stream; "
        "bookmarks are neither used nor moved.",
    ),
    th.Property(
        "event_ids",
        th.ArrayType(th.StringType),
        title="Event ids",
        description="Read only these events in the stream `events`, with the records of `customer_ids` and nothing "
        "else; bookmarks are neither used nor moved.",
    ),
    build_activate_version_setting(),
)


def find_setting_problems(config: Mapping[str, JsonValue]) -> list[str]:
    """Return one sentence for each setting whose value has the right type but is impossible."""
    problems = []
    if config.get("site") and not is_host_label(config["site"]):
        problems.append("The setting `site` takes the name alone, not a URL: `acme` for https://acme.chargebee.com.")
    problems += find_url_problem("api_url", config.get("api_url"), "https://acme.chargebee.com/api/v2")
    entity = config.get("business_entity_id")
    if entity and not is_entity_id(entity):
        problems.append(
            "The setting `business_entity_id` takes the id of a business entity, not its name: the stream "
            "`business_entities` shows both."
        )
    problems += find_date_problem("start_date", config.get("start_date"))
    problems += find_limit_url_problem(config.get("limit_url"))
    if config.get("limit_url") and not config.get("requests_per_minute"):
        problems.append(
            "The setting `limit_url` needs `requests_per_minute`, as Chargebee does not say how many calls it permits: "
            "150 for a test site or the plan Starter, 1000 for Performance, 3500 for Enterprise."
        )
    if config.get("customer_limit") and config.get("customer_ids"):
        problems.append(
            "The settings `customer_limit` and `customer_ids` cannot be used together: leave one of them out."
        )
    if config.get("customer_ids") == []:
        problems.append("The setting `customer_ids` is empty: name at least one customer, or leave it out.")
    return problems
