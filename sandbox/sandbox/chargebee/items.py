"""Records in their envelopes, with their siblings: ``{"subscription":{...},"customer":{...},"card":{...}}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.records import Record
from sandbox.business.tables import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.business.business import Business
    from sandbox.chargebee.resources import Resource

    Seen = Callable[[str], Sequence[Any]]
    """The records of a table by row, as the list shows them."""


def build_item_writer(business: Business, resource: Resource, seen: Seen) -> Callable[[Any], bytes]:
    """Return a function that turns a record of a resource into an item of its list."""
    opening = b'{"' + resource.object.encode() + b'":'
    write_record = business.table(resource.table).json
    write_siblings = _build_sibling_writer(business, resource, seen)
    if write_siblings is None:
        return lambda record: opening + write_record(record) + b"}"
    return lambda record: opening + write_record(record) + write_siblings(record) + b"}"


def _build_sibling_writer(business: Business, resource: Resource, seen: Seen) -> Callable[[Any], bytes] | None:
    if not resource.siblings:
        return None

    def write_card(customer: Any) -> bytes:
        card = business.card_json(customer)
        return b"" if card is None else b',"card":' + card

    if resource.object == "customer":
        return write_card
    if resource.object == "subscription":
        customers = seen("customers")

        def write_customer(subscription: Any) -> bytes:
            customer = customers[subscription.customer.row]
            return b',"customer":' + business.customers.json(customer) + write_card(customer)

        return write_customer

    def write_beside(document: Any) -> bytes:
        """Write a document's siblings: records of the business in their present state, or objects of its own."""
        written = b""
        for name, one in document.beside.items():
            if isinstance(one, Record):
                table = business.table_of(one)
                text = table.json(seen(table.name)[one.row])
            else:
                text = encode(one)
            written += b',"' + name.encode() + b'":' + text
        return written

    return write_beside
