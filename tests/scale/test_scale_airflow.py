"""Two sites on Airflow with two workers: nothing is lost and nothing is done twice, whatever fails."""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from ledger import check_workspace
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from standpipe_maps.store_places import open_place
from standpipe_maps.subscriptions.tables import FORM

from tests.scale.conftest import SITES, WORKERS, Task, build_keys, list_tree, start_airflow, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.pipeline.conftest import Project
    from tests.scale.conftest import Airflow, Postgres, Receiver

pytestmark = pytest.mark.scale

#: The prefix of each site's attributes: both write to the first one's workspace.
PREFIXES = {"prod": "cb_", "us": "us_"}
#: The schema of each one's history.
HISTORIES = {"prod": "standpipe", "us": "standpipe_env_us"}
#: What the first site's customers get as events in Intercom, by Chargebee's: it shows whether anything was done twice.
MOMENTS = {"payment_succeeded": "charged", "subscription_renewed": "renewed-subscription"}
#: Seconds that Intercom takes for a write while a run is to be disturbed: the run cannot end before it is.
SLOW = 20


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, RunningSandbox]]:
    """Yield two sites of Chargebee; the workspace is that of the first, which keeps an event as often as it comes."""
    with (
        RunningSandbox(Settings(customers=60, intercom_events_deduplicate=False)) as first,
        RunningSandbox(Settings(customers=40, seed=8)) as second,
    ):
        yield {"prod": first, "us": second}


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
    own = {"prod": {"MAP_SUBSCRIPTIONS_MOMENTS": json.dumps(list(MOMENTS))}, "us": {}}
    env = {
        f"AIRFLOW_VAR_STANDPIPE_{name.upper()}": json.dumps(
            build_keys(sites[name], sites["prod"])
            | {"TARGET_INTERCOM_OWNED_PREFIX": prefix, "MAP_SUBSCRIPTIONS_ATTRIBUTE_PREFIX": prefix}
            | {"ALERT_URLS": receiver.url}
            | own[name]
        )
        for name, prefix in PREFIXES.items()
    }
    with start_airflow(folder, postgres, redis, project, env) as airflow:
        # Two schedules of each environment, and what looks for alerts.
        wait_until(lambda: len(postgres.query("airflow", "SELECT dag_id FROM dag")) == len(SITES) * 3, "all DAGs")
        yield airflow


def run_both(airflow: Airflow, run_id: str) -> None:
    """Run the billing sync of both environments, which must succeed."""
    for name in SITES:
        airflow.trigger(f"standpipe_{name}_sync-every-6h", run_id)
    wait_for_end(airflow, run_id)


def wait_for_end(airflow: Airflow, run_id: str) -> None:
    """Wait for a good end of the runs of this name, of both environments."""
    wait_until(lambda: {"success", "failed"} >= {one.run_state for one in read_both(airflow, run_id)}, run_id, 1800)
    assert [one.run_state for one in read_both(airflow, run_id)] == ["success", "success"]


def read_both(airflow: Airflow, run_id: str) -> list[Task]:
    """Return the tasks of both environments."""
    airflow.revive()
    tasks = airflow.read_tasks(run_id)
    return [tasks.get(name, Task("queued", "", 0, 0.0)) for name in SITES]


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
    """Return Meltano's states by environment; no run has left a part of one."""
    rows = postgres.query(
        "standpipe", "SELECT state_id, completed_state::json AS state, partial_state::json AS part FROM state"
    )
    assert [row["part"] for row in rows if row["part"]] == []
    return {row["state_id"].partition(":")[0]: row["state"]["singer_state"]["bookmarks"] for row in rows}


def check_states(postgres: Postgres, project: Project, stores: dict[str, str]) -> None:
    """Check that every site goes on from the store and the generation of its last run."""
    states = read_states(postgres)
    assert {name: states[name]["_map"]["store"] for name in SITES} == stores
    place = open_place(postgres.build_url("standpipe"), project.root, FORM)
    for name, store in stores.items():
        with place.open_to_read(store) as opened:
            assert states[name]["_map"]["gen"] == opened.generation


