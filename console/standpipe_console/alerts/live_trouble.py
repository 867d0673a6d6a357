"""What keeps live from delivering changes, according to its inbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import sqlalchemy as sa

from standpipe_console.errors import ConsoleError
from standpipe_console.live.inbox import Inbox, InboxUnavailableError
from standpipe_console.live.settings import read_settings
from standpipe_console.project.pipelines import SYNC

from .conditions import LiveTrouble
from .reasons import clean_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.pipelines import Pipeline


#: What live keeps in its inbox: its process, its last poll of Chargebee's events, and why a job fails.
FACTS = ("live", "poll", "{job}.trouble")


@dataclass(frozen=True)
class Moment:
    """The time, and how long trouble must last before people are notified."""

    now: float
    alert_after: float

    def is_over(self, since: float, until: float | None = None) -> bool:
        """Return whether trouble has lasted too long at the time `until`.

        An attempt that began then may still end it.
        """
        return (until or self.now) - since >= self.alert_after


def find_live_trouble(project: Project, pipeline: Pipeline, now: float, secrets: Iterable[str]) -> LiveTrouble | None:
    """Return what has kept live from its work for longer than `LIVE_ALERT_AFTER`; None where it is not used."""
    try:
        settings = read_settings(project)
        facts = read_facts(settings.inbox_url, project.database_schema, pipeline.job)
    except InboxUnavailableError as error:
        return LiveTrouble(now, clean_reason(error.message, secrets), is_run=False)
    except ConsoleError:
        return None  # doctor says what is wrong with the settings
    # The inbox of several machines may name a process of another one.
    is_alive = psutil.pid_exists if settings.inbox_url.startswith("sqlite") else _say_yes
    moment = Moment(now, settings.alert_after)
    trouble = judge_live(facts, moment, reads_events=pipeline == SYNC, is_alive=is_alive)
    return trouble and LiveTrouble(trouble.since, clean_reason(trouble.reason, secrets), is_run=trouble.is_run)


def read_facts(url: str, schema: str, job: str) -> dict[str, Any]:
    """Return what live has stored about itself; nothing when there is no inbox.

    Raises:
        InboxUnavailableError: the database does not answer.
    """
    if not has_inbox(url):
        return {}  # to open it would make it
    inbox = Inbox(url, schema)
    try:
        return {name: inbox.read_fact(name.format(job=job)) for name in FACTS}
    finally:
        inbox.close()


def has_inbox(url: str) -> bool:
    """Return whether live may have used this inbox. For a database on a server, only opening it would show that."""
    path = sa.make_url(url).database
    return not url.startswith("sqlite") or bool(path and Path(path).exists())


def judge_live(
    facts: Mapping[str, Any], moment: Moment, *, reads_events: bool, is_alive: Callable[[int], bool]
) -> LiveTrouble | None:
    """Return what has kept live from its work for too long. Pure.

    Args:
        facts: what live keeps in its inbox, see `FACTS`.
        moment: the time, and how long trouble must last before people are notified.
        reads_events: whether the pipeline learns of changes from Chargebee's events.
        is_alive: whether a process runs.
    """
    process, poll, trouble = (facts.get(name) or {} for name in FACTS)
    if not process:
        return None  # it was never started, or stopped on purpose
    if not is_alive(process["pid"]):
        since = max(process["started_at"], poll.get("at") or 0.0)
        found = LiveTrouble(since, "its process is gone: start `standpipe live` again", is_run=False)
        return found if moment.is_over(since) else None
    if reads_events and poll.get("failing_since") and moment.is_over(poll["failing_since"]):
        return LiveTrouble(poll["failing_since"], f"Chargebee's events cannot be read: {poll['error']}", is_run=False)
    if trouble and moment.is_over(trouble["since"], trouble["attempt_at"]):
        return LiveTrouble(trouble["since"], trouble["reason"])
    return None


def _say_yes(_pid: int) -> bool:
    return True
