"""A paused pipeline writes nothing until somebody resumes it.

An undo pauses its pipeline, because the next run would write the same again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.project.jobs import find_base, find_loader

if TYPE_CHECKING:
    from standpipe_console.history import PauseRow
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

BY_HAND = "it was paused by hand"


def find_pipeline(project: Project, job: str) -> Pipeline | None:
    """Return the pipeline whose records a job writes; None if the job writes none, such as a validation."""
    loader = find_loader(project, job)
    if _is_dry(project, loader):
        return None
    return next((one for one in project.pipelines if one.target == find_base(project, loader)), None)


def require_pipeline(project: Project, job: str) -> Pipeline:
    """Return the pipeline whose records a job writes.

    Raises:
        ConsoleError: it writes none.
    """
    pipeline = find_pipeline(project, job)
    if pipeline is None:
        names = ", ".join(one.job for one in project.pipelines)
        raise ConsoleError(f"`{job}` is not a job that writes: name one of {names}.")
    return pipeline


def find_pause(project: Project, job: str) -> PauseRow | None:
    """Return why a job must not run now; None if it may.

    A history that cannot be read stops no run, as the run itself warns about it.
    """
    pipeline = find_pipeline(project, job)
    if pipeline is None:
        return None
    try:
        with open_history(project, load=False) as history:
            return history.get_pause(pipeline.job)
    except (ConsoleError, SQLAlchemyError):
        return None


def describe_pause(pause: PauseRow) -> str:
    """Return the sentence that says why nothing runs, and what to do."""
    since = datetime.fromtimestamp(pause.since, UTC)
    return (
        f"{pause.job} has been paused since {since:%Y-%m-%d %H:%M} UTC ({pause.reason}): it does not run until "
        f"`standpipe resume {pause.job}`."
    )


def _is_dry(project: Project, plugin: str) -> bool:
    """Return whether meltano.yml configures a target only to report."""
    while plugin:
        settings = project.plugins.get(plugin, {})
        if mode := (settings.get("config") or {}).get("mode"):
            return bool(mode == "validate")
        plugin = settings.get("inherit_from", "")
    return False
