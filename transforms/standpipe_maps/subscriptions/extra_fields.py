"""Extra fields of customers and subscriptions as attributes, each of the type that the site declares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import DATE, EVERY, NUMBER, TEXT, WHOLE, WORDS, YES_NO, is_open, when
from standpipe_maps.subscriptions.attributes import ATTRIBUTES, Attribute
from standpipe_maps.subscriptions.models import EXACT, LATEST, known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps.subscriptions.facts import Facts

DAY = 24 * 3600
NOON = DAY // 2
EARLIEST = -62_135_596_800
# The times among Chargebee's own members, which a schema can only call integers.
TIMES: Mapping[str, frozenset[str]] = {
    "customers": frozenset({"created_at", "updated_at", "vat_number_validated_time"}),
    "subscriptions": frozenset(
        {
            "activated_at",
            "cancel_schedule_created_at",
            "cancelled_at",
            "changes_scheduled_at",
            "created_at",
            "current_term_end",
            "current_term_start",
            "due_since",
            "next_billing_at",
            "pause_date",
            "resume_date",
            "start_date",
            "started_at",
            "trial_end",
            "trial_start",
            "updated_at",
        }
    ),
}
SCALARS = frozenset({"string", "integer", "number", "boolean"})


class FieldType(NamedTuple):
    """The type of an attribute, and what makes a value of a field one of it."""

    schema: Mapping[str, Any]
    convert: Callable[[Any], Any]
    """Returns the attribute's value. Raises ValueError when the field's is of another type."""


def to_text(value: Any) -> str:
    """Return a text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("expected a text")  # noqa: TRY004 all conversions fail alike
    return value


def to_words(value: Any) -> str:
    """Return a single value of any type as text.

    Raises:
        ValueError: it is a list or an object.
    """
    if type(value) not in WORDS:
        raise ValueError("expected a single value")
    return WORDS[type(value)](value)


def to_whole(value: Any) -> int:
    """Return a whole number that JSON can hold exactly.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or abs(value) > EXACT:
        raise ValueError("expected a whole number")
    return value


def to_number(value: Any) -> float:
    """Return a number.

    Raises:
        ValueError: it is none.
    """
    if type(value) not in {int, float, Decimal}:
        raise ValueError("expected a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("expected a number") from error
    if not math.isfinite(number):
        raise ValueError("expected a number")
    return number


def to_yes_no(value: Any) -> bool:
    """Return a boolean; a check box may come as its text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError("expected true or false")


