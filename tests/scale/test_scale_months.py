"""Months of business through `standpipe run` without Airflow, with everything that workers share in PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from ledger import check_workspace
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

from tests.scale.conftest import build_keys

if TYPE_CHECKING:
    from tests.pipeline.conftest import Project
    from tests.scale.conftest import Postgres

pytestmark = pytest.mark.scale

#: Each month is a run, and a run costs five seconds whatever it has to do.
MONTHS = int(os.environ.get("SCALE_MONTHS", "6"))


def run_sync(project: Project, keys: dict[str, str]) -> tuple[int, str]:
    """Run the billing sync; return its exit code and what it printed."""
    executable = project.root / ".meltano/utilities/standpipe/venv/bin/standpipe"
    command = [str(executable), f"--project={project.root}", "--environment=months", "run", "sync"]
    done = subprocess.run(
        command, cwd=project.root, env=project.env | keys, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_customer_of_every_month(project: Project, postgres: Postgres) -> None:
    """After each month, Intercom has what an independent calculation says, and the history has one more run."""
    with RunningSandbox(Settings(customers=50, seed=11)) as site:
        for month in range(MONTHS + 1):
            if month:
                site.advance(days=30)
            assert run_sync(project, build_keys(site, site)) == (0, "")
            check_workspace(site, site, project.root / "output/months/target-intercom")
    runs = postgres.query("standpipe", "SELECT status, count(*) FROM standpipe_env_months.runs GROUP BY status")
    assert runs == [{"status": "completed", "count": MONTHS + 1}]
    states = postgres.query(
        "standpipe", "SELECT completed_state::json AS state FROM state WHERE state_id LIKE 'months:%'"
    )
    assert [row["state"]["singer_state"]["bookmarks"]["_map"]["gen"] for row in states] == [MONTHS + 1]
