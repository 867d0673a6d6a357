"""The container's image has the drivers of every setting that takes a database."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy/container/Containerfile").read_text().splitlines()
DRIVERS = {"limit_url": "postgres,redis", "store_url": "postgres"}
INSTALLED = {
    (kind, plugin["name"], plugin["pip_url"].split()[1], drivers)
    for kind, plugins in yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"].items()
    for plugin in plugins
    for setting, drivers in DRIVERS.items()
    if setting in {one["name"] for one in plugin.get("settings", ())}
} | {("utilities", "standpipe", "./console", "postgres,redis")}


@pytest.mark.parametrize(("kind", "name", "folder", "drivers"), sorted(INSTALLED))
def test_the_image_has_the_drivers(kind: str, name: str, folder: str, drivers: str) -> None:
    """Each plugin is installed with the extras of its settings, and the console with those of the plugins' limits."""
    assert (
        "RUN --mount=type=cache,target=/root/.cache/uv uv pip install --quiet "
        f"--python .meltano/{kind}/{name}/venv --constraint constraints.txt --editable '{folder}[{drivers}]'"
    ) in CONTAINERFILE
