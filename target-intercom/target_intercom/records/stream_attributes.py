"""The custom attributes of a stream: declared in its schema, inferred from values, or made from flat fields."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from target_intercom.records.attributes import (
    GUARDED,
    RETIRED,
    Attribute,
    AttributeConflictError,
    AttributePlan,
    RemoteAttribute,
    assert_owned,
    build_created_by,
    build_link,
    build_retired,
    find_marked,
    is_legal_name,
    plan_attributes,
    read_attribute,
    read_declared,
)
from target_intercom.records.write_options import read_attributes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.records.write_options import WriteOptions

#: The value of the setting `attributes_from` for all fields without another use.
EVERY_FIELD = "*"


class TypeInference:
    """The types of undeclared custom attributes, inferred from all of their values."""

    def __init__(self) -> None:
        self._types: defaultdict[str, set[str]] = defaultdict(set)
        self._unusable: set[str] = set()

    def observe(self, attributes: Mapping[str, JsonValue]) -> None:
        """Store the types of one record's values."""
        for name, value in attributes.items():
            if type_ := _infer_type(value):
                self._types[name].add(type_)
            elif isinstance(value, (list, dict)):
                self._unusable.add(name)

    def build_attributes(self) -> dict[str, Attribute]:
        """Return an attribute for each name with a value. Values of several types are written as text."""
        attributes = {}
        for name, types in sorted(self._types.items()):
            if is_legal_name(name):
                several = "float" if types == {"integer", "float"} else "string"
                data_type = next(iter(types)) if len(types) == 1 else several
                attributes[name] = Attribute(name, data_type, declared=False)
        return attributes

    def list_unusable(self) -> set[str]:
        """Return the names whose values were all lists or objects."""
        return self._unusable - self._types.keys()


class FlatFields:
    """The flat fields of a stream that become custom attributes with the owned prefix.

    Args:
        chosen: names of fields, or only `EVERY_FIELD`.
        prefix: the owned prefix. A field that begins with it keeps its name.
        used: fields with another use, such as the match key.
    """

    def __init__(self, chosen: Collection[str], prefix: str, used: Collection[str]) -> None:
        self._chosen, self._prefix, self._used = chosen, prefix, used
        self.names: dict[str, str] = {}
        """The names of the attributes, by field."""
        self.unusable: list[str] = []
        """Declared fields that no attribute of Intercom can store."""

    def declare(self, properties: Mapping[str, JsonValue]) -> dict[str, Attribute]:
        """Return the attributes for the chosen fields of a stream's schema.

        Raises:
            AttributeConflictError: a chosen field is an object or an array.
        """
        takes_all = EVERY_FIELD in self._chosen
        attributes = {}
        for field, schema in properties.items():
            if field in self._used or not (takes_all or field in self._chosen):
                continue
            name = field if field.startswith(self._prefix) else self._prefix + field
            try:
                attribute = read_attribute(name, schema)
            except AttributeConflictError:
                if field in self._chosen:
                    raise
                self.unusable.append(field)
                continue
            if not is_legal_name(name) and field not in self._chosen:
                self.unusable.append(field)
                continue
            attributes[name] = attribute
            self.names[field] = name
        return attributes

    def lift_fields(self, record: JsonObject) -> JsonObject:
        """Return the record with its chosen fields in `custom_attributes`. Values that are already there win."""
        if not self.names:
            return record
        lifted = {name: record[field] for field, name in self.names.items() if field in record}
        own = record.get("custom_attributes")
        return {**record, "custom_attributes": {**lifted, **own} if isinstance(own, dict) else lifted}


