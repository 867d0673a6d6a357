"""The first page: the pipelines, their last runs, and what needs attention."""

from __future__ import annotations

import re
import sys
import time
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from standpipe_console.alerts.delays import Timetable
from standpipe_console.history.tables import SCHEMA_VERSION
from standpipe_console.page import overview
from target_intercom.decisions.change_guard import ChangeGuard

from tests.history.conftest import JournalFile
from tests.page.conftest import NOW

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

    from tests.page.conftest import Page

SUMMARY = {
    "records": 57,
    "updated": 40,
    "unchanged": 14,
    "created": 2,
    "skipped": {"ambiguous": 1},
    "rejected": {},
    "not_sent": {"shares_match_value": 3},
    "calls": 61,
}


def write_run(project: Project, status: str = "completed", reason: str = "", **values: Any) -> None:
    """Write the journal of a run of the main job, with these figures in its last line."""
    stopped_by = values.pop("stopped_by", "")
    journal = JournalFile(project.system_dir / "standpipe", "run-1", at=NOW - 7200)
    journal.add("end", status=status, stopped_by=stopped_by, error=reason, summary=SUMMARY | values)
    journal.leave()


def read_text(html: str) -> str:
    """Return the readable text of a page, without tags and double spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_a_project_without_keys_says_how_to_begin(page: Page) -> None:
    """The page shows the one command that somebody has to run."""
    (page.project.root / ".env").unlink()
    assert "No pipeline is set up yet." in read_text(page.get("/").text)


def test_a_run_that_went_well(page: Page) -> None:
    """The table of outcomes adds up."""
    write_run(page.project)
    text = read_text(page.get("/").text)
    assert "Chargebee to Intercom not scheduled It runs only when somebody starts it." in text
    assert "Last run today 09:00 , took 1.0 s See the run" in text
    assert (
        "56 of 60 customers show in Intercom what Chargebee said today 09:00 . The table says why the others do not."
    ) in text
    assert (
        "Customers Became Because What to do "
        "40 customers: updated updated matched, and something differed \N{EN DASH} "
        "2 customers: created created not known to Intercom \N{EN DASH} "
        "14 customers: unchanged unchanged matched, and nothing differed \N{EN DASH} "
        "1 customers: skipped skipped several match merge or correct them in Intercom "
        "3 customers: not sent not sent another customer has the same match value and is sent instead \N{EN DASH} "
        "60 in all, with 61 calls to Intercom"
    ) in text


def test_each_count_leads_to_the_list_of_its_records(page: Page) -> None:
    """A count leads to the run if that lists all of these records, else to the rejects or to the validation."""
    journal = JournalFile(page.project.system_dir / "standpipe", "run-1", at=NOW - 7200)
    journal.write("ann")
    journal.pass_over("bob", "skipped", "ambiguous")
    journal.write("cid", "rejected", "too long")
    journal.end(summary={"records": 7, "updated": 1, "unchanged": 2, "skipped": {"ambiguous": 3},
                         "rejected": {"too long": 2}})  # fmt: skip
    html = page.get("/").text
    table = html[html.index('class="stack outcomes"') : html.index("</table>")]
    assert re.findall(r'<a href="([^"]+)">(\d+)', unescape(table)) == [
        ("/run?id=run-1&kind=updated#records", "1"),
        ("/validation?kind=unchanged#records", "2"),
        ("/validation?kind=skipped&reason=ambiguous#records", "3"),
        ("/rejects", "2"),
    ]


def test_after_an_undo_nobody_says_that_the_values_are_right(page: Page) -> None:
    """After an undo, the overview does not say that the system shows the source's values, until the next run."""
    write_run(page.project)
    undo = JournalFile(page.project.system_dir / "standpipe", "run-2", at=NOW - 3600, mode="undo")
    undo.end()
    assert "what Chargebee said" not in read_text(page.get("/").text)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "",
            (
                "When a run fails, nobody is notified: "
                "to send a message to e-mail, Slack or Teams, set ALERT_URLS in .env ."
            ),
        ),
        ("ALERT_URLS=json://127.0.0.1:9", "When a run fails, the addresses in ALERT_URLS are notified."),
    ],
    ids=["no alerts", "alerts"],
)
def test_the_page_says_who_is_told(page: Page, line: str, sentence: str) -> None:
    """The first page says whether anybody is notified of failures."""
    with (page.project.root / ".env").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert sentence in read_text(page.get("/").text)


