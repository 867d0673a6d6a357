"""A creation by a killed process that arrives after the next run has read its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_chartmogul.writing.late_creates import CreateGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

EMPTY = {"status": 200, "body": {"entries": [], "has_more": False, "cursor": None}}


def answers(guard: CreateGuard, count: int) -> list[bool]:
    """Return the guard's answers to this many questions."""
    return [guard.must_look_up() for _ in range(count)]


def test_the_first_twenty_creates_are_looked_up() -> None:
    """The first twenty creations of a run are looked up, however late they happen."""
    assert answers(CreateGuard(0.0, lambda: 7200.0), 25) == [True] * 20 + [False] * 5


def test_every_create_of_the_first_minute_is_looked_up() -> None:
    """All creations in the first minute are looked up; later, only the first twenty are."""
    now = 0.0
    guard = CreateGuard(0.0, lambda: now)
    assert answers(guard, 2000) == [True] * 2000
    now = 59.9
    assert answers(guard, 1) == [True]
    now = 60.0
    assert answers(guard, 1) == [False]


def test_nothing_is_looked_up_in_a_source_that_the_run_has_made() -> None:
    """Nothing is looked up in a source that this run created, because no other run has written to it."""
    guard = CreateGuard(0.0, lambda: 0.0)
    guard.source_is_new = True
    assert answers(guard, 30) == [False] * 30


def test_only_the_first_creates_are_looked_up_in_an_empty_source() -> None:
    """In an empty source only the first twenty creations are looked up."""
    guard = CreateGuard(0.0, lambda: 0.0)
    guard.source_is_empty = True
    assert answers(guard, 25) == [True] * 20 + [False] * 5


@pytest.fixture(autouse=True)
def _trusting(account: Any) -> None:
    """Let ChartMogul accept two contacts with one external id, because the vendor does not document it."""
    account.reset(chartmogul_unique_contact_external_ids=False)


def test_a_contact_that_arrives_after_the_index_was_read(
    account: Any, target: Any, lead: Record, person: Record
) -> None:
    """A contact that arrives late is found before it is created again, and then the index is read once more."""
    records = [lead("a"), *(person(f"p{number}", "a") for number in range(60))]
    target.run(records[:1])
    account.fill([], records[1:41])
    account.sandbox.fault(method="GET", path="/contacts", nth=1, effect=EMPTY)
    ran = target.run(records, max_concurrency=1)
    assert sorted(account.contacts()) == sorted(record["external_id"] for record in records[1:])
    assert len(list(account.held.contacts)) == 60
    assert (ran.summary["created"], ran.summary["unchanged"]) == (20, 41)
    looked_up = min(target.calls["GET /contacts"], 40)
    assert looked_up < 40


def test_a_customer_that_arrives_after_it_was_looked_up(account: Any, target: Any, lead: Record) -> None:
    """A single record is looked up again directly before its creation."""
    account.add("a", name="Old")
    account.sandbox.fault(method="GET", path="/customers", nth=1, effect=EMPTY)
    assert target.run([lead("a")]).summary == {"status": "completed", "records": 1, "updated": 1}
    assert "POST /customers" not in target.calls
