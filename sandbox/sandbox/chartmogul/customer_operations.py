"""The operations on customers, https://dev.chartmogul.com/reference/customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.chartmogul import paging, shapes
from sandbox.chartmogul.attributes import read_tags
from sandbox.chartmogul.contact_operations import prepare_contact
from sandbox.chartmogul.customer_values import normalize_values, read_new_customer
from sandbox.chartmogul.customers import Customer, Member
from sandbox.chartmogul.errors import (
    bad_parameter,
    build_refusal,
    missing_parameter,
    refuse_all,
    unknown_customer,
    unknown_email,
    wrong_type,
)
from sandbox.chartmogul.fields import ADDRESS, CUSTOMER, read_fields
from sandbox.chartmogul.merging import check_member, merge_customers, split_customer
from sandbox.chartmogul.operations import API, Call, Operation
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account
    from sandbox.json_types import JsonObject

OVERRIDABLE = (*(name for name in CUSTOMER if name not in ADDRESS), "address")


def list_customers(call: Call) -> JsonObject:
    """Return a page of the customers; unknown filters are ignored."""
    account, query, asked = call.account, call.query, paging.read_request(call.query)
    tests: list[Callable[[Customer], bool]] = []
    if "system" in query:
        sources = {one.uuid for one in account.sources if one.system == query["system"]}
        tests.append(lambda one: any(member.source in sources for member in one.members))
    if "status" in query:
        status = shapes.read_status(query["status"])
        if not status:
            raise bad_parameter("status")
        tests.append(lambda one: status == (account.customers.facts(one).status or one.values["status"]))
    keys = account.customers.keys(query.get("data_source_uuid"), query.get("external_id"))
    found, page = account.customers.page(asked, keys, tests)
    body = page.show([shapes.show_customer(account, one) for one in found])
    if asked.cursor:
        return body
    pages = -(-account.customers.count(keys, tests) // asked.per_page)
    return body | {"total_pages": pages, "per_page": asked.per_page, "page": asked.page, "current_page": asked.page}


def search_customers(call: Call) -> JsonObject:
    """Return the customers with an e-mail, or, if the query says so, with a contact of that e-mail."""
    email = call.query.get("email")
    if not email:
        raise missing_parameter("email")
    found = list(call.account.customers.with_email(email))
    if call.flag("with_associated_emails"):
        owners = [one.customer for one in call.account.contacts if one.values["email"] == email]
        found += [one for one in dict.fromkeys(owners) if one and one not in found]
    if not found:
        raise unknown_email(email)
    asked = paging.read_request(call.query)
    places = {("", f"{one.id}"): one for one in found}
    page = paging.cut_page(sorted(places), asked, lambda _: True)
    body = page.show([shapes.show_customer(call.account, places[key]) for key in page.keys])
    return body | {"total_pages": None, "per_page": asked.per_page, "page": asked.page, "current_page": asked.page}


def create_customer(call: Call) -> JsonObject:
    """Create a customer, with its attributes and one contact if the body has them."""
    call.require("data_source_uuid", "external_id")
    account, body = call.account, call.body
    values, flags = read_new_customer(account, body), call.overrides(OVERRIDABLE, "attributes")
    tags, custom = _read_first_attributes(call)
    one = account.new_customer(Member(body["data_source_uuid"], body["external_id"]), values, API)
    add_contact = _prepare_first_contact(call, one)
    one.write(custom, flags, call.now, API)
    account.create(one)
    one.add_tags(tags)
    one.origins = dict.fromkeys(custom, one.primary)
    add_contact()
    return shapes.show_customer(account, one) | (shapes.show_overrides(one, "attributes") if flags else {})


def get_customer(call: Call) -> JsonObject:
    """Return one customer, with its overrides and the history of some fields if the query says so."""
    one = call.find_customer()
    shown = shapes.show_customer(call.account, one)
    if call.flag("with_overrides"):
        shown |= shapes.show_overrides(one, "attributes")
    return shown | call.show_history(one, {*CUSTOMER, *one.values})


def update_customer(call: Call) -> JsonObject:
    """Change the fields that are sent; a field with an override is reverted unless the request names the override."""
    one, flags = call.find_customer(), call.overrides(OVERRIDABLE, "attributes")
    values = normalize_values(read_fields(call.body, CUSTOMER, call.now), one.values)
    tags, custom = _read_changed_attributes(call)
    add_contact = _prepare_first_contact(call, one)
    one.write(values | custom, flags, call.now, API)
    for field in custom:
        one.origins.setdefault(field, one.primary)
    if tags is not None:
        kept = {} if call.account.settings.chartmogul_patch_tags_replace else one.tags
        one.tags = kept | {tag: one.tags.get(tag, one.primary) for tag in tags}
    add_contact()
    call.account.customers.changed()
    return shapes.show_customer(call.account, one) | (shapes.show_overrides(one, "attributes") if flags else {})


def delete_customer(call: Call) -> None:
    """Remove a customer that came over the API."""
    one = call.find_customer()
    if not all(call.account.sources.get(member.source).is_custom for member in one.members):
        raise build_refusal(422, "Only customers of custom data sources can be deleted.", "customer_uuid")
    call.account.delete_customer(one)


def begin_merge(call: Call) -> JsonObject:
    """Accept a merge of two customers, which takes effect later; `into` survives."""
    call.require("from", "into")
    account = call.account
    source, into = (_find_side(account, call.body[name], name) for name in ("from", "into"))
    if source is into:
        raise build_refusal(422, "A customer cannot be merged with itself.", "into")

    def merge() -> None:
        if source in account.customers and into in account.customers:
            merge_customers(account, source, into, API)

    account.jobs.run_later(merge)
    return {}


def begin_unmerge(call: Call) -> JsonObject:
    """Accept the unmerge of a member, which takes effect later."""
    call.require("customer_uuid", "data_source_uuid", "external_id")
    account, body = call.account, call.body
    one = account.customers.get(body["customer_uuid"])
    member = check_member(one, Member(body["data_source_uuid"], body["external_id"]))

    def split() -> None:
        if one in account.customers and member in one.members and len(one.members) > 1:
            split_customer(account, one, member, API)

    account.jobs.run_later(split)
    return {}


def _read_sent_attributes(call: Call) -> JsonObject:
    sent = call.body.get("attributes")
    if sent is not None and not isinstance(sent, dict):
        raise wrong_type("attributes", sent, "object")
    return sent or {}


def _read_first_attributes(call: Call) -> tuple[list[str], JsonObject]:
    """Return a new customer's tags and custom attributes."""
    sent = _read_sent_attributes(call)
    if not call.account.settings.chartmogul_create_takes_attributes:
        return [], {}
    tags = read_tags(sent) if "tags" in sent else []
    custom = call.account.attributes.read_new(sent["custom"]) if "custom" in sent else {}
    return tags, {CUSTOM + key: value for key, value in custom.items()}


