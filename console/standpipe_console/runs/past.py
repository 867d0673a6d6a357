"""Past runs from Meltano's list of runs, and the log of each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject, JsonValue
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline

#: The number of listed runs, which include validations, trials and other environments.
_ASKED_FOR = 50
LIST_LOGS = ("logs", "list", f"--limit={_ASKED_FOR}", "--format=json")
FIND_LOGS = ("logs", "dir")
#: A figure in the log of a run, from the summary of a target or a map.
_FIGURE = re.compile(r"^\S+ +\[\w+ *\] (?P<plugin>\S+) +(?P<name>[A-Za-z][A-Za-z ,:_]*?) {2,}(?P<value>[\d.]+)$")
_ERROR = re.compile(r"^\S+ +\[(?:error|critical) *\] (?P<plugin>\S+) +(?P<text>\S.*)$")
#: Meltano's own line after the error that ended the run.
_FOLLOW_UP = ("Run invocation could not be completed", "Block run", "Failed to run", "Extractor", "Loader", "Mapper")


class MeltanoRun(msgspec.Struct):
    """A run in the answer of `meltano logs list`."""

    log_id: str
    job_name: str
    state: str
    started_at: str
    duration_seconds: float | None = None
    trigger: str | None = None


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

    def build_json(self) -> JsonObject:
        """Return the run as JSON."""
        return {**self.__dict__, "started": self.started.isoformat()}


def list_runs(project: Project, pipeline: Pipeline, count: int) -> list[Run]:
    """Return the last runs of a pipeline in the project's environment, the latest first."""
    answer = project.read_json(*LIST_LOGS) or {}
    state_id = pipeline.build_state_id(project.environment)
    runs = [
        run
        for run in msgspec.convert(answer.get("runs", []), list[MeltanoRun])
        if run.job_name == state_id or run.job_name.startswith(f"{state_id}:")
    ][:count]
    folder = Path(project.run_meltano(*FIND_LOGS).strip().splitlines()[-1])
    return [_describe_run(project, pipeline, run, read_log(folder, run.log_id)) for run in runs]


def _describe_run(project: Project, pipeline: Pipeline, listed: MeltanoRun, log: list[str]) -> Run:
    run = Run(
        id=listed.log_id,
        state_id=listed.job_name,
        result=listed.state,
        started=datetime.fromisoformat(listed.started_at),
        seconds=listed.duration_seconds,
        trigger=listed.trigger or "",
        counts=dict(parse_figures(log, pipeline.target)),
        error=find_last_error(log) if listed.state == "FAIL" else "",
    )
    # At a level above `info`, the log has no figures.
    return run if run.counts else replace(run, counts=_read_summary(project, pipeline, run))


def _read_summary(project: Project, pipeline: Pipeline, run: Run) -> dict[str, float]:
    """Return the figures in the target's report; none if the report belongs to another run."""
    summary = project.root / str(project.get_settings(pipeline.target).get("report_dir")) / "summary.json"
    if run.seconds is None or not summary.exists():
        return {}
    seconds_after_start = summary.stat().st_mtime - run.started.timestamp()
    if not 0 <= seconds_after_start <= run.seconds + 1:
        return {}
    return dict(flatten_summary(json.loads(summary.read_text(encoding="utf-8"))))


def flatten_summary(summary: Mapping[str, JsonValue]) -> Iterator[tuple[str, float]]:
    """Yield the figures of a report with the names that a log uses."""
    for name, value in summary.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", figure) for key, figure in value.items() if isinstance(figure, int | float))
        elif isinstance(value, int | float):
            yield name.replace("_", " "), value


def read_log(folder: Path, run_id: str) -> list[str]:
    """Return the lines of a run's log; none if the log no longer exists."""
    # Logs of `meltano run` and `meltano elt` are at different depths.
    path = next(folder.glob(f"*/*/{run_id}/elt.log"), None) or next(folder.glob(f"*/{run_id}/elt.log"), None)
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path else []


def parse_figures(log: Iterable[str], plugin: str) -> Iterator[tuple[str, float]]:
    """Yield the figures that a plugin logged. If a name is repeated, the last figure counts."""
    for line in log:
        match = _FIGURE.match(line)
        if match and match["plugin"] == plugin:
            yield match["name"].strip(), float(match["value"])


def find_last_error(log: Iterable[str]) -> str:
    """Return the sentence that ended a run."""
    errors = [match["text"] for line in log if (match := _ERROR.match(line))]
    causes = [text for text in errors if not text.startswith(_FOLLOW_UP)]
    return (causes or errors or [""])[-1]
