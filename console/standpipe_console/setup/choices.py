"""What there is to choose from, as the live site tells it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from standpipe_console.api import vendors
from standpipe_console.project.dry_run import schemas
from standpipe_console.project.pipelines import ATTRIBUTES, LEADS
from standpipe_console.setup.questions import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.setup.questions import Question

SINGLE = {"string", "integer", "number", "boolean"}
#: What comes between the prefix and a further field's name, by stream; see the map's README.
PARTS = {"customers": "cust_", "subscriptions": "sub_"}
#: Fields that tell of the record, not of the customer.
PLUMBING = {"object", "resource_version", "business_entity_id"}


class Listing:
    """The choices of questions, of which many are the site's own."""

    def __init__(self, project: Project, pipeline: Pipeline) -> None:
        self._project, self._pipeline = project, pipeline

    def choices(self, question: Question) -> tuple[Choice, ...]:
        """What a question may be answered with."""
        made: Callable[[], tuple[Choice, ...]] = {
            "ids": self._id_fields,
            "customers": lambda: self._fields("customers"),
            "subscriptions": lambda: self._fields("subscriptions"),
            "sources": self._sources,
            "company_attributes": lambda: self._attributes("company"),
            "contact_attributes": lambda: self._attributes("contact"),
            "": lambda: question.choices,
        }[question.listed]
        return made()

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        return schemas(self._project, self._pipeline)

    def _single(self, stream: str) -> dict[str, str]:
        """The fields of a stream that hold one value, with their type."""
        properties: dict[str, Any] = self._schemas[stream].get("properties", {})
        kinds = {name: _kinds(schema) for name, schema in properties.items()}
        return {name: kind[0] for name, kind in kinds.items() if len(kind) == 1 and kind[0] in SINGLE}

    def _id_fields(self) -> tuple[Choice, ...]:
        fields = [
            name for name, kind in self._single("customers").items() if name.startswith("cf_") and kind == "string"
        ]
        return tuple(Choice(name, name) for name in ("id", "company", *sorted(fields)))

    def _fields(self, stream: str) -> tuple[Choice, ...]:
        """The site's own fields first."""
        fields = self._single(stream)
        free = [name for name in fields if name not in PLUMBING and PARTS[stream] + name not in ATTRIBUTES]
        ordered = sorted(free, key=lambda name: (not name.startswith(("cf_", "cs_")), name))
        return tuple(Choice(name, f"{name} ({fields[name]})") for name in ordered)

    def _sources(self) -> tuple[Choice, ...]:
        found = vendors.sources(vendors.chartmogul(self._project.settings(LEADS.target)))
        return tuple(Choice(name, name) for name in found)

    def _attributes(self, model: str) -> tuple[Choice, ...]:
        """The custom attributes of Intercom's, but those that come from Chargebee by way of this program."""
        found = vendors.data_attributes(vendors.intercom(self._project.settings(LEADS.tap)), model)
        custom = [one for one in found if one.get("custom") and not one.get("archived")]
        return tuple(Choice(one["name"], f"{one['name']} ({one['data_type']})") for one in custom)


def _kinds(schema: dict[str, Any]) -> list[str]:
    named = schema.get("type", ())
    return [kind for kind in ([named] if isinstance(named, str) else named) if kind != "null"]
