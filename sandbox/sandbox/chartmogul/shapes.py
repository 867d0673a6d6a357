"""Records as replies show them, mixed hyphens and underscores included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import times
from sandbox.chartmogul.fields import CONTACT, INSTANTS, folded_status
from sandbox.chartmogul.places import STATES, countries
from sandbox.chartmogul.records import Record, nested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.contacts import Contact
    from sandbox.chartmogul.customers import Customer
    from sandbox.chartmogul.imports import Import
    from sandbox.chartmogul.sources import Source

_PLAIN = ("name", "email", "company", "country", "state", "city", "zip", "website_url", "owner")


def source(account: Account, one: Source, *, with_status: bool) -> dict[str, Any]:
    """A data source, with how far its imports are when that is asked for."""
    shown: dict[str, Any] = {
        "uuid": one.uuid,
        "name": one.name,
        "system": one.system,
        "created_at": times.shown(one.created_at),
        "status": "idle",
    }
    if with_status:
        pending = account.imports.pending(one)
        shown["processing_status"] = {"processed": one.processed, "failed": one.failed, "pending": pending}
    return shown


def customer(account: Account, one: Customer) -> dict[str, Any]:
    """A customer with all that is known, whichever source it came from."""
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
        "lead_created_at": times.shown(values["lead_created_at"]),
        "free_trial_started_at": times.shown(values["free_trial_started_at"]),
        "customer-since": times.with_offset(facts.since),
        "attributes": attributes(one),
        "address": _address(values),
        "mrr": facts.mrr,
        "arr": facts.mrr * 12,
        "billing-system-url": _billing_url(one, system),
        "chartmogul-url": f"https://app.chartmogul.com/#/customers/{one.id}",
        "billing-system-type": system,
        "currency": "USD",
        "currency-sign": "$",
        "last_seen": None,
    }


def attributes(one: Customer) -> dict[str, Any]:
    """A customer's attributes; they hang on the customer, not on its source."""
    return {"custom": one.custom(), "stripe": {}, "tags": list(one.tags)}


def contact(one: Contact) -> dict[str, Any]:
    """A contact; its custom attributes are a map here, and a list when written."""
    customer = one.customer
    held = [member for member in customer.members if member.source == one.source] if customer else []
    return {
        "uuid": one.uuid,
        "customer_uuid": customer.uuid if customer else None,
        "customer_external_id": held[0].external_id if held else None,
        "data_source_uuid": one.source,
        **{name: told(name, one.values[name]) for name in CONTACT},
        "custom": one.custom(),
    }


def overrides(one: Record, *above: str) -> dict[str, Any]:
    """The overrides in force; those of custom attributes stand below `above`."""
    return {"overrides": nested(one.pins, *above)}


def historical(one: Record, names: Iterable[str]) -> dict[str, Any]:
    """What the named fields held, the newest value first."""
    return {"historical_values": {name: _past(one, name) for name in names}}


def json_import(one: Import) -> dict[str, Any]:
    """An import as it stands."""
    return {
        "id": one.id,
        "data_source_uuid": one.source,
        "status": one.status,
        "external_id": one.external_id,
        "status_details": one.details,
        "created_at": times.shown(one.created_at),
        "updated_at": times.shown(one.updated_at),
    }


def told(name: str, value: Any) -> Any:
    """A field's value as replies have it."""
    return times.shown(value) if name in INSTANTS else value


def asked_status(text: str) -> str:
    """The status that a filter asks for; the empty text if it is none, or not spelt `New_Lead`."""
    status = folded_status(text)
    return status if status.replace(" ", "_") == text else ""


def _past(one: Record, name: str) -> list[dict[str, Any]]:
    entries = [
        {
            "value": told(name, change.after),
            "update_performed_at": times.shown(change.at),
            "update_performed_by": change.by,
            "initial": False,
        }
        for change in one.past(name)
    ]
    entries[-1]["initial"] = True
    return entries


def _address(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "country": countries().get(values["country"]),
        "state": STATES.get(values["state"]),
        "city": values["city"],
        "address_zip": values["zip"],
    }


def _billing_url(one: Customer, system: str) -> str | None:
    if system != "Chargebee":
        return None
    return f"https://sandbox.chargebee.com/admin-console/customers/{one.primary.external_id}"
