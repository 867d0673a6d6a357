"""The operations on contacts, https://dev.chartmogul.com/reference/contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chartmogul import paging, shapes
from sandbox.chartmogul.contacts import Contact
from sandbox.chartmogul.errors import Refusal, build_refusal, missing_parameter, refuse_first
from sandbox.chartmogul.fields import CONTACT, read_fields
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM, Birth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.customers import Customer
    from sandbox.json_types import JsonObject

_FILTERS: dict[str, Callable[[Contact], str | None]] = {
    "email": lambda one: one.values["email"],
    "external_id": lambda one: one.values["external_id"],
    "data_source_uuid": lambda one: one.source,
    "customer_external_id": lambda one: one.customer_external_id,
}
_FILLED_BY_MERGE = tuple(name for name in CONTACT if name not in ("notes", "position"))


def list_contacts(call: Call) -> JsonObject:
    """Return a page of the contacts, the newest first; unknown filters are ignored."""
    uuid = call.query.get("customer_uuid")
    try:
        owner = None if uuid is None else call.account.customers.get(uuid)
    except Refusal:
        return paging.Page([], has_more=False).show([])
    return _show_page(call, owner)


def list_customer_contacts(call: Call) -> JsonObject:
    """Return a page of one customer's contacts."""
    return _show_page(call, call.find_customer())


def create_contact(call: Call) -> JsonObject:
    """Create a contact, with or without a customer."""
    uuid = call.body.get("customer_uuid")
    return _create(call, None if uuid is None else call.account.customers.get(uuid))


def create_customer_contact(call: Call) -> JsonObject:
    """Create a contact of a customer."""
    return _create(call, call.find_customer())


def get_contact(call: Call) -> JsonObject:
    """Return one contact, with its overrides and the history of some fields if the query says so."""
    one = _find_contact(call)
    shown = shapes.show_contact(one) | (shapes.show_overrides(one) if call.flag("with_overrides") else {})
    return shown | call.show_history(one, one.values)


def update_contact(call: Call) -> JsonObject:
    """Change the fields that are sent, and leave the others."""
    one, flags = _find_contact(call), call.overrides(CONTACT)
    values = read_fields(call.body, CONTACT, call.now)
    settings = call.account.settings
    if not (settings.chartmogul_renames_contacts and settings.chartmogul_keeps_contact_external_ids):
        values.pop("external_id", None)
    call.account.contacts.write(one, values | _read_custom(call.account, call.body), flags, call.now, API)
    return shapes.show_contact(one) | (shapes.show_overrides(one) if flags else {})


def delete_contact(call: Call) -> None:
    """Remove a contact."""
    call.account.contacts.remove(_find_contact(call))


def merge_contacts(call: Call) -> JsonObject:
    """Merge two contacts: fill in the survivor's missing values and join the notes. The reply has no customer."""
    contacts = call.account.contacts
    into, other = contacts.get(call.path["into"]), contacts.get(call.path["from"])
    if into is other:
        raise build_refusal(422, "A contact cannot be merged with itself.", "from")
    values = {name: other.values[name] for name in _FILLED_BY_MERGE if into.values[name] is None}
    values |= {name: value for name, value in other.values.items() if name not in into.values}
    values["notes"] = " ".join(note for note in (into.values["notes"], other.values["notes"]) if note) or None
    contacts.remove(other)
    contacts.write(into, values, {}, call.now, API)
    return shapes.show_contact(into) | {"customer_uuid": None}


def prepare_contact(
    account: Account, body: JsonObject, owner: Customer | None, source: str | None
) -> Callable[[], Contact]:
    """Check a new contact, and return a function that adds it once the rest of the request is checked.

    Raises:
        Refusal: the body is not allowed.
        Invalid: some fields have values that are not allowed.
    """
    values = read_fields(body, CONTACT, account.now)
    if not account.settings.chartmogul_keeps_contact_external_ids:
        values.pop("external_id", None)
    custom = _read_custom(account, body)
    birth = Birth(account.new_id("con_"), account.now, API)
    one = Contact(birth, account.contacts.key(birth), owner, source)
    account.contacts.check(one, values)

    def add() -> Contact:
        account.contacts.add(one, values | custom)
        return one

    return add


def _create(call: Call, owner: Customer | None) -> JsonObject:
    source = call.body.get("data_source_uuid")
    if owner is not None and source is None:
        raise missing_parameter("data_source_uuid")
    if source is not None and (not isinstance(source, str) or source not in call.account.sources):
        raise refuse_first({"data_source_uuid": "The data source does not exist."})
    if owner is not None and source not in {member.source for member in owner.members}:
        raise refuse_first({"data_source_uuid": "The customer does not belong to this data source."})
    flags = call.overrides(CONTACT)
    one = prepare_contact(call.account, call.body, owner, source)()
    one.write({}, flags, call.now, API)
    return shapes.show_contact(one) | (shapes.show_overrides(one) if flags else {})


def _show_page(call: Call, owner: Customer | None) -> JsonObject:
    """Return a page of the contacts that the query's data source, e-mail and external ids fit."""
    wanted = {name: call.query[name] for name in _FILTERS if name in call.query}
    if not call.account.settings.chartmogul_filters_contact_external_ids:
        wanted.pop("external_id", None)

    def fits(one: Contact) -> bool:
        return all(_FILTERS[name](one) == value for name, value in wanted.items())

    found, page = call.account.contacts.page(paging.read_request(call.query), owner, fits)
    return page.show([shapes.show_contact(one) for one in found])


def _find_contact(call: Call) -> Contact:
    return call.account.contacts.get(call.path["uuid"])


def _read_custom(account: Account, body: JsonObject) -> JsonObject:
    if "custom" not in body:
        return {}
    return {CUSTOM + key: value for key, value in account.contact_attributes.read_defined(body["custom"]).items()}


OPERATIONS = (
    Operation("GET", "/contacts", list_contacts),
    Operation("POST", "/contacts", create_contact, 201),
    Operation("GET", "/contacts/{uuid}", get_contact),
    Operation("PATCH", "/contacts/{uuid}", update_contact),
    Operation("DELETE", "/contacts/{uuid}", delete_contact, 200, deletes="Contact"),
    Operation("POST", "/contacts/{into}/merge/{from}", merge_contacts),
    Operation("GET", "/customers/{uuid}/contacts", list_customer_contacts),
    Operation("POST", "/customers/{uuid}/contacts", create_customer_contact, 201),
)
