"""Decides which data attributes must exist in Intercom before records are written. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_intercom._kit.json_types import JsonValue

#: The maximum of active custom attributes of contacts and companies together (Intercom's help article 179).
MAX_ATTRIBUTES = 250

#: For each type, Intercom's types that can store it without loss. Preview versions return dates as `datetime`.
HOLDS: dict[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "integer": frozenset({"integer", "float"}),
    "float": frozenset({"float"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "datetime"}),
}

#: By the declared type, the types that such attributes had in earlier versions. Intercom cannot change the type of an
#: attribute, so an existing one keeps its earlier type.
EARLIER: dict[str, frozenset[str]] = {
    "float": frozenset({"integer"}),
    "boolean": frozenset({"string"}),
    "date": frozenset({"integer", "string"}),
}

#: The keyword in the schema of an attribute that the stream no longer fills: it is cleared where Intercom has it.
RETIRED = "x-standpipe-retired"
#: The keyword of an attribute whose changes count for `max_changed_share`, whatever its name.
GUARDED = "x-standpipe-guarded"

_JSON_TYPES = {"string": "string", "integer": "integer", "number": "float", "boolean": "boolean"}
_LEGAL_NAME = re.compile(r"[\w \-]{1,190}")


class AttributeConflictError(ValueError):
    """An attribute cannot be created or used as declared. The text is one sentence for the user."""


class Choice(msgspec.Struct):
    """One permitted value of a list attribute."""

    value: str


class RemoteAttribute(msgspec.Struct, frozen=True, kw_only=True):
    """A data attribute of Intercom."""

    name: str
    data_type: str
    model: str = ""  #: `contact` or `company`
    is_custom: bool = False
    is_archived: bool = False
    is_read_only: bool = False
    choices: frozenset[str] = frozenset()  #: of a list attribute


@dataclass(frozen=True)
class Attribute:
    """A custom attribute of the input. `data_type` is a key of `HOLDS`.

    An attribute without a declared type (inferred from its values) takes the workspace's type.
    """

    name: str
    data_type: str
    description: str = ""
    declared: bool = True

    def build_body(self, model: str) -> dict[str, str]:
        """Return the body of `POST /data_attributes`."""
        body = {"name": self.name, "model": model, "data_type": self.data_type}
        return body | {"description": self.description} if self.description else body

    def as_remote(self, model: str) -> RemoteAttribute:
        """Return the attribute in the form in which Intercom will list it."""
        return RemoteAttribute(name=self.name, data_type=self.data_type, model=model, is_custom=True)


@dataclass(frozen=True)
class AttributePlan:
    """The attributes of one model: those to create, and how the values of each are written."""

    missing: list[Attribute]
    types: Mapping[str, str]
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: permitted values of list attributes
    earlier: list[str] = field(default_factory=list)  #: names of attributes that keep another type than declared


def build_link(name: str, *, declared: bool = True) -> Attribute:
    """Return the attribute that links a record of Intercom to a record of the source."""
    return Attribute(name, "string", "The id of the record kept in step with this one.", declared=declared)


def build_retired(names: Collection[str], existing: Iterable[RemoteAttribute], model: str) -> dict[str, Attribute]:
    """Return the attributes of these names that Intercom has, with the types that they have there."""
    held = {remote: own for own, kinds in HOLDS.items() for remote in kinds if own in {remote, "date"}}
    return {
        one.name: Attribute(one.name, held[one.data_type], declared=False)
        for one in existing
        if one.name in names
        and one.is_custom
        and one.model == model
        and one.data_type in held
        and not (one.is_archived or one.is_read_only)
    }


def build_created_by(name: str) -> Attribute:
    """Return the attribute that says who created a record in Intercom."""
    return Attribute(name, "boolean", "Whether this integration created the record in Intercom.")


def read_declared(schema: Mapping[str, JsonValue]) -> dict[str, Attribute]:
    """Read the custom attributes in a stream's JSON schema, under `custom_attributes`.

    Raises:
        AttributeConflictError: one is an object or an array, which no attribute of Intercom can store.
    """
    properties = _list_properties(schema)
    retired = find_marked(schema, RETIRED)
    return {name: read_attribute(name, one) for name, one in properties.items() if name not in retired}


def find_marked(schema: Mapping[str, JsonValue], keyword: str) -> frozenset[str]:
    """Return the custom attributes whose JSON schema has a keyword of ours."""
    properties = _list_properties(schema)
    return frozenset(name for name, one in properties.items() if isinstance(one, dict) and one.get(keyword) is True)


def _list_properties(schema: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    branches = _list_branches(schema.get("properties", {}).get("custom_attributes"))
    return {name: one for branch in branches for name, one in (branch.get("properties") or {}).items()}


def read_attribute(name: str, schema: JsonValue) -> Attribute:
    """Read the attribute of one property in a JSON schema. Without a type it is text.

    Raises:
        AttributeConflictError: it is an object or an array, which no attribute of Intercom can store.
    """
    branches = _list_branches(schema)
    types: set[str] = set()
    for branch in branches:
        type_ = branch.get("type", "string")
        types |= {type_} if isinstance(type_, str) else set(type_)
    types.discard("null")
    description = schema.get("description") if isinstance(schema, dict) else None
    if types == {"string"} and any(one.get("format") in {"date", "date-time"} for one in branches):
        data_type = "date"
    elif len(types) == 1 and types <= _JSON_TYPES.keys():
        data_type = _JSON_TYPES[next(iter(types))]
    elif types == {"integer", "number"}:
        data_type = "float"
    else:
        raise AttributeConflictError(
            f"The attribute `{name}` has the type {' or '.join(sorted(types)) or 'null'}, and Intercom's attributes "
            "hold text, numbers, booleans and dates only: map it to one of these, or leave it out."
        )
    return Attribute(name, data_type, description or "")


def assert_owned(attributes: Iterable[str], stream: str, prefix: str) -> None:
    """Refuse a stream with attributes of which none may be written to a match.

    Raises:
        AttributeConflictError: none begins with the owned prefix.
    """
    names = sorted(attributes)
    if names and not any(name.startswith(prefix) for name in names):
        raise AttributeConflictError(
            f"No attribute of the stream {stream} begins with `{prefix}` (the first is `{names[0]}`), so nothing "
            "would be updated: set `owned_prefix` (or `company_prefix`) to theirs, or `on_match` to update_all."
        )


def plan_attributes(
    wanted: Iterable[Attribute], existing: Sequence[RemoteAttribute], *, model: str, prefix: str
) -> AttributePlan:
    """Decide which of the wanted attributes to create, and with which type the values of each are written.

    Args:
        wanted: the attributes of the records.
        existing: Intercom's data attributes of both models, including archived ones.
        model: `contact` or `company`.
        prefix: the owned prefix, which an error suggests to change.

    Raises:
        AttributeConflictError: one has another type, is archived, belongs to the other model, is read-only, has an
            illegal name, or would exceed the workspace's limit.
    """
    custom = {attribute.name: attribute for attribute in existing if attribute.is_custom}
    plan = AttributePlan([], types := {}, choices := {})
    for attribute in wanted:
        remote = custom.get(attribute.name)
        if obstacle := _find_obstacle(attribute, remote, model):
            raise AttributeConflictError(f"{obstacle}: {_describe_remedy(prefix)}.")
        types[attribute.name] = attribute.data_type
        if not remote:
            plan.missing.append(attribute)
            continue
        if remote.data_type not in HOLDS[attribute.data_type]:
            # A date is Unix seconds. An earlier version wrote them as a whole number.
            was_integer = (attribute.data_type, remote.data_type) == ("date", "integer")
            is_date = was_integer or remote.data_type == "datetime"
            types[attribute.name] = "date" if is_date else remote.data_type
            plan.earlier.append(attribute.name)
        if remote.choices:
            choices[attribute.name] = remote.choices
    _check_limit(plan.missing, existing)
    return plan


def _check_limit(missing: Sequence[Attribute], existing: Sequence[RemoteAttribute]) -> None:
    active = sum(attribute.is_custom and not attribute.is_archived for attribute in existing)
    if missing and active + len(missing) > MAX_ATTRIBUTES:
        raise AttributeConflictError(
            f"Intercom holds at most {MAX_ATTRIBUTES} custom attributes and has {active}; {len(missing)} more are "
            f"needed (the first is `{missing[0].name}`): archive some there, or send fewer."
        )


def is_legal_name(name: str) -> bool:
    """Return whether Intercom accepts this name for an attribute."""
    # Intercom's documentation and examples disagree about other characters, so only these pass.
    return bool(_LEGAL_NAME.fullmatch(name))


def describe_refusal(name: str, reason: str, prefix: str) -> str:
    """Return the sentence for an attribute that Intercom itself refused to create."""
    return f"Intercom refused to create the attribute `{name}` ({reason}): {_describe_remedy(prefix)}."


def _describe_remedy(prefix: str) -> str:
    return (
        f"change it there, or send the attributes under a prefix other than `{prefix}` and set `owned_prefix` (for "
        "companies beside contacts, `company_prefix`) to it"
    )


def _find_obstacle(wanted: Attribute, remote: RemoteAttribute | None, model: str) -> str | None:
    name = f"The {model} attribute `{wanted.name}`"
    if remote is None:
        legal = is_legal_name(wanted.name)
        return None if legal else f"Intercom does not accept the attribute name `{wanted.name}`"
    if remote.model != model:
        return f"{name} cannot be created because Intercom has a {remote.model} attribute of that name"
    if remote.is_archived:
        return f"{name} is archived in Intercom"
    usable = HOLDS[wanted.data_type] | EARLIER.get(wanted.data_type, frozenset())
    if wanted.declared and remote.data_type not in usable:
        return f"{name} has the type {remote.data_type} in Intercom but must be {wanted.data_type}"
    if remote.is_read_only:
        return f"{name} is not writable through Intercom's API"
    return None


def _list_branches(schema: JsonValue) -> list[Mapping[str, JsonValue]]:
    """Return the alternatives of a JSON schema, or itself if it has none. `true` is an alternative without content."""
    if not isinstance(schema, dict):
        return [{}]
    return [one for one in schema.get("anyOf") or schema.get("oneOf") or [schema] if isinstance(one, dict)]
