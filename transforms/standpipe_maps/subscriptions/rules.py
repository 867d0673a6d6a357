"""The decisions of the join: which version, subscription, customer and invoice count. Only this module decides them."""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from standpipe_maps._kit.json_types import JsonObject
from standpipe_maps.subscriptions.models import OddValueError, get_known, read_notes
from standpipe_maps.subscriptions.money import Amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


Record: TypeAlias = JsonObject
"""A record of Chargebee's; one with odd members is an ``OddRecord``."""

RANKS: Mapping[str, int] = {
    "active": 0,
    "non_renewing": 0,
    "in_trial": 0,
    "paused": 1,
    "future": 2,
    "cancelled": 4,
    "transferred": 4,
}
# A status that Chargebee adds later may not be final, so it ranks before a cancelled subscription.
UNKNOWN_RANK = 3
NO_SUBSCRIPTION_RANK = 5
NO_MRR = frozenset({"cancelled", "future", "transferred"})
ESTIMATED = frozenset({"active", "non_renewing"})
UNPAID = frozenset({"payment_due", "not_paid"})
NO_DOCUMENT = frozenset({"voided", "pending"})
RATE_MEMBERS = ("exchange_rate", "base_currency_code")
NUMBERED = re.compile(r"(|.*[^0-9])([0-9]{1,18})")
# After an increase, the next run computes the match values and odd members of stored rows again.
ROWS_VERSION = 2
# How many months a period unit has, as (numerator, denominator).
MONTHS: Mapping[str, tuple[int, int]] = {"year": (1, 12), "month": (1, 1), "week": (52, 12), "day": (365, 12)}


class Invoice(NamedTuple):
    """An invoice as the rules need it, with money in minor units and times in Unix seconds."""

    customer_id: str
    id: str
    live: int
    """0 if it is deleted."""
    known_at: int
    """The time of this version in Unix milliseconds; 0 if the record does not have it."""
    status: str | None
    recurring: int
    date: int | None
    total: int | None
    amount_due: int | None
    currency_code: str | None
    exchange_rate: str | None
    base_currency_code: str | None
    odd: str | None = None
    """The odd or missing members, as ``models.write_notes`` writes them."""

    @property
    def notes(self) -> list[tuple[str, str]]:
        """The note and the name of each odd or missing member."""
        return [(note, f"{self._prefix}{name}") for note, name in read_notes(self.odd)]

    @property
    def _prefix(self) -> str:
        return f"invoice {self.id}: "

    def is_odd(self, name: str) -> bool:
        """Return whether a member is odd or missing."""
        return self.odd is not None and any(name == odd for _, odd in read_notes(self.odd))

    def check(self, *names: str) -> None:
        """Stop a rule that reads an odd member.

        Raises:
            OddValueError: one of these members is odd.
        """
        for name in names if self.odd else ():
            if self.is_odd(name):
                raise OddValueError(f"{self._prefix}{name}")


def find_known_at(record: Record) -> int:
    """Return the time of this version of a record in Unix milliseconds; 0 if the record does not have it."""
    return get_known(record, "resource_version") or (get_known(record, "updated_at") or 0) * 1000


def find_version(record: Record) -> tuple[int, int, int]:
    """Return the value that orders the versions of one id: (created_at, known_at, live). The greatest is valid.

    ``created_at`` comes first because the id of a deleted record may be used again. Invoices have none.
    """
    return get_known(record, "created_at") or 0, find_known_at(record), int(not get_known(record, "deleted"))


def belongs_to_earlier(heard_at: int, customer: Record, ended: int | None) -> bool:
    """Return whether a record belongs to an earlier, deleted customer with the same id.

    Args:
        heard_at: when the record last arrived, in Unix milliseconds.
        customer: the customer that has the id now.
        ended: the earliest ``created_at`` of the deleted customers with this id; None if there was none.
    """
    born = get_known(customer, "created_at") or 0
    return ended is not None and ended < born and heard_at < born * 1000


