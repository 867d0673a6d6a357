"""The names in expressions: the fields of the customer, and the attributes that are derived."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps.expressions.kinds import FailedExpressionError, Kind
from standpipe_maps.json_schema import DATE, NUMBER, TEXT, WHOLE, YES_NO, allows_other_fields
from standpipe_maps.subscriptions.extra_fields import UNDECLARED, find_declared_type, find_json_types
from standpipe_maps.subscriptions.models import OddValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.expressions.evaluator import Expression
    from standpipe_maps.json_schema import JsonSchema
    from standpipe_maps.subscriptions.attributes import Attribute
    from standpipe_maps.subscriptions.extra_fields import FieldType
    from standpipe_maps.subscriptions.facts import Facts

STREAM = "customers"
# The map reads these from every tap, so they need no schema.
KNOWN_FIELDS: Mapping[str, JsonSchema] = {
    **dict.fromkeys(("id", "email", "first_name", "last_name", "phone", "company", "auto_collection"), TEXT),
    **dict.fromkeys(("created_at", "updated_at"), WHOLE),
    "deleted": YES_NO,
}
_OWN_FIELD = "cf_"


class NamedValue(NamedTuple):
    """The value of a name."""

    kind: Kind
    read: Callable[[Facts], JsonValue]
    """Returns the value for one customer, or raises ``FailedExpressionError`` if it cannot be right."""
    needs_invoices: bool = False


def list_names(
    schema: JsonSchema, attributes: Iterable[Attribute], prefix: str, wanted: Iterable[str] = ()
) -> Mapping[str, NamedValue]:
    """Return all names. An attribute has its name with and without the prefix.

    Args:
        schema: the tap's schema of customers.
        attributes: the attributes that are derived, without the prefix.
        prefix: the prefix.
        wanted: the names in an expression. If the tap may send fields that its schema does not list, any name that
            begins with ``cf_`` is a field.
    """
    names: dict[str, NamedValue] = {}
    if allows_other_fields(schema):
        names |= {name: NamedValue(Kind.ANY, _read_field(name)) for name in wanted if name.startswith(_OWN_FIELD)}
    for field, prop in {**KNOWN_FIELDS, **schema.get("properties", {})}.items():
        names |= _list_field_names(field, prop)
    for one in attributes:
        value = NamedValue(find_kind(one.type), _read_attribute(one), "invoice." in one.source)
        names |= {one.name: value, prefix + one.name: value}
    return names


def find_kind(schema: JsonSchema) -> Kind:
    """Return the kind of an attribute by its JSON schema."""
    if schema.get("format") == "date-time":
        return Kind.DATE
    (single,) = find_json_types(schema)
    return _KINDS[single]


_KINDS = {"string": Kind.TEXT, "number": Kind.NUMBER, "integer": Kind.NUMBER, "boolean": Kind.YES_NO}
SCHEMA_OF: Mapping[Kind, JsonSchema] = {Kind.TEXT: TEXT, Kind.NUMBER: NUMBER, Kind.DATE: DATE, Kind.YES_NO: YES_NO}
"""The JSON schema of an attribute with a result of each kind."""


def evaluate(expression: Expression, names: Mapping[str, NamedValue], facts: Facts) -> JsonValue:
    """Return the result of an expression for one customer, in the form for JSON; a number is a Decimal.

    Raises:
        FailedExpressionError: it has no result.
    """
    result = expression.evaluate(lambda name: names[name].read(facts), facts.options.now)
    return result.astimezone(UTC).isoformat() if isinstance(result, datetime) else result


def _list_field_names(field: str, prop: JsonSchema) -> Mapping[str, NamedValue]:
    declared = find_declared_type(STREAM, field, prop)
    if declared:
        return {field: NamedValue(find_kind(declared.schema), _convert(_read_field(field), declared))}
    if find_json_types(prop) == UNDECLARED:
        return {field: NamedValue(Kind.ANY, _read_field(field))}
    members = prop.get("properties") or {}
    found = {member: find_declared_type(STREAM, member, inner) for member, inner in members.items()}
    return {
        f"{field}_{member}": NamedValue(find_kind(kind.schema), _convert(_read_member(field, member), kind))
        for member, kind in found.items()
        if kind
    }


def _read_field(field: str) -> Callable[[Facts], JsonValue]:
    def read(facts: Facts) -> JsonValue:
        try:
            return facts.customer.get(field)
        except OddValueError as error:
            raise FailedExpressionError(f"{error} is odd") from None

    return read


def _read_member(field: str, member: str) -> Callable[[Facts], JsonValue]:
    read = _read_field(field)

    def read_member(facts: Facts) -> JsonValue:
        inner: JsonObject | None = read(facts)
        return inner.get(member) if isinstance(inner, dict) else None

    return read_member


def _convert(read: Callable[[Facts], JsonValue], kind: FieldType) -> Callable[[Facts], JsonValue]:
    def convert(facts: Facts) -> JsonValue:
        value = read(facts)
        try:
            return None if value is None else kind.convert(value)
        except ValueError:
            raise FailedExpressionError("a field has another type than its schema says") from None

    return convert


def _read_attribute(attribute: Attribute) -> Callable[[Facts], JsonValue]:
    def read(facts: Facts) -> JsonValue:
        try:
            if attribute.fits and not attribute.fits(facts):
                raise FailedExpressionError("a field has another type than its schema says")
            return attribute.value(facts)
        except OddValueError as error:
            raise FailedExpressionError(f"{error} is odd") from None
        except (ValueError, ArithmeticError, OSError):
            raise FailedExpressionError(f"{attribute.source} is odd") from None

    return read
