"""What logs and states tell about runs, and how the console shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks import explain_text, status
from standpipe_console.checks.explain import build_decision
from standpipe_console.checks.status import Status
from standpipe_console.history import PauseRow, RunRow, open_history
from standpipe_console.history.figures import sum_figures
from standpipe_console.project.dry_run import DryRun
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import State, parse_state
from standpipe_console.runs.log_errors import find_last_error
from standpipe_console.schedules import schedules

from tests.history.conftest import JournalFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.project.meltano import Project
    from standpipe_console.project.plugin_facts import PluginFacts

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(status: str = "completed", reason: str = "", **counts: Any) -> RunRow:
    """Make a run that started two hours ago."""
    return RunRow(
        run_id="r",
        plugin="target-intercom",
        job="sync",
        environment="prod",
        trigger="schedule",
        mode="sync",
        is_subset=False,
        started_at=NOW.timestamp() - 7200,
        ended_at=NOW.timestamp() - 7190.5,
        status=status,
        exit_code=0,
        reason=reason,
        counts=counts,
        plugin_version="0.1.0",
    )


def test_a_run_is_counted_by_its_summary() -> None:
    """Skips and rejects are added up over their reasons; a run whose target never counted has no figures."""
    counts = {"records": 58, "updated": 49, "created": 3, "skipped": {"ambiguous": 2, "archived": 1}, "calls": 97}
    assert sum_figures(counts) == {"records": 58, "written": 52, "skipped": 3, "rejected": 0, "calls": 97}
    assert sum_figures(counts, "validate")["written"] is None
    assert set(sum_figures({}).values()) == {None}


def test_a_failed_run_has_its_sentence() -> None:
    """The sentence is the plugin's last error, not the line that Meltano adds after it."""
    log = [
        "2026-11-22T02:00:00.1Z [error    ] tap-chargebee Chargebee refuses `api_key`.",
        "2026-11-22T02:00:01.1Z [error    ] meltano      Run invocation could not be completed as block failed",
    ]
    assert find_last_error(log) == "Chargebee refuses `api_key`."
    assert find_last_error([]) == ""


def test_a_plugin_that_does_not_start_says_why_itself() -> None:
    """What Meltano adds is its command and a part of the log; it is shown only where the plugin said nothing."""
    time = "2026-12-01T03:15:54.863643Z [error    ]"
    meltano = [
        f"{time} meltano      Cannot start plugin tap-intercom: Catalog discovery failed: command ['/srv/tap']",
        '{"level":"error","message":"Intercom refused the token in the setting `access_token`."}',
        f"{time} meltano      Block run completed",
    ]
    plugin = f"{time} tap-intercom Intercom refused the token in the setting `access_token`."
    assert find_last_error([plugin, *meltano]) == "Intercom refused the token in the setting `access_token`."
    assert find_last_error(meltano).startswith("Cannot start plugin tap-intercom: ")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Status(SYNC, [], None, None), ["Not scheduled: run `meltano invoke standpipe:schedule install`."]),
        (
            Status(SYNC, [run("killed", "The run was killed.")], NOW.replace(hour=18), 7200.0),
            [
                (
                    "The last run was killed. Nothing is lost. Start the next one with `standpipe run sync`; a bare "
                    "`meltano run` has to wait five minutes, or needs `--force`."
                ),
                "The last good full run started 2 hours ago.",
                "Next run: 2026-11-22 18:00 by this machine's clock, in 360 min.",
            ],
        ),
        (
            Status(SYNC, [run("failed", "Chargebee refuses `api_key`.")], None, 90.0),
            [
                "The last run failed: Chargebee refuses `api_key`.",
                "The last good full run started 90 seconds ago.",
                "Not scheduled: run `meltano invoke standpipe:schedule install`.",
            ],
        ),
        (
            Status(SYNC, [run("not_started", "sync was not started: it was told to stop.")], None, None),
            [
                "sync was not started: it was told to stop.",
                "Not scheduled: run `meltano invoke standpipe:schedule install`.",
            ],
        ),
        (
            Status(SYNC, [run()], None, None, pause=PauseRow("sync", NOW.timestamp() - 180, "r was undone.", "r")),
            [
                "Paused 3 minutes ago: r was undone. To continue: `standpipe resume sync`.",
                "Not scheduled: run `meltano invoke standpipe:schedule install`.",
            ],
        ),
        (
            Status(SYNC, [run()], NOW.replace(hour=18), None, cron_runs=False),
            [
                (
                    "Scheduled, but no cron runs on this machine: start one, for example with `service cron start` or "
                    "`systemctl start cron`."
                )
            ],
        ),
        (
            Status(SYNC, [run()], None, None, crontab_error="`crontab -l` failed (not allowed)."),
            ["`crontab -l` failed (not allowed)."],
        ),
    ],
    ids=["never ran", "killed", "failed", "not started", "paused", "no cron", "crontab fails"],
)
def test_what_there_is_to_say_of_a_pipeline(state: Status, expected: list[str]) -> None:
    """Each finding is a sentence that says what to do."""
    assert status.describe_status(state, NOW) == expected


