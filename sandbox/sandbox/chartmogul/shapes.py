"""Records in the form of replies, with hyphens and underscores mixed as at the vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import times
from sandbox.chartmogul.fields import CONTACT, INSTANTS, fold_status
from sandbox.chartmogul.places import STATES, countries
from sandbox.chartmogul.records import Record, nest_overrides

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.contacts import Contact
    from sandbox.chartmogul.customers import Customer
    from sandbox.chartmogul.sources import Import, Source
    from sandbox.json_types import JsonObject

_CHARGEBEE = "https://sandbox.chargebee.com/admin-console/customers"
_PLAIN = ("name", "email", "company", "country", "state", "city", "zip", "website_url", "owner")


def show_source(one: Source, *, with_status: bool) -> JsonObject:
    """Return a data source, with the progress of its imports if requested."""
    shown: JsonObject = {
        "uuid": one.uuid,
        "name": one.name,
        "system": one.system,
        "created_at": times.format_time(one.created_at),
        "status": "idle",
    }
    if with_status:
        pending = sum(each.status != "completed" for each in one.imports)
        shown["processing_status"] = {"processed": one.processed, "failed": one.failed, "pending": pending}
    return shown


def show_customer(account: Account, one: Customer) -> JsonObject:
    """Return a customer with all data from all sources."""
    values, facts = one.values, account.customers.facts(one)
    system = account.sources.get(one.primary.source).system
    return {
        "id": one.id,
        "uuid": one.uuid,
        "external_id": one.primary.external_id,
        "external_ids": [member.external_id for member in one.members],
        "data_source_uuid": one.primary.source,
        "data_source_uuids": [member.source for member in one.members],
        **{name: values[name] for name in _PLAIN},
        "status": facts.status or values["status"],
        "lead_status": None if facts.status else values["status"],
        "paid_subscriber_status": facts.status,
        "lead_created_at": times.format_time(values["lead_created_at"]),
        "free_trial_started_at": times.format_time(values["free_trial_started_at"]),
        "customer-since": times.format_with_offset(facts.since),
        "attributes": show_attributes(one),
        "address": {
            "country": countries().get(values["country"]),
            "state": STATES.get(values["state"]),
            "city": values["city"],
            "address_zip": values["zip"],
        },
        "mrr": facts.mrr,
        "arr": facts.mrr * 12,
        "billing-system-url": f"{_CHARGEBEE}/{one.primary.external_id}" if system == "Chargebee" else None,
        "chartmogul-url": f"https://app.chartmogul.com/#/customers/{one.id}",
        "billing-system-type": system,
        "currency": "USD",
        "currency-sign": "$",
        "last_seen": None,
    }


def show_attributes(one: Customer) -> JsonObject:
    """Return a customer's attributes; they belong to the customer, not to its source."""
    return {"custom": one.custom(), "stripe": {}, "tags": list(one.tags)}


def show_contact(one: Contact) -> JsonObject:
    """Return a contact; its custom attributes are an object here, but a list in requests."""
    return {
        "uuid": one.uuid,
        "customer_uuid": one.customer.uuid if one.customer else None,
        "customer_external_id": one.customer_external_id,
        "data_source_uuid": one.source,
        **{name: show_value(name, one.values[name]) for name in CONTACT},
        "custom": one.custom(),
    }


def show_overrides(one: Record, *above: str) -> JsonObject:
    """Return the active overrides; those of custom attributes are nested below `above`."""
    return {"overrides": nest_overrides(one.pins, *above)}


def show_history(one: Record, names: Iterable[str]) -> JsonObject:
    """Return the past values of the named fields, newest first."""
    history: JsonObject = {}
    for name in names:
        history[name] = [
            {
                "value": show_value(name, change.after),
                "update_performed_at": times.format_time(change.at),
                "update_performed_by": change.by,
                "initial": False,
            }
            for change in one.past(name)
        ]
        history[name][-1]["initial"] = True
    return {"historical_values": history}


def show_import(source: Source, one: Import) -> JsonObject:
    """Return an import and its status."""
    return {
        "id": one.id,
        "data_source_uuid": source.uuid,
        "status": one.status,
        "external_id": one.external_id,
        "status_details": one.details,
        "created_at": times.format_time(one.created_at),
        "updated_at": times.format_time(one.updated_at),
    }


def show_value(name: str, value: Any) -> Any:
    """Return a field's value in the form of replies."""
    return times.format_time(value) if name in INSTANTS else value


def read_status(text: str) -> str:
    """Return the status of a filter; the empty string if it is unknown or not spelt like `New_Lead`."""
    status = fold_status(text)
    return status if status.replace(" ", "_") == text else ""
