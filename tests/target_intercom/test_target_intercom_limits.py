"""Limits that stop a run: alarming changes and too many rejects."""

from __future__ import annotations

from collections import Counter

import pytest
from target_intercom._kit.limits import RejectLimit
from target_intercom.decisions.change_guard import ChangeGuard, EarlierChanges, is_alarming
from target_intercom.records.payloads import Change
from target_intercom.records.write_options import WriteOptions

OPTIONS = WriteOptions({})


@pytest.mark.parametrize(
    ("linked", "alarming", "stops"),
    [(199, 199, False), (200, 100, False), (200, 101, True), (1000, 501, True), (0, 0, False)],
)
def test_the_guard_stops_above_its_share(linked: int, alarming: int, *, stops: bool) -> None:
    """The guard stops a run when more than half of at least 200 linked records would change alarmingly."""
    guard = ChangeGuard(0.5)
    for number in range(linked):
        guard.count_linked(alarming=number < alarming)
    assert (guard.find_stop_reason() is not None) is stops


def test_the_guard_says_what_to_do() -> None:
    """The guard's sentence has the numbers, says that nothing was written, and names both settings."""
    guard = ChangeGuard(0.25, linked=400, alarming=101)
    assert guard.find_stop_reason() == (
        "101 of 400 linked records would change MRR or status or lose a value, more than `max_changed_share` (25%) "
        "permits: nothing was written; see them with `mode: validate`, and set `accept_changes` to true for one run if "
        "they are right."
    )


def test_runs_over_some_records_count_together() -> None:
    """A record counts once, whichever of the runs changed it; a full run resets the count."""
    plain = ChangeGuard(0.5, linked=200, alarming=100)
    earlier = plain.describe_changes("contacts")
    assert earlier == EarlierChanges("contacts", 200)
    stopped = []
    for first in (0, 30, 60, 70):
        guard = ChangeGuard(0.5, earlier=earlier)
        for number in range(first, first + 40):
            guard.count_linked(f"c{number:03}", alarming=True)
        stopped.append(guard.find_stop_reason())
        earlier = guard.describe_changes("contacts")
    assert stopped == [
        None,
        None,
        None,
        (
            "Since the last full run, 110 of 200 linked records would have changed MRR or status or lost a "
            "value, more than `max_changed_share` (50%) permits: nothing was written. If that is right, start a full "
            "run."
        ),
    ]
    assert earlier.ids == tuple(f"c{number:03}" for number in range(110))


@pytest.mark.parametrize(
    ("field", "change", "alarming"),
    [
        ("custom_attributes.cb_cust_mrr", Change(10, 20), True),
        ("custom_attributes.cb_sub_status", Change("active", "cancelled"), True),
        ("custom_attributes.cb_sub_plan_name", Change("gold", "silver"), False),
        ("custom_attributes.cb_sub_plan_name", Change("gold", None), True),
        ("custom_attributes.cb_cust_mrr", Change(None, 20), False),
        ("custom_attributes.account_status", Change("a", "b"), False),
        ("name", Change("Ann", "Anna"), False),
    ],
    ids=["mrr", "status", "another value", "lost value", "first value", "not owned", "standard field"],
)
def test_what_alarms(field: str, change: Change, *, alarming: bool) -> None:
    """A changed MRR or status and a lost value of an owned attribute count as alarming; a first value does not."""
    assert is_alarming({field: change}, OPTIONS) is alarming


@pytest.mark.parametrize(
    ("maximum", "attempts", "refused", "stops"),
    [
        (None, 1000, 100, False),
        (None, 1000, 101, True),
        (None, 4000, 200, False),
        (None, 4000, 201, True),
        (3, 1000, 3, False),
        (3, 1000, 4, True),
        (0, 1, 1, True),
    ],
)
def test_too_many_refusals_stop_the_run(maximum: int | None, attempts: int, refused: int, *, stops: bool) -> None:
    """By default 5 % rejects, and at least 100, are accepted; a number in `max_rejects` is the limit itself."""
    limit = RejectLimit(maximum)
    for number in range(attempts):
        limit.count_attempt("parameter_invalid" if number >= attempts - refused else None)
    assert (limit.find_stop_reason() is not None) is stops


def test_earlier_refusals_count_against_a_number() -> None:
    """Records rejected before any call count for a numeric `max_rejects`, but not for the default share."""
    assert RejectLimit(3, earlier=2, attempts=9, reasons=Counter(a=2)).find_stop_reason() == (
        "4 of 11 records were refused, more than `max_rejects` permits (3): the reasons are in rejects.jsonl in "
        "`report_dir`, and no STATE was written."
    )
    assert RejectLimit(None, earlier=150, attempts=1000, reasons=Counter(a=100)).find_stop_reason() is None


@pytest.mark.parametrize(
    ("reasons", "stops"),
    [
        (["a"] * 50, True),
        (["a"] * 49, False),
        (["a"] * 49 + ["b"], False),
        ([None] + ["a"] * 49, False),
        (["a"] * 60, True),
    ],
    ids=["fifty", "forty-nine", "two reasons", "one went well", "sixty"],
)
def test_fifty_first_refusals_for_one_reason_stop_the_run(reasons: list[str | None], *, stops: bool) -> None:
    """When the first fifty tries are all refused for one reason, the run stops."""
    limit = RejectLimit()
    for reason in reasons:
        limit.count_attempt(reason)
    assert (limit.find_stop_reason() is not None) is stops
