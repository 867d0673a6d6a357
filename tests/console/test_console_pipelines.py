"""The table of pipelines is true of the plugins and of meltano.yml."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from standpipe_console.project.pipelines import ATTRIBUTES, DEFAULTS, LEADS, PIPELINES, SYNC, Pipeline, variable
from standpipe_console.setup.questions import QUESTIONS
from standpipe_maps.subscriptions.schema import ATTRIBUTES as MADE

MELTANO: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "meltano.yml").read_text())
PLUGINS = {plugin["name"]: plugin for kind in MELTANO["plugins"].values() for plugin in kind}
CLASSES = {
    "map-subscriptions": "standpipe_maps.subscriptions.mapper:MapSubscriptions",
    "target-intercom": "target_intercom.target:TargetIntercom",
    "map-leads": "standpipe_maps.leads.mapper:MapLeads",
    "tap-intercom": "tap_intercom.tap:TapIntercom",
    "target-chartmogul": "target_chartmogul.target:TargetChartmogul",
}
KNOWN = {setting: value for setting, value in DEFAULTS.items() if setting[0] in PLUGINS}
PRESENT = [pipeline for pipeline in PIPELINES if pipeline.target in PLUGINS]


@pytest.mark.parametrize(("setting", "value"), KNOWN.items(), ids=[" ".join(setting) for setting in KNOWN])
def test_defaults_are_the_plugins_own(setting: tuple[str, str], value: Any) -> None:
    """A setting that is not set is what its plugin takes it for."""
    plugin, name = setting
    module, _, cls = CLASSES[plugin].partition(":")
    assert getattr(import_module(module), cls).config_jsonschema["properties"][name]["default"] == value


def test_the_derived_attributes_are_the_maps() -> None:
    """A further field must not take the name of one of them."""
    assert [attribute.name for attribute in MADE] == list(ATTRIBUTES)


@pytest.mark.parametrize("pipeline", PRESENT, ids=[pipeline.job for pipeline in PRESENT])
def test_meltano_yml_has_what_the_table_names(pipeline: Pipeline) -> None:
    """Plugins, the preview, the job's three words, inherited plugins, and every setting that setup writes."""
    mapper = PLUGINS[pipeline.map]
    assert pipeline.preview in [mapping["name"] for mapping in mapper["mappings"]]
    (job,) = [job for job in MELTANO["jobs"] if job["name"] == pipeline.job]
    tap, mapping, target = job["tasks"][0].split()
    assert (tap, target) == (pipeline.tap, pipeline.target)
    assert mapping in [one["name"] for one in mapper["mappings"]]
    heirs = [
        name
        for name, plugin in PLUGINS.items()
        if plugin.get("inherit_from") in {pipeline.tap, pipeline.target}
    ]  # fmt: skip
    assert sorted(pipeline.inherited) == sorted(heirs)
    modes = [setting for setting in PLUGINS[pipeline.target]["settings"] if setting["name"] == "mode"]
    assert "validate" in [option["value"] for option in modes[0]["options"]]
    assert pipeline.rehearsal in {pipeline.target, *pipeline.inherited}
    assert {plugin: set(PLUGINS[plugin]["config"]) for plugin in pipeline.plugins if "config" in PLUGINS[plugin]} == {
        plugin: set(names) for plugin, names in pipeline.shipped.items()
    }
    written = {setting for question in QUESTIONS[pipeline.system] for setting in question.settings}
    written |= {(key.plugin, key.setting) for key in pipeline.keys}
    known = {(plugin, one["name"]) for plugin in pipeline.plugins for one in PLUGINS[plugin]["settings"]}
    assert written <= known


def test_names_follow_meltanos_rules() -> None:
    """Variables, states and the states of trials are told by their names."""
    assert variable("target-intercom", "access_token") == "TARGET_INTERCOM_ACCESS_TOKEN"
    assert SYNC.prefixes == ("TAP_CHARGEBEE_", "MAP_SUBSCRIPTIONS_", "TARGET_INTERCOM_")
    assert SYNC.state_id("prod") == "prod:tap-chargebee-to-target-intercom"


@pytest.mark.parametrize(
    ("state_id", "owner"),
    [
        ("prod:tap-chargebee-to-target-intercom", SYNC),
        ("dev:tap-chargebee-to-target-intercom:acme", SYNC),
        ("prod:tap-chargebee-trial-to-target-intercom-trial", SYNC),
        ("prod:tap-intercom-to-target-chartmogul", LEADS),
        ("prod:tap-intercom-to-target-intercom", None),
        ("prod:tap-chargebee-to-target-csv", None),
    ],
)
def test_a_state_belongs_to_one_pipeline(state_id: str, owner: Pipeline | None) -> None:
    """`unlink` clears its own states, those of every environment, and no other."""
    assert [pipeline for pipeline in PIPELINES if pipeline.owns(state_id)] == ([owner] if owner else [])
