"""With external ids as match key, a user is not created when another user has the e-mail address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

SETTINGS = {"on_no_match": "create", "match_contacts_on": "external_id"}


@pytest.mark.parametrize(("others", "searches"), [(0, 0), (500, 2)], ids=["read all", "search"])
def test_a_taken_email_address_is_reported(
    workspace: Any, target: Any, customer: Record, others: int, searches: int
) -> None:
    """A customer whose address belongs to another user is skipped and that user reported; others are created."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(others))
    ann = workspace.add(email="ANN@A.EXAMPLE", external_id="1")
    bob = workspace.add(email="bob@a.example")
    twins = {workspace.add(email="eve@a.example", external_id=number) for number in ("2", "3")}
    workspace.add(email="known@a.example", external_id="known")
    workspace.add(email="free@a.example", role="lead")
    names = ("ann", "bob", "eve", "known", "free")
    ran = target.run([customer(name) for name in names], **SETTINGS)
    assert ran.summary["skipped"] == {"email_taken": 3}
    assert (ran.summary["updated"], ran.summary["created"]) == (1, 1)
    assert [row[:3] for row in ran.rows("matched") if "email_taken" in row] == [
        ["ann", "ann", ann],
        ["bob", "bob", bob],
    ]
    ((record_id, _, found, *_),) = ran.rows("ambiguous")
    assert (record_id, set(found.split())) == ("eve", twins)
    assert target.calls.get("POST /contacts/search", 0) == searches
    assert target.calls["POST /contacts"] == 1


def test_two_new_records_of_one_email_address_make_one_user(workspace: Any, target: Any, customer: Record) -> None:
    """When two unknown customers share an address, every run creates only the first."""
    records = [customer("a", "x@a.example"), customer("b", "X@a.example")]
    ran = target.run(records, **SETTINGS)
    assert ran.summary == {"status": "completed", "records": 2, "created": 1, "skipped": {"email_taken": 1}}
    ran = target.run(records, **SETTINGS)
    assert ran.summary == {
        "status": "completed",
        "records": 2,
        "matched": 1,
        "unchanged": 1,
        "skipped": {"email_taken": 1},
    }
    assert [contact["external_id"] for contact in workspace.contacts()] == ["a"]


def test_two_addresses_of_which_one_spelling_is_the_other(workspace: Any, target: Any, customer: Record) -> None:
    """A user that two searches return, because the spellings of addresses are similar, counts once."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(700))
    short, sharp = workspace.add(email="STRASSE@A.EXAMPLE"), workspace.add(email="straße@a.example")
    between = [customer(f"unknown{number}") for number in range(150)]
    ran = target.run([customer("short", "strasse@a.example"), *between, customer("sharp", "straße@a.example")])
    assert ran.summary["skipped"] == {"no_match": 150}
    assert [(row[0], row[2]) for row in ran.rows("matched")] == [("short", short), ("sharp", sharp)]
