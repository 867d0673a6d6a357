"""When linked customers swap, take or drop addresses, repeated runs settle with each customer on one user."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

SIZES = st.integers(2, 5)
PERMUTATIONS = SIZES.flatmap(lambda size: st.permutations(range(size)))
#: Each customer's new address: numbers below the size are linked users' addresses, the others are not.
CHOICES = SIZES.flatmap(lambda size: st.permutations(range(2 * size)).map(lambda order: order[:size]))
IN_ONE_RUN = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def address(number: int) -> str:
    """Return a user's address with upper case and an accent, which must not matter."""
    return f"Jürgen{number}@a.example"


def start(target: Any, customer: Record, size: int) -> tuple[Any, list[str]]:
    """Start with an empty workspace and this many linked customers, and return the target and their users' ids."""
    target.workspace.sandbox.reset(customers=0)
    folders = target.directory.parent
    fresh = replace(target, directory=folders / f"reports{len(list(folders.iterdir()))}")
    users = [target.workspace.add(email=address(number)) for number in range(size)]
    fresh.run([customer(f"p{number}", address(number)) for number in range(size)])
    return fresh, users


def held(target: Any) -> dict[str, tuple[str, float]]:
    """Return link and MRR of every linked user, by Intercom's id."""
    found = {one["id"]: one["custom_attributes"] for one in target.workspace.contacts()}
    return {key: (one["cb_cust_id"], one["cb_cust_mrr"]) for key, one in found.items() if one.get("cb_cust_id")}


def assert_written_once(ran: Any) -> None:
    """Check that the run wrote no user twice."""
    assert [
        count for count in Counter(line["intercom_id"] for line in ran.lines("changes")).values() if count > 1
    ] == []


@pytest.mark.parametrize("on_moved", ["keep", "clear"])
@IN_ONE_RUN
@given(order=PERMUTATIONS)
def test_customers_who_swap_addresses(target: Any, customer: Record, on_moved: str, order: list[int]) -> None:
    """Customers who swap addresses keep their linked users, and the next run writes nothing."""
    tool, users = start(target, customer, len(order))
    records = [customer(f"p{own}", address(taken).upper(), cb_cust_mrr=100 + own) for own, taken in enumerate(order)]
    ran = tool.run(records, on_moved=on_moved)
    assert_written_once(ran)
    assert held(tool) == {user: (f"p{number}", 100.0 + number) for number, user in enumerate(users)}
    assert tool.run(records, on_moved=on_moved).summary == {
        "status": "completed",
        "records": len(order),
        "matched": len(order),
        "unchanged": len(order),
    }
    assert tool.workspace.writes() == 0


@IN_ONE_RUN
@given(choices=CHOICES, unlinked=st.integers(0, 5))
def test_customers_who_take_any_address(target: Any, customer: Record, choices: list[int], unlinked: int) -> None:
    """With `on_moved: clear`, runs settle: each customer's link and values are on exactly one user."""
    size = len(choices)
    tool, _ = start(target, customer, size)
    for number in range(size, size + unlinked):
        tool.workspace.add(email=address(number))
    records = [customer(f"p{own}", address(taken), cb_cust_mrr=100 + own) for own, taken in enumerate(choices)]
    for _ in range(size + 1):  # each run may free one user for another customer
        assert_written_once(tool.run(records, on_moved="clear"))
    assert sorted(held(tool).values()) == [(f"p{number}", 100.0 + number) for number in range(size)]
    assert tool.run(records, on_moved="clear").summary["unchanged"] == size
    assert tool.workspace.writes() == 0
