"""Each plugin works alone: after plain pip installed it into an empty environment, it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = {
    "tap-chargebee": ["tap-chargebee"],
    "tap-intercom": ["tap-intercom"],
    "target-chartmogul": ["target-chartmogul"],
    "target-intercom": ["target-intercom"],
    "transforms": ["map-leads", "map-subscriptions"],
}
OURS = {
    "tap-chargebee": "tap_chargebee",
    "tap-intercom": "tap_intercom",
    "target-chartmogul": "target_chartmogul",
    "console": "standpipe_console",
    "target-intercom": "target_intercom",
    "transforms": "standpipe_maps",
}


@pytest.mark.parametrize(("folder", "executables"), PLUGINS.items(), ids=list(PLUGINS))
def test_a_plugin_installs_alone_and_tells_about_itself(folder: str, executables: list[str], tmp_path: Path) -> None:
    """`pip install ./FOLDER` installs executables that answer `--about`, and no sibling."""
    install(folder, tmp_path)
    for executable in executables:
        about = printed([tmp_path / "venv/bin" / executable, "--about", "--format=json"], tmp_path)
        assert json.loads(about)["name"] == executable


def test_the_console_installs_alone(tmp_path: Path) -> None:
    """`pip install ./console` installs the command, and no plugin."""
    install("console", tmp_path)
    assert "doctor" in printed([tmp_path / "venv/bin/standpipe", "--help"], tmp_path)


def install(folder: str, where: Path) -> None:
    """Install a folder into an empty environment with plain pip, and check that no sibling came along."""
    venv.create(where / "venv", with_pip=False)
    python = where / "venv/bin/python"
    # What a plugin declares to need comes from uv's cache. pip looks for the same, and would unpack each once more.
    uv = Path(sys.executable).with_name("uv")
    needed: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        f"--python={python}",
        "-r",
        ROOT / folder / "pyproject.toml",
    ]
    subprocess.run(needed, check=True, env=clean_env())
    # One pip for all environments. Compiling modules that are never imported would take most of the time.
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-compile"]
    # pip builds the wheel in a temporary folder, so the source folder stays clean.
    subprocess.run([*pip, ROOT / folder], check=True, env=clean_env())
    siblings = [module for other, module in OURS.items() if other != folder]
    looked = f"import importlib.util as u; print([m for m in {siblings!r} if u.find_spec(m)])"
    assert printed([python, "-c", looked], where).strip() == "[]"


def printed(command: list[str | Path], where: Path) -> str:
    """Return a command's output, run in an unrelated folder."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=where, env=clean_env())
    return done.stdout


def clean_env() -> dict[str, str]:
    """Return the environment without the variables of pytest's own interpreter, and without compiling all files."""
    removed = {"PYTHONPATH", "VIRTUAL_ENV", "UV_COMPILE_BYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in removed}
