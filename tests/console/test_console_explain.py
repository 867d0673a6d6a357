"""What `explain` reads from Intercom and from the last run's reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from standpipe_console.checks import explain, explain_text
from standpipe_console.project.dry_run import DryRun

from tests.history.conftest import START, JournalFile, change

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.testing import RunningSandbox
    from standpipe_console.project.meltano import Project
    from standpipe_console.project.plugin_facts import PluginFacts


def test_a_contact_that_names_a_company_is_read_as_a_contact(
    sandbox: RunningSandbox,
    project: Project,
    of_plugins: dict[str, dict[str, Any]],
    facts_of: Callable[[str], PluginFacts],
) -> None:
    """With `company_id_field` contacts have a company id too, so the report's line decides which kind to read."""
    project.set_settings("target-intercom", of_plugins["target-intercom"])
    project.set_facts("target-intercom", facts_of("target-intercom"))
    headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
    body = {"role": "user", "email": "explained@a.example"}
    made = requests.post(f"{sandbox.intercom_url}/contacts", json=body, headers=headers, timeout=30).json()["id"]
    record = {"customer_id": "ann", "email": "explained@a.example", "company_id": "acme"}
    line = {"id": "ann", "intercom_id": made, "stream": "contacts"}
    held = explain.fetch_intercom_record(project, DryRun([record], {"matched": [line]}), "ann")
    assert (held["id"], held["email"]) == (made, "explained@a.example")


REPORTS = {
    "matched": "id,outcome,reason\nann,updated,matched\n",
    "unmatched": "id,outcome,reason\nbob,created,no_match\n",
    "ambiguous": "id,outcome,reason\ncid,skipped,ambiguous\n",
    "not_reached": "id,outcome,reason\ndan,not_reached,updated\n",
    "not_sent": 'id,reason,instead_of,because\neve,shares_match_value,ann,"shares its e-mail with ann, which is sent"\n'
    "fay,left_out,,left out by the filter\n",
    "unfit": "id,field,reason\nann,cb_seats,not a whole number\nann,cb_tier,not an option\n",
    "moved": "id,was_on,outcome\neve,123,keeps its values\n",
}
NOTHING: dict[str, Any] = {"unfit": {}, "moved": []}


@pytest.mark.parametrize(
    ("customer_id", "sent", "told", "sentences"),
    [
        (
            "ann",
            "ann",
            {
                "outcome": "updated",
                "reason": "matched",
                "unfit": {"cb_seats": "not a whole number", "cb_tier": "not an option"},
                "moved": [],
            },
            [
                "The last run ended at noon: updated (matched)",
                "It could not write cb_seats: not a whole number",
                "It could not write cb_tier: not an option",
            ],
        ),
        (
            "bob",
            "bob",
            {"outcome": "created", "reason": "no_match", **NOTHING},
            ["The last run ended at noon: created (no_match)"],
        ),
        (
            "dan",
            "dan",
            {"outcome": "not_reached", "reason": "updated", **NOTHING},
            ["The last run ended at noon: not reached (updated)"],
        ),
        (
            "eve",
            "ann",
            {
                "outcome": "not_sent",
                "reason": "shares its e-mail with ann, which is sent",
                "instead": {"customer_id": "ann", "outcome": "updated", "reason": "matched"},
                **NOTHING,
                "moved": [{"was_on": ["123"], "outcome": "keeps its values"}],
            },
            [
                "The last run ended at noon: not sent (shares its e-mail with ann, which is sent)",
                "ann, which was sent instead: updated (matched)",
                "It was on 123 before: keeps its values",
            ],
        ),
        (
            "fay",
            "",
            {"outcome": "not_sent", "reason": "left out by the filter", **NOTHING},
            ["The last run ended at noon: not sent (left out by the filter)"],
        ),
        (
            "new",
            "cid",
            {"outcome": "skipped", "reason": "ambiguous", **NOTHING},
            ["The last run ended at noon: skipped (ambiguous)"],
        ),
        (
            "new",
            "new",
            NOTHING,
            ["The last run ended at noon: the record was not in it"],
        ),
    ],
    ids=["written", "created", "not reached", "not sent", "left out", "sent is another", "in no list"],
)
def test_what_the_last_run_did_for_a_customer(
    tmp_path: Path, customer_id: str, sent: str, told: dict[str, Any], sentences: list[str]
) -> None:
    """`explain` tells the customer's outcome from any of the reports."""
    for name, text in REPORTS.items():
        (tmp_path / f"{name}.csv").write_text(text)
    assert explain.read_reports(tmp_path, customer_id, sent) == told
    assert list(explain_text.describe_last_run({"ended": "noon", **told})) == sentences


def test_reports_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    """A report that an earlier version did not write counts as empty."""
    (tmp_path / "matched.csv").write_text(REPORTS["matched"])
    assert explain.read_reports(tmp_path, "ann", "ann") == {"outcome": "updated", "reason": "matched", **NOTHING}


