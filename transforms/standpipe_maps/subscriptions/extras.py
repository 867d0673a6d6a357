"""Further fields of customers and subscriptions as attributes, each of the type that the site declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import EVERY, is_open
from standpipe_maps.subscriptions.attributes import ATTRIBUTES, Attribute
from standpipe_maps.subscriptions.extra_fields import UNTOLD, FieldType, declared_type, json_types, type_of_values
from standpipe_maps.subscriptions.odd import known

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
