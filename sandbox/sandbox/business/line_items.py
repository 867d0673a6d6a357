"""The line items of an invoice, in either catalog; a large invoice is shown without them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.business.members import SHAPES

if TYPE_CHECKING:
    from sandbox.business.records import Invoice
    from sandbox.json_types import JsonObject

LINE_KINDS = {
    1: {"plan": "plan", "addon": "addon", "charge": "adhoc"},
    2: {"plan": "plan_item_price", "addon": "addon_item_price", "charge": "charge_item_price"},
}
"""By catalog: the ``entity_type`` of a line."""
MOST_SHOWN = 300
"""An invoice with more lines is shown without any."""


def list_invoice_lines(invoice: Invoice, kinds: dict[str, str]) -> list[JsonObject]:
    """Return all line items of an invoice; a large invoice has several for each of its lines."""
    whole = _build_lines(invoice, kinds)
    return whole if invoice.parts == 1 else [part for line in whole for part in _split_line(line, invoice.parts)]


def show_lines(lines: list[JsonObject]) -> JsonObject:
    """Return the line items as a record shows them: all, or none and an offset token."""
    if len(lines) <= MOST_SHOWN:
        return {"line_items": lines}
    return {"line_items": [], "line_items_next_offset": lines_offset(0)}


def lines_offset(start: int) -> str:
    """Return the token that requests the line items from a position on."""
    return json.dumps(["line_items", str(start)], separators=(",", ":"))


def _build_lines(invoice: Invoice, kinds: dict[str, str]) -> list[JsonObject]:
    if not invoice.lines:
        charge = _build_line(invoice, 1, invoice.total, 1)
        return [{**charge, "description": "One-time charge", "entity_type": kinds["charge"], "entity_id": "setup"}]
    return [
        {
            **_build_line(invoice, number, line.price.amount, line.quantity),
            "description": line.price.name,
            "entity_type": kinds[line.price.item_type],
            "entity_id": line.price.id,
            "subscription_id": line.subscription.id,
        }
        for number, line in enumerate(invoice.lines, start=1)
    ]


def _split_line(line: JsonObject, parts: int) -> list[JsonObject]:
    """Return ``count`` line items that add up to one line."""
    amount, rest = divmod(line["amount"], parts)
    return [
        {**line, "id": f"{line['id']}_{number}", "unit_amount": paid, "quantity": 1, "amount": paid}
        for number in range(1, parts + 1)
        for paid in [amount + rest if number == 1 else amount]
    ]


def _build_line(invoice: Invoice, number: int, unit: int, quantity: int) -> JsonObject:
    return {
        **SHAPES["line_item"].alike,
        "id": f"li_{invoice.id}_{number}",
        "date_from": invoice.term[0],
        "date_to": invoice.term[1],
        "unit_amount": unit,
        "quantity": quantity,
        "amount": unit * quantity,
        "pricing_model": "flat_fee" if quantity == 1 else "per_unit",
        "customer_id": invoice.customer_id,
    }
