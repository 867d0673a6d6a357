"""The schedules of meltano.yml on this machine: what cron runs, when next, and the run itself with its lock and log."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cronsim import CronSim, CronSimError

from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.schedules import crontab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: Logs of one job that are kept.
KEPT = 60
#: What the names of these logs match, so that no other file in their folder is taken for one.
_LOG_NAME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]-[0-9][0-9]-[0-9][0-9]Z"


@dataclass(frozen=True)
class Schedule:
    """A schedule of meltano.yml."""

    name: str
    job: str
    interval: str  #: five fields, as cron reads them

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
    found = [Schedule(one["name"], one["job"]["name"], one["cron_interval"] or "") for one in project.schedules]
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


def run(project: Project, name: str) -> tuple[int, str]:
    """Run a schedule now, unless its last run is still under way.

    Returns:
        The exit code, and a sentence that is empty when all went well: cron mails what is printed.
    """
    schedule = next((one for one in schedules(project) if one.name == name), None)
    if schedule is None:
        raise ConsoleError(f"There is no schedule `{name}` in meltano.yml.")
    with lock(project, schedule.job) as held:
        if held is None:
            return 0, f"{schedule.job} is still running from the time before: nothing was started."
        path = _new_log(project, schedule.job)
        return _logged(project, schedule, path, held)


def _logged(project: Project, schedule: Schedule, path: Path, held: IO[str]) -> tuple[int, str]:
    bin_dir = str(project.executable.parent)
    env: dict[str, Any] = project.env | {"NO_COLOR": "1", "PATH": f"{bin_dir}:{os.environ.get('PATH', os.defpath)}"}
    with path.open("w", encoding="utf-8") as log:
        code = subprocess.run(  # noqa: S603
            [str(project.executable), f"--environment={project.environment}", "schedule", "run", schedule.name],
            cwd=project.root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(held.fileno(),),  # killed alone, this process leaves the lock with Meltano
            check=False,
        ).returncode
    return code, f"{schedule.job} failed (exit code {code}); its log is {path}" if code else ""


@contextmanager
def lock(project: Project, job: str) -> Iterator[IO[str] | None]:
    """The lock of a job, as long as it is held; None when somebody else has it."""
    folder = project.system_dir / "standpipe"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{job}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file


def logs(project: Project, job: str) -> list[Path]:
    """The logs of a job's scheduled runs, the oldest first."""
    return sorted((project.root / "logs" / job).glob(f"{_LOG_NAME}.log"))


def _new_log(project: Project, job: str) -> Path:
    """A new file for a run's log, that only its owner may read; the oldest ones go."""
    folder = project.root / "logs" / job
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.log"
    path.touch(mode=0o600)
    for old in logs(project, job)[:-KEPT]:
        old.unlink()
    return path
