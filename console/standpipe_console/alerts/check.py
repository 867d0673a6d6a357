"""Check the pipelines, and send every channel what it has not received yet."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.store import describe_error
from standpipe_console.project.pipelines import PIPELINES
from standpipe_console.runs.locks import JobLock

from .conditions import Condition, find_conditions
from .delivery import LIMIT, open_channels, send_heartbeat
from .facts import gather_facts
from .messages import choose_messages
from .settings import read_settings
from .times import Reader
from .told import list_told, note_sent

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from standpipe_console.history import History
    from standpipe_console.live.problems import Problems
    from standpipe_console.project.meltano import Project

    from .conditions import PipelineFacts, Side
    from .delivery import Channel
    from .messages import Message
    from .settings import AlertSettings

#: Seconds between two checks of a program that goes on running.
CHECK_EVERY = 60.0
LOGGER = logging.getLogger(__name__)
#: How long a check waits for another one, in seconds. After that, the other one has sent the messages.
_LOCK_WAIT = 5.0


@dataclass(frozen=True)
class Look:
    """The result of checking one pipeline."""

    facts: PipelineFacts
    conditions: dict[Side, Condition | None]


@dataclass
class Check:
    """What a check has found and sent."""

    conditions: list[Condition]
    sent: list[Message] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)  #: the services that did not take a message

    @property
    def warning(self) -> str:
        """A sentence about what was not delivered; empty when all was."""
        if not self.undelivered:
            return ""
        return f"An alert was not delivered ({', '.join(self.undelivered)}): it is sent again at the next check."


def look_at_pipelines(project: Project, history: History, settings: AlertSettings, reader: Reader) -> list[Look]:
    """Return what is wrong with each pipeline that is set up."""
    found = []
    for pipeline in project.ready_pipelines:
        facts = gather_facts(project, history, pipeline, settings, reader.now)
        found.append(Look(facts, find_conditions(facts, reader)))
    return found


def check_alerts(project: Project, *, limit: float = LIMIT) -> Check:
    """Send each channel the alerts that it has not received yet.

    Args:
        project: the project.
        limit: how long one channel may take for one message, in seconds.

    Raises:
        ConsoleError: a setting of alerts cannot be used, or the history cannot be read.
    """
    settings = read_settings(project)
    channels = open_channels(settings.urls, limit)
    try:
        with (
            JobLock(project.system_dir / "standpipe", "alerts").hold(_LOCK_WAIT) as lock,
            open_history(project) as history,
        ):
            reader = Reader(time.time(), settings.zone)
            looks = look_at_pipelines(project, history, settings, reader)
            check = Check([one for found in looks for one in found.conditions.values() if one])
            # Without the lock, another check is sending the same messages.
            for channel in channels if lock else ():
                _tell(channel, history, looks, reader, check)
    except (SQLAlchemyError, OSError) as error:
        raise ConsoleError(f"The history cannot be used: {describe_error(error)}.") from None
    return check


def _tell(channel: Channel, history: History, looks: Iterable[Look], reader: Reader, check: Check) -> None:
    """Send one channel what it has not received yet."""
    told = list_told(history, channel.id)
    for message in chain.from_iterable(choose_messages(one.facts, one.conditions, told, reader) for one in looks):
        if not channel.send(message):
            # The rest waits for the next check, so that a dead channel costs one limit.
            check.undelivered.append(channel.service)
            return
        note_sent(history, channel.id, message)
        check.sent.append(message)


def check_until_stopped(
    project: Project, stopping: threading.Event, problems: Problems, every: float = CHECK_EVERY
) -> None:
    """Check again and again, so that people learn of a run that did not start, whatever the reason.

    Args:
        project: the project.
        stopping: ends it.
        problems: is called with the reason when nothing can be sent.
        every: seconds between two checks.
    """
    while not stopping.wait(every):
        try:
            warning = check_alerts(project).warning if read_settings(project).urls else ""
        except ConsoleError as error:
            warning = error.message
        if warning:
            problems.report("Alerts", warning)
        else:
            problems.end("Alerts")


def tell_after_run(project: Project, job: str, *, is_good: bool) -> None:
    """Send what a run has changed, and a heartbeat.

    Errors are only logged as warnings, as they must not change the result of the run.

    Args:
        project: the project.
        job: the job of the run.
        is_good: whether it was a full run that ended well.
    """
    if job not in {pipeline.job for pipeline in PIPELINES}:
        return
    try:
        settings = read_settings(project)
        if settings.heartbeat_url and is_good:
            _send_heartbeat(settings.heartbeat_url, job)
        if settings.urls and (warning := check_alerts(project).warning):
            LOGGER.warning("%s", warning)
    except ConsoleError as error:
        LOGGER.warning("No alert could be sent: %s", error.message)


def _send_heartbeat(url: str, job: str) -> None:
    if not send_heartbeat(url, job):
        LOGGER.warning("The heartbeat of %s was not accepted: check HEARTBEAT_URL.", job)
