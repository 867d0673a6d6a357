"""Settings of plugins that connect to the sandbox, facts about plugins, and projects without Meltano."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from plugin_answers import ask_plugin
from standpipe_console.project.meltano import Project
from warm_plugins import VARIABLE, WarmPlugins, write_launcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox
    from standpipe_console.project.plugin_facts import PluginFacts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def facts_of() -> Callable[[str], PluginFacts]:
    """`facts_of(PLUGIN)`: what a plugin says about itself."""
    return ask_plugin


@pytest.fixture
def of_plugins(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    """Return the settings of every plugin that has a key."""
    return {
        "tap-chargebee": {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url},
        "target-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "tap-intercom": {"access_token": "sandbox_token", "api_url": sandbox.intercom_url},
        "target-chartmogul": {"api_key": "sandbox_key", "api_url": sandbox.chartmogul_url},
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a folder with this repository's meltano.yml."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return Project(tmp_path, "prod")


@pytest.fixture(scope="session")
def warm_plugins() -> Iterator[WarmPlugins]:
    """Yield warm processes of the plugins that meltano.yml names."""
    python = Path(sys.executable)
    plugins = WarmPlugins({name: python for name, plugin in read_plugins().items() if "inherit_from" not in plugin})
    yield plugins
    plugins.stop()


def read_plugins() -> dict[str, dict[str, Any]]:
    """Return the plugins in this repository's meltano.yml."""
    return Project(ROOT, "prod").plugins


@pytest.fixture
def installed_project(project: Project, warm_plugins: WarmPlugins, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with the plugins' commands where Meltano installs them, which start warm, and default settings."""
    monkeypatch.setenv(VARIABLE, str(warm_plugins.folder))
    for name, plugin in project.plugins.items():
        if "inherit_from" not in plugin:
            command = project.find_venv(name) / "bin" / name
            command.parent.mkdir(parents=True)
            write_launcher(command, Path(sys.executable).with_name(name), Path(sys.executable))
        project.set_settings(name, {})
    return project
