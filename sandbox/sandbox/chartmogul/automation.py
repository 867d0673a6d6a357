"""The account's own automation: a customer created as a duplicate of another source's is merged with it.

https://help.chartmogul.com/hc/en-us/articles/13705053532572
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.chartmogul.merging import merge_customers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chartmogul.account import Account
    from sandbox.chartmogul.customers import Customer

_FREE = frozenset({"gmail.com", "googlemail.com", "hotmail.com", "icloud.com", "outlook.com", "yahoo.com"})


def read_domain(customer: Customer) -> str:
    """Return the domain of the website, without `www.`; empty for none and for those that give mailboxes away."""
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
"""What makes two customers duplicates, letter case included. There is no rule for e-mails."""


def merge_duplicate(account: Account, rules: str, customer: Customer) -> None:
    """Merge a customer that was just created into the one older customer of other sources of which it is a duplicate.

    With several such customers nothing happens.
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
