"""The settings of a sandbox, at its start or a reset."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.json_types import JsonObject


@dataclass(frozen=True)
class Settings:
    """The sandbox's switches; the same names are options of the command and keys of ``POST /sandbox/reset``."""

    customers: int = 500
    """How many customers the business starts with."""
    seed: int = 7
    """The seed of all random data; the same seed gives the same business."""
    catalog: int = 2
    """Chargebee's Product Catalog, 1 or 2."""
    list_lag: int = 0
    """Seconds of the business clock by which Chargebee's lists lag behind its writes."""
    search_lag: int = 0
    """Seconds by which Intercom's search lags behind its writes."""
    rate_limit_per_window: int = 1667
    """Intercom's calls in ten seconds of real time."""
    max_in_values: int = 50
    """The longest array that Intercom's `IN` takes; the real maximum is not documented."""
    second_user_for_new_external_id: bool = True
    """Whether a new Intercom user with a known e-mail and a new external id is a second user (else a conflict)."""
    email_search_ignores_case: bool = False
    """Whether Intercom's search compares e-mails without regard to letter case."""
    refuse_unknown_fields: bool = True
    """Whether Intercom refuses parameters and fields of a body that it does not know (else it ignores them)."""
    leads_take_null: bool = False
    """Whether null clears a custom attribute of an Intercom lead, as it does of a user."""
    company_delete_lag: int = 1
    """Seconds of the business clock until an Intercom company is gone after its DELETE."""
    companies_max_per_page: int = 60
    """The longest page of Intercom's company lists; the real maximum is not documented."""
    companies_with_billing_ids: int = 0
    """The percentage of Intercom's first companies with the customer's Chargebee id as `company_id`."""
    scroll_idle: int = 60
    """Seconds of real time after which an Intercom scroll expires."""
    intercom_timezone: str = "America/Los_Angeles"
    """The Intercom workspace's time zone, by whose days date filters compare."""
    search_bounds_inclusive: bool = False
    """Whether `>` and `<` include the second itself in searches of conversations and tickets."""
    intercom_events_lag: int = 0
    """Seconds of the business clock by which Intercom's list of data events lags behind."""
    intercom_events_deduplicate: bool = True
    """Whether Intercom ignores a data event with the contact, name and second of another one, as it may do."""
    intercom_event_names: int = 120
    """The most names of data events that an Intercom workspace takes."""
    intercom_event_metadata_keys: int = 10
    """The metadata keys that Intercom keeps of a data event; its API's pages say 10, its help pages 20."""
    intercom_reference_writes: str = "replace"
    """What a list of references to custom objects does to those a record has: `replace`, `extend`, or `add`.

    With `extend` null still removes all of them, with `add` nothing but the deletion of an instance does.
    """
    intercom_shows_references: bool = True
    """Whether contacts and companies show which custom objects they refer to."""
    intercom_lists_references: bool = True
    """Whether the list of data attributes has those that refer to custom objects."""
    intercom_company_references: bool = False
    """Whether companies can refer to custom objects; only contacts and conversations are documented."""
    intercom_refuse_unknown_object_attributes: bool = True
    """Whether an attribute that the type of a custom object lacks is refused (else it is ignored)."""
    chartmogul_requests_per_second: int = 40
    """ChartMogul's requests in any second of real time."""
    chartmogul_max_connections: int = 20
    """ChartMogul's requests at the same time."""
    chartmogul_retry_after: int = 0
    """Seconds in the `Retry-After` of ChartMogul's 429 and 503; 0 for no header."""
    chartmogul_read_only_status: int = 403
    """The status of a write with ChartMogul's read-only key."""
    chartmogul_async_calls: int = 2
    """The number of ChartMogul calls until a merge, unmerge, import or release of a name takes effect."""
    chartmogul_delete_messages: bool = True
    """Whether ChartMogul's deletions are answered 202 with a message, as since 2026 (else 204, contacts 200)."""
    chartmogul_create_takes_attributes: bool = True
    """Whether a new ChartMogul customer keeps the attributes and tags sent along (else they are dropped)."""
    chartmogul_contact_attributes: str = "csm_owner,nps_score"
    """The defined custom attributes of ChartMogul's contacts; others are dropped; `*` means all."""
    chartmogul_unique_contact_external_ids: bool = True
    """Whether ChartMogul refuses a second contact with an external id in one data source."""
    chartmogul_keeps_contact_external_ids: bool = True
    """Whether ChartMogul keeps a contact's external id (else it silently drops it)."""
    chartmogul_filters_contact_external_ids: bool = True
    """Whether ChartMogul's list of contacts filters by `external_id` (else it ignores the parameter)."""
    chartmogul_renames_contacts: bool = True
    """Whether a PATCH changes a contact's external id (else it silently ignores it)."""
    chartmogul_attributes_take_null: bool = False
    """Whether null clears a ChartMogul custom attribute (else it is refused)."""
    chartmogul_patch_booleans_true: bool = True
    """Whether a false custom attribute in a PATCH of a ChartMogul customer comes back true, as once recorded."""
    chartmogul_patch_tags_replace: bool = True
    """Whether tags in a PATCH of a ChartMogul customer replace those it has (else they are added)."""
    chartmogul_source_delete_takes_all: bool = True
    """Whether a deleted ChartMogul source takes its contacts, attributes and tags from customers others share."""
    chartmogul_automation: str = ""
    """Which duplicates ChartMogul merges by itself: of `external_id`, `domain`, `company`, separated by commas."""
    chartmogul_billing_websites: bool = False
    """Whether customers that ChartMogul imported from Chargebee have a website, those with a company two in three."""
    mrr_lag: int = 0
    """Seconds of the business clock by which a Chargebee subscription's recurring revenue lags behind its changes."""
    mrr_moves_updated_at: bool = False
    """Whether the late arrival of recurring revenue moves the subscription's `updated_at`."""
    large_invoices: int = 0
    """How many of Chargebee's newest invoices have so many line items that they are shown without them."""
    chargebee_requests_per_minute: int = 0
    """Chargebee's calls in a minute of real time; 0 for no limit. Its plans allow 150, 1000 and 3500."""
    chargebee_max_concurrent_gets: int = 0
    """How many reads Chargebee serves at once; 0 for no limit."""
    chargebee_refuse_unknown_parameters: bool = True
    """Whether Chargebee's lists refuse filters and parameters that they do not document (else they ignore them)."""
    business_entities: int = 0
    """How many business entities the Chargebee site has: `be_1`, `be_2` and so on; 0 for a site without."""
    chargebee_entity_header: bool = True
    """Whether Chargebee obeys the header `chargebee-business-entity-id` (else it ignores it)."""
    intercom_webhook_iso_times: bool = True
    """Whether the items of Intercom's webhooks have ISO 8601 times (else unix seconds, as the REST API)."""
    intercom_webhook_shuffle: bool = False
    """Whether Intercom's webhooks leave in any order."""
    intercom_webhook_duplicates: int = 0
    """How many of Intercom's webhooks, in percent, are delivered twice although the receiver took them."""
    intercom_webhook_errors: int = 1000
    """After how many errors in a row Intercom's webhooks pause for a quarter of an hour."""
    intercom_webhook_speed: int = 1
    """How many times faster than Intercom its webhooks are tried again after a 429 or a pause, or are suspended."""
    chargebee_webhook_speed: int = 1
    """How many times faster than Chargebee a delivery that failed is tried again."""
    chargebee_webhook_patience_ms: int = 60_000
    """Milliseconds that a receiver of Chargebee's webhooks has for its answer."""
    chargebee_webhook_duplicates: int = 0
    """How many of Chargebee's webhooks, in percent, are delivered twice although the receiver took them."""
    chargebee_webhook_shuffle: bool = False
    """Whether Chargebee's webhooks leave in any order."""