def to_date_time(value: Any) -> str:
    """Return a date-time from unix seconds or a text of one; a day without an hour is its noon in UTC.

    Noon, because it is the same day in nearly every workspace's zone.

    Raises:
        ValueError: it is neither.
    """
    # A custom field may hold a birthday, so times before 1970 are times here.
    if type(value) is int and EARLIEST <= value < LATEST:
        return str(when(value))
    text = to_text(value)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text if datetime.fromisoformat(text).tzinfo else f"{text}+00:00"
    return datetime(day.year, day.month, day.day, NOON // 3600, tzinfo=UTC).isoformat()


def to_day(value: Any) -> str:
    """Return a date-time from a day: its midnight in unix seconds, or a text.

    Raises:
        ValueError: it is neither.
    """
    return to_date_time(value + NOON if type(value) is int and value % DAY == 0 else value)


AS_TEXT = FieldType(TEXT, to_text)
AS_WORDS = FieldType(TEXT, to_words)
AS_YES_NO = FieldType(YES_NO, to_yes_no)
AS_DATE_TIME = FieldType(DATE, to_date_time)
AS_DAY = FieldType(DATE, to_day)
FORMATS: Mapping[str, FieldType] = {"date-time": AS_DATE_TIME, "unix-time": AS_DATE_TIME, "date": AS_DAY}
# By the JSON types that a schema allows besides null.
TYPES: Mapping[frozenset[str], FieldType] = {
    frozenset({"string"}): AS_TEXT,
    frozenset({"integer"}): FieldType(WHOLE, to_whole),
    frozenset({"number"}): FieldType(NUMBER, to_number),
    frozenset({"integer", "number"}): FieldType(NUMBER, to_number),
    frozenset({"boolean"}): AS_YES_NO,
    # A check box: some sites send a boolean, some its text.
    frozenset({"boolean", "string"}): AS_YES_NO,
}
# What tap-chargebee declares of a field of which the site does not tell the type.
UNTOLD = frozenset({"string", "number", "boolean"})


def declared_type(stream: str, field: str, prop: Mapping[str, Any]) -> FieldType | None:
    """Return the type of a field that a schema declares; None when it is not a single value of one type.

    Args:
        stream: the stream of Chargebee's records.
        field: the name of the field.
        prop: its JSON schema.
    """
    kinds = json_types(prop)
    if not kinds or not kinds <= SCALARS:
        return None
    if field in TIMES[stream]:
        return AS_DATE_TIME
    return FORMATS.get(prop.get("format", ""), TYPES.get(kinds)) if "boolean" not in kinds else TYPES.get(kinds)


def json_types(prop: Mapping[str, Any]) -> frozenset[str]:
    """Return the JSON types that a property may have besides null."""
    named = prop.get("type", ())
    return frozenset([named] if isinstance(named, str) else named) - {"null"}


def type_of_values(types: Collection[type]) -> FieldType:
    """Return the type of a field that no schema declares: a boolean when no other value ever came, else a text."""
    return AS_YES_NO if types and set(types) == {bool} else AS_WORDS


TAKEN = frozenset(attribute.name for attribute in ATTRIBUTES)


@dataclass(frozen=True)
class Side:
    """One of the two records that lend further fields."""

    setting: str
    stream: str
    part: str
    """What comes between the prefix and the field's name."""
    record: Callable[[Facts], dict[str, Any]]


SIDES = (
    Side("extra_customer_fields", "customers", "cust_", lambda facts: facts.customer),
    Side("extra_subscription_fields", "subscriptions", "sub_", lambda facts: facts.chosen),
)


def collisions(config: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each further field whose attribute exists without it."""
    for side in SIDES:
        for field in config[side.setting]:
            if side.part + field in TAKEN:
                name = config["attribute_prefix"] + side.part + field
                yield f"`{side.setting}` names `{field}`, but `{name}` is an attribute already: take it out."


def extra_attributes(
    config: Mapping[str, Any],
    schemas: Mapping[str, Mapping[str, Any]],
    types_of: Callable[[str, Collection[str]], Mapping[str, Collection[type]]],
) -> tuple[Attribute, ...]:
    """Return the attributes of the further fields, in the order of their names.

    Args:
        config: the settings.
        schemas: the tap's JSON schemas by stream.
        types_of: returns the types of the values that fields of a stream have, for those that no schema declares.

    Raises:
        UserError: a field that is named is no single value, or cannot come at all.
    """
    return tuple(
        attribute
        for side in SIDES
        for attribute in _of_side(side, config[side.setting], schemas.get(side.stream, {}), types_of)
    )


def _of_side(
    side: Side,
    names: Sequence[str],
    schema: Mapping[str, Any],
    types_of: Callable[[str, Collection[str]], Mapping[str, Collection[type]]],
) -> Iterable[Attribute]:
    properties = schema.get("properties", {})
    fields = sorted(_fields(side, names, properties))
    open_fields = [field for field in fields if _is_open(field, schema)]
    values = types_of(side.stream, open_fields) if open_fields else {}
    for field in fields:
        prop = properties.get(field, {})
        kind = type_of_values(values[field]) if field in values else declared_type(side.stream, field, prop)
        if kind is not None:
            source = f"{side.stream.removesuffix('s')}.{field}"
            yield _attribute(side, field, kind, prop.get("description", source), source)
        elif field in names:
            raise UserError(
                f"`{side.setting}` names `{field}`, which is not one text, number, date or yes/no in the tap's stream "
                f"{side.stream}: take it out."
            )


def _fields(side: Side, names: Sequence[str], properties: Mapping[str, Any]) -> set[str]:
    every = (
        {name for name, prop in properties.items() if side.part + name not in TAKEN and json_types(prop) != UNTOLD}
        if EVERY in names
        else set()
    )
    return every.union(name for name in names if name != EVERY)


def _is_open(field: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether a field may come of whose type the schema says nothing: only the site's owner knows it."""
    properties = schema.get("properties", {})
    if field in properties:
        return json_types(properties[field]) == UNTOLD
    return is_open(schema)


def _attribute(side: Side, field: str, kind: FieldType, description: str, source: str) -> Attribute:
    """Return the attribute of a field: None where what stands there does not fit its type."""

    def value(facts: Facts) -> Any:
        found = known(side.record(facts), field)
        try:
            return None if found is None else kind.convert(found)
        except ValueError:
            return None

    def fits(facts: Facts) -> bool:
        found = known(side.record(facts), field)
        try:
            if found is not None:
                kind.convert(found)
        except ValueError:
            return False
        return True

    return Attribute(side.part + field, kind.schema, description, source, value, fits)
