"""The choices that depend on the site: its fields, attributes and data sources."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from standpipe_console.api import vendors
from standpipe_console.project.dry_run import fetch_catalog, parse_catalog
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.setup.questions import STATUSES, Choice, find_statuses

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.setup.questions import Question

#: The JSON types of fields with a single value.
_SINGLE_TYPES = {"string", "integer", "number", "boolean"}
#: The text between the prefix and an additional field's name, by stream; see the map's README.
_NAME_PARTS = {"customers": "cust_", "subscriptions": "sub_"}
#: The attributes by which the target knows its records.
_NEEDED_ATTRIBUTES = {"cust_id", "created_by"}
#: Fields that describe the record instead of the customer.
_TECHNICAL_FIELDS = {"object", "resource_version", "business_entity_id"}


class ChoiceLoader:
    """Loads the choices of a pipeline's questions."""

    def __init__(self, project: Project, pipeline: Pipeline) -> None:
        self._project, self._pipeline = project, pipeline

    def load_choices(self, question: Question) -> tuple[Choice, ...]:
        """Return the possible answers to a question."""
        loaders: dict[str, Callable[[], tuple[Choice, ...]]] = {
            "": lambda: question.choices,
            "ids": self._load_id_fields,
            "customers": lambda: self._load_fields("customers"),
            "subscriptions": lambda: self._load_fields("subscriptions"),
            "statuses": self._load_statuses,
            "attributes": self._load_derived,
            "sources": self._load_sources,
            "company_attributes": lambda: self._load_attributes("company"),
            "contact_attributes": lambda: self._load_attributes("contact"),
        }
        return loaders[question.choices_from]()

    @cached_property
    def _schemas(self) -> dict[str, JsonObject]:
        return parse_catalog(fetch_catalog(self._project, self._pipeline))

    def _find_single_fields(self, stream: str) -> dict[str, str]:
        """Return the fields of a stream with a single value, and their types."""
        fields = {}
        for name, schema in self._schemas[stream].get("properties", {}).items():
            declared = schema.get("type", ())
            types = [one for one in ([declared] if isinstance(declared, str) else declared) if one != "null"]
            if len(types) == 1 and types[0] in _SINGLE_TYPES:
                fields[name] = types[0]
        return fields

    def _load_id_fields(self) -> tuple[Choice, ...]:
        types = self._find_single_fields("customers")
        own = sorted(name for name, type_ in types.items() if name.startswith("cf_") and type_ == "string")
        return tuple(Choice(name, name) for name in ("id", "company", *own))

    def _load_fields(self, stream: str) -> tuple[Choice, ...]:
        """Return the fields without an attribute, the site's own fields first."""
        types = self._find_single_fields(stream)
        derived = self._project.get_facts(SYNC.map).attribute_names
        names = [name for name in types if name not in _TECHNICAL_FIELDS and _NAME_PARTS[stream] + name not in derived]
        names.sort(key=lambda name: (not name.startswith(("cf_", "cs_")), name))
        return tuple(Choice(name, f"{name} ({types[name]})") for name in names)

    def _load_statuses(self) -> tuple[Choice, ...]:
        """Return the statuses, and the present filter if it is another one."""
        present = self._project.get_effective_settings(SYNC.map).get(SYNC.filter_setting) or ""
        own = [one for one in find_statuses(str(present)) if one not in STATUSES]
        choices = [Choice(value, text) for value, text in STATUSES.items()]
        return (*(Choice(one, f"as it is now: {one}") for one in own), *choices)

    def _load_derived(self) -> tuple[Choice, ...]:
        """Return the attributes that can be left out."""
        facts = self._project.get_facts(SYNC.map)
        prefix = facts.defaults["attribute_prefix"]
        found = ((one.name.removeprefix(prefix), one.description) for one in facts.facts.attributes)
        return tuple(Choice(name, f"{name} ({words})") for name, words in found if name not in _NEEDED_ATTRIBUTES)

    def _load_sources(self) -> tuple[Choice, ...]:
        plugin = LEADS.target
        api = vendors.connect_chartmogul(self._project.get_settings(plugin), self._project.get_facts(plugin))
        return tuple(Choice(source.name, source.name) for source in vendors.fetch_sources(api))

    def _load_attributes(self, model: str) -> tuple[Choice, ...]:
        plugin = LEADS.tap
        api = vendors.connect_intercom(self._project.get_settings(plugin), self._project.get_facts(plugin))
        found = vendors.fetch_data_attributes(api, model)
        return tuple(
            Choice(one.name, f"{one.name} ({one.data_type})") for one in found if one.custom and not one.archived
        )
