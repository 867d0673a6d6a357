"""What status and doctor say about live."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks.findings import Finding
from standpipe_console.checks.live_checks import check_live, list_live_sentences, read_live, select_live
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
from standpipe_console.live.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.meltano import Project

#: No process has this number.
NOBODY = 2**22 + 1
STOPPED = Finding("live", "note", "live is stopped: changes wait for the schedule", "standpipe live")


@pytest.fixture
def inbox(project: Project) -> Iterator[Inbox]:
    """Yield the inbox of a project that uses live."""
    inbox = Inbox(read_settings(project).inbox_url)
    yield inbox
    inbox.close()


def note_process(inbox: Inbox, pid: int) -> None:
    """Note a process of live in the inbox."""
    inbox.write_fact("live", {"pid": pid, "started_at": time.time() - 7200})


def test_a_project_without_live_hears_nothing_of_it(project: Project) -> None:
    """Neither status nor doctor has a line about live, and no inbox is made."""
    assert read_live(project) is None
    assert select_live(None, "sync") is None
    assert list_live_sentences(None) == []
    assert list(check_live(project)) == []
    assert not project.system_dir.exists()


def test_status_says_what_waits_and_for_how_long(project: Project, inbox: Inbox) -> None:
    """The sentences and the JSON have the ids that wait, the last run with its lag, and why nothing runs."""
    note_process(inbox, os.getpid())
    now = time.time()
    inbox.add(
        [Ring("chargebee", "ev_1", "customer_changed", frozenset([Target("sync", Subject.CUSTOMER, "c1")]))], now - 90
    )
    run = {
        "started_at": now - 300,
        "ended_at": now - 296,
        "code": 0,
        "plain": False,
        "ids": 2,
        "reason": "",
        "lag": 9.0,
    }
    inbox.write_fact("sync.last_run", run)
    inbox.write_fact("sync.blocked", "A guard stopped the last run.")
    live = read_live(project)
    assert list_live_sentences(live) == [
        "Live is running.",
        "The last event came 90 seconds ago.",
        "sync: 1 ids wait, the oldest for 90 s.",
        "sync: runs for single ids do not start. A guard stopped the last run.",
        "sync: the last run over 2 ids took 4 s and ended 4 minutes ago, 9 s after the first of its changes.",
        "sync-leads: nothing waits.",
    ]
    of_sync = select_live(live, "sync")
    assert of_sync is not None
    assert (of_sync["running"], of_sync["waiting"], of_sync["blocked"]) == (True, 1, "A guard stopped the last run.")
    assert of_sync["last_run"] == run


CURRENT = {
    "under way": ({}, ["sync: a run over 3 ids is under way; it started 7 seconds ago."]),
    "one id": ({"ids": 1}, ["sync: a run over 1 id is under way; it started 7 seconds ago."]),
    "over everything": ({"plain": True}, ["sync: a full run is under way; it started 7 seconds ago."]),
    "behind a scheduled run": (
        {"started": None},
        ["sync: a run over 3 ids was due 9 seconds ago, and waits for another run of the job to end."],
    ),
    "of a live that was killed": ({"asked": 99}, []),
}


@pytest.mark.parametrize(("run", "expected"), CURRENT.values(), ids=CURRENT.keys())
def test_status_says_which_run_is_under_way(
    project: Project, inbox: Inbox, run: dict[str, Any], expected: list[str]
) -> None:
    """Status shows the start of the current run and the number of its ids, or that it waits for another run."""
    now = time.time()
    inbox.write_fact("live", {"pid": os.getpid(), "started_at": now - 60})
    asked, started = run.get("asked", 9), run.get("started", 7)
    note = {"asked_at": now - asked - 0.3, "started_at": started and now - started - 0.3}
    inbox.write_fact("sync.run", note | {"plain": run.get("plain", False), "ids": run.get("ids", 3)})
    lines = list_live_sentences(read_live(project))
    assert [line for line in lines if line.startswith("sync: a ")] == expected


def test_doctor_says_whether_live_runs(project: Project, inbox: Inbox) -> None:
    """A process that is gone is a failure, and one that was stopped on purpose is a note."""
    assert list(check_live(project)) == [STOPPED]
    note_process(inbox, NOBODY)
    gone = Finding("live", "fail", "live's process is gone: changes wait for the schedule", "standpipe live")
    assert list(check_live(project)) == [gone]
    note_process(inbox, os.getpid())
    assert list(check_live(project)) == [Finding("live", "pass", "live runs; nothing waits")]
    inbox.write_fact("live", {"pid": NOBODY, "host": "another.example", "started_at": time.time() - 7200})
    assert list(check_live(project)) == [Finding("live", "pass", "live runs; nothing waits")]
    inbox.write_fact("sync.blocked", "It has never had a full run.")
    inbox.write_fact("poll", {"at": time.time(), "error": "no route", "failing_since": time.time()})
    assert [(one.result, one.what) for one in check_live(project)] == [
        ("pass", "live runs; nothing waits"),
        ("fail", "sync: runs for single ids do not start. It has never had a full run."),
        ("fail", "Chargebee's events cannot be read: no route"),
    ]


def test_doctor_reaches_the_receiver(project: Project, inbox: Inbox, sink: Any) -> None:
    """Doctor asks the receiver for its health, and reports a bad answer or none."""
    note_process(inbox, os.getpid())
    port = int(sink.url.rpartition(":")[2])
    inbox.write_fact("receiver", {"host": "0.0.0.0", "port": port})  # noqa: S104 an address that live may listen on
    assert [(one.result, one.what) for one in check_live(project)][1:] == [
        ("pass", f"the receiver at {sink.url} answers")
    ]
    assert sink.paths == ["/healthz"]
    sink.mode = "down"
    what = f"the receiver at {sink.url} says that changes do not start runs"
    assert list(check_live(project))[1:] == [Finding("live", "fail", what, "standpipe live status")]
    inbox.write_fact("receiver", {"host": "127.0.0.1", "port": 9})
    assert [one.what for one in check_live(project)][1:] == ["the receiver at http://127.0.0.1:9 does not answer"]


def test_a_wrong_setting_of_live_is_one_sentence(project: Project) -> None:
    """Status and doctor report the settings with which live would refuse to start."""
    project.dotenv.set_value("LIVE_POLL_SECONDS", "soon")
    sentence = "LIVE_POLL_SECONDS must be a number of at least 1, but is `soon`."
    assert list_live_sentences(read_live(project)) == [f"Live: {sentence}"]
    assert select_live(read_live(project), "sync") == {"error": sentence}
    assert list(check_live(project)) == [Finding("live", "fail", sentence, "correct this, and run doctor again")]
