"""Facts that a plugin tells about itself: its defaults, regions, attributes, outcomes and reasons.

Only the plugin has these facts. `PLUGIN --about --format=json` prints them.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec

from standpipe_console._kit.json_types import JsonObject
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from pathlib import Path


class Region(msgspec.Struct):
    """A region in which a vendor hosts accounts."""

    api_url: str


class Attribute(msgspec.Struct):
    """An attribute that a plugin writes."""

    name: str
    description: str = ""
    type: str = ""


class Moment(msgspec.Struct):
    """A kind of event in Chargebee that a map can send as a data event of Intercom."""

    name: str
    event_types: list[str] = []


class Wording(msgspec.Struct):
    """The meaning of an outcome or a reason, and what a person can do about it."""

    text: str
    remedy: str = ""


class _Facts(msgspec.Struct):
    api_url: str = ""
    regions: dict[str, Region] = {}
    api_version: str = ""
    defaults: JsonObject = {}
    attributes: list[Attribute] = []
    moments: list[Moment] = []
    object_attributes: list[Attribute] = []
    outcomes: dict[str, Wording] = {}
    reasons: dict[str, Wording] = {}
    merge_outcomes: dict[str, Wording] = {}


class _Schema(msgspec.Struct):
    properties: dict[str, JsonObject] = {}


class PluginFacts(msgspec.Struct):
    """The answer of `--about`. A plugin may have no facts besides its settings."""

    settings: _Schema = msgspec.field(default_factory=_Schema)
    facts: _Facts = msgspec.field(default_factory=_Facts)

    @property
    def defaults(self) -> JsonObject:
        """The defaults of the settings. Some follow from other settings and are not in the schema."""
        schemas = self.settings.properties.items()
        return {name: schema["default"] for name, schema in schemas if "default" in schema} | self.facts.defaults

    @property
    def attribute_names(self) -> list[str]:
        """The names of the attributes, without the default prefix of the plugin."""
        prefix = self.defaults["attribute_prefix"]
        return [attribute.name.removeprefix(prefix) for attribute in self.facts.attributes]

    @property
    def attribute_descriptions(self) -> dict[str, str]:
        """What each attribute says, by its name with the default prefix of the plugin."""
        return {one.name: one.description for one in self.facts.attributes}

    def explain_outcome(self, outcome: str, reason: str) -> Wording:
        """Return the meaning of an outcome: for a skip or a reject its reason, or the vendor's own text."""
        if outcome in {"skipped", "rejected"}:
            return self.facts.reasons.get(reason, Wording(reason))
        return self.facts.outcomes.get(outcome, Wording(reason))


def read_facts(plugin: str, executable: Path) -> PluginFacts:
    """Read the facts of a plugin, which needs no configuration for that.

    Raises:
        ConsoleError: the plugin is too old to answer.
    """
    answer = subprocess.run(  # noqa: S603
        [str(executable), "--about", "--format=json"], capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    try:
        return msgspec.json.decode(answer.stdout, type=PluginFacts)
    except msgspec.DecodeError:
        raise ConsoleError(
            f"{plugin} does not describe itself: run `meltano install` to bring it up to date."
        ) from None
