"""Extra fields of customers and subscriptions as attributes, each with the type that the site declares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import (
    DATE,
    EVERY,
    NUMBER,
    TEXT,
    TO_TEXT,
    WHOLE,
    YES_NO,
    allows_other_fields,
    format_time,
)
from standpipe_maps.subscriptions.attributes import ATTRIBUTES, Attribute
from standpipe_maps.subscriptions.models import EXACT, LATEST, get_known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.json_schema import JsonSchema
    from standpipe_maps.subscriptions.facts import Facts

DAY = 24 * 3600
NOON = DAY // 2
EARLIEST = -62_135_596_800
# Chargebee's own members with times, for which a schema can only say integer.
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
    """The type of an attribute, and the conversion of a field's value to it."""

    schema: JsonSchema
    convert: Callable[[JsonValue], JsonValue]
    """Returns the attribute's value, or raises ValueError if the field's value has another type."""


def to_text(value: JsonValue) -> str:
    """Return a text.

    Raises:
        ValueError: the value has another type.
    """
    if not isinstance(value, str):
        raise ValueError("expected a text")  # noqa: TRY004 all conversions fail alike
    return value


def to_words(value: JsonValue) -> str:
    """Return a single value of any type as text.

    Raises:
        ValueError: the value is a list or an object.
    """
    if type(value) not in TO_TEXT:
        raise ValueError("expected a single value")
    return TO_TEXT[type(value)](value)


def to_whole(value: JsonValue) -> int:
    """Return a whole number that JSON can hold exactly.

    Raises:
        ValueError: the value has another type.
    """
    if type(value) is not int or abs(value) > EXACT:
        raise ValueError("expected a whole number")
    return value


def to_number(value: JsonValue) -> float:
    """Return a number.

    Raises:
        ValueError: the value has another type.
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


def to_yes_no(value: JsonValue) -> bool:
    """Return a boolean; Chargebee may send a check box as text.

    Raises:
        ValueError: the value has another type.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError("expected true or false")


