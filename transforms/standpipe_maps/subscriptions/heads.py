"""What is read of a Chargebee record as it comes, before it is kept: so much as orders, finds or reckons."""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from standpipe_maps.errors import Refusal
from standpipe_maps.messages import DECODER

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
    """What is kept of a plan or an item price."""

    name: str | None = None


class SubscriptionHead(Head):
    """What finds a subscription."""

    customer_id: str | None = None
    mrr: int | None = None


class InvoiceHead(Head):
    """What is kept of an invoice."""

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
    "customers": msgspec.json.Decoder(Head),
    "subscriptions": msgspec.json.Decoder(SubscriptionHead),
    "invoices": msgspec.json.Decoder(InvoiceHead),
    "plans": msgspec.json.Decoder(NameHead),
    "item_prices": msgspec.json.Decoder(NameHead),
}


def heads(stream: str, records: Sequence[bytes]) -> list[dict[str, Any]]:
    """What a table has columns for, of records as they came.

    Raises:
        Refusal: a field is of a type that it never has in Chargebee, or there is no id.
    """
    decode = HEADS[stream].decode
    try:
        return [msgspec.structs.asdict(decode(record)) for record in records]
    except msgspec.ValidationError as error:
        raise _refusal(stream, records) from error


def _refusal(stream: str, records: Sequence[bytes]) -> Refusal:
    for record in records:
        try:
            HEADS[stream].decode(record)
        except msgspec.ValidationError as error:
            whole = DECODER.decode(record)
            key = whole.get("id") if isinstance(whole, dict) else None
            return Refusal(f"The record {key} of {stream} is not as Chargebee has it ({error}): check the tap.")
    raise AssertionError("only called for records of which one cannot be read")
