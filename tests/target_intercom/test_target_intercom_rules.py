"""The decision table, cell by cell, and rules that hold for all of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from target_intercom.decisions.rules import Decision, Facts, Match, Rules, decide, is_condition_met

USER, OTHER = Match("u1"), Match("u2")
LEAD, OTHER_LEAD = Match("l1", role="lead"), Match("l2", role="lead")
CLAIMED = Match("u1", is_linked_elsewhere=True)
OUTSIDE = Match("u1", is_linked_outside=True)
TAKEN_LEAD = Match("l1", role="lead", is_linked_elsewhere=True)
ARCHIVED = Match("u1", is_archived=True)
UNSEEN = Match("c1", has_no_users=True)
DOUBTFUL = Match("c1", has_no_users=True, is_possibly_duplicate=True)
ACTIVE, CANCELLED, DELETED = Facts(), Facts(is_cancelled=True), Facts(is_deleted=True)


@pytest.mark.parametrize(
    ("matches", "rules", "decision"),
    [
        ([USER], Rules(), Decision("update", "matched", USER)),
        ([USER, LEAD], Rules(on_lead="convert"), Decision("update", "matched", USER)),
        ([USER, OTHER], Rules(on_no_match="create"), Decision("skip", "ambiguous")),
        ([CLAIMED], Rules(on_no_match="create"), Decision("skip", "claimed", CLAIMED)),
        ([OUTSIDE], Rules(on_no_match="create"), Decision("skip", "linked_to_another", OUTSIDE)),
        ([ARCHIVED], Rules(on_no_match="create"), Decision("skip", "archived", ARCHIVED)),
        ([UNSEEN], Rules(), Decision("update", "no_users", UNSEEN)),
        ([DOUBTFUL], Rules(on_no_match="create"), Decision("skip", "no_users", DOUBTFUL)),
        ([], Rules(), Decision("skip", "no_match")),
        ([], Rules(on_no_match="create"), Decision("create", "no_match")),
        ([], Rules(on_lead="create"), Decision("skip", "no_match")),
        ([LEAD], Rules(), Decision("skip", "lead", LEAD)),
        ([LEAD], Rules(on_no_match="create"), Decision("skip", "lead", LEAD)),
        ([LEAD], Rules(on_lead="convert"), Decision("convert", "lead", LEAD)),
        ([LEAD], Rules(on_lead="create"), Decision("create", "lead", LEAD)),
        ([LEAD, OTHER_LEAD], Rules(), Decision("skip", "lead")),
        ([LEAD, OTHER_LEAD], Rules(on_lead="convert"), Decision("skip", "ambiguous")),
        ([LEAD, OTHER_LEAD], Rules(on_lead="create"), Decision("create", "lead")),
        ([TAKEN_LEAD], Rules(on_lead="convert"), Decision("skip", "claimed", TAKEN_LEAD)),
    ],
    ids=[
        "one user",
        "a user beside a lead",
        "two users",
        "a user linked to another record",
        "a user linked to a customer that the run does not read",
        "an archived user",
        "a company without users",
        "a company without users that may have a namesake",
        "none, skip",
        "none, create",
        "none, although leads would be created",
        "lead, skip",
        "lead, although users would be created",
        "lead, convert",
        "lead, create",
        "leads, skip",
        "leads, convert",
        "leads, create",
        "a lead linked to another record",
    ],
)  # fmt: skip
def test_what_is_found_and_the_settings_decide(matches: list[Match], rules: Rules, decision: Decision) -> None:
    """An active record is updated, created, converted or skipped as the table says."""
    assert decide(ACTIVE, matches, rules) == decision


@pytest.mark.parametrize(
    ("facts", "create_cancelled", "expected"),
    [
        (ACTIVE, False, "create"),
        (CANCELLED, False, "cancelled"),
        (CANCELLED, True, "create"),
        (DELETED, False, "deleted"),
        (DELETED, True, "deleted"),
        (Facts(is_cancelled=True, is_deleted=True), True, "deleted"),
        (Facts(can_be_created=False), True, "no_company_id"),
        (Facts(is_deleted=True, is_email_taken=True), True, "deleted"),
    ],
    ids=[
        "active",
        "cancelled",
        "cancelled wanted",
        "deleted",
        "never wanted",
        "both",
        "without id",
        "deleted and taken",
    ],
)
@pytest.mark.parametrize(
    ("matches", "rules"),
    [([], {"on_no_match": "create"}), ([LEAD], {"on_lead": "create"}), ([LEAD], {"on_lead": "convert"})],
    ids=["nobody", "beside a lead", "out of a lead"],
)
def test_who_is_made_a_user(
    facts: Facts, expected: str, matches: list[Match], rules: dict[str, Any], *, create_cancelled: bool
) -> None:
    """A cancelled customer is created only with `create_cancelled`, a deleted one never."""
    decision = decide(facts, matches, Rules(**rules, create_cancelled=create_cancelled))
    wish = rules.get("on_lead", "create")
    assert (decision.action, decision.reason) == (
        (wish, "lead" if matches else "no_match") if expected == "create" else ("skip", expected)
    )


@pytest.mark.parametrize(
    ("matches", "rules", "decision"),
    [
        ([], Rules(on_no_match="create"), Decision("skip", "email_taken")),
        ([], Rules(), Decision("skip", "no_match")),
        ([LEAD], Rules(on_lead="create"), Decision("skip", "email_taken", LEAD)),
        ([LEAD], Rules(on_lead="convert"), Decision("convert", "lead", LEAD)),
        ([USER], Rules(on_no_match="create"), Decision("update", "matched", USER)),
    ],
    ids=["create", "skip", "create beside a lead", "convert", "known by its id"],
)
def test_a_taken_email_address_stands_in_the_way_of_a_creation(
    matches: list[Match], rules: Rules, decision: Decision
) -> None:
    """A taken address prevents only a creation, and no other decision."""
    assert decide(Facts(is_email_taken=True), matches, rules) == decision


@pytest.mark.parametrize("facts", [CANCELLED, DELETED], ids=["cancelled", "deleted"])
def test_a_match_is_updated_whatever_the_record_is(facts: Facts) -> None:
    """An existing user is updated even when its customer is cancelled or deleted."""
    assert decide(facts, [USER], Rules()) == Decision("update", "matched", USER)


@pytest.mark.parametrize(
    ("facts", "matches", "decision"),
    [
        (Facts(has_match_value=False), [], Decision("skip", "no_identifier")),
        (Facts(is_superseded=True), [USER], Decision("skip", "superseded", USER)),
        (Facts(is_match_taken=True), [USER], Decision("skip", "claimed", USER)),
        (Facts(is_match_taken=True), [], Decision("skip", "claimed")),
        (Facts(is_match_taken=True), [LEAD], Decision("skip", "claimed", LEAD)),
        (Facts(is_match_taken=True), [LEAD, OTHER_LEAD], Decision("skip", "claimed")),
    ],
    ids=["no identifier", "superseded", "match taken", "place taken", "lead taken", "place beside leads taken"],
)
def test_a_record_that_may_not_write(facts: Facts, matches: list[Match], decision: Decision) -> None:
    """A record without identifier, superseded, or whose match is taken is skipped with any settings."""
    for rules in (Rules(), Rules("create", "create", create_cancelled=True), Rules("create", "convert")):
        assert decide(facts, matches, rules) == decision


@pytest.mark.parametrize(
    ("match", "rules", "decision"),
    [
        (USER, Rules(), Decision("update", "matched", USER)),
        (LEAD, Rules(on_lead="convert"), Decision("convert", "lead", LEAD)),
        (LEAD, Rules(on_lead="create"), Decision("skip", "no_identifier", LEAD)),
        (CLAIMED, Rules(), Decision("skip", "claimed", CLAIMED)),
    ],
    ids=["user", "lead", "a user beside a lead", "linked to another record"],
)
def test_a_record_without_identifier_has_its_link(match: Match, rules: Rules, decision: Decision) -> None:
    """A record without identifier is written to the match of its link, and never created."""
    assert decide(Facts(has_match_value=False), [match], rules) == decision


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"cb_sub_status": ["cancelled"]}, True),
        ({"cb_sub_status": ["active", "in_trial"]}, False),
        ({"cb_sub_status": ["cancelled"], "plan": ["gold"]}, True),
        ({"cb_sub_status": ["cancelled"], "plan": ["silver"]}, False),
        ({"missing": ["cancelled"]}, False),
        ({"missing": [None]}, True),
        ({}, False),
    ],
    ids=[
        "one value",
        "none of the values",
        "attribute and field",
        "not all",
        "missing",
        "missing is null",
        "no condition",
    ],
)
def test_a_condition_is_about_every_field_it_names(condition: dict[str, list[str]], *, expected: bool) -> None:
    """A condition holds when all its fields have one of its values; an empty condition never holds."""
    record: dict[str, Any] = {"plan": "gold", "custom_attributes": {"cb_sub_status": "cancelled"}}
    assert is_condition_met(condition, record["custom_attributes"], record) is expected


MATCHES = st.lists(
    st.builds(
        Match,
        id=st.sampled_from(["a", "b", "c"]),
        role=st.sampled_from(["user", "lead"]),
        is_linked_elsewhere=st.booleans(),
        is_archived=st.booleans(),
        has_no_users=st.booleans(),
        is_possibly_duplicate=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda match: match.id,
)
FACTS = st.builds(Facts, *(st.booleans() for _ in range(7)))
RULES = st.builds(
    Rules,
    on_no_match=st.sampled_from(["skip", "create"]),
    on_lead=st.sampled_from(["skip", "convert", "create"]),
    create_cancelled=st.booleans(),
)


@given(FACTS, MATCHES, RULES)
@example(Facts(), [Match("a", role="lead", is_possibly_duplicate=True)], Rules(on_lead="convert"))
def test_the_table_is_complete_and_never_guesses(facts: Facts, matches: list[Match], rules: Rules) -> None:
    """Every combination has a decision, and a write goes only to a single, free and live match."""
    decision = decide(facts, matches, rules)
    users = [match for match in matches if match.role == "user"]
    if decision.action in {"update", "convert"}:
        assert decision.match is not None
        assert not decision.match.is_linked_elsewhere
        assert not decision.match.is_archived
        assert not decision.match.is_possibly_duplicate
        assert [match for match in matches if match.role == decision.match.role] == [decision.match]
    if decision.action == "create":
        assert not users
        assert facts.can_be_created
        assert not facts.is_email_taken
        assert "create" in {rules.on_no_match, rules.on_lead}
        assert facts.has_match_value
    if decision.action != "skip":
        assert not facts.is_superseded
        assert not facts.is_match_taken
