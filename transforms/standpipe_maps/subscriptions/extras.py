"""Further fields of customers and subscriptions as attributes, typed as the tap's schema types them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standpipe_maps.errors import Refusal
from standpipe_maps.kinds import DATE, EVERY, PYTHON, TEXT, TYPES, WORDS, is_open, type_of
from standpipe_maps.subscriptions.odd import known
from standpipe_maps.subscriptions.schema import ATTRIBUTES, Attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps.subscriptions.facts import Facts

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


def extra_attributes(config: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> tuple[Attribute, ...]:
    """The attributes of the further fields, in the order of their names.

    Args:
        config: the settings.
        schemas: the tap's JSON schemas by stream.

    Raises:
        Refusal: a field that is named is no single value, or cannot come at all.
    """
    return tuple(
        attribute for side in SIDES for attribute in _of_side(side, config[side.setting], schemas.get(side.stream, {}))
    )


def _of_side(side: Side, names: Sequence[str], schema: Mapping[str, Any]) -> Iterable[Attribute]:
    for field in sorted(_fields(side, names, schema.get("properties", {}))):
        attribute = _attribute(side, field, schema)
        if attribute is not None:
            yield attribute
        elif field in names:
            raise Refusal(
                f"`{side.setting}` names `{field}`, which is not one text, number, date or yes/no in the tap's stream "
                f"{side.stream}: take it out."
            )


def _fields(side: Side, names: Sequence[str], properties: Iterable[str]) -> set[str]:
    every = {field for field in properties if side.part + field not in TAKEN} if EVERY in names else set()
    return every.union(name for name in names if name != EVERY)


def _attribute(side: Side, field: str, schema: Mapping[str, Any]) -> Attribute | None:
    """The attribute of one field; None when the schema does not say that it is one value of one type."""
    properties = schema.get("properties", {})
    source = f"{side.stream.removesuffix('s')}.{field}"
    if field not in properties:
        # A schema that is open says nothing of its custom fields, whose type only the site's owner knows.
        if not is_open(schema):
            return None
        return _typed(Attribute(side.part + field, TEXT, source, source, _text(side, field)), side, field, WORDS)
    named = type_of(properties[field])
    if named is None:
        return None
    is_date = named == "string" and properties[field].get("format") == "date-time"
    description = properties[field].get("description", source)
    kind = DATE if is_date else TYPES[named]
    attribute = Attribute(side.part + field, kind, description, source, _value(side, field))
    return _typed(attribute, side, field, PYTHON[named])


def _value(side: Side, field: str) -> Callable[[Facts], Any]:
    return lambda facts: side.record(facts).get(field)


def _text(side: Side, field: str) -> Callable[[Facts], Any]:
    """The field's value as text."""

    def value(facts: Facts) -> str | None:
        found = side.record(facts).get(field)
        return None if found is None else WORDS[type(found)](found)

    return value


def _typed(attribute: Attribute, side: Side, field: str, fitting: Collection[type]) -> Attribute:
    """The attribute, None where what stands in the field is of no fitting type."""

    def fits(facts: Facts) -> bool:
        found = known(side.record(facts), field)
        return found is None or type(found) in fitting

    return attribute._replace(value=lambda facts: attribute.value(facts) if fits(facts) else None, fits=fits)
