"""The operations on customers, https://dev.chartmogul.com/reference/customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import paging, shapes
from sandbox.chartmogul.attributes import tags_of
from sandbox.chartmogul.contact_operations import new_contact
from sandbox.chartmogul.customer_values import create_values, settled
from sandbox.chartmogul.customers import Customer, Member
from sandbox.chartmogul.errors import Refusal, bad_parameter, by_field, coded, missing, no_customer, wrong_shape
from sandbox.chartmogul.fields import ADDRESS, CUSTOMER, taken
from sandbox.chartmogul.merging import checked_member, merge, unmerge
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account

PINNABLE = (*(name for name in CUSTOMER if name not in ADDRESS), "address")


def listed(call: Call) -> dict[str, Any]:
    """A page of the customers; filters that are not known are ignored."""
    customers, asked, tests = call.account.customers, paging.ask(call.query), _tests(call)
    keys = customers.keys(call.query.get("data_source_uuid"), call.query.get("external_id"))
    found, page = customers.page(asked, keys, tests)
    body = {
        "entries": [shapes.customer(call.account, one) for one in found],
        "has_more": page.has_more,
        "cursor": paging.sealed(page.keys[-1]) if page.keys else None,
    }
    return body if asked.cursor else body | _numbers(asked, customers.count(keys, tests))


def search(call: Call) -> dict[str, Any]:
    """The customers with an e-mail, or, if so asked, with a contact of that e-mail."""
    email = call.query.get("email")
    if not email:
        raise missing("email")
    found = list(call.account.customers.with_email(email))
    if call.flag("with_associated_emails"):
        owners = [one.customer for one in call.account.contacts if one.values["email"] == email]
        found += [one for one in dict.fromkeys(owners) if one and one not in found]
    if not found:
        raise coded(404, f'Can\'t find any customers with email: "{email}"', "email")
    return _searched(call, found)


def create(call: Call) -> dict[str, Any]:
    """A new customer, with its attributes and one contact if they are sent along."""
    call.required("data_source_uuid", "external_id")
    account, body = call.account, call.body
    values, flags = create_values(account, body), call.overrides(PINNABLE, "attributes")
    tags, custom = _first_attributes(call)
    one = account.new_customer(Member(body["data_source_uuid"], body["external_id"]), values, API)
    contact = _first_contact(call, one)
    one.write(custom, flags, call.now, API)
    account.create(one)
    one.tags = dict.fromkeys(tags, one.primary)
    one.origins = dict.fromkeys(custom, one.primary)
    contact()
    return shapes.customer(account, one) | (shapes.overrides(one, "attributes") if flags else {})


def get(call: Call) -> dict[str, Any]:
    """One customer, with its overrides and the history of some fields if that is asked for."""
    one = _customer(call)
    shown = shapes.customer(call.account, one)
    if call.flag("with_overrides"):
        shown |= shapes.overrides(one, "attributes")
    if "attributes_with_history" in call.query:
        shown |= shapes.historical(one, call.historical_names({*CUSTOMER, *one.values}))
    return shown


def update(call: Call) -> dict[str, Any]:
    """Change what is sent and leave the rest; an override that the request does not name reverts its field."""
    one, flags = _customer(call), call.overrides(PINNABLE, "attributes")
    values = settled(taken(call.body, CUSTOMER, call.now), one.values)
    tags, custom = _changed_attributes(call)
    contact = _first_contact(call, one)
    one.write(values | custom, flags, call.now, API)
    for field in custom:
        one.origins.setdefault(field, one.primary)
    if tags is not None:
        kept = {} if call.account.settings.chartmogul_patch_tags_replace else one.tags
        one.tags = kept | {tag: one.tags.get(tag, one.primary) for tag in tags}
    contact()
    call.account.customers.changed()
    return shapes.customer(call.account, one) | (shapes.overrides(one, "attributes") if flags else {})


def delete(call: Call) -> None:
    """Remove a customer that came over the API."""
    one = _customer(call)
    if not all(call.account.sources.get(member.source).is_custom for member in one.members):
        raise coded(422, "Only customers of custom data sources can be deleted.", "customer_uuid")
    call.account.delete_customer(one)


def begin_merge(call: Call) -> dict[str, Any]:
    """Take two customers to be merged some time later; `into` survives."""
    call.required("from", "into")
    account = call.account
    source, into = (_side(account, call.body[name], name) for name in ("from", "into"))
    if source is into:
        raise coded(422, "A customer cannot be merged with itself.", "into")
    account.jobs.later(_if_there(account, (source, into), lambda: merge(account, source, into, API)))
    return {}


def begin_unmerge(call: Call) -> dict[str, Any]:
    """Take a member to be split off some time later."""
    call.required("customer_uuid", "data_source_uuid", "external_id")
    account, body = call.account, call.body
    one = account.customers.get(body["customer_uuid"])
    member = checked_member(one, Member(body["data_source_uuid"], body["external_id"]))

    def split() -> None:
        if member in one.members and len(one.members) > 1:
            unmerge(account, one, member, API)

    account.jobs.later(_if_there(account, (one,), split))
    return {}


def _customer(call: Call) -> Customer:
    return call.account.customers.get(call.path["uuid"])


def _tests(call: Call) -> list[Callable[[Customer], bool]]:
    """What a customer has to pass, by the query's status and system.

    Raises:
        Refusal: 400 for a status that there is not.
    """
    return [_TESTS[name](call.account, call.query[name]) for name in _TESTS if name in call.query]


def _has_system(account: Account, wanted: str) -> Callable[[Customer], bool]:
    return lambda one: any(account.sources.get(member.source).system == wanted for member in one.members)


def _has_status(account: Account, wanted: str) -> Callable[[Customer], bool]:
    status = shapes.asked_status(wanted)
    if not status:
        raise bad_parameter("status")
    return lambda one: status == (account.customers.facts(one).status or one.values["status"])


_TESTS = {"system": _has_system, "status": _has_status}


def _numbers(asked: paging.Ask, count: int) -> dict[str, Any]:
    """The deprecated keys of a page that was not asked for by cursor."""
    pages = -(-count // asked.per_page)
    return {"current_page": asked.page, "total_pages": pages, "per_page": asked.per_page, "page": asked.page}


def _searched(call: Call, found: list[Customer]) -> dict[str, Any]:
    asked = paging.ask(call.query)
    places = {("", f"{one.id}"): one for one in found}
    page = paging.page(sorted(places), asked, lambda _: True)
    body = {
        "entries": [shapes.customer(call.account, places[key]) for key in page.keys],
        "has_more": page.has_more,
        "cursor": paging.sealed(page.keys[-1]) if page.keys else None,
    }
    return body | {"per_page": asked.per_page, "page": asked.page, "current_page": asked.page, "total_pages": None}


def _sent_attributes(call: Call) -> dict[str, Any]:
    sent = call.body.get("attributes")
    if sent is not None and not isinstance(sent, dict):
        raise wrong_shape("attributes", sent, "object")
    return sent or {}


def _first_attributes(call: Call) -> tuple[list[str], dict[str, Any]]:
    """Tags and custom attributes of a new customer."""
    sent = _sent_attributes(call)
    if not call.account.settings.chartmogul_create_takes_attributes:
        return [], {}
    tags = tags_of(sent) if "tags" in sent else []
    custom = call.account.attributes.added(sent["custom"]) if "custom" in sent else {}
    return tags, {CUSTOM + key: value for key, value in custom.items()}


def _changed_attributes(call: Call) -> tuple[list[str] | None, dict[str, Any]]:
    """Tags, if any were sent, and custom attributes of a changed customer."""
    sent = _sent_attributes(call)
    tags = tags_of(sent) if "tags" in sent else None
    custom = call.account.attributes.updated(sent["custom"]) if "custom" in sent else {}
    if call.account.settings.chartmogul_patch_booleans_true:
        custom = {key: True if value is False else value for key, value in custom.items()}
    return tags, {CUSTOM + key: value for key, value in custom.items()}


def _first_contact(call: Call, one: Customer) -> Callable[[], object]:
    """Adds the contact that was sent along, if one was; it takes no custom attributes."""
    sent = call.body.get("primary_contact")
    if sent is None:
        return lambda: None
    if not isinstance(sent, dict):
        raise wrong_shape("primary_contact", sent, "object")
    body = {name: value for name, value in sent.items() if name not in ("custom", "overrides")}
    return new_contact(call.account, body, one, one.primary.source)


def _side(account: Account, given: Any, name: str) -> Customer:
    """One side of a merge: `{customer_uuid}` or `{data_source_uuid, external_id}`."""
    if not isinstance(given, dict):
        raise wrong_shape(name, given, "object")
    if "customer_uuid" in given:
        return account.customers.get(given["customer_uuid"])
    source, external_id = (given.get(key) for key in ("data_source_uuid", "external_id"))
    if not isinstance(source, str) or not isinstance(external_id, str):
        raise missing(f"{name}[customer_uuid]")
    found = account.customers.find(Member(source, external_id))
    if found is None:
        raise no_customer(external_id)
    return found


def _if_there(account: Account, customers: tuple[Customer, ...], work: Callable[[], object]) -> Callable[[], None]:
    """The work, unless by then one of the customers is gone."""

    def carry_out() -> None:
        try:
            gone = any(account.customers.get(one.uuid) is not one for one in customers)
        except Refusal:
            return
        if not gone:
            work()

    return carry_out


OPERATIONS = (
    Operation("GET", "/customers", listed),
    Operation("POST", "/customers", create, 201, by_field),
    Operation("GET", "/customers/search", search),
    Operation("POST", "/customers/merges", begin_merge, 202),
    Operation("POST", "/customers/unmerges", begin_unmerge, 202),
    Operation("GET", "/customers/{uuid}", get),
    Operation("PATCH", "/customers/{uuid}", update),
    Operation("DELETE", "/customers/{uuid}", delete, 204, deletes="Customer"),
)
