"""The link: how a record is found again, and what is reported when it matches another user than before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError
from target_intercom.matching.candidates import Candidates
from target_intercom.records.buffer import Row
from target_intercom.records.remote import RemoteContact, RemoteRecord
from target_intercom.records.write_options import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


@pytest.fixture(params=[0, 500], ids=["read all", "search"])
def crowd(request: pytest.FixtureRequest, workspace: Any) -> int:
    """Fill the workspace so that the target reads all contacts, or searches them."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(request.param))
    return int(request.param)


@pytest.mark.usefixtures("crowd")
def test_a_record_without_email_is_found_by_its_link(workspace: Any, target: Any, customer: Record) -> None:
    """A linked customer without an address is still updated; without a link it is skipped."""
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
    """A company is still updated when its record has lost its company id."""
    acme = workspace.add_company(company_id="acme")
    target.run([company("acme")])
    ran = target.run([company("acme", company_id="", cb_cust_mrr=7)])
    assert ran.summary["updated"] == 1
    assert workspace.company(acme)["custom_attributes"]["cb_cust_mrr"] == 7


@pytest.mark.parametrize("mode", ["sync", "validate"])
def test_a_record_that_moves_is_reported(  # noqa: PLR0913, PLR0917 - four fixtures and the mode
    workspace: Any, target: Any, customer: Record, caplog: pytest.LogCaptureFixture, crowd: int, mode: str
) -> None:
    """When a linked customer's new address is another user's, that user is written and the old one reported."""
    old, new = workspace.add(email="ann@a.example"), workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    ran = target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)], mode=mode)
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1, "moved": 1}
    assert ran.rows("moved") == [["ann", "ann@new.example", new, old, "contacts"]]
    assert target.calls.get("POST /contacts/search", 0) == (2 if crowd else 0)
    warning = (
        "1 records now match a different user or company, and the earlier one keeps its old values: see moved.csv "
        "and the setting `on_moved`"
    )
    assert caplog.messages.count(warning) == 1
    assert workspace.get(old)["custom_attributes"]["cb_cust_mrr"] == 10.5
    if mode == "sync":
        assert workspace.get(new)["custom_attributes"]["cb_cust_mrr"] == 7
        ran = target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)])
        assert ran.rows("moved") == [["ann", "ann@new.example", new, old, "contacts"]]
        assert target.calls.get("POST /contacts/search", 0) == (2 if crowd else 0)


def test_a_company_that_moves_is_reported(workspace: Any, target: Any, company: Record) -> None:
    """A record that now has another company's id is written there, and the earlier company is reported."""
    old, new = workspace.add_company(company_id="acme"), workspace.add_company(company_id="other")
    target.run([company("acme")])
    ran = target.run([company("acme", company_id="other")])
    assert ran.rows("moved") == [["acme", "other", new, old, "companies"]]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("mode", ["sync", "validate"])
def test_a_record_keeps_to_its_own_link(workspace: Any, target: Any, customer: Record, mode: str) -> None:
    """A linked customer that takes another linked customer's address stays with its own user."""
    first, second = workspace.add(email="p1@a.example"), workspace.add(email="p2@a.example")
    target.run([customer("p1"), customer("p2")])
    records = [customer("p1", "new@a.example", cb_cust_mrr=1), customer("p2", "p1@a.example", cb_cust_mrr=2)]
    ran = target.run(records, mode=mode)
    assert ran.summary == {"status": "completed", "records": 2, "matched": 2, "updated": 2}
    assert ran.dicts("matched", "id", "intercom_id") == [
        {"id": "p1", "intercom_id": first},
        {"id": "p2", "intercom_id": second},
    ]
    if mode == "sync":
        held = [workspace.get(one)["custom_attributes"] for one in (first, second)]
        assert [(one["cb_cust_id"], one["cb_cust_mrr"]) for one in held] == [("p1", 1.0), ("p2", 2.0)]


def test_a_company_keeps_to_its_own_link(workspace: Any, target: Any, company: Record) -> None:
    """A company record that takes another linked one's id stays with its own company."""
    first, second = workspace.add_company(company_id="a"), workspace.add_company(company_id="b")
    target.run([company("a"), company("b")])
    ran = target.run([company("a", company_id="new"), company("b", company_id="a", cb_cust_mrr=2)])
    assert ran.dicts("matched", "id", "intercom_id") == [
        {"id": "a", "intercom_id": first},
        {"id": "b", "intercom_id": second},
    ]
    assert workspace.company(second)["custom_attributes"]["cb_cust_mrr"] == 2