def check_moments(site: RunningSandbox, before: int) -> None:
    """Check that every event of a customer in Intercom is there once, for all that happened after the first run."""
    intercom = site.world.intercom
    links = {one.id: one.document["custom_attributes"].get("cb_cust_id") for one in intercom.contacts.live()}
    found = Counter(
        (links[contact], one.name, one.metadata["chargebee_event_id"])
        for contact, one in intercom.data_events.list_all()
    )
    expected = {
        (dict(event.content)["customer"].id, MOMENTS[event.event_type], event.id)
        for event in site.world.business.events.records[before:]
        if event.event_type in MOMENTS and dict(event.content)["customer"].id in links.values()
    }
    assert found == dict.fromkeys(expected, 1)
    assert len(expected) > 20


def test_two_sites_on_two_workers(
    airflow: Airflow, postgres: Postgres, project: Project, sites: dict[str, RunningSandbox], receiver: Receiver
) -> None:
    """PostgreSQL is restarted during one run, and a worker is killed during another; the final result is the same."""
    workspace = sites["prod"]
    people = list_people(workspace)
    happened = len(workspace.world.business.events.records)
    run_both(airflow, "first")
    stores = {name: read_states(postgres)[name]["_map"]["store"] for name in SITES}

    for site in sites.values():
        site.advance(days=31)
    start_and_wait_for_writes(airflow, workspace, "us")
    postgres.restart()
    workspace.clear_faults()
    wait_until(lambda: read_both(airflow, "second")[1].state in {"success", "up_for_retry"}, "the end of the task")
    start_and_wait_for_writes(airflow, workspace, "prod")
    killed = kill_busy_worker(airflow)
    workspace.clear_faults()
    airflow.trigger("standpipe_prod_alert_check", "check")
    wait_until(lambda: any("killed" in one["message"] for one in receiver.messages), "an alert about the killed run")
    airflow.start_worker(killed)
    wait_for_end(airflow, "second")
    assert airflow.read_tasks("second")["prod"].tries > 1

    run_both(airflow, "third")
    # Nothing was lost: the workspace is as calculated, and the last runs had nothing to write.
    for name, prefix in PREFIXES.items():
        reports = project.root / "output" / ("" if name == "prod" else name) / "target-intercom"
        check_workspace(sites[name], workspace, reports, prefix)
        statement = f"SELECT status, counts FROM {HISTORIES[name]}.runs ORDER BY started_at DESC"
        last = postgres.query("standpipe", statement)[0]
        assert last["status"] == "completed"
        assert not {"created", "updated"} & last["counts"].keys(), last
    # Nothing was done twice: no event is there twice, and nobody is.
    check_moments(workspace, happened)
    assert {address: n for address, n in list_people(workspace).items() if n > max(1, people[address])} == {}
    check_states(postgres, project, stores)
    report(airflow, postgres)


def list_people(workspace: RunningSandbox) -> Counter[str]:
    """Count the users per e-mail address, without regard to letter case."""
    contacts = [one.document for one in workspace.world.intercom.contacts.live()]
    return Counter(one["email"].lower() for one in contacts if one["role"] == "user" and one["email"])


def start_and_wait_for_writes(airflow: Airflow, workspace: RunningSandbox, environment: str) -> None:
    """Start the second run of an environment, and wait until it writes: slowly, until the fault is removed."""
    begun = count_writes(workspace)
    workspace.fault(api="intercom", method="PUT", path="/contacts/*", **{"from": 3}, effect={"delay": SLOW})
    airflow.trigger(f"standpipe_{environment}_sync-every-6h", "second")
    wait_until(lambda: count_writes(workspace) >= begun + 3, "a write")


def report(airflow: Airflow, postgres: Postgres) -> None:
    """Print figures for docs/limits.md."""
    lines = [f"{name}: {size:.0f} MB" for name, size in airflow.measure_memory().items()]
    for run_id in ("first", "second", "third"):
        lines += [f"task of {name}, {run_id}: {one.seconds:.1f} s" for name, one in airflow.read_tasks(run_id).items()]
    for name, schema in HISTORIES.items():
        statement = f"SELECT ended_at - started_at AS seconds FROM {schema}.runs ORDER BY started_at"
        lines += [f"run of {name}: {row['seconds'] or 0:.1f} s" for row in postgres.query("standpipe", statement)]
    sys.stderr.write("\n".join(["", *lines, ""]))
