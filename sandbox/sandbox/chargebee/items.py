"""Records in their envelopes, with their siblings: ``{"subscription":{...},"customer":{...},"card":{...}}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.records import Record
from sandbox.business.tables import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sandbox.business.business import Business
    from sandbox.business.records import Customer
    from sandbox.chargebee.resources import Resource

    Seen = Callable[[str], Sequence[Any]]
    """The records of a table, by row, as the reader sees them."""


def item_writer(business: Business, resource: Resource, seen: Seen) -> Callable[[Any], bytes]:
    """What makes one record of a resource an item of its list."""
    opening = b'{"' + resource.object.encode() + b'":'
    json = business.table(resource.table).json
    siblings = _siblings(business, resource, seen)
    if siblings is None:
        return lambda record: opening + json(record) + b"}"
    return lambda record: opening + json(record) + siblings(record) + b"}"


def _siblings(business: Business, resource: Resource, seen: Seen) -> Callable[[Any], bytes] | None:
    if not resource.siblings:
        return None
    if "card" not in resource.siblings:
        return lambda document: b"".join(_beside(business, document, seen))
    if resource.object == "customer":
        return lambda customer: _card(business, customer)
    customers = seen("customers")
    return lambda record: _customer(business, customers[record.customer.row])


def _card(business: Business, customer: Customer) -> bytes:
    card = business.card_json(customer)
    return b"" if card is None else b',"card":' + card


def _customer(business: Business, customer: Customer) -> bytes:
    return b',"customer":' + business.customers.json(customer) + _card(business, customer)


def _beside(business: Business, document: Any, seen: Seen) -> Iterator[bytes]:
    """The siblings that a document names: records of the business, as they stand, or objects of its own."""
    for name, one in document.beside.items():
        text = encode(one) if not isinstance(one, Record) else _seen_json(business, one, seen)
        yield b',"' + name.encode() + b'":' + text


def _seen_json(business: Business, record: Record, seen: Seen) -> bytes:
    table = business.table_of(record)
    return table.json(seen(table.name)[record.row])
