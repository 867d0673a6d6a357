"""The schedules of meltano.yml, and their lines in the crontab."""

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


#: How often to look whether a run is late.
_ALERT_INTERVAL = "*/10 * * * *"


@dataclass(frozen=True)
class Schedule:
    """A schedule of meltano.yml."""

    name: str
    job: str
    interval: str  #: cron's five fields
    env: Mapping[str, str] = field(default_factory=dict)  #: variables of its runs

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline that it runs."""
        return next((pipeline for pipeline in PIPELINES if pipeline.job == self.job), None)

    def find_next_run(self, now: datetime) -> datetime | None:
        """Return cron's next start in the time zone of `now`; None if cron cannot read the interval."""
        try:
            return next(CronSim(self.interval, now))
        except (CronSimError, StopIteration):
            return None


def load_schedules(project: Project) -> list[Schedule]:
    """Return the schedules of meltano.yml that run a pipeline and have a time."""
    schedules = [
        Schedule(one["name"], one["job"]["name"], one["cron_interval"] or "", one.get("env") or {})
        for one in project.job_schedules
    ]
    return [one for one in schedules if one.pipeline and one.interval]


def find_schedule(project: Project, name: str) -> Schedule:
    """Return the schedule with a name.

    Raises:
        ConsoleError: meltano.yml has none.
    """
    found = next((one for one in load_schedules(project) if one.name == name), None)
    if found is None:
        raise ConsoleError(f"meltano.yml has no schedule `{name}`.")
    return found


def build_line(project: Project, schedule: Schedule) -> str:
    """Return the crontab line for a schedule."""
    return crontab.build_cron_line(schedule.interval, [*_build_command(project), "schedule", "run", schedule.name])


def build_alert_line(project: Project) -> str:
    """Return the crontab line for the check for alerts."""
    words = [*_build_command(project), *crontab.ALERT_CHECK.split(), "--quiet"]
    return crontab.build_cron_line(_ALERT_INTERVAL, words)


def _build_command(project: Project) -> list[str]:
    # The line has the console's full path, as cron uses another PATH and another folder.
    installed = project.system_dir / "utilities/standpipe/venv/bin/standpipe"
    executable = installed if installed.exists() else Path(sys.executable).with_name("standpipe")
    return [str(executable), "--project", str(project.root), "--environment", project.environment]


def build_lines(project: Project) -> dict[str, str]:
    """Return the lines to install: one per schedule with a pipeline that is set up, and one for alerts if they are.

    Raises:
        ConsoleError: no pipeline is set up.
    """
    ready = project.ready_pipelines
    lines = {one.name: build_line(project, one) for one in load_schedules(project) if one.pipeline in ready}
    if not lines:
        raise ConsoleError("No pipeline is set up yet: run `meltano invoke standpipe:setup`.")
    if project.get_variable("ALERT_URLS"):
        lines[crontab.ALERT_CHECK] = build_alert_line(project)
    return lines


def read_installed(project: Project) -> dict[str, str]:
    """Return this project's lines in the user's crontab by schedule."""
    return _find_block(project).read_lines(crontab.read_table()) if crontab.has_crontab() else {}


def _find_block(project: Project) -> crontab.Block:
    return crontab.Block(project.root, project.environment, project.is_default)


def write_lines(project: Project, lines: Mapping[str, str]) -> bool:
    """Write the project's lines into the crontab; return whether that changed anything."""
    before = crontab.read_table()
    after = _find_block(project).replace_lines(before, lines)
    if after != before:
        crontab.write_table(after)
    return after != before


def find_installed(project: Project, pipeline: Pipeline) -> list[str]:
    """Return the names of a pipeline's schedules that are in the crontab."""
    installed = read_installed(project)
    return [one.name for one in load_schedules(project) if one.pipeline == pipeline and one.name in installed]


def remove_pipeline(project: Project, pipeline: Pipeline) -> list[str]:
    """Remove a pipeline's lines from the crontab; return the names of their schedules."""
    removed = find_installed(project, pipeline)
    if removed:
        lines = {name: line for name, line in read_installed(project).items() if name not in removed}
        # Without a schedule there is nothing to look at.
        write_lines(project, {} if set(lines) == {crontab.ALERT_CHECK} else lines)
    return removed
