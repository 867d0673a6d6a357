"""Chargebee's records: the members that the map uses, and which values they can have.

https://apidocs.chargebee.com/docs/api. Only a record without an id ends the run. Any other member with an impossible
value is odd: the attributes that need it are null, and everything else goes on.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.messages import DECODER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue

ODD_VALUE = "odd_value"
MISSING_MEMBER = "missing_member"
EXACT = 2**53
LATEST = 253_402_300_800
# From 1970 to 9999 in Unix seconds. A time in milliseconds is far outside.
Time = Annotated[int, Meta(ge=0, lt=LATEST)]
Version = Annotated[int, Meta(ge=0, le=2**62)]
Minor = Annotated[int, Meta(ge=-EXACT, le=EXACT)]
Count = Annotated[int, Meta(ge=0, le=EXACT)]
Period = Annotated[int, Meta(ge=1, le=100_000)]
Month = Annotated[int, Meta(ge=1, le=12)]
# Some systems write 9999 for a card that never expires.
Year = Annotated[int, Meta(ge=1970, le=9998)]


class Rate(Decimal):
    """An exchange rate."""


class Price(Decimal):
    """An amount in major units."""


class Quantity(Decimal):
    """A quantity with a fraction."""


BOUNDS: Mapping[type, tuple[Decimal, Decimal]] = {
    Rate: (Decimal("1e-12"), Decimal("1e12")),
    Price: (Decimal("-1e15"), Decimal("1e15")),
    Quantity: (Decimal(0), Decimal("1e15")),
}


def to_decimal(kind: type, value: JsonValue) -> JsonValue:
    """Return a number, or a text of one, as a decimal of this kind.

    Raises:
        ValueError: the value is not a number, or is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("expected a number")  # noqa: TRY004 what msgspec turns into its own error
    try:
        number = kind(value)
    except ArithmeticError as error:
        raise ValueError("expected a number") from error
    least, greatest = BOUNDS[kind]
    if not number.is_finite() or not least <= number <= greatest:
        raise ValueError("out of bounds")
    return number


class Record(msgspec.Struct):
    """The members that order the versions of a record."""

    id: str
    created_at: Time | None = None
    updated_at: Time | None = None
    resource_version: Version | None = None
    deleted: bool | None = None

    def is_whole(self) -> bool:
        """Return whether the record has every member that Chargebee always sends."""
        return True


class Owned(Record):
    """A record that belongs to a customer, with the members that Chargebee always sends."""

    customer_id: str | None = None
    status: str | None = None
    currency_code: str | None = None

    def is_whole(self) -> bool:
        """Return whether the record has every member that Chargebee always sends."""
        return bool(self.customer_id and self.status and self.currency_code)


class Named(Record):
    """A plan or an item price."""

    name: str | None = None


class Card(msgspec.Struct):
    """A customer's card."""

    expiry_month: Month | None = None
    expiry_year: Year | None = None


class PaymentMethod(msgspec.Struct):
    """A customer's payment method."""

    type: str | None = None


class Customer(Record):
    """A customer."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    company: str | None = None
    auto_collection: str | None = None
    payment_method: PaymentMethod | None = None
    card: Card | None = None


class Item(msgspec.Struct):
    """An item of a subscription (catalog 2), or an addon (catalog 1)."""

    item_type: str | None = None
    item_price_id: str | None = None
    amount: Minor | None = None
    amount_in_decimal: Price | None = None
    quantity: Count | None = None
    quantity_in_decimal: Quantity | None = None


class Subscription(Owned):
    """A subscription."""

    base_currency_code: str | None = None
    exchange_rate: Rate | None = None
    mrr: Minor | None = None
    billing_period: Period | None = None
    billing_period_unit: str | None = None
    plan_id: str | None = None
    plan_amount: Minor | None = None
    plan_amount_in_decimal: Price | None = None
    plan_quantity: Count | None = None
    plan_quantity_in_decimal: Quantity | None = None
    subscription_items: list[Item] | None = None
    addons: list[Item] | None = None
    cancel_reason: str | None = None
    cancel_reason_code: str | None = None
    trial_start: Time | None = None
    trial_end: Time | None = None
    current_term_start: Time | None = None
    current_term_end: Time | None = None
    next_billing_at: Time | None = None
    cancelled_at: Time | None = None
    activated_at: Time | None = None


class Invoice(Owned):
    """An invoice. The store keeps only these members."""

    recurring: bool | None = True
    date: Time | None = None
    total: Minor | None = None
    amount_due: Minor | None = None
    exchange_rate: Rate | None = None
    base_currency_code: str | None = None


MODELS: Mapping[str, type[Record]] = {
    "customers": Customer,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "plans": Named,
    "item_prices": Named,
}
DECODERS: Mapping[str, msgspec.json.Decoder[Record]] = {
    stream: msgspec.json.Decoder(model, float_hook=Decimal, dec_hook=to_decimal) for stream, model in MODELS.items()
}
REQUIRED = ("customer_id", "status", "currency_code")
NESTED: Mapping[str, type[msgspec.Struct]] = {"card": Card, "payment_method": PaymentMethod}
LISTS: Mapping[str, type[msgspec.Struct]] = {"subscription_items": Item, "addons": Item}


class OddValueError(Exception):
    """A rule needs an odd member. The text names the member."""


class OddRecord(dict[str, Any]):
    """A record with odd members.

    Such a member is None in the record, and ``get`` raises ``OddValueError``, so that it is not taken for a member that
    is absent. ``get_known`` returns None for it.

    Args:
        record: its members.
        odd: the names of those that are odd or missing.
        prefix: the text before a member's name in a report, such as ``subscription s1: ``.
        notes: for each odd member, including nested ones, the note in the summary and the name.
    """

    def __init__(
        self, record: Mapping[str, JsonValue], odd: Iterable[str], prefix: str, notes: Iterable[tuple[str, str]]
    ) -> None:
        super().__init__(record)
        self.odd = frozenset(odd)
        self.prefix = prefix
        self.notes = tuple(notes)
        self.update(dict.fromkeys(self.odd))

    def get(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return a member.

        Raises:
            OddValueError: it is odd.
        """
        if name in self.odd:
            raise OddValueError(self.prefix + name)
        return super().get(name, default)


