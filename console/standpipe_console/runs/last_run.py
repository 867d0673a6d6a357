"""The end of a job's last plain run, stored beside its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project


class LastRun(msgspec.Struct):
    """The end of a full run."""

    run_id: str
    code: int
    started_at: float  #: unix seconds
    ended_at: float
    reason: str = ""  #: one sentence; empty when all went well


def read_last_run(project: Project, job: str) -> LastRun | None:
    """Return the end of the last plain run; None if there was none."""
    try:
        return msgspec.json.decode(_get_path(project, job).read_bytes(), type=LastRun)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_last_run(project: Project, job: str, last: LastRun) -> None:
    """Store the end of a plain run, completely or not at all."""
    path = _get_path(project, job)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(last))
    draft.replace(path)


def _get_path(project: Project, job: str) -> Path:
    return project.system_dir / "standpipe" / f"{job}.last.json"
