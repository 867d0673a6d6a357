"""Which data attributes must exist in Intercom before a record is written, as a pure plan.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Active custom attributes of a workspace, contacts and companies together (Intercom's help article 179).
MAX_ATTRIBUTES = 250

#: Intercom's types that can hold a value of ours without loss, by ours. Preview versions read dates back as `datetime`.
HOLDS: dict[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "integer": frozenset({"integer", "float"}),
    "float": frozenset({"float"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "datetime"}),
}

#: Types that an attribute had in earlier versions, by the type that it is declared with today. Intercom cannot change
#: the type of an attribute, so one that exists goes on in its earlier type.
EARLIER: dict[str, frozenset[str]] = {
    "float": frozenset({"integer"}),
    "boolean": frozenset({"string"}),
    "date": frozenset({"integer", "string"}),
}

_JSON_TYPES = {"string": "string", "integer": "integer", "number": "float", "boolean": "boolean"}
_LEGAL_NAME = re.compile(r"[\w \-]{1,190}")


class AttributeConflictError(ValueError):
    """An attribute cannot be had as declared. The text is one sentence for the user."""


@dataclass(frozen=True)
class Attribute:
    """A custom attribute of the input; `data_type` is a key of `HOLDS`.

    One that no schema declares, whose type was inferred from its values, is taken in whatever type the workspace has.
    """

    name: str
    data_type: str
    description: str = ""
    declared: bool = True

    def body(self, model: str) -> dict[str, str]:
        """Give the body of `POST /data_attributes`."""
        body = {"name": self.name, "model": model, "data_type": self.data_type}
        return body | {"description": self.description} if self.description else body


@dataclass(frozen=True)
class AttributePlan:
    """What the attributes of one model come to: which are to be created, and how the values of each are written."""

    missing: list[Attribute]
    types: Mapping[str, str]
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: permitted values of list attributes
    earlier: list[str] = field(default_factory=list)  #: names of those that go on in a type other than declared


def build_link(name: str, *, declared: bool = True) -> Attribute:
    """Return the attribute that links a record of Intercom to its record of the source."""
    return Attribute(name, "string", "The id of the record kept in step with this one.", declared=declared)


def build_created_by(name: str) -> Attribute:
    """Return the attribute that says who created a record of Intercom."""
    return Attribute(name, "boolean", "Whether this integration created the record in Intercom.")


def declared_attributes(schema: Mapping[str, Any]) -> dict[str, Attribute]:
    """Read the custom attributes that a stream's JSON schema declares under `custom_attributes`.

    Raises:
        AttributeConflictError: one is an object or an array, which no attribute of Intercom holds.
    """
    branches = _branches(schema.get("properties", {}).get("custom_attributes"))
    properties = {name: one for branch in branches for name, one in (branch.get("properties") or {}).items()}
    return {name: read_attribute(name, property_) for name, property_ in properties.items()}


def read_attribute(name: str, schema: Any) -> Attribute:
    """Read the attribute that one property of a JSON schema declares; text when it declares no type.

    Raises:
        AttributeConflictError: it is an object or an array, which no attribute of Intercom holds.
    """
    branches = _branches(schema)
    kinds = {kind for one in branches for kind in _listed(one.get("type", "string"))} - {"null"}
    is_date = any(one.get("format") in {"date", "date-time"} for one in branches)
    description = schema.get("description") if isinstance(schema, dict) else None
    return Attribute(name, _data_type(name, kinds, is_date=is_date), description or "")


def assert_owned(attributes: Iterable[str], stream: str, prefix: str) -> None:
    """Refuse a stream that has attributes, none of which may be written to a match.

    Raises:
        AttributeConflictError: none begins with the owned prefix.
    """
    names = sorted(attributes)
    if names and not any(name.startswith(prefix) for name in names):
        raise AttributeConflictError(
            f"No attribute of the stream {stream} begins with `{prefix}` (the first is `{names[0]}`), so that nothing "
            "would be kept in step: set `owned_prefix` (or `company_prefix`) to theirs, or `on_match` to update_all."
        )


def plan_attributes(
    wanted: Iterable[Attribute], existing: Sequence[Mapping[str, Any]], *, model: str, prefix: str
) -> AttributePlan:
    """Decide which of the wanted attributes must be created, and in which type the values of each are written.

    Args:
        wanted: what the records will carry.
        existing: Intercom's data attributes of both models, archived ones included.
        model: `contact` or `company`.
        prefix: the owned prefix, named as the way out of a conflict.

    Raises:
        AttributeConflictError: one exists with another type, is archived, belongs to the other model, is read-only, has
            an illegal name, or the workspace's limit would be passed.
    """
    custom = [attribute for attribute in existing if attribute.get("custom")]
    by_name = {attribute["name"]: attribute for attribute in custom}
    plan = AttributePlan([], types := {}, options := {})
    for attribute in wanted:
        found = by_name.get(attribute.name)
        obstacle = _obstacle(attribute, found, model) if found else _illegal(attribute.name)
        if obstacle:
            raise AttributeConflictError(f"{obstacle}: {_remedy(prefix)}.")
        types[attribute.name] = attribute.data_type
        if not found:
            plan.missing.append(attribute)
            continue
        if found["data_type"] not in HOLDS[attribute.data_type]:
            types[attribute.name] = _written_type(attribute, found["data_type"])
            plan.earlier.append(attribute.name)
        if listed := found.get("options"):
            options[attribute.name] = frozenset(one["value"] if isinstance(one, dict) else str(one) for one in listed)
    _assert_room(plan.missing, custom)
    return plan


def _written_type(wanted: Attribute, held: str) -> str:
    """Return the type in which the values of an attribute are written that exists in another type."""
    # A date is unix seconds, which is also what an earlier version wrote as a whole number.
    return "date" if held == "datetime" or (wanted.data_type, held) == ("date", "integer") else held


def _branches(schema: Any) -> list[Mapping[str, Any]]:
    """Return the alternatives of a JSON schema, itself when it has none; `true` is one that says nothing."""
    if not isinstance(schema, dict):
        return [{}]
    return [one for one in schema.get("anyOf") or schema.get("oneOf") or [schema] if isinstance(one, dict)]


def _obstacle(wanted: Attribute, found: Mapping[str, Any], model: str) -> str | None:
    name = f"The {model} attribute `{wanted.name}`"
    if found.get("model") != model:
        return f"{name} cannot be created because Intercom has a {found.get('model')} attribute of that name"
    if found.get("archived"):
        return f"{name} is archived in Intercom"
    if wanted.declared and found["data_type"] not in HOLDS[wanted.data_type] | EARLIER.get(
        wanted.data_type, frozenset()
    ):
        return f"{name} has the type {found['data_type']} in Intercom but must be {wanted.data_type}"
    if found.get("api_writable") is False:
        return f"{name} is not writable through Intercom's API"
    return None


def is_legal(name: str) -> bool:
    """Return whether Intercom takes this name for an attribute."""
    # Intercom's documentation and its own examples disagree on more than these characters: only what is sure passes.
    return bool(_LEGAL_NAME.fullmatch(name))


def _illegal(name: str) -> str | None:
    return None if is_legal(name) else f"Intercom accepts no attribute of the name `{name}`"


def refusal(name: str, reason: str, prefix: str) -> str:
    """Give the sentence for an attribute that Intercom itself refused to create."""
    return f"Intercom refused to create the attribute `{name}` ({reason}): {_remedy(prefix)}."


def _remedy(prefix: str) -> str:
    return (
        f"change it there, or send the attributes under a prefix other than `{prefix}` and set `owned_prefix` (for "
        "companies beside contacts, `company_prefix`) to it"
    )


def _assert_room(missing: Sequence[Attribute], custom: Iterable[Mapping[str, Any]]) -> None:
    active = sum(not attribute.get("archived") for attribute in custom)
    if missing and active + len(missing) > MAX_ATTRIBUTES:
        raise AttributeConflictError(
            f"Intercom holds at most {MAX_ATTRIBUTES} custom attributes and has {active}; {len(missing)} more are "
            f"needed (the first is `{missing[0].name}`): archive some there, or send fewer."
        )


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _data_type(name: str, kinds: set[str], *, is_date: bool) -> str:
    if is_date and kinds == {"string"}:
        return "date"
    if len(kinds) == 1 and kinds <= _JSON_TYPES.keys():
        return _JSON_TYPES[next(iter(kinds))]
    if kinds == {"integer", "number"}:
        return "float"
    raise AttributeConflictError(
        f"The attribute `{name}` has the type {' or '.join(sorted(kinds)) or 'null'}, and Intercom's attributes hold "
        "text, numbers, booleans and dates only: map it to one of these, or leave it out."
    )