def _read_changed_attributes(call: Call) -> tuple[list[str] | None, JsonObject]:
    """Return a changed customer's tags, if any were sent, and its custom attributes."""
    sent = _read_sent_attributes(call)
    tags = read_tags(sent) if "tags" in sent else None
    custom = call.account.attributes.read_known(sent["custom"]) if "custom" in sent else {}
    if call.account.settings.chartmogul_patch_booleans_true:
        custom = {key: True if value is False else value for key, value in custom.items()}
    return tags, {CUSTOM + key: value for key, value in custom.items()}


def _prepare_first_contact(call: Call, one: Customer) -> Callable[[], object]:
    """Return a function that adds the contact in the body, if there is one; it takes no custom attributes."""
    sent = call.body.get("primary_contact")
    if sent is None:
        return lambda: None
    if not isinstance(sent, dict):
        raise wrong_type("primary_contact", sent, "object")
    body = {name: value for name, value in sent.items() if name not in ("custom", "overrides")}
    return prepare_contact(call.account, body, one, one.primary.source)


def _find_side(account: Account, sent: Any, name: str) -> Customer:
    """Return one side of a merge: `{customer_uuid}` or `{data_source_uuid, external_id}`."""
    if not isinstance(sent, dict):
        raise wrong_type(name, sent, "object")
    if "customer_uuid" in sent:
        return account.customers.get(sent["customer_uuid"])
    source, external_id = (sent.get(key) for key in ("data_source_uuid", "external_id"))
    if not isinstance(source, str) or not isinstance(external_id, str):
        raise missing_parameter(f"{name}[customer_uuid]")
    found = account.customers.find(Member(source, external_id))
    if found is None:
        raise unknown_customer(external_id)
    return found


OPERATIONS = (
    Operation("GET", "/customers", list_customers),
    Operation("POST", "/customers", create_customer, 201, refuse_all),
    Operation("GET", "/customers/search", search_customers),
    Operation("POST", "/customers/merges", begin_merge, 202),
    Operation("POST", "/customers/unmerges", begin_unmerge, 202),
    Operation("GET", "/customers/{uuid}", get_customer),
    Operation("PATCH", "/customers/{uuid}", update_customer),
    Operation("DELETE", "/customers/{uuid}", delete_customer, 204, deletes="Customer"),
)
