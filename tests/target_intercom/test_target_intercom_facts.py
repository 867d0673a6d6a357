"""Facts that other programs and the docs read from this target instead of keeping a copy."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from target_intercom.reporting.words import MEANINGS, REASONS, explain_outcome
from warm_commands import run_command

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """Return the facts that the command prints without settings."""
    command: list[str | Path] = [Path(sys.executable).with_name("target-intercom"), "--about", "--format=json"]
    printed = run_command(command, check=True).stdout
    found: dict[str, Any] = json.loads(printed)["facts"]
    return found


def test_the_regions_have_their_addresses(facts: dict[str, Any]) -> None:
    """The facts list each region's addresses of the API and the web application."""
    assert facts["regions"] == {
        "us": {"api_url": "https://api.intercom.io", "web_url": "https://app.intercom.com"},
        "eu": {"api_url": "https://api.eu.intercom.io", "web_url": "https://app.eu.intercom.com"},
        "au": {"api_url": "https://api.au.intercom.io", "web_url": "https://app.au.intercom.com"},
    }


def test_defaults_that_follow_from_the_prefix_are_told_too(facts: dict[str, Any]) -> None:
    """The facts list the defaults, including those that are derived from the prefix."""
    names = ("region", "owned_prefix", "link_attribute", "cancelled_when", "deleted_when", "on_match")
    assert {name: facts["defaults"][name] for name in names} == {
        "region": "us",
        "owned_prefix": "cb_",
        "link_attribute": "cb_cust_id",
        "cancelled_when": {"cb_sub_status": ["cancelled"]},
        "deleted_when": {"cb_cust_status": ["deleted"]},
        "on_match": "update_owned",
    }


def test_the_attributes_that_the_target_sets_by_itself(facts: dict[str, Any]) -> None:
    """The facts list the attributes that the target itself sets."""
    assert [(one["name"], one["data_type"]) for one in facts["attributes"]] == [
        ("cb_cust_id", "string"),
        ("cb_created_by", "boolean"),
    ]


def test_reasons_and_outcomes_come_with_words_and_remedies(facts: dict[str, Any]) -> None:
    """The facts list every reason and outcome with the words of the reports and a remedy."""
    assert facts["reasons"].keys() == REASONS.keys()
    assert facts["outcomes"].keys() == MEANINGS.keys()
    assert facts["reasons"]["no_match"] == {"text": "not known to Intercom", "remedy": "set `on_no_match` to create"}


@pytest.mark.parametrize(
    ("outcome", "reason", "words"),
    [
        ("skipped", "lead", "only a lead matches"),
        ("rejected", "parameter_invalid", "parameter_invalid"),
        ("updated", "matched", "matched, and something differed"),
        ("created", "lead", "not known to Intercom"),
    ],
)
def test_an_outcome_is_explained(outcome: str, reason: str, words: str) -> None:
    """Skips and rejects are explained by their reason, other outcomes by themselves."""
    assert explain_outcome(outcome, reason) == words


def test_the_document_has_the_same_words() -> None:
    """docs/decisions.md lists every reason with its text and its remedy."""
    lines = (ROOT / "docs/decisions.md").read_text().splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| skipped |")]
    assert {row[1].strip("`"): (row[2], row[3]) for row in rows} == {
        name: (reason.text, reason.remedy or "nothing") for name, reason in REASONS.items()
    }
