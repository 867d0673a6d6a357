"""Two sites on Airflow with two workers: nothing is lost and nothing is done twice, whatever fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

from tests.pipeline.conftest import Intercom, Project, make_project
from tests.scale.conftest import WORKERS, Task, list_tree, start_airflow, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scale.conftest import Airflow, Postgres, Receiver

pytestmark = pytest.mark.scale

#: The environments, the site of each, and the prefix of its attributes: both write to the first one's workspace.
PREFIXES = {"prod": "cb_", "us": "us_"}
#: Nothing starts by the clock, but for the check for alerts: this day does not come before 2028.
NEVER = "0 0 29 2 *"


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, RunningSandbox]]:
    """Yield two sites of Chargebee; the workspace is that of the first."""
    with (
        RunningSandbox(Settings(customers=60)) as first,
        RunningSandbox(Settings(customers=40, seed=8)) as second,
    ):
        yield {"prod": first, "us": second}


@pytest.fixture(scope="module")
def project(folder: Path, postgres: Postgres) -> Project:
    """Install the project, with everything that it shares in PostgreSQL."""
    meltano = folder / "meltano"
    for command in (
        ["uv", "venv", "--quiet", str(meltano)],
        ["uv", "pip", "install", "--quiet", "--python", str(meltano), "meltano[postgres]~=4.4"],
    ):
        subprocess.run(command, check=True)
    project = make_project(folder / "project")
    path = project.root / "meltano.yml"
    text = path.read_text().replace("- name: demo\n", "- name: us\n").replace("0 */6 * * *", NEVER)
    text = text.replace("'*/15 * * * *'", NEVER)
    for name in ("console", "transforms"):
        text = text.replace(f"-e ./{name} ", f"-e ./{name}[postgres] ")
    path.write_text(text)
    project.env |= {
        "PATH": f"{meltano}/bin:{project.env['PATH']}",
        "MELTANO_DATABASE_URI": postgres.build_url("standpipe", "postgresql+psycopg"),
        "HISTORY_URL": postgres.build_url("standpipe"),
        "MAP_SUBSCRIPTIONS_STORE_URL": postgres.build_url("standpipe"),
    }
    for words in (["install"], ["state", "list"]):
        subprocess.run([meltano / "bin/meltano", *words], cwd=project.root, env=project.env, check=True)
    return project


@pytest.fixture(scope="module")
def airflow(  # noqa: PLR0913, PLR0917 - fixtures
    folder: Path,
    postgres: Postgres,
    redis: str,
    project: Project,
    sites: dict[str, RunningSandbox],
    receiver: Receiver,
) -> Iterator[Airflow]:
    """Yield Airflow, with the keys of each environment in its secrets backend."""
    env = {
        f"AIRFLOW_VAR_STANDPIPE_{name.upper()}": build_keys(site, sites["prod"], PREFIXES[name], receiver.url)
        for name, site in sites.items()
    }
    with start_airflow(folder, postgres, redis, project, env) as airflow:
        wait_until(lambda: len(postgres.query("airflow", "SELECT dag_id FROM dag")) == 6, "all DAGs")
        yield airflow


def build_keys(site: RunningSandbox, workspace: RunningSandbox, prefix: str, alerts: str) -> str:
    """Return the secret of an environment."""
    return json.dumps(
        {
            "TAP_CHARGEBEE_SITE": "sandbox",
            "TAP_CHARGEBEE_API_KEY": "sandbox_key",
            "TAP_CHARGEBEE_API_URL": site.chargebee_url,
            "TARGET_INTERCOM_ACCESS_TOKEN": "sandbox_token",
            "TARGET_INTERCOM_API_URL": workspace.intercom_url,
            "TARGET_INTERCOM_ON_NO_MATCH": "create",
            "TARGET_INTERCOM_OWNED_PREFIX": prefix,
            "MAP_SUBSCRIPTIONS_ATTRIBUTE_PREFIX": prefix,
            "ALERT_URLS": alerts,
        }
    )


def run_both(airflow: Airflow, run_id: str) -> None:
    """Run the billing sync of both environments to its end, which must be good."""
    for name in PREFIXES:
        airflow.trigger(f"standpipe_{name}_sync-every-6h", run_id)
    wait_for_end(airflow, run_id)


def wait_for_end(airflow: Airflow, run_id: str) -> None:
    """Wait for a good end of the runs of this name, of both environments."""
    wait_until(lambda: {"success", "failed"} >= {one.run_state for one in read_both(airflow, run_id)}, run_id, 1200)
    assert [one.run_state for one in read_both(airflow, run_id)] == ["success", "success"]


def read_both(airflow: Airflow, run_id: str) -> list[Task]:
    """Return the tasks of both environments."""
    airflow.revive()
    tasks = airflow.read_tasks(run_id)
    return [tasks.get(name, Task("queued", "", 0, 0.0)) for name in PREFIXES]


def count_writes(sandbox: RunningSandbox) -> int:
    """Count the updates of contacts that the workspace has got."""
    calls = sandbox.calls()["calls"]
    return sum(row["count"] for row in calls if row["method"] == "PUT" and row["path"] == "/contacts/{id}")


def kill_busy_worker(airflow: Airflow) -> str:
    """Kill the worker that runs a job, with all that it has started, as a machine that loses power does."""
    for name in WORKERS:
        tree = list_tree(airflow.processes[name].pid)
        if any("target-intercom" in " ".join(read_words(one)) for one in tree):
            for one in tree:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
            airflow.processes[name].wait()
            return name
    raise AssertionError("no worker runs a job")


def read_words(process: psutil.Process) -> list[str]:
    """Return the command of a process; nothing when it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def read_states(postgres: Postgres) -> dict[str, Any]:
    """Return the map's part of Meltano's states."""
    rows = postgres.query("standpipe", "SELECT state_id, completed_state::json AS state FROM state")
    return {row["state_id"].partition(":")[0]: row["state"]["singer_state"]["bookmarks"]["_map"] for row in rows}


