"""What to run when, from meltano.yml: the same for Airflow, Dagster and others. It imports none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: The variable of an environment of meltano.yml that names its workspace of Intercom.
ACCOUNT = "STANDPIPE_INTERCOM_ACCOUNT"
#: How often to check for new alerts: runs that were killed or are late.
ALERT_INTERVAL = "*/10 * * * *"


@dataclass(frozen=True)
class Run:
    """A command of `standpipe` and the time at which it runs."""

    name: str  #: of the DAG
    environment: str
    arguments: tuple[str, ...]  #: of `standpipe`
    interval: str  #: cron's five fields
    pool: str  #: runs of one pool share the limits of a vendor's account; empty for none
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_job(self) -> bool:
        """Whether it runs a job of meltano.yml."""
        return self.arguments[0] == "run"

    def build_command(self, executable: str, project: str) -> list[str]:
        """Return the words of the command."""
        return [executable, f"--project={project}", f"--environment={self.environment}", *self.arguments]


def read_plan(project: str, chosen: str = "") -> list[Run]:
    """Return the plan of a project; see `build_plan`.

    Args:
        project: the folder of meltano.yml.
        chosen: the names of environments, with spaces or commas between them.
    """
    content = yaml.safe_load(Path(project, "meltano.yml").read_text(encoding="utf-8"))
    return build_plan(content, chosen.replace(",", " ").split())


def build_plan(meltano_yml: Mapping[str, Any], chosen: Collection[str] = ()) -> list[Run]:
    """Return a run for each schedule and environment, and for each environment one that looks for alerts.

    Args:
        meltano_yml: the content of meltano.yml.
        chosen: the environments; all when it is empty.

    Raises:
        ValueError: meltano.yml lacks one of the chosen environments.
    """
    environments = {one["name"]: one.get("env") or {} for one in meltano_yml.get("environments") or []}
    if unknown := sorted(set(chosen) - set(environments)):
        raise ValueError(f"meltano.yml has no environment {', '.join(unknown)}: it has {', '.join(environments)}.")
    return [
        run
        for name, env in environments.items()
        if not chosen or name in chosen
        for run in _plan_environment(meltano_yml, name, env)
    ]


def build_pools(plan: list[Run]) -> dict[str, dict[str, Any]]:
    """Return the pools as `airflow pools import` reads them: one slot each, so that one run has the account's limit."""
    names = sorted({run.pool for run in plan if run.pool})
    return {name: {"slots": 1, "description": "One workspace of Intercom", "include_deferred": False} for name in names}


def _plan_environment(meltano_yml: Mapping[str, Any], name: str, env: Mapping[str, str]) -> Iterator[Run]:
    pool = f"intercom_{env.get(ACCOUNT) or name}"
    for schedule in meltano_yml.get("schedules") or []:
        if not schedule.get("job") or str(schedule["interval"]) == "@once":
            continue  # nothing that `standpipe run` could run, or that needs a timetable
        yield Run(
            f"standpipe_{name}_{schedule['name']}",
            name,
            ("run", schedule["job"]),
            str(schedule["interval"]),
            pool,
            {"STANDPIPE_TRIGGER": "schedule", **(schedule.get("env") or {})},
        )
    yield Run(f"standpipe_{name}_alert_check", name, ("alert", "check", "--quiet"), ALERT_INTERVAL, "")
