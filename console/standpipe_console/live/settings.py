"""The settings of live, as variables of the shell or of `.env`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from standpipe_console.errors import ConsoleError
from standpipe_console.project.variables import read_number

from .batches import Timing
from .credentials import Credentials
from .inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.meltano import Project


@dataclass(frozen=True)
class LiveSettings:
    """The settings of live.

    Durations are in seconds.
    """

    timing: Timing
    credentials: Credentials
    inbox_url: str  #: an SQLAlchemy address
    poll_seconds: float = 15.0  #: between two looks at Chargebee's events
    alert_after: float = 600.0  #: how long runs may fail before that is worth an alert


def read_settings(project: Project) -> LiveSettings:
    """Return the settings of a project.

    Raises:
        ConsoleError: one of them is not a number, or too small; or half of the credentials of a vendor is missing.
    """
    timing = Timing(
        quiet_seconds=read_number(project, "LIVE_QUIET_SECONDS", 0.0, Timing.quiet_seconds),
        longest_wait=read_number(project, "LIVE_LONGEST_WAIT", 0.0, Timing.longest_wait),
        live_batch=int(read_number(project, "LIVE_BATCH", 1.0, Timing.live_batch)),
        min_full_interval=read_number(project, "LIVE_MIN_FULL_INTERVAL", 0.0, Timing.min_full_interval),
    )
    credentials = Credentials(
        project.get_variable("LIVE_CHARGEBEE_USERNAME") or "",
        project.get_variable("LIVE_CHARGEBEE_PASSWORD") or "",
        project.get_variable("LIVE_INTERCOM_CLIENT_SECRET") or "",
    )
    if bool(credentials.chargebee_username) != bool(credentials.chargebee_password):
        raise ConsoleError(
            "Set both LIVE_CHARGEBEE_USERNAME and LIVE_CHARGEBEE_PASSWORD, as they are set in Chargebee's webhook."
        )
    return LiveSettings(
        timing,
        credentials,
        read_inbox_url(project),
        read_number(project, "LIVE_POLL_SECONDS", 1.0, LiveSettings.poll_seconds),
        read_number(project, "LIVE_ALERT_AFTER", 0.0, LiveSettings.alert_after),
    )


def read_inbox_url(project: Project) -> str:
    """Return the address of the inbox: `LIVE_INBOX_URL`, else a file in Meltano's folder."""
    return project.get_database_url("LIVE_INBOX_URL") or f"sqlite:///{project.system_dir / 'standpipe/inbox.sqlite'}"


@contextmanager
def open_inbox(project: Project) -> Iterator[Inbox | None]:
    """Open the inbox of a project; None when live never ran here."""
    url = make_url(read_inbox_url(project))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    inbox = Inbox(read_inbox_url(project), project.database_schema)
    try:
        yield inbox
    finally:
        inbox.close()