@pytest.mark.usefixtures("crowd")
def test_a_record_on_two_users_is_claimed(workspace: Any, target: Any, customer: Record) -> None:
    """A record is skipped when several users have its link and its match is linked to another record."""
    workspace.add(email="p1@a.example")
    target.run([customer("p1")])
    for number in "12":
        workspace.add(email=f"{number}@a.example", custom_attributes={"cb_cust_id": "p2"})
    ran = target.run([customer("p1"), customer("p2", "p1@a.example")])
    assert ran.summary["skipped"] == {"claimed": 1}


def contact(intercom_id: str, email: str, link: str | None) -> RemoteContact:
    """Return a contact that a search found."""
    return RemoteContact(id=intercom_id, email=email, custom_attributes={"cb_cust_id": link})


OLD, NEW, NEWER = (contact(name, f"{name}@a.example", "ann") for name in ("old", "new", "newer"))
FREE = contact("free", "free@a.example", None)


@pytest.mark.parametrize(
    ("records", "left_behind", "kept", "set_aside"),
    [
        ([OLD, NEW], ("old",), [NEW], [OLD]),
        ([OLD, NEW, NEWER], ("old", "new"), [NEWER], [OLD, NEW]),
        ([OLD, NEW, NEWER], ("old",), [NEW, NEWER], [OLD]),
        ([OLD, NEW], (), [OLD, NEW], []),
        ([OLD], ("old",), [OLD], []),
        ([OLD, NEW], ("old", "new"), [OLD, NEW], []),
        ([FREE, OLD], ("old",), [FREE, OLD], []),
        ([contact("old", "ann@a.example", "ann"), NEW], ("old",), [contact("old", "ann@a.example", "ann"), NEW], []),
        ([contact("old", "old@a.example", "bob"), NEW], ("old",), [contact("old", "old@a.example", "bob"), NEW], []),
        ([], ("old",), [], []),
    ],
    ids=[
        "the earlier one",
        "two earlier ones",
        "two that may be it",
        "nothing remembered",
        "the only one",
        "no other one",
        "the other one has no link",
        "it has the match value",
        "it is another one's now",
        "nobody",
    ],
)
def test_what_a_record_has_left_is_not_its_own(
    records: list[RemoteRecord],
    left_behind: tuple[str, ...],
    kept: list[RemoteRecord],
    set_aside: list[RemoteRecord],
) -> None:
    """When several users have a record's link, users that the record has left do not count."""
    row = Row(1, "ann", "ann@a.example", "ann", None, None, {})
    assert Candidates(records).set_left_aside(row, left_behind, WriteOptions({})) == Candidates(
        kept, previously_linked=set_aside
    )


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("mode", ["sync", "validate"])
@pytest.mark.parametrize("address", ["nobody@a.example", "bob@a.example"], ids=["new address", "another one's address"])
def test_a_record_that_moves_twice(workspace: Any, target: Any, customer: Record, mode: str, address: str) -> None:
    """A moved customer whose next address matches no user stays with the user it moved to."""
    old, new = workspace.add(email="ann@a.example"), workspace.add(email="ann@new.example")
    workspace.add(email="bob@a.example")
    bob = customer("bob", "bob@a.example")
    target.run([customer("ann"), bob])
    target.run([customer("ann", "ann@new.example"), bob])
    ran = target.run([customer("ann", address, cb_cust_mrr=7), bob], mode=mode)
    assert ran.dicts("matched", "id", "intercom_id", "outcome")[0] == {
        "id": "ann",
        "intercom_id": new,
        "outcome": "updated",
    }
    assert ran.rows("moved") == [["ann", address, new, old, "contacts"]]
    ran = target.run([customer("ann", address, cb_cust_mrr=7), bob], on_moved="clear")
    assert ran.summary["moved_cleared"] == 1
    held = [workspace.get(one)["custom_attributes"] for one in (old, new)]
    assert [(one.get("cb_cust_id"), one.get("cb_cust_mrr")) for one in held] == [(None, None), ("ann", 7.0)]