class StreamAttributes:
    """The custom attributes of one stream: `declare` its schema, `read_record` each record, then `plan`.

    Args:
        options: how the records are written.
        chosen: the flat fields that become attributes.
        used: the fields of a record with another use.
    """

    def __init__(self, options: WriteOptions, chosen: Collection[str], used: Collection[str]) -> None:
        self._options, self._used = options, used
        self._flat = FlatFields(chosen, options.prefix, used)
        self._inference = TypeInference()
        self._declared: dict[str, Attribute] = {}
        self._is_open = True  # whether no schema declares any attribute
        self._retired: frozenset[str] = frozenset()
        self.guarded: frozenset[str] = frozenset()
        """The attributes whose changes count for `max_changed_share`, whatever their names."""
        self.fields: set[str] = set()
        """The fields that the schema declares."""

    def declare(self, schema: Mapping[str, JsonValue], key_properties: Collection[str]) -> set[str]:
        """Take the attributes of a SCHEMA message, and return the fields without a use.

        Raises:
            AttributeConflictError: one has a type that Intercom lacks, or no attribute would be updated.
        """
        properties = schema.get("properties", {})
        self.fields |= properties.keys()
        rest = {name: field for name, field in properties.items() if name not in key_properties}
        declared = read_declared(schema)
        self.guarded |= find_marked(schema, GUARDED)
        self._retired |= {name for name in find_marked(schema, RETIRED) if self._options.owns_attribute(name)}
        self._is_open = not declared
        attributes = declared | self._flat.declare(rest)
        if not self._options.update_all:
            assert_owned(attributes, self._options.stream, self._options.prefix)
        self._declared |= attributes
        return set(rest) - set(self._used) - self._flat.names.keys()

    def read_record(self, record: JsonObject) -> JsonObject:
        """Return a record with its flat fields in `custom_attributes`, and store the types of undeclared values."""
        record = self._flat.lift_fields(record)
        attributes = read_attributes(record)
        if undeclared := attributes.keys() - self._declared.keys():
            self._inference.observe({name: attributes[name] for name in undeclared})
        return record

    def plan(
        self, existing: Sequence[RemoteAttribute], *, writes_all: bool, may_be_none: bool
    ) -> tuple[AttributePlan, list[str]]:
        """Decide which attributes this run creates, and with which types values are written.

        Args:
            existing: Intercom's data attributes of both models.
            writes_all: whether attributes without the owned prefix are written too, to a match or to a creation.
            may_be_none: whether a run without any attribute has something to write.

        Returns:
            The plan, and the attributes that are not written.

        Raises:
            AttributeConflictError: there is nothing to write, or an attribute of Intercom prevents it.
        """
        options = self._options
        # Beside declared attributes only ours are taken: another one may have been left out on purpose.
        inferred = self._inference.build_attributes()
        inferred = {name: one for name, one in inferred.items() if self._is_open or options.owns_attribute(name)}
        attributes = inferred | self._declared
        if not options.update_all:
            assert_owned(attributes, options.stream, options.prefix)
        if not (attributes or writes_all or may_be_none):
            raise AttributeConflictError(
                f"The records of the stream {options.stream} carry no attribute to write: send them under "
                "`custom_attributes`, or name the fields that become attributes in `attributes_from`."
            )
        # An attribute of the workspace is cleared if only lists and objects came for it.
        model = options.object_type.model
        active = {one.name for one in existing if one.is_custom and one.model == model and not one.is_archived}
        stale = active & self._inference.list_unusable() - self._declared.keys()
        attributes |= {name: Attribute(name, "string", declared=False) for name in sorted(stale)}
        wanted = {name: one for name, one in attributes.items() if writes_all or options.owns_attribute(name)}
        unwritten = sorted(attributes.keys() - wanted.keys())
        if options.link and options.link not in self._declared:
            wanted[options.link] = build_link(options.link, declared=options.link not in attributes)
        wanted[options.created_by] = build_created_by(options.created_by)
        wanted |= build_retired(self._retired - wanted.keys(), existing, model)
        return plan_attributes(wanted.values(), existing, model=model, prefix=options.prefix), unwritten


def _infer_type(value: JsonValue) -> str | None:
    """Return the type of a value; None if it has none, or if no attribute can store it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal)):
        return "float"
    return "string" if isinstance(value, str) and value.strip() else None