def test_two_sites_on_two_workers(
    airflow: Airflow, postgres: Postgres, sites: dict[str, RunningSandbox], receiver: Receiver
) -> None:
    """PostgreSQL is restarted during one run, a worker killed during another: at the end all is as if nothing was."""
    workspace = sites["prod"]
    intercom = Intercom(workspace)
    before = intercom.users_by_email()
    run_both(airflow, "first")
    stores = {name: state["store"] for name, state in read_states(postgres).items()}
    assert sorted(stores) == ["prod", "us"]

    for site in sites.values():
        site.advance(days=31)
    workspace.fault(api="intercom", method="PUT", path="/contacts/*", **{"from": 3}, effect={"delay": 1.5})
    start_and_wait_for_writes(airflow, workspace, "us")
    postgres.restart()
    wait_until(lambda: read_both(airflow, "second")[1].state in {"success", "up_for_retry"}, "the end of the task", 600)
    start_and_wait_for_writes(airflow, workspace, "prod")
    killed = kill_busy_worker(airflow)
    workspace.clear_faults()
    airflow.trigger("standpipe_prod_alert_check", "check")
    wait_until(lambda: bool(receiver.messages), "an alert", 300)
    airflow.start_worker(killed)
    wait_for_end(airflow, "second")
    assert airflow.read_tasks("second")["prod"].tries == 2

    run_both(airflow, "third")
    # Nothing was lost: the last runs had nothing to write.
    for schema in ("standpipe", "standpipe_env_us"):
        rows = postgres.query("standpipe", f"SELECT status, counts FROM {schema}.runs ORDER BY started_at DESC")
        assert rows[0]["status"] == "completed"
        assert not {"created", "updated"} & rows[0]["counts"].keys(), rows[0]
    # Nothing was done twice: nobody is there twice.
    after = intercom.users_by_email()
    assert {address: n for address, n in after.items() if n > max(1, before[address])} == {}
    assert {name: state["store"] for name, state in read_states(postgres).items()} == stores
    assert any("killed" in message["message"] for message in receiver.messages), receiver.messages
    report(airflow, postgres)


def start_and_wait_for_writes(airflow: Airflow, workspace: RunningSandbox, environment: str) -> None:
    """Start the second run of an environment, and wait until it writes."""
    begun = count_writes(workspace)
    airflow.trigger(f"standpipe_{environment}_sync-every-6h", "second")
    wait_until(lambda: count_writes(workspace) >= begun + 3, "a write")


def report(airflow: Airflow, postgres: Postgres) -> None:
    """Print figures for docs/limits.md."""
    lines = [f"{name}: {size:.0f} MB" for name, size in airflow.measure_memory().items()]
    for run_id in ("first", "second", "third"):
        lines += [f"task of {name}, {run_id}: {one.seconds:.1f} s" for name, one in airflow.read_tasks(run_id).items()]
    for schema in ("standpipe", "standpipe_env_us"):
        statement = f"SELECT ended_at - started_at AS seconds FROM {schema}.runs ORDER BY started_at"
        lines += [f"run of {schema}: {row['seconds'] or 0:.1f} s" for row in postgres.query("standpipe", statement)]
    sys.stderr.write("\n".join(["", *lines, ""]))