def test_what_runs_did_with_a_customer(project: Project, facts_of: Callable[[str], PluginFacts]) -> None:
    """`explain` shows what the history has of the customer, the latest run first, field by field."""
    folder = project.system_dir / "standpipe"
    for number, kind in enumerate(["updated", "rejected"]):
        journal = JournalFile(folder, f"{number}" * 32, at=START + 3600 * number)
        journal.write("ann", kind, "bad phone" if kind == "rejected" else "", fields=change("cb_cust_mrr", 1, 2))
        journal.end()
    project.set_facts("target-intercom", facts_of("target-intercom"))
    runs = explain.read_runs(project, "ann")
    assert list(explain_text.describe_runs(runs)) == [
        "2025-11-30 18:00, run 11111111: rejected (bad phone)",
        "2025-11-30 17:00, run 00000000: updated (matched, and something differed)",
        "  It wrote 1 fields, of which 0 had no value before.",
        "    cb_cust_mrr: 1 -> 2",
    ]
    assert runs[1]["wrote"] == [
        {
            "action": "update",
            "intercom_id": "remote-ann",
            "fields": {"custom_attributes.cb_cust_mrr": {"before": 1, "after": 2}},
        }
    ]
    assert explain.read_runs(project, "eve") == []


def test_the_moments_of_a_contact() -> None:
    """Each data event is a line with its name, or else Chargebee's id, its outcome and its reason."""
    moments = [
        {"at": "2026-01-15T12:00:00+00:00", "run_id": "8f2c1234ab", "event": "charged", "chargebee_event_id": "ev_1",
         "outcome": "sent", "reason": ""},
        {"at": "2026-01-15T12:00:00+00:00", "run_id": "8f2c1234ab", "event": "", "chargebee_event_id": "ev_2",
         "outcome": "rejected", "reason": "parameter_invalid"},
    ]  # fmt: skip
    assert [line.partition(", ")[2] for line in explain_text.describe_moments(moments)] == [
        "run 8f2c1234: event charged sent",
        "run 8f2c1234: event ev_2 rejected (parameter_invalid)",
    ]


def test_the_moments_of_a_contact_are_in_the_history(project: Project) -> None:
    """`explain` finds the data events of the matched contact, and none when several match."""
    journal = JournalFile(project.system_dir / "standpipe", "8f2c" * 8, at=START)
    fields = {"event_name": {"before": None, "after": "charged"}, "created_at": {"before": None, "after": 1}}
    journal.write("ev_1", "sent", stream="events", action="send", fields=fields)
    journal.end()
    assert explain.read_moments(project, ["remote-ev_1"]) == [
        {
            "at": "2025-11-30T17:00:02+00:00",
            "run_id": "8f2c" * 8,
            "event": "charged",
            "chargebee_event_id": "ev_1",
            "outcome": "sent",
            "reason": "",
        }
    ]
    assert explain.read_moments(project, ["remote-ev_1", "other"]) == []


def test_a_customer_that_the_filter_leaves_out(facts_of: Callable[[str], PluginFacts]) -> None:
    """`explain` says that `only_customers` leaves a customer out, with the expression and what to do."""
    found = {
        "customer_id": "ann",
        "group": [{"customer_id": "ann", "is_sent": False, "reason": "left_out"}],
        "only_customers": "sub_status == 'active'",
    }
    left_out = explain.describe_filter(found, lambda: facts_of("map-subscriptions"))
    assert left_out == {
        "reason": "left_out",
        "because": "left out by `only_customers`",
        "remedy": "change `only_customers` if the customer should take part",
        "only_customers": "sub_status == 'active'",
    }
    decision = {"outcome": None}
    explained: dict[str, Any] = {"decision": decision, "sent_is": None, "left_out": left_out, "shares_match_with": []}
    assert list(explain_text.describe_decision(explained)) == [
        "Not sent: left out by `only_customers` (sub_status == 'active').",
        "To change that: change `only_customers` if the customer should take part",
        "Nothing is sent for it.",
    ]


def test_a_customer_that_takes_part_is_not_left_out(facts_of: Callable[[str], PluginFacts]) -> None:
    """Who is sent, or shares a match value, is not left out by the filter."""
    for reason in (None, "shares_match_value"):
        found = {"customer_id": "ann", "group": [{"customer_id": "ann", "is_sent": True, "reason": reason}]}
        assert explain.describe_filter(found, lambda: facts_of("map-subscriptions")) == {}


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (28500, "EUR", "285.00 EUR"),
        (123456789, "USD", "1,234,567.89 USD"),
        (4350, "JPY", "4,350 JPY"),
        (4350, "KWD", "43.50 KWD"),
        (-5, "EUR", "-0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (900, None, "9.00"),
    ],
)
def test_an_amount_of_chargebee_is_shown_in_the_major_unit(minor: int, currency: str | None, shown: str) -> None:
    """The map's setting names the currencies without a minor unit; all others are in hundredths."""
    assert explain_text.format_money(minor, currency, ["JPY"]) == shown
