"""Data attributes: which custom attributes exist, and their types.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.intercom.errors import Refusal, parameter_invalid, parameter_missing
from sandbox.intercom.fixtures import read_fixture

if TYPE_CHECKING:
    from sandbox.json_types import JsonObject, JsonValue

MODELS = ("contact", "company")
DATA_TYPES = ("string", "integer", "float", "boolean", "date", "datetime", "options")
RELATIONSHIP = "relationship"
"""The data type of an attribute that refers to custom objects."""
ACTIVE_LIMIT = 250
STRING_LIMIT = 255
LEAST_OPTIONS = 2
NAME = re.compile(r"[\w £€¥-]+")
PEOPLE = {"contact": "people", "company": "company"}


@dataclass
class Definition:
    """One custom attribute of the workspace."""

    id: int
    name: str
    model: str
    data_type: str
    admin_id: str
    created_at: int
    updated_at: int
    description: str = ""
    options: list[str] = field(default_factory=list)
    messenger_writable: bool = False
    archived: bool = False
    object_type: str = ""
    """Of an attribute that refers to instances of a custom object: the type of that object."""
    refers_to_many: bool = True

    def show(self) -> JsonObject:
        """Return the attribute in the form of `GET /data_attributes`."""
        options = {"options": [{"value": value} for value in self.options]} if self.options else {}
        hidden = ("options", "object_type", "refers_to_many")
        facts = {name: value for name, value in vars(self).items() if name not in hidden} | options
        return facts | _make_facts(f"custom_attributes.{self.name}", self.name, api_writable=True, custom=True)


def _make_facts(full_name: str, label: str, *, api_writable: bool, custom: bool) -> JsonObject:
    """Return the members that standard and custom attributes share."""
    return {
        "type": "data_attribute",
        "name": full_name.partition(".")[2] or full_name,
        "full_name": full_name,
        "label": label,
        "api_writable": api_writable,
        "ui_writable": custom,
        "custom": custom,
    }


STANDARD: dict[str, list[JsonObject]] = {
    model: [
        {"model": model, "data_type": data_type, "description": "", "messenger_writable": False, "archived": False}
        | _make_facts(full_name, label, api_writable=api_writable, custom=False)
        for full_name, label, data_type, api_writable in rows
    ]
    for model, rows in read_fixture("attributes").items()
}
"""The attributes that every workspace has. `plan.name` is not writable as such: the `plan` parameter writes it."""


class Attributes:
    """Every data attribute of one workspace: contacts and companies share one namespace."""

    def __init__(self, *, lists_references: bool = True) -> None:
        self._lists_references = lists_references
        self._by_name: dict[str, Definition] = {}
        self._by_id: dict[str, Definition] = {}

    def list_all(self, model: str, *, include_archived: bool) -> list[JsonObject]:
        """Return all attributes: standard ones first, then custom ones in the order of their creation."""
        custom = [
            one
            for one in self._by_name.values()
            if one.model == model
            and (include_archived or not one.archived)
            and (self._lists_references or one.data_type != RELATIONSHIP)
        ]
        return STANDARD[model] + [one.show() for one in custom]

    def get(self, model: str, name: str) -> Definition | None:
        """Return the live custom attribute with this name, or None."""
        found = self._by_name.get(name)
        return found if found and found.model == model and not found.archived else None

    def named(self, model: str) -> list[str]:
        """Return the names of the live custom attributes of a model, in the order of their creation."""
        return [one.name for one in self._by_name.values() if one.model == model and not one.archived]

    def create(self, body: JsonObject, *, admin_id: str, now: int) -> Definition:
        """Make a new attribute from the body of `POST /data_attributes`, or refuse it with 400."""
        name, model, data_type = _read_identity(body)
        options = _read_options(body.get("options")) if data_type == "options" else []
        taken = self._by_name.get(name)
        if taken is not None:
            raise parameter_invalid(
                f"You already have '{name}' in your {PEOPLE[taken.model]} data. "
                f"To save this as new {PEOPLE[model]} data, use a different name."
            )
        self._refuse_full()
        definition = Definition(
            id=len(self._by_id) + 1,
            name=name,
            model=model,
            data_type={"options": "string", "datetime": "date"}.get(data_type, data_type),
            admin_id=admin_id,
            created_at=now,
            updated_at=now,
            description=str(body.get("description") or ""),
            options=options,
            messenger_writable=body.get("messenger_writable") is True,
        )
        self._by_name[name] = self._by_id[str(definition.id)] = definition
        return definition

    def add_reference(  # noqa: PLR0913 - all that a person chooses
        self, name: str, model: str, object_type: str, *, many: bool, admin_id: str, now: int
    ) -> None:
        """Make an attribute that refers to instances of a custom object.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._by_name:
            raise ValueError(f"There is an attribute {name!r} already.")
        number = len(self._by_id) + 1
        definition = Definition(number, name, model, RELATIONSHIP, admin_id, now, now)
        definition.object_type, definition.refers_to_many = object_type, many
        self._by_name[name] = self._by_id[str(number)] = definition

    def list_references(self, model: str) -> list[tuple[str, str, bool]]:
        """Return the attributes of a model that refer to custom objects: name, type of the object, whether several."""
        return [
            (one.name, one.object_type, one.refers_to_many)
            for one in self._by_name.values()
            if one.model == model and one.object_type and not one.archived
        ]

    def update(self, attribute_id: str, body: JsonObject, *, now: int) -> Definition:
        """Archive, restore or describe an attribute, or refuse to; its `data_type` never changes."""
        found = self._by_id.get(attribute_id)
        if found is None:
            raise Refusal(404, "field_not_found", "We couldn't find that data attribute to update")
        for name in ("archived", "messenger_writable"):
            if not isinstance(body.get(name, False), bool):
                raise parameter_invalid(f"{name} must be a boolean")
        if not isinstance(body.get("description", ""), str):
            raise parameter_invalid("description must be a string")
        if found.archived and body.get("archived") is False:
            self._refuse_full()
        for name in ("archived", "description", "messenger_writable"):
            if body.get(name) is not None:
                setattr(found, name, body[name])
        if "options" in body:
            found.options = _read_options(body["options"])
        found.updated_at = now
        return found

    def check_values(self, model: str, values: JsonObject) -> JsonObject:
        """Return the values unchanged; the first unknown attribute or wrong value is refused with 400."""
        for name, value in values.items():
            definition = self.get(model, name)
            if definition is None:
                raise parameter_invalid(f"Custom attribute '{name}' does not exist")
            if value is not None:
                _check_value(definition, value)
        return values

    def _refuse_full(self) -> None:
        if sum(not one.archived for one in self._by_name.values()) >= ACTIVE_LIMIT:
            raise parameter_invalid(f"You have reached the limit of {ACTIVE_LIMIT} active custom attributes")


