"""`standpipe live` through real Meltano: a change in Chargebee shows in Intercom without a schedule."""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline
FAST = {"LIVE_QUIET_SECONDS": "0.2", "LIVE_POLL_SECONDS": "1", "LIVE_BATCH": "20"}


def wait_until(reached: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a process has done something."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_change_in_chargebee_shows_in_intercom(project: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """The first run is over everything, later runs over changed customers.

    Then a scheduled run has nothing to write.
    """
    process = project.start("invoke", "standpipe:live", **FAST)
    wait_until(lambda: "Live for sync" in project.log_file.read_text())
    for days, said in ((1, "sync: running over everything"), (2, " ids")):
        before = project.log_file.read_text().count(said)
        sandbox.advance(days=days)
        wait_until(partial(has_said_again, project, said, before))
    assert intercom.writes() > 0
    (live,) = (one for one in psutil.Process(process.pid).children(recursive=True) if "live" in one.cmdline())
    # After all waiting ids are read, live finishes its current run and ends.
    wait_until(lambda: read_waiting(project) == 0)
    live.send_signal(signal.SIGTERM)
    process.wait(120)
    assert "Live has stopped" in project.log_file.read_text()

    writes = intercom.writes()
    assert project.sync().code == 0
    assert (project.summary()["updated"], intercom.writes() - writes) == (0, 0)


def has_said_again(project: Project, text: str, before: int) -> bool:
    """Return whether a text is in the log more often than before."""
    return project.log_file.read_text().count(text) > before


def read_waiting(project: Project) -> int:
    """Return the number of waiting ids from `live status`."""
    code, printed, log = project.command("standpipe:live", "status", "--json")
    assert code == 0, log
    waiting: int = json.loads(printed)["jobs"]["sync"]["waiting"]
    return waiting