def test_a_state_tells_its_store() -> None:
    """A state also says when the confirmed data was read. A state of another tool says nothing."""
    value = {
        "singer_state": {"bookmarks": {"_map": {"store": "s", "gen": 4}, "_sync": {"completed_at": 1768478400999}}}
    }
    assert parse_state("prod:a-to-b", value) == State("prod:a-to-b", "s", 4, 1768478400)
    assert parse_state("prod:a-to-b", {}) == State("prod:a-to-b", None, 0, None)


@pytest.mark.parametrize(
    ("table", "line", "others", "expected"),
    [
        (
            "matched",
            {
                "value": "a@b.example",
                "intercom_id": "63da",
                "outcome": "updated",
                "reason": "matched",
                "fields": "cb_cust_mrr",
            },
            [],
            [
                "Match value: a@b.example",
                "Found in Intercom: 63da",
                "Decision: updated (matched, and something differed)",
                "It would write: cb_cust_mrr",
            ],
        ),
        (
            "ambiguous",
            {"value": "a@b.example", "intercom_ids": "1 2", "outcome": "skipped", "reason": "ambiguous", "fields": ""},
            ["c2"],
            [
                "It shares its match value with c2: one record is sent, that of c1.",
                "Match value: a@b.example",
                "Found in Intercom: 1, 2",
                "Decision: skipped (several match)",
                "To change that: merge or correct them in Intercom",
            ],
        ),
        (
            "unmatched",
            {"value": "", "outcome": "skipped", "reason": "no_identifier"},
            [],
            [
                "Match value: none",
                "Found in Intercom: no record",
                "Decision: skipped (the record has no value to match by)",
                "To change that: fill the field in the source",
            ],
        ),
        (
            "matched",
            {"value": "a@b.example", "intercom_id": "63da", "outcome": "rejected", "reason": "parameter_invalid"},
            [],
            ["Match value: a@b.example", "Found in Intercom: 63da", "Decision: rejected (parameter_invalid)"],
        ),
    ],
    ids=["one", "several, and shared", "none", "in Intercom's words"],
)
def test_a_decision_is_told_in_sentences(
    table: str,
    line: dict[str, str],
    others: list[str],
    expected: list[str],
    facts_of: Callable[[str], PluginFacts],
) -> None:
    """They name the match value, the contacts found, the outcome and the reason, in the target's words."""
    decision = build_decision(DryRun([], {table: [{"id": "c1", **line}]}), "c1", facts_of("target-intercom"))
    explained = {"decision": decision, "shares_match_with": others, "sent_is": "c1", "left_out": None}
    assert list(explain_text.describe_decision(explained)) == expected


def test_a_write_is_told_by_what_it_replaced() -> None:
    """Fields that were empty before are only counted. Unix seconds are shown as dates."""
    changes = {
        "custom_attributes.cb_sub_next_bill_at": {"before": 1768478400, "after": 1771156800},
        "custom_attributes.cb_cust_mrr": {"before": None, "after": 9.0},
    }
    assert explain_text.describe_changes(changes) == [
        "  It wrote 2 fields, of which 1 had no value before.",
        "    cb_sub_next_bill_at: 2026-01-15 12:00 -> 2026-02-15 12:00",
    ]


MELTANO = """#!/bin/sh
echo "$*" >> {root}/calls
cat {root}/schedules
"""


def test_status_asks_meltano_for_the_schedules_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """And for nothing while the crontab has no line of the project: what ran is in the history."""
    script = project.system_dir / "run/bin"
    script.parent.mkdir(parents=True)
    script.write_text(MELTANO.format(root=project.root))
    script.chmod(0o755)
    schedule = {"name": "sync-every-6h", "job": {"name": "sync"}, "cron_interval": "0 */6 * * *"}
    (project.root / "schedules").write_text(json.dumps({"schedules": {"job": [schedule]}}))
    calls = project.root / "calls"
    monkeypatch.setenv("CRONTAB_TABLE", str(project.root / "crontab"))
    journal = JournalFile(project.system_dir / "standpipe", "r1", at=NOW.timestamp() - 90)
    journal.end()
    with open_history(project) as history:
        found = status.read_status(history, project, SYNC, NOW)
        assert (found.next_run, found.state_age, [run.run_id for run in found.runs]) == (None, 90, ["r1"])
        assert not calls.exists()
        schedules.write_lines(project, {"sync-every-6h": "0 */6 * * * standpipe schedule run sync-every-6h"})
        assert status.read_status(history, project, SYNC, NOW).next_run == NOW.replace(hour=18)
    assert len(calls.read_text().splitlines()) == 1
