"""Which of Chargebee's events become data events of Intercom, and what they carry. Pure.

https://apidocs.chargebee.com/docs/api/events#event_types,
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-events

`MOMENTS` decides, and nothing else does: an event becomes a moment by its type alone. Where Intercom's own app for
Stripe has an event for the same thing, the moment has its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from standpipe_maps.subscriptions.models import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue

STREAM = "events"
SWITCH = "x-standpipe-moments"
"""The keyword of the SCHEMA with the names of the chosen events, and the time at which the tap began to read."""
LONGEST = 255
"""The most characters of a text in Intercom's metadata."""
SCHEMA: Mapping[str, JsonValue] = {
    "type": "object",
    "properties": {
        "event_id": {"type": "string"},
        "customer_id": {"type": "string"},
        "event_name": {"type": "string"},
        "created_at": {"type": "integer"},
        "metadata": {"type": "object", "properties": {}},
    },
}
Fact = tuple[str, "Callable[[JsonObject], JsonValue]"]
"""A key of the metadata, and what reads its value out of an event's content."""


class Event(msgspec.Struct):
    """An event of Chargebee; its content is decoded only when the event is a moment."""

    id: str
    event_type: str | None = None
    occurred_at: Any = None
    content: msgspec.Raw = msgspec.Raw(b"{}")


class Moment(NamedTuple):
    """One kind of moment."""

    event_name: str
    """Its name in Intercom."""
    event_types: Sequence[str]
    """The types of Chargebee's events."""
    facts: Sequence[Fact]
    """The metadata besides the id of Chargebee's event: at most nine keys, as Intercom keeps ten."""
    description: str


def _read(*path: str) -> Callable[[JsonObject], JsonValue]:
    """Return a reader of a text or a number in the content."""

    def read(content: JsonObject) -> JsonValue:
        value: Any = content
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value[:LONGEST] or None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    return read


def _read_time(*path: str) -> Callable[[JsonObject], JsonValue]:
    """Return a reader of a time in Unix seconds."""

    def read(content: JsonObject) -> JsonValue:
        value = _read(*path)(content)
        return value if isinstance(value, int) and 0 < value < LATEST else None

    return read


def _read_amount(kind: str, name: str) -> Callable[[JsonObject], JsonValue]:
    """Return a reader of a monetary amount, which in Intercom is positive and in minor units, as in Chargebee."""

    def read(content: JsonObject) -> JsonValue:
        amount, currency = _read(kind, name)(content), _read(kind, "currency_code")(content)
        if not isinstance(amount, int) or amount <= 0 or not isinstance(currency, str) or len(currency) != 3:  # noqa: PLR2004 ISO 4217
            return None
        return {"amount": amount, "currency": currency.lower()}

    return read


def _read_first(*readers: Callable[[JsonObject], JsonValue]) -> Callable[[JsonObject], JsonValue]:
    """Return a reader of the first of several values that exists."""
    return lambda content: next((value for read in readers if (value := read(content)) is not None), None)


