"""Each plugin is useful alone: installed by plain pip into an empty environment, it starts."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = [
    ("tap-chargebee", "tap-chargebee"),
    ("tap-intercom", "tap-intercom"),
    ("target-chartmogul", "target-chartmogul"),
    ("target-intercom", "target-intercom"),
    ("transforms", "map-leads"),
    ("transforms", "map-subscriptions"),
]
OURS = {
    "tap-chargebee": "tap_chargebee",
    "tap-intercom": "tap_intercom",
    "target-chartmogul": "target_chartmogul",
    "console": "standpipe_console",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}


@pytest.mark.parametrize(("folder", "executable"), PLUGINS, ids=[name for _, name in PLUGINS])
def test_a_plugin_installs_alone_and_tells_about_itself(folder: str, executable: str, tmp_path: Path) -> None:
    """`pip install ./FOLDER` into an empty environment gives an executable that answers --about, and no sibling."""
    about = install_and_ask(folder, tmp_path, executable, "--about", "--format=json")
    assert json.loads(about)["name"] == executable


def test_the_console_installs_alone(tmp_path: Path) -> None:
    """`pip install ./console` gives the command, and no plugin."""
    assert "doctor" in install_and_ask("console", tmp_path, "standpipe", "--help")


def install_and_ask(folder: str, where: Path, executable: str, *args: str) -> str:
    """Install a folder into an empty environment without any sibling, and give what its command prints."""
    venv.create(where / "venv", with_pip=True)
    python = where / "venv/bin/python"
    # In-tree builds leave nothing behind: the wheel is made in a temporary folder.
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT / folder], check=True, env=clean_env())
    siblings = [module for other, module in OURS.items() if other != folder]
    looked = f"import importlib.util as u; print([m for m in {siblings!r} if u.find_spec(m)])"
    assert printed([python, "-c", looked], where).strip() == "[]"
    return printed([where / "venv/bin" / executable, *args], where)


def printed(command: list[str | Path], where: Path) -> str:
    """What a command prints in a folder that has nothing to do with this one."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=where, env=clean_env())
    return done.stdout


def clean_env() -> dict[str, str]:
    """The environment without what pytest's own interpreter put there."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
