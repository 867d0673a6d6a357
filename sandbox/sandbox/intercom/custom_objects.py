"""Custom objects: their types, their instances, and which of them a contact or company refers to.

Types and their attributes are made by hand in Intercom's settings; no call of the API does it.
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.intercom.attributes import MODELS, STRING_LIMIT, VALUE_TESTS
from sandbox.intercom.errors import parameter_invalid, parameter_missing, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.attributes import Attributes
    from sandbox.json_types import JsonObject, JsonValue
    from sandbox.settings import Settings

TIMES = ("external_created_at", "external_updated_at")


@dataclass
class Instance:
    """One instance of a type; times in unix seconds."""

    id: str
    type: str
    external_id: str
    created_at: int
    updated_at: int
    external_created_at: int | None = None
    external_updated_at: int | None = None
    custom_attributes: JsonObject = field(default_factory=dict)

    def show(self) -> JsonObject:
        """Return the instance in the form of the API."""
        return vars(self) | {"custom_attributes": dict(self.custom_attributes)}


@dataclass
class ObjectType:
    """One type, with the data types of its attributes, and its instances by external id."""

    name: str
    attributes: dict[str, str]
    instances: dict[str, Instance] = field(default_factory=dict)


class CustomObjects:
    """The types and instances of one workspace, and the attributes of contacts and companies that refer to them."""

    def __init__(self, settings: Settings, attributes: Attributes) -> None:
        self._settings, self._attributes = settings, attributes
        self.types: dict[str, ObjectType] = {}
        self._by_id: dict[str, Instance] = {}
        self._last = 0

    def define(self, body: JsonObject, *, admin_id: str, now: int) -> None:
        """Make a type, and an attribute of contacts or companies that refers to its instances, as a person does.

        Raises:
            ValueError: the sentence says what is wrong.
        """
        name, attributes = body.get("name"), body.get("attributes") or {}
        model, reference = body.get("model", "contact"), body.get("reference")
        if not isinstance(name, str) or not name or name in self.types:
            raise ValueError("A custom object type has a name that no other type has.")
        if not isinstance(attributes, dict) or not set(attributes.values()) <= VALUE_TESTS.keys():
            raise ValueError(f"The attributes of a type have one of the types {', '.join(VALUE_TESTS)}.")
        if reference is not None:
            if model not in MODELS or (model == "company" and not self._settings.intercom_company_references):
                raise ValueError("A reference is an attribute of contacts; of companies only with the switch.")
            self._attributes.add_reference(
                str(reference), str(model), name, many=body.get("many") is not False, admin_id=admin_id, now=now
            )
        self.types[name] = ObjectType(name, dict(attributes))

    def get_type(self, name: str) -> ObjectType:
        """Return a type, or raise a 404 Refusal."""
        if name not in self.types:
            raise refuse("no object type", name=name)
        return self.types[name]

    def find(self, kind: ObjectType, external_id: str) -> Instance:
        """Return the instance of a type with an external id, or raise a 404 Refusal."""
        if external_id not in kind.instances:
            raise refuse("no object")
        return kind.instances[external_id]

    def get(self, kind: ObjectType, name: str) -> Instance:
        """Return the instance of a type with this id, or this external id, or raise a 404 Refusal."""
        found = self._by_id.get(name)
        return found if found and found.type == kind.name else self.find(kind, name)

    def save(self, kind: ObjectType, body: JsonObject, now: int) -> Instance:
        """Create an instance, or change the one with the external id; refuse a wrong value with 400."""
        external_id = body.get("external_id")
        if not isinstance(external_id, str) or not external_id:
            raise parameter_missing("external_id not specified")
        for name in TIMES:
            if body.get(name) is not None and not VALUE_TESTS["date"](body[name]):
                raise parameter_invalid(f"{name} must be a UNIX timestamp", name)
        values = self._check_values(kind, body.get("custom_attributes"))
        instance = kind.instances.get(external_id)
        if instance is None:
            self._last += 1
            instance = Instance(str(self._last), kind.name, external_id, now, now)
            kind.instances[external_id] = self._by_id[instance.id] = instance
        for name in TIMES:
            if name in body:
                setattr(instance, name, body[name])
        instance.custom_attributes = {**dict.fromkeys(kind.attributes), **instance.custom_attributes, **values}
        instance.updated_at = now
        return instance

    def _check_values(self, kind: ObjectType, values: JsonValue) -> JsonObject:
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise parameter_invalid("custom_attributes must be an object", "custom_attributes")
        unknown = next((name for name in values if name not in kind.attributes), None)
        if unknown is not None and self._settings.intercom_refuse_unknown_object_attributes:
            raise parameter_invalid(f"Custom attribute '{unknown}' does not exist")
        known = {name: value for name, value in values.items() if name in kind.attributes}
        for name, value in known.items():
            data_type = kind.attributes[name]
            if value is not None and not VALUE_TESTS[data_type](value):
                raise parameter_invalid(f"Custom attribute '{name}' must be of type {data_type}")
            if isinstance(value, str) and len(value) > STRING_LIMIT:
                raise parameter_invalid(f"Custom attribute '{name}' is too long (maximum is {STRING_LIMIT} characters)")
        return known

    def delete(self, instance: Instance) -> None:
        """Delete an instance. Nothing refers to it any more."""
        del self._by_id[instance.id], self.types[instance.type].instances[instance.external_id]

    def list_all(self, kind: ObjectType, ids: Iterable[str] | None = None) -> list[Instance]:
        """Return the instances of a type, or those with these ids; the last changed elsewhere first."""
        found = kind.instances.values() if ids is None else self._list_live(ids, kind.name)
        return sorted(found, key=lambda one: (one.external_updated_at or 0, int(one.id)), reverse=True)

    def _list_live(self, ids: Iterable[str], kind: str) -> list[Instance]:
        return [one for each in ids if (one := self._by_id.get(each)) and one.type == kind]

    def resolve_references(self, model: str, values: JsonObject, document: JsonObject | None) -> JsonObject:
        """Return a record's values with what its references become: replaced, or extended, as the switch says.

        Refuses with 400 an instance that does not exist, and several where the attribute takes one.
        """
        before: JsonObject = (document or {}).get("custom_attributes") or {}
        custom = dict(values.get("custom_attributes") or {})
        for name, kind, many in self._attributes.list_references(model):
            if name in custom:
                custom[name] = self._resolve(custom[name], before.get(name) or (), name, kind, many=many)
        return values | {"custom_attributes": custom}

    def _resolve(self, wanted: JsonValue, before: Iterable[str], name: str, kind: str, *, many: bool) -> list[str]:
        writes = self._settings.intercom_reference_writes
        kept = [one.id for one in self._list_live(before, kind)]
        if wanted is None:
            return kept if writes == "add" else []
        missing = next((one for one in wanted if not self._list_live([one], kind)), None)
        if missing is not None:
            raise parameter_invalid(f"Custom object instance '{missing}' of '{name}' does not exist")
        if not many and len(wanted) > 1:
            raise parameter_invalid(f"Custom attribute '{name}' takes one instance")
        ids = [*(kept if many and writes != "replace" else ()), *wanted]
        return list(dict.fromkeys(ids))

    def show_references(self, model: str, custom: JsonObject) -> JsonObject:
        """Return custom attributes with each reference as the list of its instances."""
        shown = dict(custom)
        for name, kind, _ in self._attributes.list_references(model):
            if name not in shown:
                continue
            found = self._list_live(shown.pop(name) or (), kind)
            if self._settings.intercom_shows_references:
                shown[name] = {"type": f"{kind.lower()}.list", "instances": [one.show() for one in found]}
        return shown

    def list_references_of(self, model: str, custom: JsonObject, kind: ObjectType) -> list[Instance]:
        """Return the instances of a type that a record refers to."""
        names = [name for name, target, _ in self._attributes.list_references(model) if target == kind.name]
        return self.list_all(kind, [one for name in names for one in custom.get(name) or ()])
