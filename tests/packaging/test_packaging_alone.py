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
    ("target-intercom", "target-intercom"),
    ("transforms", "map-subscriptions"),
]
OURS = {
    "console": "standpipe_console",
    "tap-chargebee": "tap_chargebee",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}


@pytest.mark.parametrize(("folder", "executable"), PLUGINS, ids=[name for _, name in PLUGINS])
def test_a_plugin_installs_alone_and_tells_about_itself(folder: str, executable: str, tmp_path: Path) -> None:
    """`pip install ./FOLDER` into an empty environment gives an executable that answers --about, and no sibling."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    # In-tree builds leave nothing behind: the wheel is made in a temporary folder.
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT / folder], check=True, env=clean_env())

    about = subprocess.run(
        [tmp_path / "venv/bin" / executable, "--about", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_env(),
    )
    assert json.loads(about.stdout)["name"] == executable

    siblings = [module for other, module in OURS.items() if other != folder]
    found = subprocess.run(
        [python, "-c", f"import importlib.util as u; print([m for m in {siblings!r} if u.find_spec(m)])"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_env(),
    )
    assert found.stdout.strip() == "[]"


def clean_env() -> dict[str, str]:
    """The environment without what pytest's own interpreter put there."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