def _read_plan(content: JsonObject) -> JsonValue:
    """Return the plan's id: of catalog 1, or that of the plan item of catalog 2."""
    subscription = content.get("subscription")
    items = subscription.get("subscription_items") if isinstance(subscription, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("item_type") == "plan":
            return _read("item_price_id")(item)
    return _read("subscription", "plan_id")(content)


def _read_expiry(content: JsonObject) -> JsonValue:
    month, year = _read("card", "expiry_month")(content), _read("card", "expiry_year")(content)
    if not isinstance(month, int) or not isinstance(year, int) or not 1 <= month <= 12:  # noqa: PLR2004 months of a year
        return None
    return f"{month:02}/{year}"


_SUBSCRIPTION: Sequence[Fact] = (
    ("subscription_id", _read("subscription", "id")),
    ("plan", _read_plan),
    ("status", _read("subscription", "status")),
    ("mrr", _read_amount("subscription", "mrr")),
    ("next_billing_date", _read_time("subscription", "next_billing_at")),
)
_TRIAL: Sequence[Fact] = (*_SUBSCRIPTION, ("trial_end_date", _read_time("subscription", "trial_end")))
_CANCELLATION: Sequence[Fact] = (
    *_SUBSCRIPTION,
    ("cancel_reason", _read_first(_read("subscription", "cancel_reason"), _read("subscription", "cancel_reason_code"))),
    ("cancelled_date", _read_time("subscription", "cancelled_at")),
)
_PAYMENT: Sequence[Fact] = (
    ("amount", _read_amount("transaction", "amount")),
    ("invoice_id", _read("invoice", "id")),
    ("subscription_id", _read_first(_read("subscription", "id"), _read("invoice", "subscription_id"))),
    ("plan", _read_plan),
    ("payment_method", _read("transaction", "payment_method")),
    ("transaction_id", _read("transaction", "id")),
)
_FAILURE: Sequence[Fact] = (
    *_PAYMENT,
    ("error", _read_first(_read("transaction", "error_text"), _read("transaction", "error_code"))),
    ("next_retry_date", _read_time("invoice", "next_retry_at")),
)
_CARD: Sequence[Fact] = (("card_type", _read("card", "card_type")), ("expires", _read_expiry))

MOMENTS: Mapping[str, Moment] = {
    "subscription_created": Moment(
        "created-subscription",
        ("subscription_created", "subscription_created_with_backdating"),
        _TRIAL,
        "a subscription was created, in a trial or not",
    ),
    "subscription_activated": Moment(
        "activated-subscription",
        ("subscription_activated", "subscription_activated_with_backdating"),
        _SUBSCRIPTION,
        "a trial became an active subscription",
    ),
    "trial_ending": Moment(
        "trial-ending", ("subscription_trial_end_reminder",), _TRIAL, "Chargebee's reminder that a trial ends soon"
    ),
    "subscription_cancelled": Moment(
        "deleted-subscription",
        # The vendor spells the second with one l.
        ("subscription_cancelled", "subscription_canceled_with_backdating"),
        _CANCELLATION,
        "a subscription was cancelled",
    ),
    "subscription_renewed": Moment(
        "renewed-subscription", ("subscription_renewed",), _SUBSCRIPTION, "a new term of a subscription began"
    ),
    "plan_changed": Moment(
        "changed-plan",
        ("subscription_changed", "subscription_changed_with_backdating"),
        _SUBSCRIPTION,
        "the plan, the add-ons, a quantity or a price of a subscription changed",
    ),
    "payment_failed": Moment("payment-failed", ("payment_failed",), _FAILURE, "a payment of an invoice failed"),
    "payment_succeeded": Moment("charged", ("payment_succeeded",), _PAYMENT, "an invoice was paid"),
    "card_expiring": Moment(
        "card-expiring", ("card_expiry_reminder",), _CARD, "Chargebee's reminder that a card expires soon"
    ),
}
BY_TYPE: Mapping[str, str] = {kind: name for name, moment in MOMENTS.items() for kind in moment.event_types}
"""The name of the moment by the type of Chargebee's event."""

_decode = msgspec.json.Decoder(Event).decode


def list_event_types(chosen: Collection[str]) -> list[str]:
    """Return the types of Chargebee's events that become one of these moments."""
    return [kind for name, moment in MOMENTS.items() if name in chosen for kind in moment.event_types]


def list_event_names(chosen: Collection[str]) -> list[str]:
    """Return the names in Intercom of these moments."""
    return [moment.event_name for name, moment in MOMENTS.items() if name in chosen]


def derive_moments(events: Sequence[bytes], chosen: Collection[str]) -> Iterator[JsonObject]:
    """Yield the record of each event that is one of the chosen moments.

    An event without a customer, or with an impossible time, does not become a moment.
    """
    for body in events:
        try:
            event = _decode(body)
            name = BY_TYPE.get(event.event_type or "")
            content = msgspec.json.decode(event.content) if name in chosen else None
        except msgspec.DecodeError:
            # An event whose members have undocumented types does not become a moment.
            continue
        at = event.occurred_at
        if name is None or not isinstance(content, dict) or type(at) is not int or not 0 < at < LATEST:
            continue
        if customer := find_customer(content):
            yield {
                "event_id": event.id,
                "customer_id": customer,
                "event_name": MOMENTS[name].event_name,
                "created_at": at,
                "metadata": _build_metadata(event.id, MOMENTS[name].facts, content),
            }


def find_customer(content: JsonObject) -> str | None:
    """Return the id of the customer that an event is about."""
    found = _read("customer", "id")(content)
    names = ("subscription", "invoice", "transaction", "card")
    candidates = [found, *(_read(name, "customer_id")(content) for name in names)]
    return next((one for one in candidates if isinstance(one, str)), None)


def _build_metadata(event_id: str, facts: Sequence[Fact], content: JsonObject) -> JsonObject:
    values = {key: read(content) for key, read in facts}
    return {"chargebee_event_id": event_id, **{key: value for key, value in values.items() if value is not None}}


def build_schema(chosen: Collection[str], read_at: int) -> JsonObject:
    """Return the schema of the stream.

    Args:
        chosen: the moments.
        read_at: when the tap began to read, by the vendor's clock. What a later setting adds begins then.
    """
    return {**SCHEMA, SWITCH: {"names": list_event_names(chosen), "read_at": read_at}}
