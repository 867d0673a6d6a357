"""Live's trouble is reported after ten minutes in which live could work but did not."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.alerts.check import check_alerts
from standpipe_console.alerts.conditions import LiveTrouble
from standpipe_console.alerts.live_trouble import Moment, judge_live
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.settings import read_settings

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

NOON = 43_200.0
LIVE = {"live": {"pid": 1, "started_at": NOON - 7200}}
GONE = {"live": {"pid": 2, "started_at": NOON - 7200}}


def fail(minutes: float, attempt: float | None = None) -> dict[str, Any]:
    """Return runs that have failed for this many minutes, and an attempt that began this many minutes ago."""
    since, attempt_at = NOON - minutes * 60, None if attempt is None else NOON - attempt * 60
    return {"{job}.trouble": {"since": since, "reason": "no answer", "attempt_at": attempt_at}}


def poll(minutes: float, error: str = "") -> dict[str, Any]:
    """Return polls of the events that have failed for this many minutes, or the last good one."""
    at = NOON - minutes * 60
    return {"poll": {"at": NOON if error else at, "error": error, "failing_since": at if error else None}}


@pytest.mark.parametrize(
    ("facts", "trouble"),
    [
        ({}, None),
        ({**fail(20)}, None),
        (LIVE, None),
        ({**LIVE, **fail(9)}, None),
        ({**LIVE, **fail(11)}, LiveTrouble(NOON - 660, "no answer")),
        ({**LIVE, **fail(70, attempt=61)}, None),
        ({**LIVE, **fail(70, attempt=1)}, LiveTrouble(NOON - 4200, "no answer")),
        ({**LIVE, **poll(9, "no route")}, None),
        (
            {**LIVE, **poll(11, "no route")},
            LiveTrouble(NOON - 660, "Chargebee's events cannot be read: no route", is_run=False),
        ),
        ({**GONE, **poll(9)}, None),
        (
            {**GONE, **poll(30)},
            LiveTrouble(NOON - 1800, "its process is gone: start `standpipe live` again", is_run=False),
        ),
    ],
    ids=[
        "never started",
        "stopped on purpose",
        "works",
        "fails for a moment",
        "fails for long",
        "waits behind another run",
        "tries again",
        "events fail for a moment",
        "events fail for long",
        "its process has just gone",
        "its process is gone",
    ],
)
def test_trouble_is_told_after_ten_minutes(facts: dict[str, Any], trouble: LiveTrouble | None) -> None:
    """Trouble is reported after ten minutes, but not while live is stopped on purpose or an attempt is in progress."""
    assert judge_live(facts, Moment(NOON, 600), reads_events=True, is_alive=lambda pid: pid == 1) == trouble


def test_the_leads_do_not_wait_for_chargebees_events() -> None:
    """A failure to read Chargebee's events is no trouble of the leads, which come from Intercom's webhooks."""
    facts = {**LIVE, **poll(60, "no route")}
    assert judge_live(facts, Moment(NOON, 600), reads_events=False, is_alive=lambda _: True) is None


def test_what_live_notes_arrives_as_an_alert(alerting: Project, sink: Any, past: Any) -> None:
    """Another process reads the trouble, and later its end, from live's inbox."""
    past.add()
    inbox = Inbox(read_settings(alerting).inbox_url)
    inbox.write_fact("live", {"pid": os.getpid(), "started_at": time.time() - 7200})
    inbox.write_fact("sync.trouble", {"since": time.time() - 1200, "reason": "no answer", "attempt_at": None})
    check_alerts(alerting)
    check_alerts(alerting)
    inbox.write_fact("sync.trouble", None)
    check_alerts(alerting)
    inbox.close()
    assert [one["title"] for one in sink.messages] == [
        "Standpipe: live is stuck on the billing sync",
        "Standpipe: live works again on the billing sync",
    ]


def test_a_project_without_live_gets_no_inbox(alerting: Project, past: Any) -> None:
    """A check for trouble creates no inbox."""
    past.add()
    check_alerts(alerting)
    assert not (alerting.system_dir / "standpipe/inbox.sqlite").exists()