@pytest.mark.parametrize(
    ("run", "sentences"),
    [
        (
            {"status": "failed", "reason": "Intercom refused the token"},
            ["The last run failed 1 hour ago: Intercom refused the token", "Press Sync now"],
        ),
        (
            {"status": "failed", "reason": "412 of 500 records would change", "stopped_by": "guard"},
            ["412 of 500 records would change", "Look at Validation"],
        ),
        ({"rejected": {"Email is invalid": 3}}, ["some records were refused", "Rejects lists them"]),
    ],
    ids=["failed", "guarded", "partly refused"],
)
def test_what_needs_attention_comes_first_with_its_remedy(
    page: Page, run: dict[str, Any], sentences: list[str]
) -> None:
    """The page begins with what needs attention, in sentences that say what to do."""
    write_run(page.project, **run)
    text = read_text(page.get("/").text)
    attention = text[text.index("What needs attention") : text.index("Last run")]
    assert [sentence for sentence in sentences if sentence not in attention] == []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("failed", "Live starts no runs until this is settled."),
        ("completed", "Live starts no runs. The last run failed: 412 of 500 records would change. Press Sync now."),
    ],
)
def test_live_that_waits_does_not_repeat_why(
    page: Page, monkeypatch: pytest.MonkeyPatch, status: str, sentence: str
) -> None:
    """Beside a run that failed it says so in one sentence; else it says why, without the place of a log."""
    blocked = "The last run failed: 412 of 500 records would change.; its log is /srv/x.log"
    live = {"running": True, "jobs": {"sync": {"waiting": 3, "blocked": blocked}}}
    monkeypatch.setattr(overview, "describe_live", lambda _: live)
    write_run(page.project, status=status, reason="Intercom refused the token" if status == "failed" else "")
    assert f"Chargebee to Intercom: {sentence}" in read_text(page.get("/").text)


