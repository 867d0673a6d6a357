"""The first page: each pipeline's health in one line, what its last run did, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from standpipe_console.alerts.delays import find_delay, find_next
from standpipe_console.alerts.facts import read_runs, read_timetable
from standpipe_console.alerts.settings import read_margin
from standpipe_console.errors import ConsoleError
from standpipe_console.live.live_status import describe_live
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.runs.locks import JobLock

from .formats import describe_details, format_time
from .health import Health, Level, Signs, list_health
from .words import GUARD_REMEDY, WAITING, clean_reason, explain_guard, explain_not_sent, name_system, remove_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from standpipe_console.alerts.delays import Timetable
    from standpipe_console.history import RecordGroup, RunRow
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.project.plugin_facts import PluginFacts

    from .site import Site

#: The other jobs that a person may start, with the text of the button.
FURTHER_JOBS = {
    SYNC.job: (("validate", "Validate: look without writing"),),
    LEADS.job: (("merge-report", "Compare leads with billing customers"),),
}
#: The outcomes in a target's summary that count records, in the order in which they are shown.
_OUTCOMES = ("updated", "created", "converted", "unchanged", "held", "deleted", "unknown", "not_reached")
#: The outcomes after which the system shows what the source says.
_RIGHT = {"updated", "created", "converted", "unchanged"}
_SHOWN_ACTIONS = 5
#: The number of full runs that are searched for the last one and the last good one.
_LOOKED_AT = 100
_GOOD = {"completed", "partly_refused"}
#: Seconds after its time at which a scheduled run that has not started counts as missed.
_GRACE = 300


@dataclass(frozen=True)
class OutcomeRow:
    """The number of records with one outcome and reason."""

    count: int
    became: str
    because: str
    reason: str = ""
    remedy: str = ""
    address: str = ""  #: of the list of these records


@dataclass(frozen=True)
class PipelinePanel:
    """What the page shows of one pipeline."""

    pipeline: Pipeline
    health: Health
    further: list[Health]  #: what else there is to say of its health
    last: RunRow | None  #: the last full run that has ended
    next_at: float | None
    is_running: bool
    waiting: int | None  #: ids that live has not read again yet; None when live does not run
    rejects: int  #: records that are refused now
    outcomes: list[OutcomeRow]
    calls: int | None
    is_paused: bool = False
    is_guarded: bool = False  #: a guard stopped the last run, or the last one of live
    missed_at: float | None = None  #: when a run should have started that did not
    no_next: str = "not scheduled"  #: why there is no next run
    is_undone: bool = False  #: a run was undone since the last one

    @property
    def source(self) -> str:
        """The name of the system that is read."""
        return self.pipeline.title.partition(" to ")[0]

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
    def right(self) -> int:
        """How many records the system shows as the source has them, since the last run."""
        return sum(row.count for row in self.outcomes if row.became in _RIGHT)

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
    """Return what the page shows about a pipeline."""
    project, history = site.project, site.history.open()
    # Runs over some records say nothing about the others.
    rows = history.list_runs(plugin=pipeline.target, environment=project.environment, is_subset=False, limit=_LOOKED_AT)
    # The results of a run that has not ended are not known yet.
    runs = [run for run in rows if run.mode == "sync" and run.status not in {"running", "loading"}]
    last = runs[0] if runs else None
    pause = history.get_pause(pipeline.job)
    rejects = history.count_rejects(pipeline.target)
    timetable = read_timetable(project, pipeline)
    now = datetime.fromtimestamp(site.clock()).astimezone()
    past = read_runs(row for row in rows if row.job == pipeline.job)
    jobs = live.get("jobs") or {}
    signs = Signs(
        now=site.clock(),
        paused_since=pause.since if pause else None,
        pause_reason=pause.reason if pause else "",
        status=last.status if last else None,
        reason=_describe_reason(last, site.clock()) if last else "",
        ended_at=last.ended_at if last else None,
        last_good_at=next((run.ended_at for run in runs if run.status in _GOOD), None),
        timetable=timetable,
        delay=find_delay(past, timetable, now, read_margin(project)),
    )
    health, *further = list_health(signs)
    blocked = jobs.get(pipeline.job, {}).get("blocked")
    # Only live runs over some records.
    some = (
        history.list_runs(plugin=pipeline.target, environment=project.environment, is_subset=True, limit=1)
        if blocked
        else []
    )
    is_live_guarded = bool(some and some[0].status == "guarded" and last and some[0].started_at > last.started_at)
    has_next = timetable.has_cron and not pause
    due_at = find_next(timetable.installed, datetime.fromtimestamp(past[0].started_at, now.tzinfo)) if past else None
    is_missed = due_at is not None and due_at + _GRACE < site.clock() and not pause
    return PipelinePanel(
        pipeline=pipeline,
        health=health,
        further=further,
        last=last,
        next_at=find_next(timetable.installed, now) if has_next else None,
        is_running=not JobLock(project.system_dir / "standpipe", pipeline.job).is_free(),
        waiting=jobs.get(pipeline.job, {}).get("waiting") if live.get("running") else None,
        rejects=sum(group.count for group in rejects),
        outcomes=_list_last(site, pipeline, last, rejects) if last else [],
        calls=last.counts.get("calls") if last else None,
        is_paused=pause is not None,
        is_guarded=is_live_guarded or bool(last and last.status == "guarded"),
        missed_at=due_at if is_missed else None,
        no_next=_explain_no_next(timetable, is_paused=pause is not None),
        is_undone=any(row.mode == "undo" and last is not None and row.started_at > last.started_at for row in rows),
    )


def _describe_reason(run: RunRow, now: float) -> str:
    """Return why a run did not end well."""
    if run.status == "guarded":
        return explain_guard(run.reason, f"The run of {format_time(run.started_at, now, None)}")
    return clean_reason(run.reason)


def _explain_no_next(timetable: Timetable, *, is_paused: bool) -> str:
    if is_paused:
        return "paused"
    return "none: no cron runs on this machine" if timetable.installed and not timetable.has_cron else "not scheduled"


def _list_last(site: Site, pipeline: Pipeline, run: RunRow, rejects: Sequence[RecordGroup]) -> list[OutcomeRow]:
    """Return the table of the last run. What a guard kept from being written waits for a person."""
    rows = list_outcomes(run.counts, site.view.find_facts(pipeline.target), rejects)
    if run.status == "guarded":
        rows = [
            replace(row, because=WAITING, remedy=GUARD_REMEDY) if row.became == "not reached" else row for row in rows
        ]
    listed = {(one.kind, one.reason): one.count for one in site.history.open().count_records(run.run_id)}
    return [replace(row, address=_find_list(pipeline, run, row, listed)) for row in rows]


def _find_list(pipeline: Pipeline, run: RunRow, row: OutcomeRow, listed: Mapping[tuple[str, str], int]) -> str:
    """Return the address of the list of some records; empty if no page lists all of them."""
    kind = row.became.replace(" ", "_")
    query = {"kind": kind, "reason": row.reason} if row.reason else {"kind": kind}
    if listed.get((kind, row.reason)) == row.count:
        return f"/run?{urlencode({'id': run.run_id, **query})}#records"
    if kind == "rejected":
        return "/rejects"
    # A run lists only what was new in it. A validation lists every customer.
    return f"/validation?{urlencode(query)}#records" if pipeline == SYNC else ""


def list_outcomes(
    counts: Mapping[str, Any], facts: PluginFacts, rejects: Sequence[RecordGroup] = ()
) -> list[OutcomeRow]:
    """Return the table of a run: the number of records by outcome and reason.

    Args:
        counts: the figures of the run.
        facts: what its target says of outcomes.
        rejects: the records that are refused now by reason, with one of the vendor's sentences each.
    """
    rows = [
        _build_row(counts[kind], kind, "", facts)
        for kind in _OUTCOMES
        if isinstance(counts.get(kind), int) and counts[kind]
    ]
    for kind in ("skipped", "rejected"):
        reasons = counts.get(kind) or {}
        rows += [_build_row(count, kind, why, facts, rejects) for why, count in reasons.items()]
    reasons = counts.get("not_sent") or {}
    rows += [OutcomeRow(count, "not sent", explain_not_sent(why), why) for why, count in reasons.items() if count]
    return rows


def _build_row(
    count: int, kind: str, reason: str, facts: PluginFacts, rejects: Sequence[RecordGroup] = ()
) -> OutcomeRow:
    because = _explain(kind, reason, facts, rejects)
    return OutcomeRow(count, kind.replace("_", " "), because, reason, facts.explain_outcome(kind, reason).remedy)


def _explain(kind: str, reason: str, facts: PluginFacts, rejects: Sequence[RecordGroup]) -> str:
    """Return why records were skipped or refused; the vendor's own sentence says more than its code."""
    group = next((one for one in rejects if kind == one.kind and reason == one.reason and one.detail), None)
    if group is None:
        return facts.explain_outcome(kind, reason).text
    return describe_details(group)


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
            found.append(_describe_blocked(one, title, blocked))
    if error := (live.get("poll") or {}).get("error"):
        found.append(Attention(Level.BAD, "Live:", f"Chargebee's events cannot be read: {error}"))
    return sorted(found, key=lambda one: list(Level).index(one.level), reverse=True)


def _describe_blocked(panel: PipelinePanel, title: str, blocked: str) -> Attention:
    """Return why live starts no runs; what another line says already is not repeated."""
    if panel.is_paused or (panel.last and panel.last.status not in _GOOD):
        return Attention(Level.NOTICE, title, "Live starts no runs until this is settled.")
    sentence = f"Live starts no runs. {remove_log(blocked)}"
    if panel.is_guarded:
        # A full run would be stopped by the guard as well.
        return Attention(Level.NOTICE, title, sentence, GUARD_REMEDY, "/validation", "Validation")
    return Attention(Level.NOTICE, title, sentence, "Press Sync now.")


def _find_way(panel: PipelinePanel) -> tuple[str, str]:
    ways = {"guarded": ("/validation", "Validation"), "partly refused": ("/rejects", "Rejects")}
    return ways.get(panel.health.word, ("", ""))


def _read_live(site: Site) -> Mapping[str, Any]:
    try:
        return describe_live(site.project)
    except ConsoleError as error:
        return {"poll": {"error": str(error)}}