_AUTOMATION = {"", "external_id", "domain", "company"}
_ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "catalog": ("is 1 or 2", lambda value: value in (1, 2)),
    "companies_with_billing_ids": ("is 0 to 100 (percent)", lambda value: value in range(101)),
    "chargebee_webhook_duplicates": ("is 0 to 100 (percent)", lambda value: value in range(101)),
    "intercom_webhook_duplicates": ("is 0 to 100 (percent)", lambda value: value in range(101)),
    "intercom_reference_writes": ("is replace, extend or add", lambda value: value in ("replace", "extend", "add")),
    "intercom_webhook_errors": ("is 1 or more", lambda value: value >= 1),
    "intercom_webhook_speed": ("is 1 or more", lambda value: value >= 1),
    "chargebee_webhook_speed": ("is 1 or more", lambda value: value >= 1),
    "chargebee_webhook_patience_ms": ("is 1 or more", lambda value: value >= 1),
    "chartmogul_automation": (
        "is of external_id, domain, company",
        lambda value: _AUTOMATION.issuperset(value.split(",")),
    ),
    "chartmogul_read_only_status": ("is 4xx", lambda value: value in range(400, 500)),
}
"""What a setting is, beyond its type and beyond 0 or more, and whether a value is that."""


def read_settings(values: JsonObject) -> Settings:
    """Return settings out of a JSON object.

    Raises:
        ValueError: a name is unknown or a value has the wrong type; the sentence names it.
    """
    known = {field.name: type(field.default) for field in fields(Settings)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"Unknown setting {name!r}; there are {', '.join(known)}.")
        if type(value) is not known[name]:
            raise ValueError(f"Setting {name!r} takes {known[name].__name__}, not {value!r}.")
        if name in _ALLOWED and not _ALLOWED[name][1](value):
            raise ValueError(f"Setting {name!r} {_ALLOWED[name][0]}, not {value!r}.")
        if type(value) is int and value < 0 and name != "seed":
            raise ValueError(f"Setting {name!r} is 0 or more, not {value}.")
    return Settings(**values)