def test_a_guarded_run_gives_one_consistent_advice(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guarded run is told with its numbers, no advice says to sync again, and what was left waits for approval."""
    guard = ChangeGuard(0.1)
    for number in range(455):
        guard.count_linked(alarming=number < 76)
    live = {"running": True, "jobs": {"sync": {"waiting": 12, "blocked": "The last full run of sync failed."}}}
    monkeypatch.setattr(overview, "describe_live", lambda _: live)
    reason = guard.find_stop_reason() or ""
    write_run(page.project, "failed", reason, stopped_by="guard", records=455, updated=0, created=0, unchanged=379,
              skipped={}, not_reached=76, not_sent={})  # fmt: skip
    text = read_text(page.get("/").text)
    assert (
        "The run of today 09:00 would have changed the MRR or status of, or emptied a field for, 76 of 455 customers "
        "(17 %). The limit is 10 %, so it wrote nothing. Look at Validation: if the changes are right, set "
        "accept_changes for one run; else correct what is wrong in the source. Validation "
    ) in text
    assert (
        "76 customers: not reached not reached waiting for approval: too much would have changed at once "
        "Look at Validation: if the changes are right"
    ) in text
    assert "Waiting for live 12, until the changes are approved" in text
    assert "Press Sync now" not in text


def test_a_guard_that_stopped_live_is_not_answered_with_a_sync(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full run would change the same records, so the advice is to look at them first."""
    write_run(page.project)
    subset = JournalFile(page.project.system_dir / "standpipe", "run-2", at=NOW - 60, trigger="live", is_subset=True)
    subset.add("end", status="failed", stopped_by="guard", error="Too many changes.", summary={})
    subset.leave()
    blocked = "Too many records changed since the last full run of sync: live waits for the next one."
    live = {"running": True, "jobs": {"sync": {"waiting": 3, "blocked": blocked}}}
    monkeypatch.setattr(overview, "describe_live", lambda _: live)
    text = read_text(page.get("/").text)
    assert f"Live starts no runs. {blocked} Look at Validation: if the changes are right" in text
    assert "Waiting for live 3, until the changes are approved" in text
    assert "Press Sync now" not in text


@pytest.mark.parametrize(
    ("timetable", "shown"),
    [
        (Timetable(("*/30 * * * *",), ("*/30 * * * *",)), "Next run today 11:30 missed: today 09:30"),
        (Timetable(("0 */6 * * *",), ("0 */6 * * *",)), "Next run today 12:00 Waiting"),
        (
            Timetable(("*/30 * * * *",), ("*/30 * * * *",), has_cron=False),
            "Next run none: no cron runs on this machine missed: today 09:30",
        ),
        (Timetable(), "Next run not scheduled Waiting"),
    ],
    ids=["missed", "not yet due", "no cron", "no schedule"],
)
def test_the_next_run_is_one_that_will_come(
    page: Page, monkeypatch: pytest.MonkeyPatch, timetable: Timetable, shown: str
) -> None:
    """Without a cron there is no next run, and a time that passed without a run is said."""
    monkeypatch.setattr(overview, "read_timetable", lambda *_: timetable)
    write_run(page.project)
    assert shown in read_text(page.get("/").text)


def test_a_page_that_is_older_than_the_history_says_to_restart_it(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update, whatever fails has one explanation and one remedy; before, an error is its own."""
    page.get("/")

    def fail(*_: object) -> None:
        raise AttributeError

    monkeypatch.setattr(overview, "build_panel", fail)
    assert "The page could not be created" in read_text(page.get("/").text)
    with page.site.history.open().database.write() as connection:
        connection.execute(sa.insert(SCHEMA_VERSION).values(version=99, since=NOW))
    assert (
        "Standpipe was updated while this page was running. Ask the person who installed it to restart the page."
    ) in read_text(page.get("/").text)


HOSTILE = "<script>alert(1)</script>\"'&\u202e" + "W" * 300


def test_text_of_others_is_never_markup(page: Page) -> None:
    """A reason may hold a customer's own name."""
    write_run(page.project, "failed", HOSTILE, skipped={HOSTILE: 1})
    html = page.get("/").text
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in html


def test_sync_now_starts_the_command_of_the_schedule(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form starts `standpipe run sync`, and the page of the action shows how it ended."""
    command = page.project.root / "bin/standpipe"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "$STANDPIPE_TRIGGER: $*"\nexit 3\n')
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(command.with_name("python")))
    answer = page.post("/actions/sync", job="sync")
    assert answer.status_code == 303
    (action,) = page.site.actions.list_recent()
    assert action.ended.wait(30)
    text = read_text(page.get(answer.headers["location"]).text)
    assert f"page: --project {page.project.root} --environment prod run sync" in text
    assert "failed after" in text


def test_an_action_under_way_is_shown_and_not_started_twice(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page reloads itself by a header until the user stops that, and shows what the run has logged."""
    command = page.project.root / "bin/standpipe"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\nwhile [ ! -e stop ]; do sleep 0.05; done\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(command.with_name("python")))
    page.clock.now = time.time()
    first, second = page.post("/actions/sync", job="sync"), page.post("/actions/sync", job="sync")
    assert first.headers["location"] == second.headers["location"]
    log = page.project.root / "logs/sync/2026-01-01T00-00-00Z.log"
    log.parent.mkdir(parents=True)
    log.write_text("2026-01-01T00:00:00Z [info     ] target-intercom                Written contacts: 25 of 100\n")
    page.clock.now += 10
    answer = page.get(first.headers["location"])
    text = read_text(answer.text)
    assert answer.headers["refresh"] == "2"
    assert "Written contacts 25 100 25 %" in text
    assert "About 30 s left for this step." in text
    assert "refresh" not in page.get(f"{first.headers['location']}&still=1").headers
    (page.project.root / "stop").touch()
    (action,) = page.site.actions.list_recent()
    assert action.ended.wait(30)
    assert "refresh" not in page.get(first.headers["location"]).headers


@pytest.mark.parametrize("job", ["trial", "nothing", "", "sync; rm -rf"])
def test_only_known_jobs_are_started(page: Page, job: str) -> None:
    """A form that was changed starts nothing."""
    assert page.post("/actions/sync", job=job).status_code == 500
    assert page.site.actions.list_recent() == []
