"""Whether a good run is overdue by its schedule. Pure: the time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from .conditions import GOOD, Delay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .conditions import PastRun


@dataclass(frozen=True)
class Timetable:
    """When runs of a pipeline should start. Intervals are cron's five fields."""

    planned: tuple[str, ...] = ()  #: in meltano.yml
    installed: tuple[str, ...] = ()  #: in the crontab
    has_cron: bool = True  #: a cron runs on this machine


def find_delay(runs: Sequence[PastRun], timetable: Timetable, now: datetime, margin: float) -> Delay | None:
    """Return the delay of a pipeline; None when nothing is overdue, or nothing was ever scheduled.

    Args:
        runs: the full runs, the latest first.
        timetable: when they are to start.
        now: the time, in the zone of cron.
        margin: how long after its time a run may take to end well, in seconds.
    """
    intervals = timetable.installed
    is_scheduled = bool(intervals)
    if not is_scheduled and any(run.is_scheduled for run in runs):
        # Somebody has replaced the crontab, or the machine is new.
        intervals = timetable.planned
    good = next((run for run in runs if run.status in GOOD), None)
    if good is None:
        return None  # it has never run well: that is a failure, or it is new
    running = next((run for run in runs if run.is_under_way and run.started_at >= good.started_at), None)
    due_at = find_next(intervals, datetime.fromtimestamp((running or good).started_at, now.tzinfo))
    if due_at is None or now.timestamp() <= due_at + margin:
        return None
    running_since = running.started_at if running else None
    return Delay(due_at, good.started_at, running_since, is_scheduled=is_scheduled, has_cron=timetable.has_cron)


def find_next(intervals: Iterable[str], after: datetime) -> float | None:
    """Return the first time after another one at which cron starts a run; None when it never does."""
    times = []
    for interval in intervals:
        try:
            times.append(next(CronSim(interval, after)).timestamp())
        except (CronSimError, StopIteration):
            continue  # cron cannot read it either
    return min(times, default=None)
