"""The health of a pipeline in one word and one sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from standpipe_console.alerts.delays import Timetable

from .formats import format_age
from .words import GUARD_REMEDY

if TYPE_CHECKING:
    from standpipe_console.alerts.conditions import Delay


class Level(Enum):
    """How urgent a state is for people."""

    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"


@dataclass(frozen=True)
class Health:
    """The description of a pipeline's health."""

    word: str
    level: Level
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Signs:
    """The facts that decide about the health of a pipeline. Times are unix seconds."""

    now: float
    paused_since: float | None = None
    pause_reason: str = ""
    status: str | None = None  #: how the last full run ended; None when there was none
    reason: str = ""  #: why it ended so, in one sentence
    ended_at: float | None = None
    last_good_at: float | None = None  #: when the last run that went well ended
    timetable: Timetable = field(default_factory=Timetable)
    delay: Delay | None = None  #: as the alerts judge it


_FAILED = {"failed", "stopped", "killed", "not_started"}


def judge(signs: Signs) -> Health:
    """Return the health of a pipeline: what stops it comes before what failed, and that before what is late."""
    return list_health(signs)[0]


def list_health(signs: Signs) -> list[Health]:
    """Return all statements about a pipeline, the most important first.

    For a healthy one, there is a single statement.
    """
    if stop := _judge_stop(signs):
        # The pause explains why nothing runs, so the last run and the schedule add nothing.
        return [stop]
    last, schedule = _judge_last_run(signs), _judge_schedule(signs)
    return [last, *([] if schedule.level == Level.GOOD else [schedule])] if last else [schedule]


def _judge_stop(signs: Signs) -> Health | None:
    if signs.paused_since is not None:
        since = format_age(signs.now - signs.paused_since)
        why = f": {signs.pause_reason.rstrip('.')}" if signs.pause_reason else ""
        return Health("paused", Level.NOTICE, f"Paused {since}{why}.", "Nothing runs until you press Resume.")
    if signs.status == "guarded":
        return Health(
            "guarded",
            Level.BAD,
            signs.reason or "The last run wanted to change more records than is usual, and wrote nothing.",
            GUARD_REMEDY,
        )
    return None


def _judge_last_run(signs: Signs) -> Health | None:
    if signs.status in _FAILED:
        words = {
            "failed": "The last run failed",
            "stopped": "The last run was stopped",
            "killed": "The last run was killed before its end",
            "not_started": "The last run did not start",
        }
        age = f" {format_age(signs.now - signs.ended_at)}" if signs.ended_at else ""
        why = f": {signs.reason}" if signs.reason else "."
        good = (
            ""
            if signs.last_good_at is None
            else f" The last good one was {format_age(signs.now - signs.last_good_at)}."
        )
        word = "failed" if signs.status in {"failed", "not_started"} else signs.status
        return Health(word, Level.BAD, f"{words[signs.status]}{age}{why}{good}", "Press Sync now to try again.")
    if signs.status == "partly_refused":
        return Health(
            "partly refused",
            Level.NOTICE,
            signs.reason or "The last run finished, but some records were refused.",
            "Rejects lists them, each with its reason.",
        )
    return None


def _judge_schedule(signs: Signs) -> Health:
    if not signs.timetable.installed:
        return _describe_lost_schedule(signs, signs.delay) if signs.delay else _describe_no_schedule(signs)
    if not signs.timetable.has_cron:
        return Health(
            "not scheduled",
            Level.BAD,
            f"It is scheduled, but no cron runs on this machine.{_describe_missed(signs)}",
            "Start cron, for example with `service cron start`.",
        )
    # A failed run was not late, and the reason for its failure says more.
    if signs.delay and signs.status not in _FAILED:
        return _describe_delay(signs, signs.delay)
    if signs.ended_at is None:
        return Health("never ran", Level.NOTICE, "It has not run yet.", "Press Validate to see what would be written.")
    return Health("fresh", Level.GOOD, f"All went well {format_age(signs.now - signs.ended_at)}.")


def _describe_missed(signs: Signs) -> str:
    return (
        "" if signs.delay is None else f" The run that was due {format_age(signs.now - signs.delay.due_at)} was missed."
    )


def _describe_no_schedule(signs: Signs) -> Health:
    done = "" if signs.ended_at is None else f" The last run ended {format_age(signs.now - signs.ended_at)}."
    return Health(
        "not scheduled",
        Level.NOTICE,
        f"It runs only when somebody starts it.{done}",
        "To run it automatically: `meltano invoke standpipe:schedule install`.",
    )


def _describe_lost_schedule(signs: Signs, delay: Delay) -> Health:
    due = format_age(signs.now - delay.due_at)
    return Health(
        "not scheduled",
        Level.BAD,
        f"The crontab no longer has its schedule. A run was due {due}.",
        "To run it automatically again: `meltano invoke standpipe:schedule install`.",
    )


def _describe_delay(signs: Signs, delay: Delay) -> Health:
    if delay.running_since is not None:
        began = format_age(signs.now - delay.running_since)
        return Health(
            "late",
            Level.BAD,
            f"The run that began {began} is still running, although the next one was due.",
            "Look at its log in the folder `logs`, and stop it if it hangs.",
        )
    return Health(
        "late",
        Level.BAD,
        f"A run was due {format_age(signs.now - delay.due_at)} and has not ended well since.",
        "Check whether this machine was off, or press Sync now.",
    )
