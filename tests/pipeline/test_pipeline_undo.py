"""`standpipe undo` and `resume` through real Meltano: what a run wrote is put back, and stays so until `resume`."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.conftest import MELTANO

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline
FIELD = "cb_sub_cur_term_end_at"


def run_console(project: Project, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command of the installed console."""
    executable = project.root / ".meltano/utilities/standpipe/venv/bin/standpipe"
    command = [str(executable), f"--project={project.root}", "--environment=prod", *args]
    done = subprocess.run(
        command,
        cwd=project.root,
        env=project.env | {"PATH": f"{MELTANO.parent}:{project.env['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def read_attributes(intercom: Intercom) -> dict[str, dict[str, Any]]:
    """Return the attributes of each contact that have a value, by Intercom's id."""
    return {
        one["id"]: {name: value for name, value in one["custom_attributes"].items() if value is not None}
        for one in intercom.contacts()
    }


def test_a_run_is_undone_and_stays_undone_until_it_is_resumed(
    synced: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """Each field is what it was before the run, or what somebody wrote since; no schedule writes before `resume`."""
    sandbox.advance(days=30)
    before = read_attributes(intercom)
    run_console(synced, "run", "sync")
    after = read_attributes(intercom)
    changed = [id_ for id_ in before if before[id_] != after[id_]]
    assert len(changed) > 10
    edited = next(id_ for id_ in changed if before[id_].get(FIELD) != after[id_].get(FIELD))
    intercom.ask("PUT", f"/contacts/{edited}", json={"custom_attributes": {FIELD: 1}})

    runs = json.loads(run_console(synced, "history", "--json").stdout)
    (run,) = (one for one in runs if one["trigger"] == "person")
    undone = json.loads(run_console(synced, "undo", run["run_id"], "--yes", "--json").stdout)
    assert undone["outcomes"]["restored"] >= len(changed) - 1
    expected = {id_: before.get(id_, values) for id_, values in after.items()}
    expected[edited] = {**before[edited], FIELD: 1}
    assert read_attributes(intercom) == expected
    (kept,) = (one["kept"] for one in undone["records"] if one["kept"])
    assert kept == {f"custom_attributes.{FIELD}": "it has changed since"}

    own = next(one for one in json.loads(run_console(synced, "history", "--json").stdout) if one["mode"] == "undo")
    assert (own["run_id"], own["job"], own["status"]) == (undone["run_id"], "sync", "completed")
    writes = intercom.writes()
    refused = run_console(synced, "schedule", "run", "sync-every-6h", code=75)
    assert refused.stderr.startswith("sync has been paused since ")
    assert intercom.writes() == writes
    run_console(synced, "resume", "sync")
    run_console(synced, "schedule", "run", "sync-every-6h")
    assert read_attributes(intercom) == after
