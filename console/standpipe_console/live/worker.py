"""Live's work on one pipeline: choose waiting ids, run the job, and remove what it has read from the inbox.

A plain run reads everything that changed. A subset run reads only the ids that rang.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .backoff import compute_backoff
from .batches import Batch, Sleep, choose_batch
from .inbox import InboxUnavailableError
from .rings import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standpipe_console._kit.json_types import JsonValue
    from standpipe_console.project.pipelines import Pipeline
    from standpipe_console.runs.runner import Outcome

    from .batches import Timing
    from .inbox import Inbox, Waiting

LOGGER = logging.getLogger(__name__)
#: Seconds to wait after a failed run, doubled by each further one up to the second figure.
FIRST_BACKOFF, LONGEST_BACKOFF = 5.0, 300.0
#: How often to look whether runs may start again, in seconds.
LOOK_AGAIN = 15.0
#: After this many failed runs, a plain run is tried, which reads the same ids too.
TRY_PLAIN_AFTER = 3


@dataclass(frozen=True)
class Obstacle:
    """Why no subset run may start now."""

    sentence: str
    plain_run_helps: bool  #: whether live should ask for a plain run, instead of waiting for a person


class RunJob(Protocol):
    """Run the job once, with these settings as variables, and return how that ended."""

    def __call__(self, variables: Mapping[str, str], *, is_subset: bool, on_start: Callable[[float], None]) -> Outcome:
        """Run it; call `on_start` with the time when the wait for other runs of the job is over."""


@dataclass
class Worker:
    """Runs one job over what waits.

    Args:
        pipeline: the pipeline of the job.
        inbox: what waits.
        timing: how long to wait, how much to take.
        run: runs the job once.
        find_obstacle: returns why no subset run may start; None if one may.
        find_customer: finds the customer of a subscription; None when it is gone.
        clock: unix seconds of this machine.
        alert_after: how long runs may fail before an alert, in seconds.
    """

    pipeline: Pipeline
    inbox: Inbox
    timing: Timing
    run: RunJob
    find_obstacle: Callable[[], Obstacle | None]
    find_customer: Callable[[str], str | None]
    clock: Callable[[], float]
    alert_after: float
    _failures: int = 0
    _failing_since: float | None = None
    _alerted: bool = False
    _wait_until: float = 0.0  #: after a failure

    @property
    def job(self) -> str:
        """Return the name of the job."""
        return self.pipeline.job

    def step(self) -> float | None:
        """Take one step; return after how many seconds to call again, or None to wait for the next ring."""
        waiting = self.inbox.list_waiting(self.job)
        if not waiting:
            self._report(blocked="", trouble=None)
            return None
        obstacle = self.find_obstacle()
        if obstacle and not obstacle.plain_run_helps:
            self._report(blocked=obstacle.sentence)
            self._report_trouble(obstacle.sentence)
            return LOOK_AGAIN
        needs_plain = obstacle is not None or self._failures >= TRY_PLAIN_AFTER
        now = self.clock()
        # A wait that is longer than any backoff means that the clock was set back.
        if 0 < self._wait_until - now <= LONGEST_BACKOFF:
            return self._wait_until - now
        batch_or_sleep = choose_batch(
            waiting, now, self.timing, last_plain_at=self._read_last_plain(), needs_plain=needs_plain
        )
        if isinstance(batch_or_sleep, Sleep):
            self._report(blocked=obstacle.sentence if obstacle else "")
            return batch_or_sleep.seconds
        if self._resolve_subscriptions(batch_or_sleep):
            return 0.0  # their customers wait in their place now
        return self._run_batch(batch_or_sleep, now)

    def _run_batch(self, batch: Batch, now: float) -> float:
        if batch.is_plain:
            self.inbox.write_fact(f"{self.job}.plain_at", now)
        LOGGER.info("%s: running over %s", self.job, "everything" if batch.is_plain else f"{len(batch.covered)} ids")
        if self._failing_since is not None:
            self._report_trouble(attempt_at=now)
        outcome = self._run(batch, now)
        self._excuse_waiting(outcome, now)
        self._report(
            blocked="",
            last_run={
                "started_at": outcome.started_at.timestamp(),
                "ended_at": outcome.ended_at.timestamp(),
                "code": outcome.code,
                "plain": batch.is_plain,
                "ids": len(batch.covered),
                "reason": outcome.reason,
                "lag": outcome.ended_at.timestamp() - min(one.first_rung_at for one in batch.covered),
            },
        )
        if not outcome.was_started:
            # Waiting for a healthy run is not a failure. The rings stay in the inbox.
            LOGGER.info("%s", outcome.reason)
            self._report_trouble()
            self._wait_until = self.clock() + LOOK_AGAIN
            return LOOK_AGAIN
        if outcome.succeeded:
            seconds = (outcome.ended_at - outcome.started_at).total_seconds()
            LOGGER.info("%s: done in %.0f s", self.job, seconds)
            # Records that changed after the start may not have been read, even if the run had to wait for the lock.
            self.inbox.settle(batch.covered, outcome.started_at.timestamp())
            self._end_failure()
            return 0.0
        return self._note_failure(outcome)

    def _run(self, batch: Batch, now: float) -> Outcome:
        note = {"asked_at": now, "started_at": None, "plain": batch.is_plain, "ids": len(batch.covered)}
        self._note_run(note)
        try:
            return self.run(
                self._build_variables(batch),
                is_subset=not batch.is_plain,
                on_start=lambda at: self._note_run({**note, "started_at": at}),
            )
        finally:
            self._note_run(None)

    def _note_run(self, note: JsonValue) -> None:
        """Store the current run for `live status`. The run does not fail if that cannot be stored."""
        with suppress(InboxUnavailableError):
            self._report(run=note)

    def _build_variables(self, batch: Batch) -> dict[str, str]:
        if batch.is_plain:
            return {}
        ids: dict[str, list[str]] = defaultdict(list)
        for subject, variable in self.pipeline.subset.items():
            ids[variable] += batch.list_ids(Subject(subject))
        return {variable: json.dumps(found) for variable, found in ids.items() if found}

    def _resolve_subscriptions(self, batch: Batch) -> bool:
        """Replace waiting subscriptions by their customers; return whether there were any."""
        subscriptions = [] if batch.is_plain else _select(batch.covered, Subject.SUBSCRIPTION)
        for one in subscriptions:
            customer = self.find_customer(one.target.id)
            # A missing subscription was deleted, and the event of the deletion names its customer.
            self.inbox.replace(one.target, [customer] if customer else [])
        return bool(subscriptions)

    def _note_failure(self, outcome: Outcome) -> float:
        self._failures += 1
        now = self.clock()
        self._failing_since = min(self._failing_since or now, now)
        LOGGER.warning("%s", outcome.reason)
        self._report_trouble(outcome.reason)
        if now - self._failing_since >= self.alert_after and not self._alerted:
            self._alerted = True
            LOGGER.error("Live has failed for %d minutes: %s", (now - self._failing_since) / 60, outcome.reason)
        backoff = compute_backoff(self._failures, FIRST_BACKOFF, LONGEST_BACKOFF)
        self._wait_until = now + backoff
        return backoff

    def _end_failure(self) -> None:
        if self._alerted:
            LOGGER.warning("Live works again: %s", self.job)
        self._failures, self._failing_since, self._alerted = 0, None, False
        self._report(trouble=None)

    def _excuse_waiting(self, outcome: Outcome, asked_at: float) -> None:
        """Do not count the time behind another run as a failure of live."""
        began = (outcome.started_at if outcome.was_started else outcome.ended_at).timestamp()
        if self._failing_since is not None:
            self._failing_since += max(0.0, began - asked_at)

    def _report_trouble(self, reason: str = "", attempt_at: float | None = None) -> None:
        """Store for alerts since when no changes were delivered, and why.

        Args:
            reason: a sentence; empty when the known one still holds, or there is none.
            attempt_at: when the current attempt began. Until it has ended, its result is unknown.
        """
        known: Any = self.inbox.read_fact(f"{self.job}.trouble") or {}
        if reason or known:
            since = self._failing_since or known.get("since") or self.clock()
            found = {"since": since, "reason": reason or known["reason"], "attempt_at": attempt_at}
            self._report(trouble=found)

    def _read_last_plain(self) -> float | None:
        found: Any = self.inbox.read_fact(f"{self.job}.plain_at")
        return found if isinstance(found, int | float) else None

    def _report(self, **facts: Any) -> None:
        """Store the values for `live status` that have changed."""
        for name, value in facts.items():
            key = f"{self.job}.{name}"
            if self.inbox.read_fact(key) != value:
                self.inbox.write_fact(key, value)


def _select(waiting: tuple[Waiting, ...], subject: Subject) -> list[Waiting]:
    return [one for one in waiting if one.target.subject is subject]
