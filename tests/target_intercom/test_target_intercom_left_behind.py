"""Customers that are no longer sent: users that still have their link are listed as moved, or cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

SEARCH, LIST = "POST /contacts/search", "GET /contacts"


def not_sent(customer_id: str, reason: str = "shares_match_value", instead_of: str | None = "bob") -> dict[str, Any]:
    """Return a record of the stream `not_sent`."""
    return {"customer_id": customer_id, "reason": reason, "instead_of": instead_of}


@pytest.fixture(params=[0, 500], ids=["read all", "search"])
def crowd(request: pytest.FixtureRequest, workspace: Any) -> int:
    """Fill the workspace so that the target reads all contacts, or searches them."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(request.param))
    return int(request.param)


@pytest.mark.parametrize("mode", ["sync", "validate"])
@pytest.mark.parametrize("reason", ["shares_match_value", "replaced"])
def test_who_is_no_longer_sent_is_listed(  # noqa: PLR0913, PLR0917 - three fixtures, the mode and the reason
    workspace: Any, target: Any, customer: Record, crowd: int, mode: str, reason: str
) -> None:
    """When another customer is sent instead of a linked one, the old user is found by one search and listed."""
    ann, bob = workspace.add(email="ann@a.example"), workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    target.not_sent = [not_sent("ann", reason)]
    ran = target.run([customer("bob")], mode=mode)
    assert ran.summary == {
        "status": "completed",
        "records": 1,
        "matched": 1,
        "unchanged": 1,
        "moved": 1,
        "not_sent": {reason: 1},
    }
    assert ran.dicts("moved", "id", "intercom_id", "was_on", "stream", "outcome") == [
        {"id": "ann", "intercom_id": bob, "was_on": ann, "stream": "contacts", "outcome": "keeps its values"}
    ]
    assert (target.calls.get(SEARCH, 0), workspace.writes()) == (2 if crowd else 0, 0)


@pytest.mark.usefixtures("crowd")
def test_who_is_no_longer_sent_is_cleared(workspace: Any, target: Any, customer: Record) -> None:
    """With `on_moved: clear`, its user loses the own values and the link in one call; a validation says so first."""
    ann, bob = workspace.add(email="ann@a.example"), workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    target.not_sent = [not_sent("ann")]
    ran = target.run([customer("bob")], on_moved="clear", mode="validate")
    assert (ran.summary["moved_cleared"], ran.summary.get("moved"), workspace.writes()) == (1, None, 0)
    assert ran.dicts("moved", "id", "was_on", "outcome") == [
        {"id": "ann", "was_on": ann, "outcome": "would be cleared"}
    ]
    ran = target.run([customer("bob")], on_moved="clear")
    assert (ran.summary["moved_cleared"], ran.summary.get("moved"), workspace.writes()) == (1, None, 1)
    assert ran.dicts("moved", "id", "was_on", "outcome") == [{"id": "ann", "was_on": ann, "outcome": "cleared"}]
    assert ran.lines("changes") == [
        {
            "stream": "contacts",
            "id": "ann",
            "intercom_id": ann,
            "outcome": "cleared",
            "fields": {
                "custom_attributes.cb_cust_id": {"before": "ann", "after": None},
                "custom_attributes.cb_cust_mrr": {"before": 10.5, "after": None},
            },
        }
    ]
    held = [workspace.get(one)["custom_attributes"] for one in (ann, bob)]
    assert [(one.get("cb_cust_id"), one.get("cb_cust_mrr")) for one in held] == [(None, None), ("bob", 10.5)]
    ran = target.run([customer("bob")], on_moved="clear")
    assert (ran.rows("moved"), workspace.writes()) == ([], 0)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("on_moved", ["keep", "clear"])
def test_a_user_that_another_customer_takes_over(workspace: Any, target: Any, customer: Record, on_moved: str) -> None:
    """When the customer that is sent instead writes to the same user, nothing is left to clear."""
    shared = workspace.add(email="shared@a.example")
    target.run([customer("ann", "shared@a.example")])
    target.not_sent = [not_sent("ann")]
    ran = target.run([customer("bob", "shared@a.example")], on_moved=on_moved)
    assert (ran.rows("moved"), workspace.writes()) == ([], 1)
    assert workspace.get(shared)["custom_attributes"]["cb_cust_id"] == "bob"


@pytest.mark.usefixtures("crowd")
def test_it_is_listed_until_the_link_is_gone(workspace: Any, target: Any, customer: Record) -> None:
    """The line stays in the list, even in runs that do not mention the customer, until the link is cleared."""
    ann = workspace.add(email="ann@a.example")
    workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    target.not_sent = [not_sent("ann")]
    target.run([customer("bob")])
    target.not_sent = []
    assert target.run([customer("bob")]).summary["moved"] == 1
    target.not_sent = [not_sent("ann")]
    assert target.run([customer("bob")]).summary["moved"] == 1
    workspace.call("PUT", f"/contacts/{ann}", {"custom_attributes": {"cb_cust_id": None}})
    assert target.run([customer("bob")]).rows("moved") == []


@pytest.mark.usefixtures("crowd")
def test_who_is_sent_again_is_listed_no_more(workspace: Any, target: Any, customer: Record) -> None:
    """A customer that is sent again is written to its user and leaves the list."""
    ann = workspace.add(email="ann@a.example")
    workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    target.not_sent = [not_sent("ann")]
    assert target.run([customer("bob")]).summary["moved"] == 1
    target.not_sent = []
    ran = target.run([customer("ann", cb_cust_mrr=7), customer("bob")])
    assert ran.rows("moved") == []
    assert workspace.get(ann)["custom_attributes"]["cb_cust_mrr"] == 7


