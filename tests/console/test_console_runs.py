"""What logs and states tell of runs, and how a person is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_console.checks import explain_text, runs, status
from standpipe_console.checks.runs import Run
from standpipe_console.checks.status import Status
from standpipe_console.project.pipelines import SYNC
from standpipe_console.project.stores import State

if TYPE_CHECKING:
    from pathlib import Path

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
    """A run."""
    return Run("id", "prod:tap-chargebee-to-target-intercom", result, NOW, 9.5, "cli", **more)


def test_a_run_is_counted_by_its_log() -> None:
    """What the target told last, and nobody else; skips and rejects are added up over their reasons."""
    counts = dict(runs.figures(LOG, "target-intercom"))
    assert counts["records"] == 58
    assert status.totals(run(counts=counts)) == {
        "records": 58, "written": 52, "skipped": 3, "rejected": 0, "calls": 97,
    }  # fmt: skip
    assert set(status.totals(run()).values()) == {None}


def test_a_report_tells_the_same_as_a_log() -> None:
    """When the log was kept at a level that has no figures."""
    summary = {
        "status": "completed", "records": 58, "updated": 49, "created": 3, "skipped": {"ambiguous": 2, "archived": 1},
        "streams": {"contacts": {"records": 58}}, "calls": 97, "seconds": 1.4,
    }  # fmt: skip
    assert dict(runs.flat(summary)) == dict(runs.figures(LOG, "target-intercom"))


def test_a_failed_run_is_told_with_its_sentence(tmp_path: Path) -> None:
    """Not with what Meltano says after it."""
    folder = tmp_path / "elt" / "prodtap-chargebee-to-target-intercom" / "id"
    folder.mkdir(parents=True)
    (folder / "elt.log").write_text(
        "2026-11-22T02:00:00.1Z [error    ] tap-chargebee Chargebee refuses `api_key`.\n"
        "2026-11-22T02:00:01.1Z [error    ] meltano      Run invocation could not be completed as block failed\n"
    )
    assert runs.last_error(runs.log_of(tmp_path, "id")) == "Chargebee refuses `api_key`."
    assert runs.log_of(tmp_path, "gone") == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            Status(SYNC, [], None, None, killed=False),
            ["Not scheduled: `meltano invoke standpipe:schedule install`."],
        ),
        (
            Status(SYNC, [run("RUNNING")], NOW.replace(hour=18), 7200.0, killed=True),
            [
                (
                    "Meltano has a run down as running, but no process of it is there: it was killed. Nothing is lost: "
                    "wait five minutes, or start the next one with `meltano run --force sync`."
                ),
                "What was read last was complete 2 hours ago.",
                "Next run: 2026-11-22 18:00 by this machine's clock, in 360 min.",
            ],
        ),
        (
            Status(SYNC, [run("FAIL", error="Chargebee refuses `api_key`.")], None, 90.0, killed=False),
            [
                "The last run failed: Chargebee refuses `api_key`.",
                "What was read last was complete 90 seconds ago.",
                "Not scheduled: `meltano invoke standpipe:schedule install`.",
            ],
        ),
        (
            Status(SYNC, [run()], NOW.replace(hour=18), None, killed=False, cron_runs=False),
            [
                (
                    "Scheduled, but no cron runs on this machine, so nothing starts it: start one, such as with "
                    "`service cron start` or `systemctl start cron`."
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
    """In sentences, with what to do."""
    assert status.sentences(state, NOW) == expected


def test_a_state_tells_its_store() -> None:
    """And when what it confirms was read; one of another tool's tells nothing."""
    value = {
        "singer_state": {"bookmarks": {"_map": {"store": "s", "gen": 4}, "_sync": {"completed_at": 1768478400999}}}
    }
    assert State.of("prod:a-to-b", value) == State("prod:a-to-b", "s", 4, 1768478400)
    assert State.of("prod:a-to-b", {}) == State("prod:a-to-b", None, 0, None)


DECIDED = {"match_value": "a@b.example", "intercom_ids": ["63da"], "outcome": "updated", "reason": "matched"}


@pytest.mark.parametrize(
    ("decided", "others", "expected"),
    [
        (
            {**DECIDED, "fields": ["cb_cust_mrr"]},
            [],
            [
                "Matched by: a@b.example",
                "Found in Intercom: 63da",
                "Decision: updated, because it is the one match, and something differs.",
                "It would write: cb_cust_mrr",
            ],
        ),
        (
            {**DECIDED, "intercom_ids": ["1", "2"], "outcome": "skipped", "reason": "ambiguous", "fields": []},
            ["c2"],
            [
                "It shares its match value with c2: one record is sent, that of c1.",
                "Matched by: a@b.example",
                "Found in Intercom: 1, 2",
                "Decision: skipped, because several records match, and none is guessed.",
            ],
        ),
        (
            {"match_value": "", "intercom_ids": [], "outcome": "skipped", "reason": "no_identifier", "fields": []},
            [],
            [
                "Matched by: nothing, as it has no value",
                "Found in Intercom: nobody",
                "Decision: skipped, because the customer has no value to match by.",
            ],
        ),
    ],
    ids=["one", "several, and shared", "none"],
)
def test_a_decision_is_told_in_sentences(decided: dict[str, Any], others: list[str], expected: list[str]) -> None:
    """What it was matched by, what was found, what follows and why."""
    explained = {"decision": decided, "shares_match_with": others, "sent_is": "c1"}
    assert list(explain_text.decision(explained)) == expected


def test_a_write_is_told_by_what_it_replaced() -> None:
    """What was empty before is a number; dates are read as dates, on either side."""
    changes = {
        "custom_attributes.cb_sub_next_bill_at": {"before": 1768478400, "after": 1771156800},
        "custom_attributes.cb_cust_mrr": {"before": None, "after": 9.0},
    }
    assert explain_text.written(changes) == [
        "It wrote 2 fields, of which 1 had no value before.",
        "  cb_sub_next_bill_at: 2026-01-15 12:00 -> 2026-02-15 12:00",
    ]
    assert explain_text.written({}) == ["It wrote nothing for this customer."]
