"""After kills at any moment of live runs, Intercom has Chargebee's data without duplicates.

`FAULT_MOMENTS=50 pytest -m faults tests/pipeline` kills fifty times instead of four.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from standpipe_console.live.inbox import Inbox

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import Intercom, Project

pytestmark = [pytest.mark.pipeline, pytest.mark.faults]

KILLS = int(os.environ.get("FAULT_MOMENTS", "4"))
VICTIMS = ("live", "target-intercom", "meltano", "standpipe run")
FAST = {"LIVE_QUIET_SECONDS": "0.2", "LIVE_POLL_SECONDS": "1", "LIVE_BATCH": "40", "LIVE_MIN_FULL_INTERVAL": "0"}


class Campaign:
    """Live in a separate process, which is restarted after each kill."""

    def __init__(self, project: Project, sandbox: RunningSandbox) -> None:
        self.project, self.sandbox = project, sandbox
        self.live = self.start("live")
        self.path = project.root / ".meltano/standpipe/inbox.sqlite"
        self.wait_until(self.path.exists)
        self.inbox = Inbox(f"sqlite:///{self.path}")
        self.wait_until(lambda: self.inbox.read_fact("poll") is not None)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command of the console."""
        return self.project.start_console(*command, **FAST)

    def kill(self, victim: str, random: Random) -> None:
        """Let a customer change, and kill -9 a process that works on it after some further calls."""
        self.sandbox.advance(days=1)
        self.sandbox.change("customer", count=random.randint(1, 6))
        if victim == "live":
            self._kill_after(random.randint(0, 25), lambda: [psutil.Process(self.live.pid)])
            self.live.wait(60)
            self.live = self.start("live")
        elif victim == "standpipe run":
            scheduled = self.start("run", "sync")
            self._kill_after(random.randint(0, 25), lambda: [psutil.Process(scheduled.pid)])
            scheduled.wait(60)
        else:
            self._kill_after(random.randint(0, 25), lambda: find_processes(self.project.root, victim))

    def _kill_after(self, further_calls: int, find: Callable[[], list[psutil.Process]]) -> None:
        self.wait_until(lambda: find() != [])
        calls = self.count_calls() + further_calls
        # If it ends before this number of calls, there is nothing to kill this time.
        self.wait_until(lambda: self.count_calls() >= calls or not any(one.is_running() for one in find()))
        for process in find():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def count_calls(self) -> int:
        """Return the number of calls that the sandbox has answered."""
        total: int = self.sandbox.calls()["total"]
        return total

    def finish(self) -> None:
        """Let live read everything that waits, and end it."""
        self.wait_until(lambda: not self.inbox.list_waiting("sync"))
        self.inbox.close()
        self.live.send_signal(signal.SIGTERM)
        self.live.wait(120)

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait until a process has done something."""
        deadline = time.monotonic() + 180
        while not reached():
            assert time.monotonic() < deadline, self.project.console_log.read_text()[-3000:]
            time.sleep(0.02)


def find_processes(root: Path, name: str) -> list[psutil.Process]:
    """Return a project's run of Meltano, or the plugins with a name."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = process.cmdline()
            is_named = any(Path(word).name == name for word in words[:2])
            if is_named and (name != "meltano" or "run" in words) and process.cwd() == str(root):
                found.append(process)
    return found


def list_customers(sandbox: RunningSandbox) -> dict[str, dict[str, Any]]:
    """Return all customers of Chargebee that are not deleted."""
    customers: dict[str, dict[str, Any]] = {}
    query = {"limit": "100"}
    while True:
        url = f"{sandbox.chargebee_url}/customers"
        page = requests.get(url, params=query, auth=("sandbox_key", ""), timeout=30).json()
        customers |= {one["customer"]["id"]: one["customer"] for one in page["list"]}
        if "next_offset" not in page:
            return customers
        query["offset"] = page["next_offset"]


def test_kills_at_any_moment(synced: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """Live, the run, Meltano or the target is killed. Later runs complete the work without repeating writes."""
    before = intercom.users_by_email()
    sandbox.fault(api="intercom", effect={"delay": 0.02})
    campaign = Campaign(synced, sandbox)
    for number in range(KILLS):
        campaign.kill(VICTIMS[number % len(VICTIMS)], Random(number))  # noqa: S311 the moments are the same every time
    campaign.finish()
    sandbox.clear_faults()

    customers, linked = list_customers(sandbox), intercom.linked()
    assert {
        id_: one["custom_attributes"]["cb_cust_auto_collect"] for id_, one in linked.items() if id_ in customers
    } == {id_: customers[id_]["auto_collection"] for id_ in linked if id_ in customers}
    assert {email: n for email, n in intercom.users_by_email().items() if n > max(1, before[email])} == {}
    writes = intercom.writes()
    assert synced.sync().code == 0
    assert intercom.writes() - writes == 0
