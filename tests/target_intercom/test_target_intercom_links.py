"""The link: how a record is found again, and what is said when its match is another than before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


@pytest.fixture(params=[0, 500], ids=["read all", "search"])
def crowd(request: pytest.FixtureRequest, workspace: Any) -> int:
    """Others in the workspace: few are all read, many are searched."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(request.param))
    return int(request.param)


@pytest.mark.usefixtures("crowd")
def test_a_record_without_email_is_found_by_its_link(workspace: Any, target: Any, customer: Record) -> None:
    """A customer whose e-mail address was removed is kept in step, and one that nobody is linked to is skipped."""
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    records = [customer("ann", "", cb_cust_mrr=7), customer("new", "")]
    ran = target.run(records, on_no_match="create")
    assert ran.summary == {
        "status": "completed",
        "records": 2,
        "matched": 1,
        "updated": 1,
        "skipped": {"no_identifier": 1},
    }
    assert workspace.get(ann)["custom_attributes"]["cb_cust_mrr"] == 7
    assert workspace.get(ann)["email"] == "ann@a.example"


def test_a_company_record_without_id_is_found_by_its_link(workspace: Any, target: Any, company: Record) -> None:
    """A company whose record has lost its company id is kept in step."""
    acme = workspace.add_company(company_id="acme")
    target.run([company("acme")])
    ran = target.run([company("acme", company_id="", cb_cust_mrr=7)])
    assert ran.summary["updated"] == 1
    assert workspace.company(acme)["custom_attributes"]["cb_cust_mrr"] == 7


@pytest.mark.parametrize("mode", ["sync", "validate"])
def test_a_record_that_moves_is_reported(  # noqa: PLR0913, PLR0917 - four fixtures and the mode
    workspace: Any, target: Any, customer: Record, caplog: pytest.LogCaptureFixture, crowd: int, mode: str
) -> None:
    """When a linked customer's new e-mail address is another user's, that one is written, and the old one reported."""
    old, new = workspace.add(email="ann@a.example"), workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    ran = target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)], mode=mode)
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1, "moved": 1}
    assert ran.rows("moved") == [["ann", "ann@new.example", new, old, "contacts"]]
    assert target.calls.get("POST /contacts/search", 0) == (2 if crowd else 0)
    warning = "1 records match another user or company than before, which keeps its old values: see moved.csv"
    assert caplog.messages.count(warning) == 1
    assert workspace.get(old)["custom_attributes"]["cb_cust_mrr"] == 10.5
    if mode == "sync":
        assert workspace.get(new)["custom_attributes"]["cb_cust_mrr"] == 7
        assert target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)]).rows("moved") == []
        assert target.calls.get("POST /contacts/search", 0) == (1 if crowd else 0)


def test_a_company_that_moves_is_reported(workspace: Any, target: Any, company: Record) -> None:
    """A record that has another company's id now is written there, and the company it was on is reported."""
    old, new = workspace.add_company(company_id="acme"), workspace.add_company(company_id="other")
    target.run([company("acme")])
    ran = target.run([company("acme", company_id="other")])
    assert ran.rows("moved") == [["acme", "other", new, old, "companies"]]
