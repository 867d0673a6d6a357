"""The schedules of meltano.yml on this machine: what cron runs, and when next."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.schedules import crontab

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


@dataclass(frozen=True)
class Schedule:
    """A schedule of meltano.yml."""

    name: str
    job: str
    interval: str  #: five fields, as cron reads them
    env: Mapping[str, str] = field(default_factory=dict)  #: variables of its runs

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline that it runs."""
        return next((one for one in PIPELINES if one.job == self.job), None)

    def next_run(self, now: datetime) -> datetime | None:
        """When cron starts it next, in the zone of `now`; None when its interval is none of cron's."""
        try:
            return next(CronSim(self.interval, now))
        except (CronSimError, StopIteration):
            return None


def schedules(project: Project) -> list[Schedule]:
    """The schedules of meltano.yml that run one of the pipelines and have a time."""
    found = [
        Schedule(one["name"], one["job"]["name"], one["cron_interval"] or "", one.get("env") or {})
        for one in project.schedules
    ]
    return [one for one in found if one.pipeline and one.interval]


def line(project: Project, schedule: Schedule) -> str:
    """The line of a crontab that runs it: the console itself by its path, as cron's PATH and folder are not ours."""
    own = project.system_dir / "utilities/standpipe/venv/bin/standpipe"
    executable = own if own.exists() else Path(sys.executable).with_name("standpipe")
    command = [str(executable), "--project", str(project.root)]
    return crontab.cron_line(
        schedule.interval, [*command, "--environment", project.environment, "schedule", "run", schedule.name]
    )


def wanted(project: Project) -> dict[str, str]:
    """The lines to install: of every schedule whose pipeline is set up.

    Raises:
        ConsoleError: there is none.
    """
    lines = {one.name: line(project, one) for one in schedules(project) if one.pipeline in project.linked}
    if not lines:
        raise ConsoleError("No pipeline is set up yet: `meltano invoke standpipe:setup` does that.")
    return lines


def installed(project: Project) -> dict[str, str]:
    """The lines that this project has in the user's crontab."""
    return crontab.Block(project.root).lines(crontab.read()) if crontab.is_there() else {}


def put(project: Project, lines: Mapping[str, str]) -> bool:
    """Make these the project's lines in the crontab; whether that changed anything."""
    before = crontab.read()
    after = crontab.Block(project.root).put(before, lines)
    if after != before:
        crontab.write(after)
    return after != before


def without(project: Project, pipeline: Pipeline) -> list[str]:
    """Take a pipeline's lines out of the crontab, and tell their names."""
    lines = installed(project)
    gone = [one.name for one in schedules(project) if one.pipeline == pipeline and one.name in lines]
    if gone:
        put(project, {name: line for name, line in lines.items() if name not in gone})
    return gone


def find_schedule(project: Project, name: str) -> Schedule:
    """Return the schedule of a name.

    Raises:
        ConsoleError: meltano.yml has none.
    """
    found = next((one for one in schedules(project) if one.name == name), None)
    if found is None:
        raise ConsoleError(f"meltano.yml has no schedule `{name}`.")
    return found
