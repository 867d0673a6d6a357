"""The console's table of pipelines matches the plugins and meltano.yml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from standpipe_console.project.pipelines import LEADS, PIPELINES, SYNC, Pipeline, build_variable
from standpipe_console.setup.questions import QUESTIONS
from standpipe_maps.subscriptions.attributes import ATTRIBUTES as MADE

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.plugin_facts import PluginFacts

MELTANO: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "meltano.yml").read_text())
PLUGINS = {plugin["name"]: plugin for kind in MELTANO["plugins"].values() for plugin in kind}
PRESENT = [pipeline for pipeline in PIPELINES if pipeline.target in PLUGINS]


@pytest.mark.parametrize("pipeline", PRESENT, ids=[pipeline.job for pipeline in PRESENT])
def test_plugins_say_what_they_take_a_setting_for(pipeline: Pipeline, facts_of: Callable[[str], PluginFacts]) -> None:
    """The plugins declare a default for every setting that setup asks for or doctor compares."""
    settings = {setting for question in QUESTIONS[pipeline.system] for setting in question.settings}
    for shared in pipeline.shared_settings:
        settings.add((pipeline.map, shared.setting))
        settings |= {(pipeline.target, name) for name, _ in shared.values.values()}
        settings |= {(pipeline.target, shared.same_as)} - {(pipeline.target, "")}
    assert {setting for setting in settings if setting[1] not in facts_of(setting[0]).defaults} == set()


def test_plugins_say_where_their_apis_are(facts_of: Callable[[str], PluginFacts]) -> None:
    """The addresses come from the plugins. The console has no copy."""
    assert facts_of("tap-chargebee").facts.api_url == "https://{site}.chargebee.com/api/v2"
    assert facts_of("target-chartmogul").facts.api_url == "https://api.chartmogul.com/v1"
    reader, writer = facts_of("tap-intercom").facts, facts_of("target-intercom").facts
    assert reader.regions == writer.regions
    assert list(reader.regions) == ["us", "eu", "au"]
    assert reader.regions["eu"].api_url == "https://api.eu.intercom.io"
    assert (reader.api_version, writer.api_version) == ("2.14", "2.14")


def test_the_map_says_which_attributes_it_derives(facts_of: Callable[[str], PluginFacts]) -> None:
    """An additional field must not use one of these names."""
    assert facts_of("map-subscriptions").attribute_names == [*(attribute.name for attribute in MADE), "created_by"]


@pytest.mark.parametrize("pipeline", PRESENT, ids=[pipeline.job for pipeline in PRESENT])
def test_meltano_yml_has_what_the_table_names(pipeline: Pipeline) -> None:
    """meltano.yml has the plugins, previews, jobs, inherited plugins and settings that the table names."""
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
    assert pipeline.dry_run_target in {pipeline.target, *pipeline.inherited}
    assert {plugin: set(PLUGINS[plugin]["config"]) for plugin in pipeline.plugins if "config" in PLUGINS[plugin]} == {
        plugin: set(names) for plugin, names in pipeline.shipped_settings.items()
    }
    written = {setting for question in QUESTIONS[pipeline.system] for setting in question.settings}
    written |= {(key.plugin, key.setting) for key in pipeline.keys}
    known = {(plugin, one["name"]) for plugin in pipeline.plugins for one in PLUGINS[plugin]["settings"]}
    assert written <= known


def test_names_follow_meltanos_rules() -> None:
    """The names of variables and states follow from plugin and environment."""
    assert build_variable("target-intercom", "access_token") == "TARGET_INTERCOM_ACCESS_TOKEN"
    assert SYNC.prefixes == ("TAP_CHARGEBEE_", "MAP_SUBSCRIPTIONS_", "TARGET_INTERCOM_")
    assert SYNC.build_state_id("prod") == "prod:tap-chargebee-to-target-intercom"


@pytest.mark.parametrize(
    ("state_id", "owner"),
    [
        ("prod:tap-chargebee-to-target-intercom", SYNC),
        ("prod:tap-chargebee-to-target-intercom:acme", SYNC),
        ("dev:tap-chargebee-to-target-intercom", None),
        ("prod:tap-chargebee-trial-to-target-intercom-trial", SYNC),
        ("prod:tap-intercom-to-target-chartmogul", LEADS),
        ("prod:tap-intercom-to-target-intercom", None),
        ("prod:tap-chargebee-to-target-csv", None),
    ],
)
def test_a_state_belongs_to_one_pipeline(state_id: str, owner: Pipeline | None) -> None:
    """`unlink` clears a pipeline's own states in the project's environment, and no other states."""
    assert [pipeline for pipeline in PIPELINES if pipeline.owns_state(state_id, "prod")] == ([owner] if owner else [])