def get_known(record: JsonObject, name: str) -> JsonValue:
    """Return a member; None if it is missing or odd. It is for sorting and joining, which must go on."""
    return dict.get(record, name)


def get_notes(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the note and the name of each odd member of a record."""
    return record.notes if isinstance(record, OddRecord) else ()


def write_notes(notes: Iterable[tuple[str, str]]) -> str | None:
    """Return notes and the names of their members as a text for the store; None if there are none."""
    return ",".join(f"{note} {name}" for note, name in notes) or None


def read_notes(text: str | None) -> list[tuple[str, str]]:
    """Return the notes and names from ``write_notes``."""
    pairs = (entry.split(" ", 1) for entry in text.split(",")) if text else ()
    return [(note, name) for note, name in pairs]


def read_records(stream: str, records: Sequence[bytes]) -> list[JsonObject]:
    """Return the members of records that the map uses. An odd one is None.

    ``odd`` is the text of all odd and missing ones, see ``write_notes``; None if there are none.

    Raises:
        UserError: a record has no id, or is not UTF-8.
    """
    return [_read_record(stream, record) for record in records]


def _read_record(stream: str, record: bytes) -> JsonObject:
    try:
        model = DECODERS[stream].decode(record)
    except UnicodeDecodeError as error:
        raise UserError(f"A record of {stream} is not UTF-8: the tap's output was damaged.") from error
    except (msgspec.ValidationError, ArithmeticError) as error:
        return _read_odd(stream, record, error)
    # Decoding alone does not show that a member is missing, as any member may be absent in some record.
    if not model.is_whole():
        return _read_odd(stream, record, None)
    members = msgspec.structs.asdict(model)
    members["odd"] = None
    return members


def _read_odd(stream: str, text: bytes, problem: Exception | None) -> JsonObject:
    record = decode_json(text)
    key = record.get("id") if isinstance(record, dict) else None
    if not isinstance(key, str):
        raise UserError(
            f"The record {key} of {stream} does not have the form that Chargebee documents ({problem}): check the tap."
        )
    repaired = repair_record(stream, record)
    model = msgspec.convert(repaired, MODELS[stream], dec_hook=to_decimal)
    return {**msgspec.structs.asdict(model), "odd": write_notes(repaired.notes)}


def decode_json(text: bytes) -> JsonValue:
    """Return a JSON value. Numbers with a fraction become Decimal; a number that is too long for Python stays text."""
    try:
        return DECODER.decode(text)
    except (msgspec.ValidationError, ArithmeticError):
        return json.loads(text, parse_int=_parse_int, parse_float=_parse_decimal)


def _parse_int(digits: str) -> int | str:
    # A text replaces a number that Python refuses to read, so it is odd where a number is expected.
    return int(digits) if len(digits) < 100 else digits  # noqa: PLR2004


def _parse_decimal(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return digits


def repair_record(stream: str, record: JsonObject, prefix: str = "") -> OddRecord:
    """Return a record of a stream that raises an error when its odd and missing members are read.

    Args:
        stream: the stream's name.
        record: its members.
        prefix: the text before a member's name in a report.
    """
    repaired = _repair_members(MODELS[stream], record, prefix)
    # Only records that belong to a customer have members that Chargebee always sends.
    if not issubclass(MODELS[stream], Owned):
        return repaired
    missing = [name for name in REQUIRED if name not in repaired.odd and not dict.get(repaired, name)]
    notes = [*repaired.notes, *((MISSING_MEMBER, prefix + name) for name in missing)]
    return OddRecord(repaired, {*repaired.odd, *missing}, prefix, notes)


def _repair_members(model: type[msgspec.Struct], record: JsonObject, prefix: str) -> OddRecord:
    members, odd, notes = dict(record), set(), []
    for field in msgspec.structs.fields(model):
        value = record.get(field.name)
        if value is None or _is_fit(value, field.type):
            continue
        part = _repair_part(field.name, value, f"{prefix}{field.name}")
        if part is None:
            odd.add(field.name)
            notes.append((ODD_VALUE, prefix + field.name))
        else:
            members[field.name], inner = part
            notes += inner
    return OddRecord(members, odd, prefix, notes)


def _repair_part(name: str, value: JsonValue, path: str) -> tuple[JsonValue, Sequence[tuple[str, str]]] | None:
    """Repair a member that is an object or a list of objects; None for another type."""
    if name in NESTED and isinstance(value, dict):
        part = _repair_members(NESTED[name], value, f"{path}.")
        return part, part.notes
    if name in LISTS and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        parts = [_repair_members(LISTS[name], item, f"{path}[{place}].") for place, item in enumerate(value)]
        return parts, [note for part in parts for note in part.notes]
    return None


def _is_fit(value: JsonValue, kind: JsonValue) -> bool:
    try:
        msgspec.convert(value, kind, dec_hook=to_decimal)
    except msgspec.ValidationError:
        return False
    return True