def to_date_time(value: JsonValue) -> str:
    """Return a date-time from Unix seconds or a text; a day without a time becomes noon in UTC.

    Noon is the same day in nearly every workspace's time zone.

    Raises:
        ValueError: the value has another type.
    """
    # A custom field may contain a birthday, so times before 1970 are valid here.
    if type(value) is int and EARLIEST <= value < LATEST:
        return str(format_time(value))
    text = to_text(value)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text if datetime.fromisoformat(text).tzinfo else f"{text}+00:00"
    return datetime(day.year, day.month, day.day, NOON // 3600, tzinfo=UTC).isoformat()


def to_day(value: JsonValue) -> str:
    """Return a date-time from a day, which is its midnight in Unix seconds or a text.

    Raises:
        ValueError: the value has another type.
    """
    return to_date_time(value + NOON if type(value) is int and value % DAY == 0 else value)


AS_TEXT = FieldType(TEXT, to_text)
AS_WORDS = FieldType(TEXT, to_words)
AS_YES_NO = FieldType(YES_NO, to_yes_no)
AS_DATE_TIME = FieldType(DATE, to_date_time)
AS_DAY = FieldType(DATE, to_day)
FORMATS: Mapping[str, FieldType] = {"date-time": AS_DATE_TIME, "unix-time": AS_DATE_TIME, "date": AS_DAY}
# The types by the JSON types in a schema besides null.
TYPES: Mapping[frozenset[str], FieldType] = {
    frozenset({"string"}): AS_TEXT,
    frozenset({"integer"}): FieldType(WHOLE, to_whole),
    frozenset({"number"}): FieldType(NUMBER, to_number),
    frozenset({"integer", "number"}): FieldType(NUMBER, to_number),
    frozenset({"boolean"}): AS_YES_NO,
    # A check box, which is a boolean on some sites and text on others.
    frozenset({"boolean", "string"}): AS_YES_NO,
}
# tap-chargebee's declaration for a field of unknown type.
UNDECLARED = frozenset({"string", "number", "boolean"})


def find_declared_type(stream: str, field: str, prop: JsonSchema) -> FieldType | None:
    """Return the type of a field that a schema declares; None if it is not a single value with one type.

    Args:
        stream: the stream of Chargebee's records.
        field: the name of the field.
        prop: its JSON schema.
    """
    kinds = find_json_types(prop)
    if not kinds or not kinds <= SCALARS:
        return None
    # A schema can only say integer for these.
    if field in TIMES[stream]:
        return AS_DATE_TIME
    return FORMATS.get(prop.get("format", ""), TYPES.get(kinds)) if "boolean" not in kinds else TYPES.get(kinds)


def find_json_types(prop: JsonSchema) -> frozenset[str]:
    """Return the JSON types that a property may have besides null."""
    named = prop.get("type", ())
    return frozenset([named] if isinstance(named, str) else named) - {"null"}


def guess_type(types: Collection[type]) -> FieldType:
    """Return the type of an undeclared field: a boolean if all its values are booleans, or else text."""
    return AS_YES_NO if types and set(types) == {bool} else AS_WORDS


TAKEN = frozenset(attribute.name for attribute in ATTRIBUTES)


@dataclass(frozen=True)
class Side:
    """One of the two records with extra fields."""

    setting: str
    stream: str
    part: str
    """The text between the prefix and the field's name."""
    record: Callable[[Facts], JsonObject]


SIDES = (
    Side("extra_customer_fields", "customers", "cust_", lambda facts: facts.customer),
    Side("extra_subscription_fields", "subscriptions", "sub_", lambda facts: facts.chosen),
)


def find_collisions(config: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield one sentence for each extra field whose attribute the map already has."""
    for side in SIDES:
        for field in config[side.setting]:
            if side.part + field in TAKEN:
                name = config["attribute_prefix"] + side.part + field
                yield f"`{side.setting}` names `{field}`, but `{name}` is already an attribute: remove it."


def make_extra_attributes(
    config: Mapping[str, JsonValue],
    schemas: Mapping[str, JsonSchema],
    find_value_types: Callable[[str, Collection[str]], Mapping[str, Collection[type]]],
) -> tuple[Attribute, ...]:
    """Return the attributes of the extra fields, sorted by name.

    Args:
        config: the settings.
        schemas: the tap's JSON schemas by stream.
        find_value_types: returns the types of the values in the store, for undeclared fields.

    Raises:
        UserError: a named field is not a single value, or never comes.
    """
    return tuple(
        attribute
        for side in SIDES
        for attribute in _make_side(side, config[side.setting], schemas.get(side.stream, {}), find_value_types)
    )


def _make_side(
    side: Side,
    names: Sequence[str],
    schema: JsonSchema,
    find_value_types: Callable[[str, Collection[str]], Mapping[str, Collection[type]]],
) -> Iterable[Attribute]:
    properties = schema.get("properties", {})
    fields = sorted(_list_fields(side, names, properties))
    # Reading the types from the values needs all rows, so it is done only for these fields.
    open_fields = [field for field in fields if _has_unknown_type(field, schema)]
    values = find_value_types(side.stream, open_fields) if open_fields else {}
    for field in fields:
        prop = properties.get(field, {})
        kind = guess_type(values[field]) if field in values else find_declared_type(side.stream, field, prop)
        if kind is not None:
            source = f"{side.stream.removesuffix('s')}.{field}"
            yield _make_attribute(side, field, kind, prop.get("description", source), source)
        # `*` skips fields that cannot be attributes, but a named field must be one.
        elif field in names:
            raise UserError(
                f"`{side.setting}` names `{field}`, which is not one text, number, date or yes/no in the tap's stream "
                f"{side.stream}: remove it."
            )


def _list_fields(side: Side, names: Sequence[str], properties: Mapping[str, JsonValue]) -> set[str]:
    every = (
        {
            name
            for name, prop in properties.items()
            if side.part + name not in TAKEN and find_json_types(prop) != UNDECLARED
        }
        if EVERY in names
        else set()
    )
    return every.union(name for name in names if name != EVERY)


def _has_unknown_type(field: str, schema: JsonSchema) -> bool:
    """Return whether a field may come although the schema does not contain its type."""
    properties = schema.get("properties", {})
    if field in properties:
        return find_json_types(properties[field]) == UNDECLARED
    return allows_other_fields(schema)


def _make_attribute(side: Side, field: str, kind: FieldType, description: str, source: str) -> Attribute:
    """Return the attribute of a field. Its value is null if the field's value does not fit the type."""

    def value(facts: Facts) -> JsonValue:
        found = get_known(side.record(facts), field)
        try:
            return None if found is None else kind.convert(found)
        except ValueError:
            return None

    def fits(facts: Facts) -> bool:
        found = get_known(side.record(facts), field)
        try:
            if found is not None:
                kind.convert(found)
        except ValueError:
            return False
        return True

    return Attribute(side.part + field, kind.schema, description, source, value, fits)
