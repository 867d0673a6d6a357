"""The settings of alerts, as variables of the shell or of `.env`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from standpipe_console.errors import ConsoleError
from standpipe_console.project.variables import read_number

if TYPE_CHECKING:
    from datetime import tzinfo

    from standpipe_console.project.meltano import Project


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go, and when a run is late."""

    urls: str = field(default="", repr=False)  #: Apprise's addresses, between commas or spaces
    heartbeat_url: str = field(default="", repr=False)  #: `{job}` in it is the name of the job
    margin: float = 3600.0  #: how long after its time a run may take to end well, in seconds
    zone: tzinfo = UTC  #: of the reader's clock


def read_settings(project: Project) -> AlertSettings:
    """Return the settings of a project.

    Raises:
        ConsoleError: one of them cannot be used.
    """
    heartbeat_url = project.get_variable("HEARTBEAT_URL") or ""
    if heartbeat_url and not heartbeat_url.startswith(("https://", "http://")):
        raise ConsoleError("HEARTBEAT_URL is not a web address: copy the whole address, which begins with https://.")
    return AlertSettings(
        project.get_variable("ALERT_URLS") or "",
        heartbeat_url,
        read_margin(project),
        _read_zone(project.get_variable("ALERT_TIMEZONE") or ""),
    )


def read_margin(project: Project) -> float:
    """Return how long after its time a run may take to end well, in seconds.

    Raises:
        ConsoleError: the setting is not a number of at least 0.
    """
    return read_number(project, "ALERT_MARGIN", 0.0, AlertSettings.margin)


def _read_zone(name: str) -> tzinfo:
    """Return a time zone; without a name it is this machine's.

    Raises:
        ConsoleError: there is no zone of this name.
    """
    if not name:
        return datetime.now().astimezone().tzinfo or UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ConsoleError(f"ALERT_TIMEZONE must be a time zone such as Asia/Kolkata, but is `{name}`.") from None
