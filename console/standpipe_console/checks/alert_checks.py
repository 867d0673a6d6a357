"""The checks of alerts in `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_console.alerts.delivery import open_channels
from standpipe_console.alerts.settings import read_settings
from standpipe_console.checks.findings import Finding
from standpipe_console.errors import ConsoleError
from standpipe_console.schedules import crontab, schedules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.meltano import Project

_CHECK = "alerts"


def check_alerts(project: Project) -> Iterator[Finding]:
    """Yield where alerts go, and whether somebody looks for runs that are late."""
    try:
        channels = open_channels(read_settings(project).urls)
        installed = schedules.read_installed(project)
    except ConsoleError as error:
        yield Finding(_CHECK, "fail", error.message, "correct it in .env, then `standpipe alert test`")
        return
    if not channels:
        yield Finding(
            _CHECK, "note", "nobody is notified when a run fails", "set ALERT_URLS in .env: see docs/operations.md"
        )
        return
    yield Finding(_CHECK, "pass", f"alerts go to {', '.join(channel.service for channel in channels)}")
    if installed and crontab.ALERT_CHECK not in installed:
        what = "late runs are not noticed: the crontab has no line that checks for them"
        yield Finding(_CHECK, "fail", what, "meltano invoke standpipe:schedule install")
