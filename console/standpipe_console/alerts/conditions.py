"""Decides what is wrong with a pipeline. No other module decides that. Pure.

A pipeline has four sides, and each is in one situation at a time or in none: how its last run ended, whether runs come
on time, whether it is paused, whether live works. A side about which nothing is known is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from .reasons import find_remedy, name_cause
from .times import count_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .times import Reader


class Side(StrEnum):
    """What a situation is about."""

    RUN = "run"
    SCHEDULE = "schedule"
    PAUSE = "pause"
    LIVE = "live"


class Situation(StrEnum):
    """A situation that a side may be in."""

    FAILED = "failed"
    GUARDED = "guarded"
    PARTLY_REFUSED = "partly_refused"
    STALE = "stale"
    PAUSED = "paused"
    LIVE_STUCK = "live_stuck"


SIDES = {
    Situation.FAILED: Side.RUN,
    Situation.GUARDED: Side.RUN,
    Situation.PARTLY_REFUSED: Side.RUN,
    Situation.STALE: Side.SCHEDULE,
    Situation.PAUSED: Side.PAUSE,
    Situation.LIVE_STUCK: Side.LIVE,
}
#: The statuses of runs that say nothing about the pipeline: a person or the machine stopped them, or another run was in
#: progress.
_NEUTRAL = {"stopped", "not_started", "running", "loading"}
GOOD = {"completed", "partly_refused"}
#: How many reasons one message names.
_LISTED_REASONS = 3


@dataclass(frozen=True)
class PastRun:
    """A full run."""

    started_at: float  #: unix seconds
    status: str  #: as in the history
    reason: str = ""  #: one sentence without keys and personal data
    records: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)  #: records that the target's system refused, by reason
    trigger: str = ""  #: what started it, as in the history

    @property
    def is_live(self) -> bool:
        """Whether live started it, which starts it again when it fails."""
        return self.trigger == "live"

    @property
    def is_scheduled(self) -> bool:
        """Whether cron started it."""
        return self.trigger == "schedule"

    @property
    def is_under_way(self) -> bool:
        """Whether the run has not ended yet."""
        return self.status in {"running", "loading"}


@dataclass(frozen=True)
class Pause:
    """A pipeline that does not run until a person resumes it."""

    since: float
    reason: str


@dataclass(frozen=True)
class Delay:
    """A good run that is overdue."""

    due_at: float
    last_good_at: float
    running_since: float | None = None  #: a run is under way, for too long
    is_scheduled: bool = True  #: the crontab has its schedule
    has_cron: bool = True  #: a cron runs on the machine


@dataclass(frozen=True)
class LiveTrouble:
    """Live cannot deliver the changes that wait."""

    since: float
    reason: str
    is_run: bool = True  #: runs fail or may not start, so that the last run says the same


@dataclass(frozen=True)
class PipelineFacts:
    """What is known about a pipeline."""

    job: str
    name: str  #: such as `billing sync`
    system: str  #: where it writes, such as `Intercom`
    runs: Sequence[PastRun] = ()  #: the full runs, the newest first
    delay: Delay | None = None
    pause: Pause | None = None
    live: LiveTrouble | None = None


@dataclass(frozen=True)
class Condition:
    """One thing that is wrong now."""

    situation: Situation
    since: float
    text: str
    cause: str = ""  #: the same situation for another cause is told again


def find_conditions(facts: PipelineFacts, reader: Reader) -> dict[Side, Condition | None]:
    """Return what is wrong with each side. A side about which nothing is known is left out."""
    pause = _describe_pause(facts, reader)
    conditions: dict[Side, Condition | None] = {Side.PAUSE: pause}
    runs = [run for run in facts.runs if run.status not in _NEUTRAL and (run.status in GOOD or not run.is_live)]
    run = _judge_runs(facts, runs, reader)
    if runs:
        conditions[Side.RUN] = run
    # The reason why runs do not start has its own alert.
    is_stopped = pause is not None or (run is not None and run.situation in {Situation.FAILED, Situation.GUARDED})
    if not is_stopped:
        conditions[Side.SCHEDULE] = _describe_delay(facts, reader)
    if not (is_stopped and facts.live and facts.live.is_run):
        conditions[Side.LIVE] = _describe_live(facts, reader)
    return conditions


def _judge_runs(facts: PipelineFacts, runs: Sequence[PastRun], reader: Reader) -> Condition | None:
    situation = find_situation(runs[0]) if runs else None
    if situation is None:
        return None
    alike = list(takewhile(lambda run: find_situation(run) is situation, runs))
    return _DESCRIPTIONS[situation](facts, alike, reader)


def find_situation(run: PastRun) -> Situation | None:
    """Return the situation of a pipeline after a run; None when all is well, or the run says nothing about it."""
    if run.status == "completed" or run.status in _NEUTRAL:
        return None
    return _BY_STATUS.get(run.status, Situation.FAILED)


def _describe_failures(facts: PipelineFacts, runs: Sequence[PastRun], reader: Reader) -> Condition:
    last, since = runs[0], runs[-1].started_at
    happened = (
        f"failed {reader.tell_moment(since)}"
        if len(runs) == 1
        else f"has failed {count_times(len(runs))} since {reader.tell(since)}"
    )
    reason = last.reason or ("it was killed before its end" if last.status == "killed" else "it gave no reason")
    text = join_sentences(f"The {facts.name} {happened}: {reason}", find_remedy(reason))
    return Condition(Situation.FAILED, since, text, name_cause(reason))


def _describe_guard(facts: PipelineFacts, runs: Sequence[PastRun], reader: Reader) -> Condition:
    since = runs[-1].started_at
    text = join_sentences(
        f"A guard stopped the {facts.name} {reader.tell_moment(since)}, before its first write: {runs[0].reason}",
        "Until somebody decides, nothing more is written.",
    )
    return Condition(Situation.GUARDED, since, text)


def _describe_refusals(facts: PipelineFacts, runs: Sequence[PastRun], reader: Reader) -> Condition:
    last = runs[0]
    reasons = sorted(last.refused.items(), key=lambda item: (-item[1], item[0]))
    listed = "; ".join(f"{reason} ({count})" for reason, count in reasons[:_LISTED_REASONS])
    more = len(reasons) - _LISTED_REASONS
    text = join_sentences(
        f"The {facts.name} ran {reader.tell_moment(last.started_at)}, but {facts.system} refused "
        f"{sum(last.refused.values()):,} of {last.records:,} records{f': {listed}' if listed else ''}"
        f"{f'; and {more} more reasons' if more > 0 else ''}",
        "The others were written. Correct these, then run `standpipe retry`.",
    )
    return Condition(Situation.PARTLY_REFUSED, runs[-1].started_at, text)


def _describe_delay(facts: PipelineFacts, reader: Reader) -> Condition | None:
    delay = facts.delay
    if delay is None:
        return None
    if delay.running_since is not None:
        began = reader.tell_moment(delay.running_since)
        happened = f"The {facts.name} does not end: the run that began {began} is still running"
        remedy = f"See its log in logs/{facts.job}, and stop it if it hangs."
    else:
        began, due = reader.tell_moment(delay.last_good_at), reader.tell_moment(delay.due_at)
        happened = f"The {facts.name} is late: its last good run began {began}, and the next was due {due}"
        remedy = _explain_delay(delay)
    text = join_sentences(happened, remedy)
    return Condition(Situation.STALE, delay.due_at, text)


def _explain_delay(delay: Delay) -> str:
    if not delay.is_scheduled:
        return "The crontab no longer has its schedule: run `standpipe schedule install`."
    if not delay.has_cron:
        return "No cron runs on the machine: start it, for example with `service cron start`."
    return "`standpipe status` says what ran, and what runs next."


def _describe_pause(facts: PipelineFacts, reader: Reader) -> Condition | None:
    if facts.pause is None:
        return None
    text = join_sentences(
        f"The {facts.name} has been paused since {reader.tell(facts.pause.since)}: {facts.pause.reason}",
        f"Nothing is written until somebody runs `standpipe resume {facts.job}`.",
    )
    return Condition(Situation.PAUSED, facts.pause.since, text)


def _describe_live(facts: PipelineFacts, reader: Reader) -> Condition | None:
    if facts.live is None:
        return None
    reason = facts.live.reason
    text = join_sentences(
        f"Live has not delivered changes to the {facts.name} since {reader.tell(facts.live.since)}: {reason}",
        find_remedy(reason),
        "The changes wait, and scheduled runs continue.",
    )
    return Condition(Situation.LIVE_STUCK, facts.live.since, text, name_cause(reason))


def join_sentences(*sentences: str) -> str:
    """Return sentences one after the other, each with its full stop; empty ones are left out."""
    return " ".join(f"{one.strip().rstrip('.')}." for one in sentences if one.strip())


#: Any other status is a failure, except `completed` and the neutral ones.
_BY_STATUS = {"guarded": Situation.GUARDED, "partly_refused": Situation.PARTLY_REFUSED}
_DESCRIPTIONS = {
    Situation.FAILED: _describe_failures,
    Situation.GUARDED: _describe_guard,
    Situation.PARTLY_REFUSED: _describe_refusals,
}
