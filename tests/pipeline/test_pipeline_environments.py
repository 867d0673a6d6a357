"""Two sites of Chargebee into one workspace of Intercom: two environments of one project, at the same time."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

from tests.pipeline.conftest import ENVIRONMENTS, MELTANO, make_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline


def write_keys(path: Path, site: RunningSandbox, workspace: RunningSandbox, **settings: str) -> None:
    """Write an environment's file of keys."""
    variables = {
        "TAP_CHARGEBEE_SITE": "sandbox",
        "TAP_CHARGEBEE_API_KEY": "sandbox_key",
        "TAP_CHARGEBEE_API_URL": site.chargebee_url,
        "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
        "TARGET_INTERCOM_API_URL": workspace.intercom_url,
        "TARGET_INTERCOM_ON_NO_MATCH": "create",
        **settings,
    }
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def start_run(root: Path, environment: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start the billing sync of an environment."""
    executable = root / ".meltano/utilities/standpipe/venv/bin/standpipe"
    command = [str(executable), f"--project={root}", f"--environment={environment}", "run", "sync"]
    path = f"{MELTANO.parent}:{env['PATH']}"
    return subprocess.Popen(command, cwd=root, env=env | {"PATH": path}, stderr=subprocess.PIPE, text=True)


def read_states(root: Path) -> dict[str, Any]:
    """Return the bookmarks of every state of Meltano."""
    with contextlib.closing(sqlite3.connect(root / ".meltano/meltano.db")) as database:
        rows = database.execute("SELECT state_id, completed_state FROM state").fetchall()
    return {state_id: json.loads(state)["singer_state"]["bookmarks"] for state_id, state in rows}


def read_summary(root: Path, folder: str) -> dict[str, Any]:
    """Return the target's summary of the last run that left its reports in a folder."""
    summary: dict[str, Any] = json.loads((root / "output" / folder / "target-intercom/summary.json").read_text())
    return summary


def list_runs(folder: Path) -> list[tuple[str, str, str]]:
    """Return environment, job and status of the runs in a history."""
    with contextlib.closing(sqlite3.connect(folder / "standpipe/history.db")) as database:
        return database.execute("SELECT environment, job, status FROM runs ORDER BY started_at").fetchall()


@pytest.fixture
def project(installation: Path, tmp_path: Path) -> Project:
    """Return a project with the environments `prod` and `us` over the installation of all tests."""
    project = make_project(tmp_path / "root")
    (project.root / ".meltano").mkdir()
    for kind in ENVIRONMENTS:
        (project.root / ".meltano" / kind).symlink_to(installation / ".meltano" / kind)
    path = project.root / "meltano.yml"
    path.write_text(path.read_text().replace("- name: demo\n", "- name: us\n"))
    return project


def test_two_sites_into_one_workspace(project: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """Each has its own keys, prefix, state, store, reports, logs and history. Neither touches the other's values."""
    root = project.root
    with RunningSandbox(Settings(customers=30, seed=8)) as second_site:
        write_keys(root / ".env", sandbox, sandbox)
        own = {"MAP_SUBSCRIPTIONS_ATTRIBUTE_PREFIX": "us_", "TARGET_INTERCOM_OWNED_PREFIX": "us_"}
        write_keys(root / ".env.us", second_site, sandbox, **own)
        runs = [start_run(root, name, project.env) for name in ("prod", "us")]
        ended = [(run.communicate(timeout=240)[1], run.returncode) for run in runs]
        assert ended == [("", 0), ("", 0)]

        states = read_states(root)
        assert sorted(states) == [f"{name}:tap-chargebee-to-target-intercom" for name in ("prod", "us")]
        stores = {state["_map"]["store"] for state in states.values()}
        assert sorted(stores) == [path.stem for path in project.stores()]
        for prefix, folder in (("cb_", ""), ("us_", "us")):
            written = read_summary(root, folder)
            holders = [one for one in intercom.contacts() if one["custom_attributes"].get(f"{prefix}cust_id")]
            assert len(holders) == written["created"] + written["updated"] > 0
        assert list_runs(root / ".meltano") == [("prod", "sync", "completed")]
        assert list_runs(root / ".meltano/env/us") == [("us", "sync", "completed")]
        assert [len(list((root / "logs" / name).glob("*.log"))) for name in ("sync", "us/sync")] == [1, 1]

        # The state of an environment is found again: nothing is created, and nothing of it is written twice.
        again = start_run(root, "us", project.env)
        assert (again.communicate(timeout=240)[1], again.returncode) == ("", 0)
        assert {name: read_summary(root, "us")[name] for name in ("created", "updated")} == {"created": 0, "updated": 0}
        assert read_states(root)["us:tap-chargebee-to-target-intercom"]["_map"]["gen"] == 2
