"""`standpipe live` through real Meltano: a change in Chargebee shows in Intercom without a schedule."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from standpipe_console.live.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import ChartMogul, Intercom, Project

pytestmark = pytest.mark.pipeline
FAST = {"LIVE_QUIET_SECONDS": "0.2", "LIVE_POLL_SECONDS": "1", "LIVE_BATCH": "20"}


def wait_until(reached: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a process has done something."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_change_in_chargebee_shows_in_intercom(project: Project, sandbox: RunningSandbox, intercom: Intercom) -> None:
    """The first run is a full run, later runs read changed customers.

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
    wait_until(lambda: count_waiting(project) == 0)
    live.send_signal(signal.SIGTERM)
    process.wait(120)
    assert "Live has stopped" in project.log_file.read_text()

    writes = intercom.writes()
    assert project.sync().code == 0
    assert (project.summary()["updated"], intercom.writes() - writes) == (0, 0)


def test_own_writes_end_without_a_second_write(
    project: Project, sandbox: RunningSandbox, intercom: Intercom, chartmogul: ChartMogul
) -> None:
    """What the sync writes rings for the leads: one run brings it to ChartMogul, and nothing is written once more."""
    sandbox.reset(customers=60, companies_with_billing_ids=100)
    project.env.update(
        MAP_SUBSCRIPTIONS_MATCH_ON="company_id",
        MAP_LEADS_COMPANY_ATTRIBUTES='["cb_cust_auto_collect"]',
        LIVE_INTERCOM_CLIENT_SECRET="s3cret",
    )
    assert (project.sync().code, project.leads().code) == (0, 0)
    writes = Counter(intercom=intercom.writes(), chartmogul=chartmogul.writes())
    live = project.start_console("live", "--listen=127.0.0.1:0", **FAST)
    wait_until(lambda: "Receiving at " in project.console_log.read_text())
    address = re.findall("Receiving at (.*)", project.console_log.read_text())[-1]
    sandbox.webhooks(url=f"{address}/hooks/intercom", secret="s3cret", topics=["company.updated"])
    with closing(Inbox(f"sqlite:///{project.root}/.meltano/standpipe/inbox.sqlite")) as inbox:
        wait_until(lambda: inbox.read_fact("poll") is not None)
        sandbox.change("customer", count=3)
        wait_until(lambda: "sync-leads: running over" in project.console_log.read_text())
        wait_until(lambda: not (inbox.list_waiting("sync") or inbox.list_waiting("sync-leads")))
        assert sandbox.webhooks()["waiting"] == 0
    live.send_signal(signal.SIGTERM)
    assert live.wait(120) == 0
    assert sandbox.webhooks()["delivered"] == 3
    assert Counter(intercom=intercom.writes(), chartmogul=chartmogul.writes()) - writes == {
        "intercom": 3,
        "chartmogul": 3,
    }
    assert re.findall("sync-leads: running over (.*)", project.console_log.read_text()) == ["3 ids"]


def has_said_again(project: Project, text: str, before: int) -> bool:
    """Return whether a text is in the log more often than before."""
    return project.log_file.read_text().count(text) > before


def count_waiting(project: Project) -> int:
    """Return how many ids wait, in all jobs, as `live status` shows them."""
    code, printed, log = project.command("standpipe:live", "status", "--json")
    assert code == 0, log
    return sum(job["waiting"] for job in json.loads(printed)["jobs"].values())
