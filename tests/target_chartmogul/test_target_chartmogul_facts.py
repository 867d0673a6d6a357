"""Facts that other programs and the docs read from this target instead of keeping a copy."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from target_chartmogul.decisions.rules import TABLE
from target_chartmogul.reporting.words import MERGE_OUTCOMES, OUTCOMES, REASONS
from target_chartmogul.writing.outcomes import KINDS_OF_OUTCOME
from warm_commands import run_command

README = Path(__file__).parents[2] / "target-chartmogul/README.md"


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """Return the facts that the command prints without settings."""
    command: list[str | Path] = [Path(sys.executable).with_name("target-chartmogul"), "--about", "--format=json"]
    printed = run_command(command, check=True).stdout
    found: dict[str, Any] = json.loads(printed)["facts"]
    return found


def list_rows(title: str) -> list[list[str]]:
    """Return the rows of the README's table whose header begins with the title."""
    lines = README.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title)) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(re.split(r" *\| *", line.strip("| ")))
    return rows


def test_the_address_and_the_defaults(facts: dict[str, Any]) -> None:
    """The facts list the address and the settings' defaults."""
    names = ("api_url", "data_source_name", "on_shared", "merge", "requests_per_second")
    assert {name: facts["defaults"][name] for name in names} == {
        "api_url": "https://api.chartmogul.com/v1",
        "data_source_name": "Intercom leads",
        "on_shared": "own_fields",
        "merge": "off",
        "requests_per_second": 40,
    }
    assert facts["api_url"] == "https://api.chartmogul.com/v1"


def test_the_fields_that_the_target_writes(facts: dict[str, Any]) -> None:
    """The facts list all fields, and for customers when a field is written to a shared customer."""
    assert {one["name"]: one["if_shared"] for one in facts["fields"]["customers"]} == {
        "name": "on_shared",
        "email": "on_shared",
        "company": "on_shared",
        "website_url": "always",
        "lead_created_at": "once",
        "free_trial_started_at": "once",
        "country": "on_shared",
        "state": "on_shared",
        "city": "on_shared",
        "zip": "on_shared",
    }
    assert facts["fields"]["contacts"][:3] == [
        {"name": "first_name", "type": "text"},
        {"name": "last_name", "type": "text"},
        {"name": "email", "type": "e-mail"},
    ]


def test_outcomes_and_reasons_come_with_words_and_remedies(facts: dict[str, Any]) -> None:
    """The facts list every outcome and reason of the decision table with words and a remedy."""
    assert set(facts["outcomes"]) == set(KINDS_OF_OUTCOME)
    assert set(facts["reasons"]) == {decision.reason for decision in TABLE.values() if decision.action == "skip"}
    assert facts["reasons"]["retained"] == {
        "text": "the customer no longer exists in its source; customers are never deleted",
        "remedy": "delete it in ChartMogul by hand",
    }


def test_the_document_has_the_same_words() -> None:
    """The README lists every outcome and reason with the same words and remedies."""
    kept = {"outcome": OUTCOMES, "reason": REASONS, "of a lead": MERGE_OUTCOMES}
    for title, meanings in kept.items():
        assert {row[0].strip("`"): (row[1], row[2]) for row in list_rows(f"| {title} |")} == {
            name: (meaning.text, meaning.remedy or "nothing") for name, meaning in meanings.items()
        }