def _check_value(definition: Definition, value: JsonValue) -> None:
    """Accept only a value of the attribute's type; the vendor documents no text for the refusal."""
    name = definition.name
    if definition.data_type == RELATIONSHIP:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise parameter_invalid(f"Custom attribute '{name}' must be a list of instance ids")
        return
    if not VALUE_TESTS[definition.data_type](value):
        raise parameter_invalid(f"Custom attribute '{name}' must be of type {definition.data_type}")
    if isinstance(value, str) and len(value) > STRING_LIMIT:
        raise parameter_invalid(f"Custom attribute '{name}' is too long (maximum is {STRING_LIMIT} characters)")
    if definition.options and value not in definition.options:
        raise parameter_invalid(f"Custom attribute '{name}' must be one of its options")


def is_integer(value: JsonValue) -> bool:
    """Return whether a value is a JSON integer; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: JsonValue) -> bool:
    """Return whether a value is a JSON number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


VALUE_TESTS = {
    "string": lambda value: isinstance(value, str),
    "integer": is_integer,
    "float": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "date": is_integer,
}


def _read_identity(body: JsonObject) -> tuple[str, str, str]:
    name, model, data_type = body.get("name"), body.get("model"), body.get("data_type")
    for key in ("name", "model", "data_type"):
        if body.get(key) is None:
            raise parameter_missing(f"{key} not specified")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise parameter_invalid(
            "Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens"
        )
    if model not in MODELS:
        raise parameter_invalid("model must be one of: contact, company")
    if data_type not in DATA_TYPES:
        raise parameter_invalid(f"data_type must be one of: {', '.join(DATA_TYPES)}")
    return name, str(model), str(data_type)


def _read_options(options: JsonValue) -> list[str]:
    if not isinstance(options, list):
        raise parameter_invalid("options must be an array")
    values = [one["value"] for one in options if isinstance(one, dict) and isinstance(one.get("value"), str)]
    if len(values) < max(len(options), LEAST_OPTIONS):
        raise parameter_invalid(f"options must be at least {LEAST_OPTIONS} objects with a value")
    return values
