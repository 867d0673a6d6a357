"""The table that decides, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_chartmogul.decisions.rules import TABLE, Candidate, Decision, decide

CASES: dict[str, tuple[dict[str, Any], Decision]] = {
    "new": ({}, Decision("create")),
    "known": ({"found": True}, Decision("update")),
    "no id": ({"identified": False}, Decision("skip", "no_identifier")),
    "no id beside a match": ({"identified": False, "found": True}, Decision("skip", "no_identifier")),
    "a later record": ({"superseded": True, "found": True}, Decision("skip", "superseded")),
    "a later record of one that is gone": ({"superseded": True, "deleted": True}, Decision("skip", "superseded")),
    "a customer that is gone": ({"deleted": True, "found": True}, Decision("skip", "retained")),
    "a contact that is gone": ({"deleted": True, "deletable": True, "found": True}, Decision("delete")),
    "a contact that was never there": ({"deleted": True, "deletable": True}, Decision("skip", "gone")),
    "a contact of nobody": ({"placeable": False}, Decision("skip", "no_customer")),
    "a known contact whose customer is not": ({"placeable": False, "found": True}, Decision("update")),
    "one of several in a customer": ({"found": True, "speaks": False}, Decision("skip", "merged")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_record_is_decided_on(case: str) -> None:
    """Every situation has one decision."""
    facts, expected = CASES[case]
    assert decide(Candidate(**facts)) == expected


def test_every_row_of_the_table_is_tested() -> None:
    """No decision of the table is left untried."""
    assert {decision for _, decision in CASES.values()} == set(TABLE.values())


CANDIDATES = st.builds(Candidate, *(st.booleans() for _ in range(7)))


@given(CANDIDATES)
def test_only_contacts_are_deleted(candidate: Candidate) -> None:
    """Whatever else is so, nothing is deleted that is not marked, found and deletable."""
    decision = decide(candidate)
    assert decision.action != "delete" or (candidate.deleted and candidate.found and candidate.deletable)


@given(CANDIDATES)
def test_nothing_that_is_there_is_created(candidate: Candidate) -> None:
    """A record that was found is never created again."""
    assert decide(replace(candidate, found=True)).action != "create"
