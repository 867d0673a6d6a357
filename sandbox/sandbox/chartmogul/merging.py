"""Merging customers, by request or by the account's own automation, and splitting them again.

https://dev.chartmogul.com/reference/customers, https://help.chartmogul.com/hc/en-us/articles/13705053532572
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.chartmogul.errors import build_refusal
from sandbox.chartmogul.records import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.customers import Customer, Member

_FREE = frozenset({"gmail.com", "googlemail.com", "hotmail.com", "icloud.com", "outlook.com", "yahoo.com"})


def merge_customers(account: Account, source: Customer, into: Customer, by: str) -> None:
    """Merge two customers: `into` keeps its values, and gains the other's members, contacts, tags and attributes."""
    account.customers.remove(source)
    account.customers.remove(into)
    into.members += source.members
    into.tags = source.tags | into.tags
    for field, value in source.values.items():
        if field.startswith(CUSTOM) and field not in into.values:
            into.set(field, value, account.now, by)
            into.origins[field] = source.origins.get(field, source.primary)
    for contact in account.contacts.of(source):
        account.contacts.move(contact, into)
    into.note("(merged with)", None, "/".join(source.primary), account.now, by)
    account.customers.add(into)


def split_customer(account: Account, customer: Customer, member: Member, by: str) -> Customer:
    """Make a member a customer of its own again, with a new uuid and everything that it brought."""
    account.customers.remove(customer)
    customer.members.remove(member)
    values = {name: value for name, value in customer.values.items() if not name.startswith(CUSTOM)}
    split = account.new_customer(member, values, by)
    for tag in [tag for tag, origin in customer.tags.items() if origin == member]:
        split.tags[tag] = customer.tags.pop(tag)
    for field in [field for field, origin in customer.origins.items() if origin == member]:
        split.values[field] = customer.values[field]
        split.origins[field] = customer.origins.pop(field)
        customer.remove(field, account.now, by)
    for contact in account.contacts.of(customer):
        if contact.source == member.source and member.source not in {one.source for one in customer.members}:
            account.contacts.move(contact, split)
    customer.note("(split off)", "/".join(member), None, account.now, by)
    account.customers.add(customer)
    account.customers.add(split)
    return split


def check_member(customer: Customer, member: Member) -> Member:
    """Return the member, if it can be split off.

    Raises:
        Refusal: 422, it is not the customer's, or the only one; the texts were never recorded.
    """
    if member not in customer.members:
        raise build_refusal(422, "The customer has no such external ID in this data source.", "external_id")
    if len(customer.members) == 1:
        raise build_refusal(422, "The customer is not merged.", "customer_uuid")
    return member


def read_domain(customer: Customer) -> str:
    """Return a website's domain without `www.`; empty for none and for hosts of free mailboxes."""
    url = customer.values["website_url"] or ""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    name = host.removeprefix("www.")
    return "" if name in _FREE else name


RULES: dict[str, Callable[[Customer], frozenset[str]]] = {
    "external_id": lambda one: frozenset(member.external_id for member in one.members),
    "domain": lambda one: frozenset({read_domain(one)} - {""}),
    "company": lambda one: frozenset({one.values["company"]} - {""}),
}
"""The rules by which two customers are duplicates; letter case matters. There is no rule for e-mails."""


def merge_duplicate(account: Account, rules: str, customer: Customer) -> None:
    """Merge a new customer into the one older customer of another source that it duplicates.

    Nothing happens when there are several such customers.
    """
    duplicates: list[Customer] = []
    for rule in filter(None, rules.split(",")):
        wanted = RULES[rule](customer)
        older = (one for one in account.customers if one.id < customer.id and wanted & RULES[rule](one))
        duplicates += [one for one in older if one not in duplicates and not _share_source(one, customer)]
    if len(duplicates) == 1:
        merge_customers(account, customer, duplicates[0], "Automation")


def _share_source(one: Customer, other: Customer) -> bool:
    return bool({member.source for member in one.members} & {member.source for member in other.members})
