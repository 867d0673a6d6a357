"""The plugin definitions in `hub/` match what the plugins declare, and Meltano accepts them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from warm_commands import run_command

ROOT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
KINDS = {"tap": "extractors", "target": "loaders", "map": "mappers"}
PROJECT = """\
project_id: 0e0b7a3e-0000-4000-8000-000000000000
send_anonymous_usage_stats: false
cli:
  disable_version_check: true
environments: []
"""


def load_script() -> Any:
    """Return the script that writes the definitions, as a module."""
    spec = importlib.util.spec_from_file_location("make_hub", ROOT / "scripts/make_hub.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE_HUB = load_script()


@pytest.mark.parametrize("plugin", MAKE_HUB.PLUGINS)
def test_a_definition_is_what_the_plugin_says_of_itself(plugin: str) -> None:
    """After a setting changed, `make hub` writes the definition again."""
    assert (ROOT / "hub" / f"{plugin}.yml").read_text() == MAKE_HUB.render(plugin)


@pytest.mark.parametrize("plugin", ["tap-chargebee", "target-intercom", "map-leads"])
def test_meltano_adds_a_plugin_from_its_definition(plugin: str, tmp_path: Path) -> None:
    """`meltano add --from-ref` accepts the file with every setting."""
    (tmp_path / "meltano.yml").write_text(PROJECT)
    kind = KINDS[plugin.partition("-")[0]]
    definition = ROOT / "hub" / f"{plugin}.yml"
    command: list[str | Path] = [
        MELTANO,
        "add",
        "--no-install",
        "--plugin-type",
        kind.removesuffix("s"),
        "--from-ref",
        definition,
        plugin,
    ]
    done = run_command(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (added,) = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"][kind]
    wanted = yaml.safe_load(definition.read_text())
    assert [one["name"] for one in added["settings"]] == [one["name"] for one in wanted["settings"]]
    assert added["pip_url"] == MAKE_HUB.PLUGINS[plugin][0]
