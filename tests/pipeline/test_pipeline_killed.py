"""A process is killed in the middle of the main job. No record is wrong, lost or duplicated."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = pytest.mark.pipeline


def count(sandbox: RunningSandbox, api: str, method: str, path: str) -> int:
    """Return how often an endpoint was called."""
    rows = sandbox.calls()["calls"]
    return sum(r["count"] for r in rows if (r["api"], r["method"], r["path"]) == (api, method, path))


def kill_when(process: subprocess.Popen[str], executable: str, reached: Callable[[], bool]) -> None:
    """Kill a plugin of this run with SIGKILL once a condition holds."""
    deadline = time.monotonic() + 60
    while not reached():
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail("the run did not come so far within a minute")
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    for child in psutil.Process(process.pid).children(recursive=True):
        if any(part.endswith(f"/bin/{executable}") for part in child.cmdline()):
            child.send_signal(signal.SIGKILL)


def test_a_tap_killed_half_way_changes_nothing(synced: Project, sandbox: RunningSandbox) -> None:
    """The map sends nothing when invoices are incomplete. The next run starts from the same state."""
    state = synced.state()
    sandbox.advance(days=30)
    invoices = ("chargebee", "GET", "/invoices")
    already = count(sandbox, *invoices)
    sandbox.fault(api="chargebee", method="GET", path="/invoices", **{"from": 2}, effect={"delay": 20})

    process = synced.start("run", "tap-chargebee", "map", "target-intercom", TAP_CHARGEBEE_PAGE_SIZE="20")
    sent = re.compile(r'\\"RECORD\\".{1,40}\\"customers\\"')
    kill_when(
        process,
        "tap-chargebee",
        lambda: count(sandbox, *invoices) >= already + 2 and bool(sent.search(synced.log_file.read_text())),
    )
    ran = synced.finish(process)
    assert ran.code != 0
    assert {message["stream"] for message in ran.of("tap-chargebee", "RECORD")} >= {"customers"}
    assert ran.said("The tap ended without saying that it read everything")
    assert ran.messages.get("map-subscriptions", []) == []
    assert synced.state() == state

    sandbox.clear_faults()
    assert synced.sync().code == 0
    assert synced.summary()["updated"] > 0


def test_a_target_killed_half_way_is_finished_by_the_next_run(
    project: Project, sandbox: RunningSandbox, intercom: Intercom
) -> None:
    """The state was not confirmed, so everybody is sent again. No contact is missing or duplicated."""
    before = intercom.users_by_email()
    sandbox.fault(api="intercom", method="PUT", path="/contacts/*", **{"from": 5}, effect={"delay": 20})
    process = project.start("run", "tap-chargebee", "map", "target-intercom")
    kill_when(process, "target-intercom", lambda: count(sandbox, "intercom", "PUT", "/contacts/{id}") >= 5)
    ran = project.finish(process)
    assert ran.code != 0
    assert project.state() == {}

    sandbox.clear_faults()
    assert project.sync().code == 0
    after = intercom.users_by_email()
    assert {address: n for address, n in after.items() if n > max(1, before[address])} == {}
    assert project.sync().code == 0
    assert (project.summary()["updated"], project.summary()["created"]) == (0, 0)
