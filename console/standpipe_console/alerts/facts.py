"""What is known about a pipeline now: from the history, the crontab and live's inbox."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from standpipe_console.errors import ConsoleError
from standpipe_console.schedules import crontab, schedules

from .conditions import PastRun, Pause, PipelineFacts
from .delays import Timetable, find_delay
from .live_trouble import find_live_trouble
from .reasons import clean_reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standpipe_console.history import History, RunRow
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

    from .settings import AlertSettings

#: Variables of `.env` whose values no message may show.
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|ALERT_URLS|HEARTBEAT_URL")
#: The number of runs that are read. More failures in a row would have taken months.
_RUNS = 100


def gather_facts(
    project: Project, history: History, pipeline: Pipeline, settings: AlertSettings, now: float
) -> PipelineFacts:
    """Return what is known about a pipeline."""
    secrets = _list_secrets(project)
    rows = history.list_runs(job=pipeline.job, environment=project.environment, is_subset=False, limit=_RUNS)
    runs = read_runs(rows, secrets)
    pause = history.get_pause(pipeline.job)
    return PipelineFacts(
        pipeline.job,
        _name_pipeline(project, pipeline),
        pipeline.writes_to,
        runs,
        find_delay(runs, read_timetable(project, pipeline), datetime.fromtimestamp(now).astimezone(), settings.margin),
        Pause(pause.since, clean_reason(pause.reason, secrets)) if pause else None,
        find_live_trouble(project, pipeline, now, secrets),
    )


def _name_pipeline(project: Project, pipeline: Pipeline) -> str:
    """Return the name of a pipeline for a sentence, with its environment unless that is the default one."""
    return pipeline.name if project.is_default else f"{pipeline.name} of {project.environment}"


def read_runs(rows: Iterable[RunRow], secrets: Iterable[str] = ()) -> list[PastRun]:
    """Return the full runs among those of a pipeline's job, in their order."""
    return [_read_run(row, secrets) for row in rows if row.mode == "sync" and not row.is_subset]


def _read_run(row: RunRow, secrets: Iterable[str]) -> PastRun:
    counts: dict[str, Any] = row.counts
    refused = {clean_reason(reason, secrets): count for reason, count in (counts.get("rejected") or {}).items()}
    reason = clean_reason(row.reason, secrets)
    # A run that could not start Meltano has failed. A run that let another one go first has not.
    status = "failed" if row.status == "not_started" and "was not started" not in reason else row.status
    return PastRun(row.started_at, status, reason, int(counts.get("records") or 0), refused, row.trigger)


def read_timetable(project: Project, pipeline: Pipeline) -> Timetable:
    """Return when the runs of a pipeline are to start, by meltano.yml and by the crontab."""
    # Meltano itself would take seconds to list its schedules.
    entries = project.meltano_yml.get("schedules") or []
    planned = {one["name"]: str(one.get("interval") or "") for one in entries if one.get("job") == pipeline.job}
    try:
        lines = schedules.read_installed(project)
    except ConsoleError:
        return Timetable()  # of an unreadable crontab nothing is known
    installed = (" ".join(lines[name].split()[:5]) for name in planned if name in lines)
    return Timetable(tuple(planned.values()), tuple(installed), crontab.is_daemon_running())


def _list_secrets(project: Project) -> list[str]:
    return [value for name, value in project.dotenv.read_values().items() if _SECRET.search(name)]