def test_a_company_that_is_no_longer_sent_is_cleared(workspace: Any, target: Any, company: Record) -> None:
    """Companies are listed and cleared as well, with one call to clear."""
    acme = workspace.add_company(company_id="acme")
    workspace.add_company(company_id="bob")
    target.run([company("acme"), company("bob")])
    before = target.calls
    target.not_sent = [not_sent("acme")]
    ran = target.run([company("bob")], on_moved="clear")
    assert ran.dicts("moved", "id", "was_on", "stream", "outcome") == [
        {"id": "acme", "was_on": acme, "stream": "companies", "outcome": "cleared"}
    ]
    assert workspace.company(acme)["custom_attributes"].get("cb_cust_id") is None
    assert target.calls.get("PUT /companies/{id}") == 1
    assert target.calls.get("GET /companies/scroll") == before["GET /companies/scroll"]


@pytest.mark.parametrize(
    ("rows", "searches"),
    [
        ([], 1),
        ([not_sent(f"c{number}") for number in range(120)], 2),
        ([not_sent(f"c{number}") for number in range(121)], 3),
        ([not_sent("ann", "left_out", None)], 1),
        ([not_sent("ann", "unknown")], 1),
        ([not_sent("bob")], 1),
        ([{"customer_id": None, "reason": "replaced"}, {"customer_id": "", "reason": "replaced"}], 1),
    ],
    ids=["none", "a page", "more than a page", "left out", "unknown reason", "sent as well", "no id"],
)
def test_calls_for_what_is_not_sent(
    workspace: Any, target: Any, customer: Record, rows: list[dict[str, Any]], searches: int
) -> None:
    """Links are searched for 120 per call, and only for customers that another one replaced."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(1000))
    workspace.add(email="bob@a.example")
    target.run([customer("bob")])
    target.not_sent = rows
    target.run([customer("bob")])
    assert target.calls.get(SEARCH, 0) == searches


def test_many_that_are_not_sent_are_found_by_reading_all(workspace: Any, target: Any, customer: Record) -> None:
    """When searches for links would cost more calls, all contacts are read instead."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(299))
    workspace.add(email="bob@a.example")
    target.run([customer("bob")])
    target.not_sent = [not_sent(f"c{number}") for number in range(121)]
    target.run([customer("bob")])
    assert (target.calls.get(SEARCH, 0), target.calls[LIST]) == (0, 2)


@pytest.mark.usefixtures("crowd")
def test_clearing_many_is_no_alarming_change(workspace: Any, target: Any, customer: Record) -> None:
    """Users cleared because their customers are not sent do not count for `max_changed_share`."""
    names = [f"c{number}" for number in range(250)]
    workspace.fill({"email": f"{name}@a.example"} for name in names)
    target.run([customer(name) for name in names])
    target.not_sent = [not_sent(name) for name in names[200:]]
    ran = target.run([customer(name) for name in names[:200]], on_moved="clear", max_changed_share=0)
    assert (ran.summary["unchanged"], ran.summary["moved_cleared"]) == (200, 50)


def test_a_user_that_cannot_be_cleared_stays_listed(workspace: Any, target: Any, customer: Record) -> None:
    """When Intercom refuses to clear a user, the list says why, and the others are written."""
    ann, bob = workspace.add(email="ann@a.example"), workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    error = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "no"}]}
    workspace.sandbox.fault(method="PUT", path=f"/contacts/{ann}", effect={"status": 400, "body": error})
    target.not_sent = [not_sent("ann")]
    ran = target.run([customer("bob", cb_cust_mrr=7)], on_moved="clear")
    workspace.sandbox.clear_faults()
    assert ran.dicts("moved", "id", "outcome") == [{"id": "ann", "outcome": "not cleared: parameter_invalid"}]
    assert workspace.get(bob)["custom_attributes"]["cb_cust_mrr"] == 7


def test_links_that_cannot_be_searched_for_forget_nothing(workspace: Any, target: Any, customer: Record) -> None:
    """When Intercom refuses the search for a link, the customer's remembered line stays."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(500))
    workspace.add(email="ann@a.example")
    workspace.add(email="bob@a.example")
    target.run([customer("ann"), customer("bob")])
    target.not_sent = [not_sent("ann")]
    assert target.run([customer("bob")]).summary["moved"] == 1
    error = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "no"}]}
    workspace.sandbox.fault(method="POST", path="/contacts/search", nth=2, effect={"status": 400, "body": error})
    ran = target.run([customer("bob")])
    workspace.sandbox.clear_faults()
    assert ran.summary["moved"] == 1


def test_a_kill_between_two_clears_loses_nothing(workspace: Any, target: Any, customer: Record) -> None:
    """The lines are stored before the first clear, so that after a kill the next run clears the rest."""
    names = ["ann", "cid"]
    ids = [workspace.add(email=f"{name}@a.example") for name in (*names, "bob")]
    target.run([customer(name) for name in (*names, "bob")])
    target.not_sent = [not_sent(name) for name in names]
    workspace.sandbox.fault(method="PUT", nth=2, effect={"delay": 20})
    workspace.sandbox.clear_calls()
    process = target.start([customer("bob")], on_moved="clear", max_concurrency=1)
    target.wait_for(process, lambda: target.calls.get("PUT /contacts/{id}", 0) == 2)
    process.kill()
    process.communicate(timeout=30)
    workspace.sandbox.clear_faults()
    target.not_sent = []
    assert target.run([customer("bob")]).summary["moved"] == 2
    target.not_sent = [not_sent(name) for name in names]
    target.run([customer("bob")], on_moved="clear")
    assert workspace.writes() <= 1
    assert [workspace.get(one)["custom_attributes"].get("cb_cust_id") for one in ids] == [None, None, "bob"]
