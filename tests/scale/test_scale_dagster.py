"""Dagster loads the definitions, and a job of them runs `standpipe`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.scale

ROOT = Path(__file__).parents[2]
#: Replaces the console: it notes its arguments, and ends as the project says.
STANDPIPE = """#!{python}
import os, pathlib, sys
pathlib.Path("started").write_text(" ".join([*sys.argv[1:], os.environ["STANDPIPE_TRIGGER"]]))
sys.exit(int(pathlib.Path("code").read_text()))
"""


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Dagster; return its command."""
    venv = tmp_path_factory.mktemp("dagster") / "venv"
    requirements = ROOT / "deploy/dagster/requirements.txt"
    install = f"uv pip install --quiet --python {venv} --requirement {requirements}"
    for command in (f"uv venv --quiet {venv}", install):
        subprocess.run(command.split(), check=True)
    return venv / "bin/dagster"


def run_job(dagster: Path, project: Path) -> int:
    """Run the billing sync of a project with Dagster; return the exit code."""
    env = os.environ | {"STANDPIPE_PROJECT": str(project), "DAGSTER_HOME": str(project / "dagster")}
    files = ["-f", str(ROOT / "deploy/dagster/definitions.py"), "-d", str(ROOT / "deploy/airflow")]
    command = [str(dagster), "job", "execute", *files, "-j", "standpipe_prod_sync_every_6h"]
    return subprocess.run(command, env=env, check=False).returncode


@pytest.mark.parametrize(("code", "succeeds"), [(0, True), (75, True)], ids=["a good run", "a paused job"])
def test_a_job_runs_standpipe(dagster: Path, tmp_path: Path, *, code: int, succeeds: bool) -> None:
    """It names the project, the environment and the job, and says that a schedule started it."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    (tmp_path / "dagster").mkdir()
    (tmp_path / "code").write_text(str(code))
    executable = tmp_path / ".meltano/utilities/standpipe/venv/bin/standpipe"
    executable.parent.mkdir(parents=True)
    executable.write_text(STANDPIPE.format(python=sys.executable))
    executable.chmod(0o755)
    assert (run_job(dagster, tmp_path) == 0) is succeeds
    assert (tmp_path / "started").read_text() == f"--project={tmp_path} --environment=prod run sync schedule"
