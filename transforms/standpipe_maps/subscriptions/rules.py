"""Which subscription, which version, which customer, which invoice: the tables of the join. Nothing else decides."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps.subscriptions.money import Amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Record = Mapping[str, Any]

RANKS: Mapping[str, int] = {
    "active": 0,
    "non_renewing": 0,
    "in_trial": 0,
    "paused": 1,
    "future": 2,
    "cancelled": 4,
    "transferred": 4,
}
# A status that Chargebee adds one day is not known to be an end, so it must not hide behind a cancelled subscription.
UNKNOWN_RANK = 3
NO_SUBSCRIPTION_RANK = 5
NO_MRR = frozenset({"cancelled", "future", "transferred"})
ESTIMATED = frozenset({"active", "non_renewing"})
UNPAID = frozenset({"payment_due", "not_paid"})
NO_DOCUMENT = frozenset({"voided", "pending"})
# How many months of revenue one period is worth: (numerator, denominator) for one unit.
MONTHS: Mapping[str, tuple[int, int]] = {"year": (1, 12), "month": (1, 1), "week": (52, 12), "day": (365, 12)}


class Invoice(NamedTuple):
    """What the rules need of an invoice; money in minor units, times in unix seconds."""

    customer_id: str
    id: str
    live: int
    """0 when it is deleted."""
    known_at: int
    """When this version was made, unix milliseconds; 0 when the record does not say."""
    status: str | None
    recurring: int
    date: int | None
    total: int | None
    amount_due: int | None
    currency_code: str | None
    exchange_rate: str | None
    base_currency_code: str | None


def known_at(record: Record) -> int:
    """When this version of a record was made, unix milliseconds; 0 when it does not say."""
    return record.get("resource_version") or (record.get("updated_at") or 0) * 1000


def version(record: Record) -> tuple[int, int, int]:
    """What orders the versions of one id, the greatest being true: (created_at, known_at, live).

    ``created_at`` comes first because the id of a deleted record may be used again. Invoices have none.
    """
    return record.get("created_at") or 0, known_at(record), int(not record.get("deleted"))


def ended_with_earlier(known: int, customer: Record, ended: int | None) -> bool:
    """Whether what was last heard of at ``known`` went with an earlier customer of the same id.

    Args:
        known: unix milliseconds.
        customer: the customer that has the id now.
        ended: the least ``created_at`` of the deleted customers that had this id, None when there was none.
    """
    born = customer.get("created_at") or 0
    return ended is not None and ended < born and known < born * 1000


def counted(subscriptions: Iterable[Record], customer: Record, ended: int | None) -> list[Record]:
    """The subscriptions that count at all: not deleted, and of this customer rather than of an earlier one."""
    live = [subscription for subscription in subscriptions if not subscription.get("deleted")]
    if ended is None:
        return live
    return [
        subscription
        for subscription in live
        if not ended_with_earlier(
            known_at(subscription) or (subscription.get("created_at") or 0) * 1000, customer, ended
        )
    ]


def counted_invoices(invoices: Iterable[Invoice], customer: Record, ended: int | None) -> list[Invoice]:
    """The invoices that count at all, by the same two rules."""
    live = [invoice for invoice in invoices if invoice.live]
    if ended is None:
        return live
    return [
        invoice
        for invoice in live
        if not ended_with_earlier(invoice.known_at or (invoice.date or 0) * 1000, customer, ended)
    ]


def rank(subscription: Record | None) -> int:
    """The rank of a subscription's status, 0 the best."""
    if subscription is None:
        return NO_SUBSCRIPTION_RANK
    return RANKS.get(subscription.get("status") or "", UNKNOWN_RANK)


def choose(subscriptions: Iterable[Record]) -> Record | None:
    """Of those that count, the one that is shown: the best rank, of these the latest changed; None if none counts."""
    return max(subscriptions, key=_shown, default=None)


def _shown(subscription: Record) -> tuple[int, int, int, str]:
    return (
        -rank(subscription),
        subscription.get("updated_at") or subscription.get("created_at") or 0,
        subscription.get("resource_version") or 0,
        subscription["id"],
    )


