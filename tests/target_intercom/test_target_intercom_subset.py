"""A run over a subset leaves matches alone that may belong to a record outside the subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

MRR = "cb_cust_mrr"


def run_subset(target: Any, records: list[dict[str, Any]]) -> Any:
    """Run the target over a subset of the records."""
    target.is_subset = True
    ran = target.run(records)
    target.is_subset = False
    return ran


def get_values(workspace: Any, contact_id: str) -> tuple[Any, Any]:
    """Return the link and the MRR of a contact."""
    attributes = workspace.get(contact_id)["custom_attributes"]
    return attributes.get("cb_cust_id"), attributes.get(MRR)


def test_a_match_of_a_customer_outside_the_run_is_left_alone(workspace: Any, target: Any, customer: Record) -> None:
    """A match linked to a customer outside the subset is skipped, because that customer may still need it."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann", "ann@a.example")])
    records = [customer("bob", "ann@a.example", **{MRR: 7})]
    ran = run_subset(target, records)
    assert ran.summary == {"status": "completed", "records": 1, "skipped": {"linked_to_another": 1}}
    assert get_values(workspace, ann) == ("ann", 10.5)
    # In the full run, Ann has a new address and is found by her link.
    ran = target.run([customer("ann", "ann@new.example", **{MRR: 3}), *records])
    assert ran.summary["skipped"] == {"claimed": 1}
    assert get_values(workspace, ann) == ("ann", 3)


def test_over_everybody_a_link_to_nobody_is_taken(workspace: Any, target: Any, customer: Record) -> None:
    """In a full run, a contact linked to a customer that no longer exists is written."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann", "ann@a.example")])
    records = [customer("bob", "ann@a.example", **{MRR: 7})]
    assert run_subset(target, records).summary["skipped"] == {"linked_to_another": 1}
    assert target.run(records).summary["updated"] == 1
    assert get_values(workspace, ann) == ("bob", 7)


def test_the_records_own_link_wins(workspace: Any, target: Any, customer: Record) -> None:
    """A contact with the record's own link is written, even when its address matches another's contact."""
    workspace.add(email="ann@a.example")
    bob = workspace.add(email="bob@a.example")
    target.run([customer("ann", "ann@a.example"), customer("bob", "bob@a.example")])
    ran = run_subset(target, [customer("bob", "ann@a.example", **{MRR: 7})])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert get_values(workspace, bob) == ("bob", 7)


@pytest.mark.parametrize("match", [{}, {"cb_cust_id": "bob"}], ids=["linked to nobody", "linked to the record"])
def test_other_matches_are_written_as_ever(
    workspace: Any, target: Any, customer: Record, match: dict[str, str]
) -> None:
    """In a subset, a contact without a link or with the record's own is written as usual."""
    workspace.attribute("cb_cust_id", "string")
    bob = workspace.add(email="bob@a.example", custom_attributes=match)
    ran = run_subset(target, [customer("bob", "bob@a.example", **{MRR: 7})])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert get_values(workspace, bob) == ("bob", 7)


def test_the_guard_counts_over_all_runs_since_the_last_one_over_everything(
    workspace: Any, target: Any, customer: Record
) -> None:
    """A run over few records is stopped when such runs together would change too many; a full run starts anew."""
    names = [f"c{number:03}" for number in range(200)]
    for name in names:
        workspace.add(email=f"{name}@a.example")

    def build(names: list[str], mrr: int) -> list[dict[str, Any]]:
        return [customer(name, f"{name}@a.example", **{MRR: mrr}) for name in names]

    for _ in range(2):  # the second run finds them linked
        target.run(build(names, 1))
    settings = {"max_changed_share": 0.1}
    target.is_subset = True
    assert target.run(build(names[:15], 2), **settings).summary["updated"] == 15
    assert target.run(build(names[10:20], 2), **settings).summary["updated"] == 5
    with pytest.raises(FatalAPIError, match="Since the last run over everything, 21 of 200 linked records"):
        target.run(build(names[20:21], 2), **settings)
    assert target.read().figure("stopped_by") == "guard"
    assert workspace.writes() == 0
    target.is_subset = False
    assert (
        target.run(build(names[:20], 2) + build(names[20:21], 3) + build(names[21:], 1), **settings).summary["updated"]
        == 1
    )
    target.is_subset = True
    assert target.run(build(names[:20], 4), **settings).summary["updated"] == 20
