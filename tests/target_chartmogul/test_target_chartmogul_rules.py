"""The decision table, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_chartmogul.decisions.rules import TABLE, Decision, RecordFacts, decide

CASES: dict[str, tuple[dict[str, Any], Decision]] = {
    "new": ({}, Decision("create")),
    "known": ({"is_found": True}, Decision("update")),
    "no id": ({"has_id": False}, Decision("skip", "no_identifier")),
    "no id beside a match": ({"has_id": False, "is_found": True}, Decision("skip", "no_identifier")),
    "a later record": ({"is_superseded": True, "is_found": True}, Decision("skip", "superseded")),
    "a later record of one that is gone": ({"is_superseded": True, "is_gone": True}, Decision("skip", "superseded")),
    "a customer that is gone": ({"is_gone": True, "is_found": True}, Decision("skip", "retained")),
    "a contact that is gone": ({"is_gone": True, "is_deletable": True, "is_found": True}, Decision("delete")),
    "a contact that was never there": ({"is_gone": True, "is_deletable": True}, Decision("skip", "gone")),
    "a contact of nobody": ({"has_customer": False}, Decision("skip", "no_customer")),
    "a known contact whose customer is not": ({"has_customer": False, "is_found": True}, Decision("update")),
    "one of several in a customer": ({"is_found": True, "is_leading": False}, Decision("skip", "merged")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_record_is_decided_on(case: str) -> None:
    """Each situation leads to its decision."""
    facts, expected = CASES[case]
    assert decide(RecordFacts(**facts)) == expected


def test_every_row_of_the_table_is_tested() -> None:
    """Every decision in the table is covered by a test."""
    assert {decision for _, decision in CASES.values()} == set(TABLE.values())


FACTS = st.builds(RecordFacts, *(st.booleans() for _ in range(7)))


@given(FACTS)
def test_only_contacts_are_deleted(facts: RecordFacts) -> None:
    """A record is deleted only if it is marked as gone, found and deletable."""
    decision = decide(facts)
    assert decision.action != "delete" or (facts.is_gone and facts.is_found and facts.is_deletable)


@given(FACTS)
def test_nothing_that_is_there_is_created(facts: RecordFacts) -> None:
    """A record that was found is never created again."""
    assert decide(replace(facts, is_found=True)).action != "create"
