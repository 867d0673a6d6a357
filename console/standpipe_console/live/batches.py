"""Decides when to run, and over what. No other module decides that. Nothing here reads a clock or does I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .rings import Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inbox import Waiting


@dataclass(frozen=True)
class Timing:
    """How long to wait, in seconds, and how much to run over."""

    quiet_seconds: float = 5.0  #: after the last ring for an id
    longest_wait: float = 60.0  #: after the first ring for an id that keeps ringing
    live_batch: int = 500  #: more ids than these become a plain run
    min_full_interval: float = 900.0  #: between two plain runs that live asks for


@dataclass(frozen=True)
class Batch:
    """A run to start now."""

    covered: tuple[Waiting, ...]  #: what the run reads again
    is_plain: bool  #: whether it reads everything that changed, not only the ids

    def list_ids(self, subject: Subject) -> list[str]:
        """Return the ids of one subject, sorted."""
        return sorted(one.target.id for one in self.covered if one.target.subject is subject)


@dataclass(frozen=True)
class Sleep:
    """Nothing to run before `seconds` have passed, or, if None, before the next ring."""

    seconds: float | None


def choose_batch(
    waiting: Sequence[Waiting], now: float, timing: Timing, *, last_plain_at: float | None, needs_plain: bool
) -> Batch | Sleep:
    """Decide what to run now.

    Args:
        waiting: what waits, the oldest first
        now: unix seconds of the clock that also wrote the times of `waiting`
        timing: the settings
        last_plain_at: when live last started a plain run, in unix seconds
        needs_plain: whether a plain run must come before any subset run (rows are owed, or settings changed)
    """
    if not waiting:
        return Sleep(None)
    # A ring with a time in the future came before this machine's clock was set back, so its waiting time is unknown.
    due = [one for one in waiting if one.last_rung_at > now or _get_due_time(one, timing) <= now]
    if not due:
        return Sleep(min(_get_due_time(one, timing) for one in waiting) - now)
    plain_at = now if last_plain_at is None else min(last_plain_at, now) + timing.min_full_interval
    ids = [one for one in due if one.target.subject is not Subject.EVERYTHING]
    wants_plain = needs_plain or len(ids) < len(due) or len(due) > timing.live_batch
    if wants_plain and plain_at <= now:
        # A plain run reads everything that changed, so nothing has to wait any longer.
        return Batch(tuple(waiting), is_plain=True)
    if ids and not needs_plain:
        # While no plain run is allowed yet, a subset run takes the oldest ids.
        return Batch(tuple(ids[: timing.live_batch]), is_plain=False)
    return Sleep(plain_at - now)


def _get_due_time(one: Waiting, timing: Timing) -> float:
    return min(one.last_rung_at + timing.quiet_seconds, one.first_rung_at + timing.longest_wait)