def precedence(customer: Record, chosen: Record | None) -> tuple[int, int, int, str]:
    """Of customers with one match value, the greatest is sent: live, the best rank, the newest, the greatest id."""
    return int(not customer.get("deleted")), -rank(chosen), customer.get("created_at") or 0, customer["id"]


def mrr_amounts(subscriptions: Iterable[Record], *, estimate: bool) -> Iterator[Amount]:
    """What each subscription adds to its customer's MRR; a missing ``mrr`` is 0: zero is omitted on the wire."""
    for subscription in subscriptions:
        if subscription.get("status") not in NO_MRR:
            minor = estimated_mrr(subscription) if estimate else subscription.get("mrr") or 0
            yield money_of(subscription, minor)


def lacks_mrr(subscription: Record) -> bool:
    """Whether a subscription that brings revenue carries no ``mrr``: it may be nothing, or not reckoned yet."""
    return subscription.get("mrr") is None and subscription.get("status") in ESTIMATED


def estimated_mrr(subscription: Record) -> int:
    """The recurring amounts of a subscription for one month, in minor units; coupons and discounts are not deducted."""
    months = MONTHS.get(subscription.get("billing_period_unit") or "")
    period = subscription.get("billing_period")
    if subscription.get("status") not in ESTIMATED or months is None or not period:
        return 0
    whole = Decimal(sum(recurring_amounts(subscription)) * months[0]) / (months[1] * period)
    return int(whole.quantize(Decimal(1), ROUND_HALF_EVEN))


def recurring_amounts(subscription: Record) -> Iterator[int]:
    """The minor amounts that come again each period, of the plan and of the addons."""
    if subscription.get("plan_id"):
        yield subscription.get("plan_amount") or 0
    for addon in subscription.get("addons") or ():
        yield addon.get("amount") or 0
    for item in subscription.get("subscription_items") or ():
        if item.get("item_type") in {"plan", "addon"}:
            yield item.get("amount") or 0


def unpaid_amounts(invoices: Iterable[Invoice]) -> Iterator[Amount]:
    """What is due of each invoice that is overdue."""
    for invoice in invoices:
        if invoice.status in UNPAID:
            rate = None if invoice.exchange_rate is None else Decimal(invoice.exchange_rate)
            yield Amount(invoice.amount_due or 0, invoice.currency_code, rate, invoice.base_currency_code)


def money_of(record: Record, minor: int) -> Amount:
    """An amount in the currencies of the record that carries it; a record of none has none."""
    rate = record.get("exchange_rate")
    return Amount(
        minor,
        record.get("currency_code"),
        None if rate is None else Decimal(rate),
        record.get("base_currency_code"),
    )


def recurring_bounds(invoices: Iterable[Invoice]) -> tuple[Invoice | None, Invoice | None]:
    """The earliest and the latest recurring invoice by (date, id), of those that count."""
    recurring: Sequence[Invoice] = [
        invoice
        for invoice in invoices
        if invoice.recurring and invoice.date is not None and invoice.status not in NO_DOCUMENT
    ]
    return min(recurring, key=_dated, default=None), max(recurring, key=_dated, default=None)


def _dated(invoice: Invoice) -> tuple[int, str]:
    return invoice.date or 0, invoice.id


def email_key(value: str) -> str:
    """An e-mail address as it is compared: trimmed, in lower case."""
    return value.strip().lower()


def name_key(value: str) -> str:
    """A company's name as it is compared: NFC, trimmed, without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).strip().casefold())


MATCH_KEYS: Mapping[str, Callable[[str], str]] = {
    "email": email_key,
    "user_id": str,
    "company_id": str,
    "company_name": name_key,
}


def identity(customer: Record, field: str) -> str | None:
    """The text of a field that identifies; whole numbers as digits; None when it is empty or no text."""
    value = customer.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def match_value(customer: Record, match_on: str, field: str) -> str | None:
    """What a customer is matched by, as it is compared; None when there is nothing to match by."""
    value = identity(customer, field)
    return None if value is None else MATCH_KEYS[match_on](value)
