"""What logs and states tell about runs, and how the console shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks import explain_text, status
from standpipe_console.checks.explain import build_decision
from standpipe_console.checks.status import Status
from standpipe_console.project.dry_run import DryRun
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import State, parse_state
from standpipe_console.runs import past
from standpipe_console.runs.past import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from standpipe_console.project.plugin_facts import PluginFacts

LOG = """\
2026-11-22T01:43:11.524688Z [info     ] map-subscriptions Reader 'map-subscriptions' completed processing 419 lines
2026-11-22T01:43:12.400107Z [info     ] target-intercom status                   completed
2026-11-22T01:43:12.400484Z [info     ] target-intercom records                         58
2026-11-22T01:43:12.400690Z [info     ] target-intercom updated                         49
2026-11-22T01:43:12.400779Z [info     ] target-intercom created                          3
2026-11-22T01:43:12.400850Z [info     ] target-intercom skipped: ambiguous               2
2026-11-22T01:43:12.401016Z [info     ] target-intercom skipped: archived                1
2026-11-22T01:43:12.401458Z [info     ] target-intercom calls                           97
2026-11-22T01:43:12.401540Z [info     ] target-intercom seconds                        1.4
2026-11-22T01:43:12.401600Z [info     ] other           records                          7
""".splitlines()
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(result: str = "SUCCESS", **more: Any) -> Run:
    """Return a run."""
    return Run("id", "prod:tap-chargebee-to-target-intercom", result, NOW, 9.5, "cli", **more)


def test_a_run_is_counted_by_its_log() -> None:
    """The target's last figures count. Skips and rejects are the sums over their reasons."""
    counts = dict(past.parse_figures(LOG, "target-intercom"))
    assert counts["records"] == 58
    assert status.sum_figures(run(counts=counts)) == {
        "records": 58, "written": 52, "skipped": 3, "rejected": 0, "calls": 97,
    }  # fmt: skip
    assert set(status.sum_figures(run()).values()) == {None}


def test_a_report_tells_the_same_as_a_log() -> None:
    """The report replaces a log whose level has no figures."""
    summary = {
        "status": "completed", "records": 58, "updated": 49, "created": 3, "skipped": {"ambiguous": 2, "archived": 1},
        "streams": {"contacts": {"records": 58}}, "calls": 97, "seconds": 1.4,
    }  # fmt: skip
    assert dict(past.flatten_summary(summary)) == dict(past.parse_figures(LOG, "target-intercom"))


def test_a_failed_run_is_told_with_its_sentence(tmp_path: Path) -> None:
    """The plugin's error counts, not Meltano's line after it."""
    folder = tmp_path / "elt" / "prodtap-chargebee-to-target-intercom" / "id"
    folder.mkdir(parents=True)
    (folder / "elt.log").write_text(
        "2026-11-22T02:00:00.1Z [error    ] tap-chargebee Chargebee refuses `api_key`.\n"
        "2026-11-22T02:00:01.1Z [error    ] meltano      Run invocation could not be completed as block failed\n"
    )
    assert past.find_last_error(past.read_log(tmp_path, "id")) == "Chargebee refuses `api_key`."
    assert past.read_log(tmp_path, "gone") == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            Status(SYNC, [], None, None, killed=False),
            ["Not scheduled: run `meltano invoke standpipe:schedule install`."],
        ),
        (
            Status(SYNC, [run("RUNNING")], NOW.replace(hour=18), 7200.0, killed=True),
            [
                (
                    "Meltano lists a run as running, but no process runs: it was killed. Nothing is lost. Wait five "
                    "minutes, or start the next run with `meltano run --force sync`."
                ),
                "The last confirmed run finished reading 2 hours ago.",
                "Next run: 2026-11-22 18:00 by this machine's clock, in 360 min.",
            ],
        ),
        (
            Status(SYNC, [run("FAIL", error="Chargebee refuses `api_key`.")], None, 90.0, killed=False),
            [
                "The last run failed: Chargebee refuses `api_key`.",
                "The last confirmed run finished reading 90 seconds ago.",
                "Not scheduled: run `meltano invoke standpipe:schedule install`.",
            ],
        ),
        (
            Status(SYNC, [run()], NOW.replace(hour=18), None, killed=False, cron_runs=False),
            [
                (
                    "Scheduled, but no cron runs on this machine: start one, for example with `service cron start` or "
                    "`systemctl start cron`."
                )
            ],
        ),
        (
            Status(SYNC, [run()], None, None, killed=False, crontab_error="`crontab -l` failed (not allowed)."),
            ["`crontab -l` failed (not allowed)."],
        ),
    ],
    ids=["never ran", "killed", "failed", "no cron", "crontab fails"],
)
def test_what_there_is_to_say_of_a_pipeline(state: Status, expected: list[str]) -> None:
    """Each finding is a sentence that says what to do."""
    assert status.describe_status(state, NOW) == expected


def test_a_state_tells_its_store() -> None:
    """It also tells when the confirmed data was read. A state of another tool tells nothing."""
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
    explained = {"decision": decision, "shares_match_with": others, "sent_is": "c1"}
    assert list(explain_text.describe_decision(explained)) == expected


def test_a_write_is_told_by_what_it_replaced() -> None:
    """Fields that were empty before are only counted. Unix seconds are shown as dates."""
    changes = {
        "custom_attributes.cb_sub_next_bill_at": {"before": 1768478400, "after": 1771156800},
        "custom_attributes.cb_cust_mrr": {"before": None, "after": 9.0},
    }
    assert explain_text.describe_changes(changes) == [
        "It wrote 2 fields, of which 1 had no value before.",
        "  cb_sub_next_bill_at: 2026-01-15 12:00 -> 2026-02-15 12:00",
    ]
    assert explain_text.describe_changes({}) == ["It wrote nothing for this customer."]
