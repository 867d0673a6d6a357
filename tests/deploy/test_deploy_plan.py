"""What Airflow, Dagster and others run follows from meltano.yml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from standpipe_plan import ACCOUNT, Run, build_plan, build_pools

ROOT = Path(__file__).parents[2]
MELTANO_YML: dict[str, Any] = {
    "environments": [
        {"name": "prod", "env": {ACCOUNT: "acme"}},
        {"name": "us", "env": {ACCOUNT: "acme"}},
        {"name": "eu"},
    ],
    "schedules": [
        {"name": "sync-every-6h", "interval": "0 */6 * * *", "job": "sync", "env": {"LEVEL": "high"}},
        {"name": "once", "interval": "@once", "job": "sync"},
        {"name": "elt", "interval": "@daily", "extractor": "tap-x", "loader": "target-x"},
    ],
}


def plan_sync(environment: str, pool: str) -> Run:
    """Return the run of the schedule in an environment."""
    variables = {"STANDPIPE_TRIGGER": "schedule", "LEVEL": "high"}
    name = f"standpipe_{environment}_sync-every-6h"
    return Run(name, environment, ("run", "sync"), "0 */6 * * *", pool, variables)


def plan_check(environment: str) -> Run:
    """Return the check for alerts of an environment."""
    name = f"standpipe_{environment}_alert_check"
    return Run(name, environment, ("alert", "check", "--quiet"), "*/10 * * * *", "")


def test_each_schedule_and_environment_has_a_run() -> None:
    """Environments that write to one workspace share its pool. Schedules without a job or without times have no run."""
    assert build_plan(MELTANO_YML) == [
        plan_sync("prod", "intercom_acme"), plan_check("prod"),
        plan_sync("us", "intercom_acme"), plan_check("us"),
        plan_sync("eu", "intercom_eu"), plan_check("eu"),
    ]  # fmt: skip
    assert build_plan(MELTANO_YML, ["eu"]) == [plan_sync("eu", "intercom_eu"), plan_check("eu")]


def test_an_unknown_environment_is_one_sentence() -> None:
    """The error names the existing environments."""
    with pytest.raises(ValueError, match=r"^meltano\.yml has no environment uk: it has prod, us, eu\.$"):
        build_plan(MELTANO_YML, ["eu", "uk"])


def test_a_pool_has_one_slot() -> None:
    """Two runs at once would only divide the workspace's limit."""
    pools = build_pools(build_plan(MELTANO_YML))
    assert {name: pool["slots"] for name, pool in pools.items()} == {"intercom_acme": 1, "intercom_eu": 1}


def test_a_command_names_the_project_and_the_environment() -> None:
    """It needs no variable and no folder."""
    (run, _) = build_plan(MELTANO_YML, ["eu"])
    assert run.build_command("/p/standpipe", "/p") == [
        "/p/standpipe", "--project=/p", "--environment=eu", "run", "sync",
    ]  # fmt: skip


def test_this_project_has_a_plan() -> None:
    """The schedules of the shipped meltano.yml are planned for the default environment."""
    plan = build_plan(yaml.safe_load((ROOT / "meltano.yml").read_text()), ["prod"])
    assert [(run.name, run.arguments, run.interval) for run in plan] == [
        ("standpipe_prod_sync-every-6h", ("run", "sync"), "0 */6 * * *"),
        ("standpipe_prod_leads-every-15m", ("run", "sync-leads"), "*/15 * * * *"),
        ("standpipe_prod_alert_check", ("alert", "check", "--quiet"), "*/10 * * * *"),
    ]


def test_retries_outlive_meltanos_guard() -> None:
    """Meltano refuses a run for five minutes after the last sign of life of another one."""
    assert "RETRY_DELAY = timedelta(minutes=6)" in (ROOT / "deploy/airflow/standpipe_dags.py").read_text()
    delay = re.search(r"RETRY_DELAY = (\d+)", (ROOT / "deploy/dagster/definitions.py").read_text())
    assert delay
    assert int(delay[1]) > 300