def filter_subscriptions(subscriptions: Iterable[Record], customer: Record, ended: int | None) -> list[Record]:
    """Return the subscriptions that count: neither deleted nor an earlier customer's with the same id."""
    live = [subscription for subscription in subscriptions if not get_known(subscription, "deleted")]
    if ended is None:
        return live
    return [
        subscription
        for subscription in live
        if not belongs_to_earlier(
            find_known_at(subscription) or (get_known(subscription, "created_at") or 0) * 1000, customer, ended
        )
    ]


def filter_invoices(invoices: Iterable[Invoice], customer: Record, ended: int | None) -> list[Invoice]:
    """Return the invoices that count, by the same two rules."""
    live = [invoice for invoice in invoices if invoice.live]
    if ended is None:
        return live
    return [
        invoice
        for invoice in live
        if not belongs_to_earlier(invoice.known_at or (invoice.date or 0) * 1000, customer, ended)
    ]


def rank_subscription(subscription: Record | None) -> int:
    """Return the rank of a subscription's status; 0 is the best."""
    if subscription is None:
        return NO_SUBSCRIPTION_RANK
    return RANKS.get(get_known(subscription, "status") or "", UNKNOWN_RANK)


def has_unknown_status(subscription: Record) -> bool:
    """Return whether a subscription has a status that this version does not know."""
    status = get_known(subscription, "status")
    return bool(status) and status not in RANKS


def choose_subscription(subscriptions: Iterable[Record]) -> Record | None:
    """Return the subscription to show: the best rank, then the last changed; None if there is none."""

    def order(subscription: Record) -> tuple[int, int, int, str]:
        return (
            -rank_subscription(subscription),
            get_known(subscription, "updated_at") or get_known(subscription, "created_at") or 0,
            get_known(subscription, "resource_version") or 0,
            subscription["id"],
        )

    return max(subscriptions, key=order, default=None)


def order_customer(customer: Record, chosen: Record | None) -> tuple[int, int, int, str]:
    """Return the order of customers with one match value.

    The greatest is sent: live, best rank, newest, greatest id.
    """
    return (
        int(not get_known(customer, "deleted")),
        -rank_subscription(chosen),
        get_known(customer, "created_at") or 0,
        customer["id"],
    )


def list_mrr_amounts(subscriptions: Iterable[Record], *, estimate: bool, base: bool = False) -> Iterator[Amount]:
    """Yield each subscription's part of its customer's MRR. A missing ``mrr`` is 0, as Chargebee omits zero.

    Raises:
        OddValueError: a member that decides about it is odd.
    """
    for subscription in subscriptions:
        # A sum must not silently leave out an odd amount, so `get` raises for it.
        minor = estimate_month(subscription) if estimate else subscription.get("mrr") or 0
        if minor and subscription.get("status") not in NO_MRR:
            subscription.get("deleted")
            yield read_money(subscription, minor, base=base)


def lacks_mrr(subscription: Record) -> bool:
    """Return whether an active subscription has no ``mrr``: it may be zero, or not computed yet."""
    return subscription.get("mrr") is None and subscription.get("status") in ESTIMATED


def estimate_month(subscription: Record) -> int:
    """Return a subscription's recurring amounts for one month, in minor units, before coupons and discounts.

    Raises:
        OddValueError: a member that decides about it is odd.
    """
    if subscription.get("status") not in ESTIMATED:
        return 0
    # A plan without a period, such as a one-time charge, has no monthly revenue.
    months = MONTHS.get(subscription.get("billing_period_unit") or "")
    period = subscription.get("billing_period")
    if months is None or not period:
        return 0
    whole = Decimal(sum(list_recurring_amounts(subscription)) * months[0]) / (months[1] * period)
    return int(whole.quantize(Decimal(1), ROUND_HALF_EVEN))


def list_recurring_amounts(subscription: Record) -> Iterator[int]:
    """Yield the amounts of the plan and the addons for one period, in minor units."""
    # In catalog 1, the plan is part of the subscription itself.
    if subscription.get("plan_id"):
        yield subscription.get("plan_amount") or 0
    for addon in subscription.get("addons") or ():
        yield addon.get("amount") or 0
    for item in subscription.get("subscription_items") or ():
        if item.get("item_type") in {"plan", "addon"}:
            yield item.get("amount") or 0


