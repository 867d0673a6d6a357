"""The first page: each pipeline's health in one line, what its last run did, and what needs attention."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from standpipe_console.errors import ConsoleError
from standpipe_console.live.command import describe_live
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.runs.last_run import read_last_run
from standpipe_console.runs.locks import JobLock
from standpipe_console.schedules import crontab, schedules

from .health import Health, Level, Signs, judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.project.plugin_facts import PluginFacts

    from .site import Site

#: What a person may start beside the job itself, with the words on its button.
FURTHER_JOBS = {
    SYNC.job: (("validate", "Validate: look without writing"),),
    LEADS.job: (("merge-report", "Compare leads with billing customers"),),
}
#: The outcomes of a target's summary that are counts of records, in the order in which they are shown.
_OUTCOMES = ("updated", "created", "converted", "unchanged", "held", "deleted", "unknown", "not_reached")
_SHOWN_ACTIONS = 5


@dataclass(frozen=True)
class LastRun:
    """The last run over everything, as the page shows it."""

    status: str
    started_at: float
    ended_at: float | None
    reason: str = ""
    run_id: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True)
class OutcomeRow:
    """How many records became what, and why."""

    count: int
    became: str
    because: str


@dataclass(frozen=True)
class PipelinePanel:
    """What the page shows of one pipeline."""

    pipeline: Pipeline
    health: Health
    last: LastRun | None
    next_at: float | None
    is_running: bool
    waiting: int | None  #: ids that live has not read again yet; None when live does not run
    rejects: int
    outcomes: list[OutcomeRow]
    calls: int | None
    paused: bool = False

    @property
    def noun(self) -> str:
        """What is counted."""
        return "Customers" if self.pipeline == SYNC else "Records"

    @property
    def total(self) -> int:
        """How many records the table counts."""
        return sum(row.count for row in self.outcomes)

    @property
    def further_jobs(self) -> tuple[tuple[str, str], ...]:
        """What else a person may start."""
        return FURTHER_JOBS.get(self.pipeline.job, ())


@dataclass(frozen=True)
class Attention:
    """Something that a person should know or do."""

    level: Level
    subject: str
    sentence: str
    remedy: str = ""
    address: str = ""
    words: str = ""


def show_overview(site: Site, request: Request) -> Response:
    """Show the state of every pipeline."""
    live = _read_live(site)
    panels = [build_panel(site, pipeline, live) for pipeline in site.project.ready_pipelines]
    context = {
        "pipelines": panels,
        "attention": list_attention(panels, live),
        "actions": site.actions.list_recent()[:_SHOWN_ACTIONS],
    }
    return site.render(request, "overview.html", "Overview", context)


def build_panel(site: Site, pipeline: Pipeline, live: Mapping[str, Any]) -> PipelinePanel:
    """Return what the page shows of a pipeline."""
    project, now = site.project, site.clock()
    summary = read_summary(site.view.find_report_dir(pipeline.target))
    last = find_last_run(site, pipeline, summary)
    local_now = datetime.now().astimezone()
    names = schedules.find_installed(project, pipeline)
    planned = [one for one in schedules.load_schedules(project) if one.name in names]
    next_runs = [time for one in planned if (time := one.find_next_run(local_now))]
    due_at, interval = _find_due_run(planned, last)
    health = judge(
        Signs(
            now=now,
            status=last.status if last else None,
            reason=last.reason if last else "",
            ended_at=last.ended_at if last else None,
            is_scheduled=bool(planned),
            cron_runs=crontab.is_daemon_running(),
            due_at=due_at,
            interval=interval,
        )
    )
    facts = project.get_facts(pipeline.target)
    jobs = live.get("jobs") or {}
    return PipelinePanel(
        pipeline=pipeline,
        health=health,
        last=last,
        next_at=min(next_runs).timestamp() if next_runs else None,
        is_running=not JobLock(project.system_dir / "standpipe", pipeline.job).is_free(),
        waiting=jobs.get(pipeline.job, {}).get("waiting") if live.get("running") else None,
        rejects=sum((summary.get("rejected") or {}).values()),
        outcomes=list_outcomes(summary, facts),
        calls=summary.get("calls"),
    )


def find_last_run(site: Site, pipeline: Pipeline, summary: JsonObject) -> LastRun | None:
    """Return how the last run over everything ended; None when there was none."""
    last = read_last_run(site.project, pipeline.job)
    if last is None:
        return None
    if last.code == 0:
        status = "partly_refused" if summary.get("rejected") else "completed"
    else:
        status = "guarded" if summary.get("stopped_by") == "guard" else "failed"
    return LastRun(status, last.started_at, last.ended_at, last.reason, "")


def list_outcomes(summary: JsonObject, facts: PluginFacts) -> list[OutcomeRow]:
    """Return the table of a run: how many records became what, and why."""
    if summary.get("outcomes"):
        # The target has put it into words already.
        return [OutcomeRow(one["customers"], str(one["became"]), str(one["because"])) for one in summary["outcomes"]]
    rows = [
        OutcomeRow(summary[kind], kind.replace("_", " "), facts.explain_outcome(kind, "").text)
        for kind in _OUTCOMES
        if isinstance(summary.get(kind), int) and summary[kind]
    ]
    for kind in ("skipped", "rejected"):
        reasons = summary.get(kind) or {}
        rows += [OutcomeRow(count, kind, facts.explain_outcome(kind, why).text) for why, count in reasons.items()]
    return rows


def list_attention(panels: list[PipelinePanel], live: Mapping[str, Any]) -> list[Attention]:
    """Return what a person should know or do, the worst first."""
    found = []
    for one in panels:
        title = f"{one.pipeline.title}:"
        if one.health.level != Level.GOOD:
            address, words = _find_way(one)
            found.append(Attention(one.health.level, title, one.health.sentence, one.health.remedy, address, words))
        if one.rejects and one.health.word != "partly refused":
            sentence = f"{one.rejects:,} records were refused." if one.rejects > 1 else "One record was refused."
            found.append(Attention(Level.NOTICE, title, sentence, "See why, and try again:", "/rejects", "Rejects"))
        if blocked := (live.get("jobs") or {}).get(one.pipeline.job, {}).get("blocked"):
            found.append(Attention(Level.NOTICE, title, f"Live runs nothing. {blocked}", "Press Sync now."))
    if error := (live.get("poll") or {}).get("error"):
        found.append(Attention(Level.BAD, "Live:", f"Chargebee's events cannot be read: {error}"))
    return sorted(found, key=lambda one: list(Level).index(one.level), reverse=True)


def _find_way(panel: PipelinePanel) -> tuple[str, str]:
    ways = {"guarded": ("/validation", "Validation"), "partly refused": ("/rejects", "Rejects")}
    return ways.get(panel.health.word, ("", ""))


def _find_due_run(planned: list[schedules.Schedule], last: LastRun | None) -> tuple[float | None, float]:
    """Return when the run after the last one was due, and how far apart two runs are."""
    dues = []
    for one in planned:
        if last is None:
            break
        due = one.find_next_run(datetime.fromtimestamp(last.started_at).astimezone())
        following = due and one.find_next_run(due)
        if due and following:
            dues.append((due.timestamp(), (following - due).total_seconds()))
    return min(dues) if dues else (None, 0.0)


def read_summary(folder: Path) -> JsonObject:
    """Return the counts of the last run whose reports are in a folder; empty when there are none."""
    try:
        found: JsonObject = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _read_live(site: Site) -> Mapping[str, Any]:
    try:
        return describe_live(site.project)
    except ConsoleError as error:
        return {"poll": {"error": str(error)}}