def test_a_company_record_that_moves_twice(workspace: Any, target: Any, company: Record) -> None:
    """A moved company record whose next id matches nothing stays with the company it moved to."""
    old, new = workspace.add_company(company_id="acme"), workspace.add_company(company_id="other")
    target.run([company("acme")])
    target.run([company("acme", company_id="other")])
    ran = target.run([company("acme", company_id="third", cb_cust_mrr=7)])
    assert ran.dicts("matched", "id", "intercom_id") == [{"id": "acme", "intercom_id": new}]
    assert ran.rows("moved") == [["acme", "third", new, old, "companies"]]


@pytest.mark.usefixtures("crowd")
def test_what_a_record_leaves_is_cleared(workspace: Any, target: Any, customer: Record) -> None:
    """With `on_moved: clear`, the earlier user loses the own attributes and the link in one call."""
    workspace.attribute("cb_old", "string")
    old = workspace.add(email="ann@a.example", custom_attributes={"cb_old": "of an earlier version"})
    new = workspace.add(email="ann@new.example")
    target.run([customer("ann", cb_cust_status="active")])
    record = customer("ann", "ann@new.example", cb_cust_mrr=7)
    ran = target.run([record], on_moved="clear")
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1, "moved_cleared": 1}
    assert target.calls["PUT /contacts/{id}"] == 2
    assert {name: one for name, one in workspace.get(old)["custom_attributes"].items() if one is not None} == {
        "cb_created_by": False
    }
    assert workspace.get(new)["custom_attributes"]["cb_cust_mrr"] == 7
    assert ran.dicts("moved", "id", "intercom_id", "was_on", "outcome") == [
        {"id": "ann", "intercom_id": new, "was_on": old, "outcome": "cleared"}
    ]
    assert [(one["intercom_id"], one["outcome"]) for one in ran.lines("changes")] == [
        (old, "cleared"),
        (new, "updated"),
    ]
    ran = target.run([record], on_moved="clear")
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "unchanged": 1}
    assert ran.rows("moved") == []


@pytest.mark.usefixtures("crowd")
def test_a_stop_between_the_clear_and_the_link(workspace: Any, target: Any, customer: Record) -> None:
    """When a run ends after the earlier user was cleared, the next run completes the move."""
    old, new = workspace.add(email="ann@a.example"), workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    workspace.sandbox.fault(method="PUT", path="/contacts/*", nth=2, effect={"status": 401})
    with pytest.raises(ConfigurationError):
        target.run([customer("ann", "ann@new.example")], on_moved="clear")
    assert [workspace.get(one)["custom_attributes"].get("cb_cust_id") for one in (old, new)] == [None, None]
    ran = target.run([customer("ann", "ann@new.example")], on_moved="clear")
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert workspace.get(new)["custom_attributes"]["cb_cust_mrr"] == 10.5


@pytest.mark.usefixtures("crowd")
def test_what_was_kept_can_be_cleared_later(workspace: Any, target: Any, customer: Record) -> None:
    """A user that kept its values is cleared by a later run that has nothing else to write."""
    old = workspace.add(email="ann@a.example")
    workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    record = customer("ann", "ann@new.example")
    target.run([record])
    assert target.run([customer("bob")]).summary["moved"] == 1
    ran = target.run([record], on_moved="clear", mode="validate")
    assert (ran.summary["moved_cleared"], workspace.writes()) == (1, 0)
    assert ran.dicts("moved", "was_on", "outcome") == [{"was_on": old, "outcome": "would be cleared"}]
    ran = target.run([record], on_moved="clear")
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "unchanged": 1, "moved_cleared": 1}
    assert target.calls["PUT /contacts/{id}"] == 1
    assert workspace.get(old)["custom_attributes"].get("cb_cust_id") is None


@pytest.mark.usefixtures("crowd")
def test_what_somebody_cleared_is_listed_no_more(workspace: Any, target: Any, customer: Record) -> None:
    """A moved record leaves the list once the earlier user no longer has its link."""
    old = workspace.add(email="ann@a.example")
    workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    record = customer("ann", "ann@new.example")
    assert target.run([record]).summary["moved"] == 1
    workspace.call("PUT", f"/contacts/{old}", {"custom_attributes": {"cb_cust_id": None}})
    assert target.run([record]).rows("moved") == []


