"""What Meltano remembers of past runs: its list of runs, and the log that each left behind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: Runs that are asked for: validations, trials and other environments are among them.
LOOKED_AT = 50
#: A figure in the log of a run, as the targets' summary and the maps' tell it.
_FIGURE = re.compile(r"^\S+ +\[\w+ *\] (?P<plugin>\S+) +(?P<name>[A-Za-z][A-Za-z ,:_]*?) {2,}(?P<value>[\d.]+)$")
_ERROR = re.compile(r"^\S+ +\[(?:error|critical) *\] (?P<plugin>\S+) +(?P<text>\S.*)$")
#: What Meltano says after the sentence that matters.
_NOISE = ("Run invocation could not be completed", "Block run", "Failed to run", "Extractor", "Loader", "Mapper")


@dataclass(frozen=True)
class Run:
    """One run of a job."""

    id: str
    state_id: str
    result: str  #: SUCCESS, FAIL or RUNNING
    started: datetime
    seconds: float | None
    trigger: str
    counts: dict[str, float] = field(default_factory=dict)
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {**self.__dict__, "started": self.started.isoformat()}


def runs_of(project: Project, pipeline: Pipeline, count: int) -> list[Run]:
    """The last runs of a pipeline in the project's environment, the latest first, with what their logs tell."""
    listed = (project.json("logs", "list", f"--limit={LOOKED_AT}", "--format=json") or {}).get("runs", [])
    wanted = pipeline.state_id(project.environment)
    mine = [one for one in listed if one["job_name"] == wanted or one["job_name"].startswith(f"{wanted}:")]
    folder = log_folder(project)
    found = [_run(one, folder, pipeline.target) for one in mine[:count]]
    return [run if run.counts else replace(run, counts=_reported(project, pipeline, run)) for run in found]


def _reported(project: Project, pipeline: Pipeline, run: Run) -> dict[str, float]:
    """The figures in the target's report, if it is of this run: a log of a higher level than `info` has none."""
    summary = project.root / str(project.settings(pipeline.target).get("report_dir")) / "summary.json"
    if run.seconds is None or not summary.exists():
        return {}
    written = summary.stat().st_mtime - run.started.timestamp()
    return dict(flat(json.loads(summary.read_text(encoding="utf-8")))) if 0 <= written <= run.seconds + 1 else {}


def flat(summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The figures of a report under the names that a log has for them."""
    for name, value in summary.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", figure) for key, figure in value.items() if isinstance(figure, int | float))
        elif isinstance(value, int | float):
            yield name.replace("_", " "), value


def log_folder(project: Project) -> Path:
    """Where Meltano keeps the logs of runs."""
    return Path(project.meltano("logs", "dir").strip().splitlines()[-1])


def _run(listed: dict[str, Any], folder: Path, target: str) -> Run:
    log = log_of(folder, listed["log_id"])
    return Run(
        id=listed["log_id"],
        state_id=listed["job_name"],
        result=listed["state"],
        started=datetime.fromisoformat(listed["started_at"]),
        seconds=listed["duration_seconds"],
        trigger=listed.get("trigger") or "",
        counts=dict(figures(log, target)),
        error=last_error(log) if listed["state"] == "FAIL" else "",
    )


def log_of(folder: Path, run_id: str) -> list[str]:
    """The lines of a run's log, none when it is gone."""
    found = next(folder.glob(f"*/*/{run_id}/elt.log"), None) or next(folder.glob(f"*/{run_id}/elt.log"), None)
    return found.read_text(encoding="utf-8", errors="replace").splitlines() if found else []


def figures(log: Iterable[str], plugin: str) -> Iterator[tuple[str, float]]:
    """The figures that a plugin told in its summary: its last word on each."""
    for line in log:
        found = _FIGURE.match(line)
        if found and found["plugin"] == plugin:
            yield found["name"].strip(), float(found["value"])


def last_error(log: Iterable[str]) -> str:
    """The sentence that ended a run: the first of what was said last."""
    errors = [found["text"] for line in log if (found := _ERROR.match(line))]
    telling = [text for text in errors if not text.startswith(_NOISE)]
    return (telling or errors or [""])[-1]
