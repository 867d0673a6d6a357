"""What the map uses of Chargebee's records, and of what type: checked as they come, so that nothing odd is kept.

https://apidocs.chargebee.com/docs/api
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from standpipe_maps.heads import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Head(msgspec.Struct):
    """What orders the versions of a record."""

    id: str
    created_at: int | None = None
    updated_at: int | None = None
    resource_version: int | None = None
    deleted: bool | None = None


class NameHead(Head):
    """Of a plan or an item price."""

    name: str | None = None


class Card(msgspec.Struct):
    """Of a customer's card."""

    expiry_month: int | None = None
    expiry_year: int | None = None


class PaymentMethod(msgspec.Struct):
    """Of a customer's payment method."""

    type: str | None = None


class CustomerHead(Head):
    """Of a customer."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    company: str | None = None
    auto_collection: str | None = None
    payment_method: PaymentMethod | None = None
    card: Card | None = None


class Item(msgspec.Struct):
    """Of an item of a subscription (catalog 2), or of an addon (catalog 1)."""

    item_type: str | None = None
    item_price_id: str | None = None
    amount: int | None = None
    amount_in_decimal: Decimal | None = None
    quantity: int | None = None
    quantity_in_decimal: Decimal | None = None


class SubscriptionHead(Head):
    """Of a subscription."""

    customer_id: str | None = None
    status: str | None = None
    currency_code: str | None = None
    base_currency_code: str | None = None
    exchange_rate: Decimal | None = None
    mrr: int | None = None
    billing_period: int | None = None
    billing_period_unit: str | None = None
    plan_id: str | None = None
    plan_amount: int | None = None
    plan_amount_in_decimal: Decimal | None = None
    plan_quantity: int | None = None
    plan_quantity_in_decimal: Decimal | None = None
    subscription_items: list[Item] | None = None
    addons: list[Item] | None = None
    cancel_reason: str | None = None
    cancel_reason_code: str | None = None
    trial_start: int | None = None
    trial_end: int | None = None
    current_term_start: int | None = None
    current_term_end: int | None = None
    next_billing_at: int | None = None
    cancelled_at: int | None = None
    activated_at: int | None = None


class InvoiceHead(Head):
    """Of an invoice; nothing else of it is kept."""

    customer_id: str | None = None
    status: str | None = None
    recurring: bool | None = True
    date: int | None = None
    total: int | None = None
    amount_due: int | None = None
    currency_code: str | None = None
    exchange_rate: Decimal | None = None
    base_currency_code: str | None = None


HEADS: Mapping[str, msgspec.json.Decoder[Any]] = {
    "customers": msgspec.json.Decoder(CustomerHead),
    "subscriptions": msgspec.json.Decoder(SubscriptionHead),
    "invoices": msgspec.json.Decoder(InvoiceHead),
    "plans": msgspec.json.Decoder(NameHead),
    "item_prices": msgspec.json.Decoder(NameHead),
}


def heads(stream: str, records: Sequence[bytes]) -> list[dict[str, Any]]:
    """What the map uses, of records as they came.

    Raises:
        Refusal: a field is of a type that it never has in Chargebee, or there is no id.
    """
    return [msgspec.structs.asdict(head) for head in read(HEADS[stream], stream, records, "Chargebee")]
