"""The business entities of a Chargebee site: which one a record is linked to.

See https://apidocs.chargebee.com/docs/api/business_entities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business.documents.drawing import Document
from sandbox.business.records import Customer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.business.parts import Business

FIELD = "business_entity_id"


def list_entities(count: int) -> list[str]:
    """Return the ids of a site's business entities."""
    return [f"be_{number}" for number in range(1, count + 1)]


def find_entity(record: Any, count: int) -> str | None:
    """Return the business entity of a record; None for a record of the whole site.

    A customer belongs to one by its row, until a transfer writes another one into its edits. What belongs to a customer
    follows it, and an event follows its content.

    Args:
        record: a row of any table.
        count: how many business entities the site has.
    """
    if not count:
        return None
    if FIELD in record.edits:
        return str(record.edits[FIELD])
    if isinstance(record, Customer):
        return list_entities(count)[record.row % count]
    found = (find_entity(owner, count) for owner in _list_owners(record))
    return next((entity for entity in found if entity), None)


def _list_owners(record: Any) -> Iterator[Any]:
    """Yield the records that a record belongs to, or that an event shows."""
    yield from (owner for name in ("customer", "invoice") if (owner := getattr(record, name, None)))
    yield from (shown for _, shown in getattr(record, "content", ()))


def transfer_customer(business: Business, customer_id: str, entity: str) -> None:
    """Move a customer with its subscriptions to another business entity; its invoices stay where they are.

    The records keep their ids and, as the hardest case for a reader, their `updated_at`.
    """
    now, customer = business.clock.now(), business.customers.get(customer_id)
    assert customer is not None  # noqa: S101 whoever moves a customer knows it
    source = find_entity(customer, business.settings.business_entities)
    subscriptions = [one for one in business.subscriptions.records if one.customer is customer]
    for invoice in business.invoices.records:
        if invoice.customer is customer:
            business.invoices.change_unnoted(invoice, now, **{FIELD: source})
    transfers = business.table("business_entity_transfers")
    for kind, record in [("customer", customer), *(("subscription", one) for one in subscriptions)]:
        business.table_of(record).change_unnoted(record, now, **{FIELD: entity})
        facts = {
            "resource_type": kind,
            "resource_id": f"old_{record.id}",
            "active_resource_id": record.id,
            f"source_{FIELD}": source,
            f"destination_{FIELD}": entity,
            "reason_code": "correction",
        }
        number = len(transfers.records)
        transfer = Document(
            id=f"bet_{number:09}",
            created_at=now,
            updated_at=None,
            resource_version=None,
            kind="business_entity_transfers",
            facts=facts,
        )
        transfers.append(transfer, now)
        business.events.tell(f"{kind}_business_entity_changed", now, [(kind, record), ("customer", customer)], "api")