def list_unpaid_amounts(invoices: Iterable[Invoice], *, base: bool = False) -> Iterator[Amount]:
    """Yield the due amount of each overdue invoice.

    Raises:
        OddValueError: a member that decides about it is odd.
    """
    for invoice in invoices:
        if not invoice.amount_due and not invoice.is_odd("amount_due"):
            continue
        invoice.check("status")
        if invoice.status in UNPAID:
            invoice.check("amount_due", "currency_code", "deleted", *(RATE_MEMBERS if base else ()))
            rate = Decimal(invoice.exchange_rate) if base and invoice.exchange_rate is not None else None
            yield Amount(invoice.amount_due or 0, invoice.currency_code, rate, invoice.base_currency_code)


def read_money(record: Record, minor: int, *, base: bool = False) -> Amount:
    """Return an amount in its record's currency, and with ``base`` also the rate for its conversion.

    Raises:
        OddValueError: the record's currency or rate is odd.
    """
    if not base:
        return Amount(minor, record.get("currency_code"))
    rate = record.get("exchange_rate")
    return Amount(
        minor,
        record.get("currency_code"),
        None if rate is None else Decimal(rate),
        record.get("base_currency_code"),
    )


def find_first_and_latest(invoices: Iterable[Invoice]) -> tuple[Invoice | None, Invoice | None]:
    """Return the earliest and the latest recurring invoice of those that count.

    ``order_by_number`` decides between invoices of the same second.

    Raises:
        OddValueError: a member that decides about it is odd.
    """
    dated = [(invoice.date, invoice) for invoice in invoices if _is_recurring(invoice) and invoice.date is not None]
    if not dated:
        return None, None
    return _pick_end(dated, min), _pick_end(dated, max)


def _pick_end(dated: Sequence[tuple[int, Invoice]], pick: Callable[..., Any]) -> Invoice:
    end = pick(date for date, _ in dated)
    same = [invoice for date, invoice in dated if date == end]
    found: Invoice = same[0] if len(same) == 1 else pick(same, key=order_by_number)
    return found


def _is_recurring(invoice: Invoice) -> bool:
    invoice.check("recurring")
    if not invoice.recurring:
        return False
    invoice.check("status")
    if invoice.status in NO_DOCUMENT:
        return False
    invoice.check("date", "deleted")
    return True


def order_by_number(invoice: Invoice) -> tuple[str, int, str]:
    """Return the order of invoices with the same date: the number in the id or at its end, or else the id as text."""
    found = NUMBERED.fullmatch(invoice.id)
    return *((found[1], int(found[2])) if found else (invoice.id, 0)), invoice.id


def normalize_email(value: str) -> str:
    """Return an e-mail address in the form for comparisons: trimmed, in NFC, in lower case.

    It is not case-folded, as `ß` and `ss` are two mailboxes.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).strip().lower())


def normalize_name(value: str) -> str:
    """Return a company's name in the form for comparisons: trimmed, in NFC, case-folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).strip().casefold())


MATCH_KEYS: Mapping[str, Callable[[str], str]] = {
    "email": normalize_email,
    "user_id": str,
    "company_id": str,
    "company_name": normalize_name,
}


def read_identity(customer: Record, field: str) -> str | None:
    """Return the text of an identifying field. Whole numbers become digits; None if it is empty.

    Raises:
        OddValueError: it is neither.
    """
    value = customer.get(field)
    # A custom field may contain the user id as a number.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise OddValueError(field)
    return value if value and value.strip() else None


def compute_match_value(customer: Record, match_on: str, field: str) -> str | None:
    """Return a customer's match value in the form for comparisons; None if it has none."""
    try:
        value = read_identity(customer, field)
    except OddValueError:
        return None
    return None if value is None else MATCH_KEYS[match_on](value)
