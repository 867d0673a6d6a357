"""The operations on contacts, https://dev.chartmogul.com/reference/contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import paging, shapes
from sandbox.chartmogul.contacts import Contact
from sandbox.chartmogul.errors import Refusal, by_code, coded, missing
from sandbox.chartmogul.fields import CONTACT, taken
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM, Birth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.customers import Customer

_FILLED = ("external_id", "first_name", "last_name", "title", "email", "phone", "linked_in", "twitter", "last_seen")
_OWN_FILTERS = ("email", "external_id")
_OTHER_FILTERS = ("data_source_uuid", "customer_external_id")


def listed(call: Call) -> dict[str, Any]:
    """A page of the contacts, the newest first; filters that are not known are ignored."""
    uuid = call.query.get("customer_uuid")
    try:
        owner = None if uuid is None else call.account.customers.get(uuid)
    except Refusal:
        return {"entries": [], "has_more": False, "cursor": None}
    return _page(call, owner)


def of_customer(call: Call) -> dict[str, Any]:
    """A page of one customer's contacts."""
    return _page(call, call.account.customers.get(call.path["uuid"]))


def create(call: Call) -> dict[str, Any]:
    """A new contact, of a customer or of none."""
    uuid = call.body.get("customer_uuid")
    return _created(call, None if uuid is None else call.account.customers.get(uuid))


def create_of_customer(call: Call) -> dict[str, Any]:
    """A new contact of a customer."""
    return _created(call, call.account.customers.get(call.path["uuid"]))


def get(call: Call) -> dict[str, Any]:
    """One contact, with its overrides and the history of some fields if that is asked for."""
    one = _contact(call)
    shown = shapes.contact(one) | (shapes.overrides(one) if call.flag("with_overrides") else {})
    if "attributes_with_history" in call.query:
        shown |= shapes.historical(one, call.historical_names(one.values))
    return shown


def update(call: Call) -> dict[str, Any]:
    """Change what is sent and leave the rest."""
    one, flags = _contact(call), call.overrides(CONTACT)
    values = taken(call.body, CONTACT, call.now)
    switches = call.account.settings
    if not (switches.chartmogul_renames_contacts and switches.chartmogul_keeps_contact_external_ids):
        values.pop("external_id", None)
    if "custom" in call.body:
        values |= _custom(call.account, call.body)
    call.account.contacts.write(one, values, flags, call.now, API)
    return shapes.contact(one) | (shapes.overrides(one) if flags else {})


def delete(call: Call) -> None:
    """Remove a contact."""
    call.account.contacts.remove(_contact(call))


def merge(call: Call) -> dict[str, Any]:
    """Two become one: what the survivor lacks is filled in, notes are joined; the reply does not name the customer."""
    contacts = call.account.contacts
    into, other = contacts.get(call.path["into"]), contacts.get(call.path["from"])
    if into is other:
        raise coded(422, "A contact cannot be merged with itself.", "from")
    contacts.remove(other)
    contacts.write(into, _filled(into, other), {}, call.now, API)
    return shapes.contact(into) | {"customer_uuid": None}


def new_contact(
    account: Account, body: dict[str, Any], owner: Customer | None, source: str | None
) -> Callable[[], Contact]:
    """What adds a contact, once all else of the request is known to be good.

    Raises:
        Refusal: the body cannot be.
        Invalid: fields of it cannot be.
    """
    values = taken(body, CONTACT, account.now)
    if not account.settings.chartmogul_keeps_contact_external_ids:
        values.pop("external_id", None)
    custom = _custom(account, body) if "custom" in body else {}
    birth = Birth(account.new_id("con_"), account.now, API)
    one = Contact(birth, account.contacts.key(birth), owner, source)
    account.contacts.check(one, values)

    def add() -> Contact:
        account.contacts.add(one, values | custom)
        return one

    return add


def _created(call: Call, owner: Customer | None) -> dict[str, Any]:
    source = call.body.get("data_source_uuid")
    if owner is not None and source is None:
        raise missing("data_source_uuid")
    if source is not None and (not isinstance(source, str) or source not in call.account.sources):
        raise by_code({"data_source_uuid": "The data source does not exist."})
    if owner is not None and source not in {member.source for member in owner.members}:
        raise by_code({"data_source_uuid": "The customer does not belong to this data source."})
    flags = call.overrides(CONTACT)
    one = new_contact(call.account, call.body, owner, source)()
    one.write({}, flags, call.now, API)
    return shapes.contact(one) | (shapes.overrides(one) if flags else {})


def _page(call: Call, owner: Customer | None) -> dict[str, Any]:
    found, page = call.account.contacts.page(paging.ask(call.query), owner, _filter(call))
    return {
        "entries": [shapes.contact(one) for one in found],
        "has_more": page.has_more,
        "cursor": paging.sealed(page.keys[-1]) if page.keys else None,
    }


def _filter(call: Call) -> Callable[[Contact], bool]:
    """Whether a contact fits the query's data source, e-mail, external id, and external id of the customer."""
    asked = {name: call.query[name] for name in (*_OWN_FILTERS, *_OTHER_FILTERS) if name in call.query}
    if not call.account.settings.chartmogul_filters_contact_external_ids:
        asked.pop("external_id", None)

    def fits(one: Contact) -> bool:
        held: dict[str, Any] = {name: one.values[name] for name in asked.keys() & set(_OWN_FILTERS)}
        if "data_source_uuid" in asked:
            held["data_source_uuid"] = one.source
        if "customer_external_id" in asked:
            held["customer_external_id"] = shapes.contact(one)["customer_external_id"]
        return held == asked

    return fits


def _contact(call: Call) -> Contact:
    return call.account.contacts.get(call.path["uuid"])


def _custom(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    return {CUSTOM + key: value for key, value in account.contact_attributes.kept(body["custom"]).items()}


def _filled(into: Contact, other: Contact) -> dict[str, Any]:
    values = {name: other.values[name] for name in _FILLED if into.values[name] is None}
    values |= {name: value for name, value in other.values.items() if name not in into.values}
    notes = " ".join(note for note in (into.values["notes"], other.values["notes"]) if note)
    return values | {"notes": notes or None}


OPERATIONS = (
    Operation("GET", "/contacts", listed),
    Operation("POST", "/contacts", create, 201),
    Operation("GET", "/contacts/{uuid}", get),
    Operation("PATCH", "/contacts/{uuid}", update),
    Operation("DELETE", "/contacts/{uuid}", delete, 200, deletes="Contact"),
    Operation("POST", "/contacts/{into}/merge/{from}", merge),
    Operation("GET", "/customers/{uuid}/contacts", of_customer),
    Operation("POST", "/customers/{uuid}/contacts", create_of_customer, 201),
)
