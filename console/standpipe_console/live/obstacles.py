"""Decides whether a run over some ids may start. A full run has to succeed first.

A subset run compares a few records with what an earlier plain run left behind. If that run failed, was stopped by a
guard, or used other settings, there is nothing to compare with.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from standpipe_console.runs.last_run import read_last_run
from standpipe_console.runs.subset_folders import find_subset_reports
from standpipe_console.undo.pauses import describe_pause, find_pause

from .worker import Obstacle

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

T = TypeVar("T")


class _TargetSummary(msgspec.Struct):
    """What the target wrote about its last full run."""

    status: str = "stopped"
    stopped_by: str | None = None


class _MapSummary(msgspec.Struct):
    """What the map wrote about its last run."""

    map: str = ""
    plain_run_needed: str | None = None  #: why, in a sentence


def find_obstacle(project: Project, pipeline: Pipeline) -> Obstacle | None:
    """Return why no subset run may start now; None when one may."""
    if pause := find_pause(project, pipeline.job):
        return Obstacle(describe_pause(pause), plain_run_helps=False)
    last = read_last_run(project, pipeline.job)
    report = project.root / str(project.get_settings(pipeline.target).get("report_dir") or "") / "summary.json"
    # A bare `meltano run` leaves no note of its end, only the target's summary.
    is_newer = report.exists() and (last is None or report.stat().st_mtime > last.ended_at)
    summary = _read(report, _TargetSummary)
    if summary and summary.status == "completed" and (is_newer or (last and last.code == 0)):
        return _find_guard(project, pipeline, report) or _find_debt(project, pipeline)
    if last is None and summary is None:
        return Obstacle(f"{pipeline.job} has never had a full run.", plain_run_helps=True)
    reason = f": {last.reason}" if last and last.reason and not is_newer else "."
    stopped_by = summary.stopped_by if summary else None
    return Obstacle(
        f"The last full run of {pipeline.job} failed{reason}",
        # A guard stops every further run as well, until a person decides.
        plain_run_helps=stopped_by != "guard",
    )


def _find_guard(project: Project, pipeline: Pipeline, plain_report: Path) -> Obstacle | None:
    """Return the guard that stopped a run over some ids since the last full run."""
    report = find_subset_reports(project, pipeline, "live") / "summary.json"
    summary = _read(report, _TargetSummary)
    if not summary or summary.stopped_by != "guard" or report.stat().st_mtime < plain_report.stat().st_mtime:
        return None
    return Obstacle(
        f"Too many records changed since the last full run of {pipeline.job}: live waits for the next one. "
        f"Look at {report.parent}.",
        plain_run_helps=False,
    )


def _find_debt(project: Project, pipeline: Pipeline) -> Obstacle | None:
    """Return why the map has rows that only a plain run can send."""
    folder = Path(project.get_settings(pipeline.map).get("store_dir") or project.system_dir / "transforms")
    written = sorted(folder.glob("*.summary.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    summaries = (_read(path, _MapSummary) for path in written if not path.name.startswith("preview"))
    last = next((one for one in summaries if one and one.map == pipeline.map), None)
    return Obstacle(last.plain_run_needed, plain_run_helps=True) if last and last.plain_run_needed else None


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