@pytest.mark.usefixtures("crowd")
def test_a_user_that_cannot_be_cleared_stays_listed(workspace: Any, target: Any, customer: Record) -> None:
    """When Intercom refuses to clear the earlier user, the new one is written, and the list says why."""
    old = workspace.add(email="ann@a.example")
    new = workspace.add(email="ann@new.example")
    target.run([customer("ann")])
    error = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "no"}]}
    workspace.sandbox.fault(method="PUT", path=f"/contacts/{old}", effect={"status": 400, "body": error})
    ran = target.run([customer("ann", "ann@new.example", cb_cust_mrr=7)], on_moved="clear")
    workspace.sandbox.clear_faults()
    assert workspace.get(new)["custom_attributes"]["cb_cust_mrr"] == 7
    assert ran.dicts("moved", "was_on", "outcome") == [{"was_on": old, "outcome": "not cleared: parameter_invalid"}]
    assert (ran.summary["updated"], ran.summary["moved"]) == (1, 1)


def test_clearing_is_no_alarming_change(workspace: Any, target: Any, customer: Record) -> None:
    """Users cleared because their customers moved do not count for `max_changed_share`."""
    names = [f"c{number}" for number in range(200)]
    workspace.fill({"email": f"{name}@{domain}"} for name in names for domain in ("a.example", "new.example"))
    target.run([customer(name) for name in names])
    ran = target.run([customer(name, f"{name}@new.example") for name in names], on_moved="clear")
    assert (ran.summary["updated"], ran.summary["moved_cleared"]) == (200, 200)


def test_a_kill_after_the_write_loses_no_move(workspace: Any, target: Any, customer: Record) -> None:
    """A move is stored before the new user is linked, so that it is still listed after a kill."""
    for email in ("ann@a.example", "ann@new.example", "zoe@a.example"):
        workspace.add(email=email)
    target.run([customer("ann")])
    workspace.sandbox.fault(method="PUT", nth=2, effect={"delay": 20})
    workspace.sandbox.clear_calls()
    records = [customer("ann", "ann@new.example"), customer("zoe")]
    process = target.start(records, max_concurrency=1)
    target.wait_for(process, lambda: target.calls.get("PUT /contacts/{id}", 0) == 2)
    process.kill()
    process.communicate(timeout=30)
    workspace.sandbox.clear_faults()
    assert target.run(records).summary["moved"] == 1


def test_what_earlier_versions_remembered_is_found(workspace: Any, target: Any, customer: Record) -> None:
    """Lists that an earlier version kept among its reports are still used, even when a trial runs first."""
    old, new = workspace.add(email="ann@a.example"), workspace.add(email="ann@new.example")
    archived = workspace.add(email="bob@a.example")
    workspace.call("POST", f"/contacts/{archived}/archive")
    target.run([customer("ann"), customer("bob")], on_no_match="create")
    target.run([customer("ann", "ann@new.example"), customer("bob")], on_no_match="create")
    for path in (target.directory / "memory").iterdir():
        path.unlink()
    (target.directory / "memory").rmdir()
    head = "id,value,intercom_id,was_on,stream"
    (target.directory / "moved.csv").write_text(f"{head}\nann,ann@new.example,{new},{old},contacts\nzoe,z@a.ex\n")
    trial = replace(target, directory=target.directory.with_name("trial"))
    ran = trial.run([customer("zed")], memory_dir=str(target.directory / "memory"))
    assert ran.rows("moved") == [["ann", "ann@new.example", new, old, "contacts"]]
    ran = target.run([customer("zed")])
    assert ran.rows("moved") == [["ann", "ann@new.example", new, old, "contacts"]]
    assert [row[:3] for row in ran.rows("archived")] == [["bob", "bob@a.example", archived]]


def test_a_damaged_memory_stops_the_run(target: Any, customer: Record) -> None:
    """An unreadable line in the memory stops the run before anything else, and the error names the file."""
    (target.directory / "memory").mkdir(parents=True)
    (target.directory / "memory" / "moved.jsonl").write_text("{")
    with pytest.raises(ConfigurationError, match=r"moved\.jsonl cannot be read"):
        target.run([customer("ann")])
