"""The first page: each pipeline's health in one line, what its last run did, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cronsim import CronSim, CronSimError

from standpipe_console.errors import ConsoleError
from standpipe_console.live.live_status import describe_live
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.runs.locks import JobLock
from standpipe_console.schedules import crontab, schedules

from .health import Health, Level, Signs, list_health
from .words import clean_reason, explain_not_sent, name_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.history import RunRow
    from standpipe_console.project.meltano import Project
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
#: Runs among which the last one over everything is looked for: live starts many over some records.
_LOOKED_AT = 200
_GOOD = {"completed", "partly_refused"}


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
    further: list[Health]  #: what else there is to say of its health
    last: RunRow | None  #: the last run over everything that has ended
    next_at: float | None
    is_running: bool
    waiting: int | None  #: ids that live has not read again yet; None when live does not run
    rejects: int  #: records that are refused now
    outcomes: list[OutcomeRow]
    calls: int | None
    is_paused: bool = False

    @property
    def noun(self) -> str:
        """What is counted."""
        return "Customers" if self.pipeline == SYNC else "Records"

    @property
    def system(self) -> str:
        """The name of the system that is written to."""
        return name_system(self.pipeline.target)

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
        "attention": list_attention(panels, live, site.view.problem),
        "is_anybody_told": bool(panels and site.project.get_variable("ALERT_URLS")),
        "actions": site.actions.list_recent()[:_SHOWN_ACTIONS],
    }
    return site.render(request, "overview.html", "Overview", context)


def build_panel(site: Site, pipeline: Pipeline, live: Mapping[str, Any]) -> PipelinePanel:
    """Return what the page shows of a pipeline."""
    project, history = site.project, site.history.open()
    # Runs over some records say nothing of the others; what a run without an end did is not known yet.
    runs = [
        run
        for run in history.list_runs(plugin=pipeline.target, environment=project.environment, limit=_LOOKED_AT)
        if run.mode == "sync" and not run.is_subset and run.status not in {"running", "loading"}
    ]
    last = runs[0] if runs else None
    pause = history.get_pause(pipeline.job)
    timetable = read_timetable(project, pipeline)
    jobs = live.get("jobs") or {}
    signs = Signs(
        now=site.clock(),
        paused_since=pause.since if pause else None,
        pause_reason=pause.reason if pause else "",
        status=last.status if last else None,
        reason=clean_reason(last.reason) if last else "",
        ended_at=last.ended_at if last else None,
        last_good_at=next((run.ended_at for run in runs if run.status in _GOOD), None),
        is_scheduled=bool(timetable),
        cron_runs=crontab.is_daemon_running(),
        **_find_due_run(timetable, last),
    )
    health, *further = list_health(signs)
    return PipelinePanel(
        pipeline=pipeline,
        health=health,
        further=further,
        last=last,
        next_at=_find_next(timetable, signs.now) if not pause else None,
        is_running=not JobLock(project.system_dir / "standpipe", pipeline.job).is_free(),
        waiting=jobs.get(pipeline.job, {}).get("waiting") if live.get("running") else None,
        rejects=len(history.list_rejects(plugin=pipeline.target)),
        outcomes=list_outcomes(last.counts, site.view.find_facts(pipeline.target)) if last else [],
        calls=last.counts.get("calls") if last else None,
        is_paused=pause is not None,
    )


def read_timetable(project: Project, pipeline: Pipeline) -> list[str]:
    """Return when cron starts a pipeline, as its five fields; empty when it does not."""
    # Meltano itself would take seconds to list its schedules.
    names = [one["name"] for one in project.meltano_yml.get("schedules") or [] if one.get("job") == pipeline.job]
    try:
        lines = schedules.read_installed(project)
    except ConsoleError:
        return []  # of an unreadable crontab nothing is known
    return [" ".join(lines[name].split()[:5]) for name in names if name in lines]


def list_outcomes(counts: Mapping[str, Any], facts: PluginFacts) -> list[OutcomeRow]:
    """Return the table of a run: how many records became what, and why."""
    rows = [
        OutcomeRow(counts[kind], kind.replace("_", " "), facts.explain_outcome(kind, "").text)
        for kind in _OUTCOMES
        if isinstance(counts.get(kind), int) and counts[kind]
    ]
    for kind in ("skipped", "rejected"):
        reasons = counts.get(kind) or {}
        rows += [OutcomeRow(count, kind, facts.explain_outcome(kind, why).text) for why, count in reasons.items()]
    reasons = counts.get("not_sent") or {}
    rows += [OutcomeRow(count, "not sent", explain_not_sent(why)) for why, count in reasons.items() if count]
    return rows


def list_attention(panels: list[PipelinePanel], live: Mapping[str, Any], problem: str) -> list[Attention]:
    """Return what a person should know or do, the worst first."""
    found = [Attention(Level.BAD, "", problem)] if problem else []
    for one in panels:
        title = f"{one.pipeline.title}:"
        if one.health.level != Level.GOOD:
            address, words = _find_way(one)
            found.append(Attention(one.health.level, title, one.health.sentence, one.health.remedy, address, words))
        found += [Attention(other.level, title, other.sentence, other.remedy) for other in one.further]
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


def _find_due_run(timetable: list[str], last: RunRow | None) -> dict[str, float]:
    """Return when the run after the last one was due, and how far apart two runs are, as `Signs` has them."""
    dues = []
    for interval in timetable if last else ():
        times = _iterate_times(interval, last.started_at if last else 0.0)
        due, following = next(times, None), next(times, None)
        if due and following:
            dues.append((due, following - due))
    return {"due_at": min(dues)[0], "interval": min(dues)[1]} if dues else {}


def _find_next(timetable: list[str], now: float) -> float | None:
    return min((at for one in timetable if (at := next(_iterate_times(one, now), None))), default=None)


def _iterate_times(interval: str, after: float) -> Iterator[float]:
    """Yield when cron starts an interval, by this machine's clock; nothing when cron cannot read it."""
    try:
        for moment in CronSim(interval, datetime.fromtimestamp(after).astimezone()):
            yield moment.timestamp()
    except CronSimError:
        return


def _read_live(site: Site) -> Mapping[str, Any]:
    try:
        return describe_live(site.project)
    except ConsoleError as error:
        return {"poll": {"error": str(error)}}
