"""The stream `companies` against the sandbox: matching, writes and numbers of calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    Company = Callable[..., dict[str, Any]]

START = {"GET /me": 1, "GET /data_attributes": 2, "GET /companies/scroll": 2}
CREATE = {"on_no_match": "create"}
BY_NAME = {"match_companies_on": "name"}


def test_a_found_company_gets_the_owned_attributes(workspace: Any, target: Any, company: Company) -> None:
    """A company with the same company_id gets the cb_ attributes, and its other fields stay."""
    acme = workspace.add_company(company_id="acme", name="ACME", plan="old", monthly_spend=5)
    ran = target.run([company("acme", plan="gold", monthly_spend=99.9)])
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert target.calls == START | {"POST /data_attributes": 6, "PUT /companies/{id}": 1}
    held = workspace.company(acme)
    assert (held["name"], held["plan"]["name"], held["monthly_spend"]) == ("ACME", "old", 5)
    assert held["custom_attributes"] == {"cb_cust_id": "acme", "cb_cust_mrr": 10.5, "cb_created_by": False}
    assert len(ran.states) == 1


def test_update_all_writes_what_a_put_can_change(workspace: Any, target: Any, company: Company) -> None:
    """update_all writes name, plan and whole monthly spend.

    Company_id and remote_created_at are set only at creation.
    """
    acme = workspace.add_company(company_id="acme", name="ACME", remote_created_at=1)
    record = company("acme", plan="gold", monthly_spend=99.9, remote_created_at="2025-01-31T12:00:00Z")
    target.run([record], on_match="update_all")
    held = workspace.company(acme)
    assert (held["name"], held["plan"]["name"], held["monthly_spend"]) == ("Acme", "gold", 99)
    assert (held["company_id"], held["remote_created_at"]) == ("acme", 1)
    assert target.run([record], on_match="update_all").summary["unchanged"] == 1
    assert target.calls == START


def test_a_created_company(workspace: Any, target: Any, company: Company) -> None:
    """A creation takes two look-ups and one POST, and is reported as a company without users."""
    record = company("new", plan="gold", monthly_spend=99.9, remote_created_at="2025-01-31T12:00:00Z")
    ran = target.run([record], **CREATE)
    (held,) = workspace.companies()
    assert (held["company_id"], held["name"], held["plan"], held["monthly_spend"]) == ("new", "New", "gold", 99)
    assert held["remote_created_at"] == 1738324800
    assert held["custom_attributes"] == {"cb_cust_id": "new", "cb_cust_mrr": 10.5, "cb_created_by": True}
    assert target.calls == {
        "GET /me": 1,
        "GET /data_attributes": 2,
        "GET /companies/scroll": 1,
        "GET /companies": 2,
        "POST /data_attributes": 6,
        "POST /companies": 1,
    }
    assert ran.summary == {"status": "completed", "records": 1, "created": 1, "companies_without_users": 1}


def test_a_field_that_is_no_date_costs_that_field_only(workspace: Any, target: Any, company: Company) -> None:
    """A standard field with a value of a wrong type is left out and reported; the record is written."""
    records = [
        company("bad", remote_created_at="last spring"),
        company("good", remote_created_at="2025-01-31T12:00:00Z"),
    ]
    ran = target.run(records, **CREATE)
    assert [row[3:5] for row in ran.rows("unfit")] == [["remote_created_at", "the value is not of the type date"]]
    created = [(one["company_id"], bool(one["remote_created_at"])) for one in workspace.companies()]
    assert sorted(created) == [("bad", False), ("good", True)]


def test_a_company_without_users_is_asked_for_and_reported(workspace: Any, target: Any, company: Company) -> None:
    """A company that no list shows is found by its company_id, updated, and reported as `no_users`."""
    acme = workspace.add_company(users=0, company_id="acme", name="ACME")
    ran = target.run([company("acme"), company("gone")])
    assert ran.summary == {
        "status": "completed",
        "records": 2,
        "matched": 1,
        "updated": 1,
        "skipped": {"no_match": 1},
        "companies_without_users": 1,
    }
    assert target.calls["GET /companies"] == 2
    ((_, _, intercom_id, _, _, outcome, reason, *_),) = ran.rows("matched")
    assert (intercom_id, outcome, reason) == (acme, "updated", "no_users")
    assert target.run([company("acme")]).summary["unchanged"] == 1


@pytest.mark.parametrize("held", ["Café GmbH", "CAFÉ GMBH", " Cafe\u0301 GmbH "], ids=["same", "case", "coding"])
def test_a_name_is_compared_as_people_do(workspace: Any, target: Any, company: Company, held: str) -> None:
    """Company names are compared without letter case, outer spaces and accent encoding; Intercom's name stays."""
    found = workspace.add_company(company_id="legacy-9", name=held)
    ran = target.run([company("acme", "café gmbh")], on_match="update_all", **BY_NAME, **CREATE)
    assert ran.summary == {"status": "completed", "records": 1, "matched": 1, "updated": 1}
    assert len(workspace.companies()) == 1
    assert (workspace.company(found)["company_id"], workspace.company(found)["name"]) == ("legacy-9", held)


def test_two_companies_of_one_name_are_ambiguous(workspace: Any, target: Any, company: Company) -> None:
    """When several companies have the name, none of them is written."""
    ids = {workspace.add_company(company_id=number, name="Acme") for number in ("1", "2")}
    ran = target.run([company("acme")], **BY_NAME, **CREATE)
    assert ran.summary["skipped"] == {"ambiguous": 1}
    ((_, value, found, *_),) = ran.rows("ambiguous")
    assert (value, set(found.split())) == ("Acme", ids)
    assert workspace.writes() == 0


@pytest.mark.parametrize(("settings", "users"), [(BY_NAME, 1), (BY_NAME, 0), ({}, 1)], ids=["name", "unseen", "id"])
def test_a_company_whose_identifier_changed_is_found_by_the_other(
    workspace: Any, target: Any, company: Company, settings: dict[str, str], users: int
) -> None:
    """Matched by name, a renamed company is found by its company_id; matched by company_id, by its link."""
    acme = workspace.add_company(users=users, company_id="acme", name="Acme")
    target.run([company("acme")], **settings)
    renamed = company("acme", "Acme Renamed", cb_cust_mrr=7)
    ran = target.run([renamed if settings else renamed | {"company_id": "acme-2"}], **settings, **CREATE)
    assert ran.summary["updated"] == 1
    assert len(workspace.companies()) == 1
    held = workspace.company(acme)
    assert (held["company_id"], held["name"], held["custom_attributes"]["cb_cust_mrr"]) == ("acme", "Acme", 7)


def test_an_unseen_company_of_the_name_forbids_a_second(workspace: Any, target: Any, company: Company) -> None:
    """An unlisted company of the same name with another company_id is left alone, because there may be more of them."""
    held = workspace.add_company(users=0, company_id="legacy", name="Acme")
    ran = target.run([company("acme"), company("other")], **BY_NAME, **CREATE)
    assert ran.summary["skipped"] == {"no_users": 1}
    assert sorted(one["company_id"] for one in workspace.companies()) == ["legacy", "other"]
    assert workspace.company(held)["custom_attributes"] == {}
    assert target.calls["GET /companies"] == 5


def test_who_is_created(workspace: Any, target: Any, company: Company) -> None:
    """Unknown companies are created unless they are cancelled, deleted, or have no company_id or name."""
    records = [
        company("active"),
        company("cancelled", cb_sub_status="cancelled"),
        company("deleted", cb_cust_status="deleted"),
        company("nameless") | {"name": None},
        company("idless") | {"company_id": None},
    ]
    ran = target.run(records, **BY_NAME, **CREATE)
    assert ran.summary["skipped"] == {"cancelled": 1, "deleted": 1, "no_company_id": 1, "no_identifier": 1}
    assert [one["company_id"] for one in workspace.companies()] == ["active"]


def expire(workspace: Any) -> None:
    """Let the open scroll expire."""
    workspace.sandbox.world.intercom.scroll._open = None  # noqa: SLF001 - real time that a test has not


def test_an_open_scroll_is_waited_for(
    workspace: Any, target: Any, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program scrolls the companies, the run waits."""
    workspace.add_company(company_id="acme")
    workspace.call("GET", "/companies/scroll")
    monkeypatch.setattr(time, "sleep", lambda _: expire(workspace))
    assert target.run([company("acme")]).summary["updated"] == 1


def test_a_scroll_that_never_opens_ends_the_run_with_the_cause(
    workspace: Any, target: Any, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When every try to open a scroll fails, the sentence names that failure and not another program's scroll."""
    workspace.add_company(company_id="acme")
    for opening in (1, 3, 5, 7):
        workspace.sandbox.fault(path="/companies/scroll", nth=opening, effect={"truncate": True})
    # Here a scroll expires only during the two-second waits between tries.
    monkeypatch.setattr(time, "sleep", lambda seconds: expire(workspace) if seconds == 2 else None)
    with pytest.raises(FatalAPIError, match=r"Protocol.* to 4 attempts at .*: no STATE was written"):
        target.run([company("acme")])
    assert workspace.writes() == 0
    assert target.out == ""


@pytest.mark.parametrize("effect", [{"drop": "after"}, {"status": 500}, {"status": 404, "body": {}}], ids=str)
def test_a_broken_scroll_begins_anew(
    workspace: Any, target: Any, company: Company, monkeypatch: pytest.MonkeyPatch, effect: dict[str, Any]
) -> None:
    """After a lost page the run waits until the scroll expires and starts a new one; every company is found."""
    workspace.fill_companies({"company_id": f"c{number}"} for number in range(150))
    workspace.sandbox.fault(path="/companies/scroll", nth=2, effect=effect)
    monkeypatch.setattr(time, "sleep", lambda _: expire(workspace))
    ran = target.run([company(f"c{number}") for number in range(150)])
    assert ran.summary["matched"] == 150
    assert "GET /companies" not in target.calls


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("settings", [{}, BY_NAME], ids=["company_id", "name"])
def test_a_lost_reply_to_a_creation_makes_no_second_company(
    workspace: Any, target: Any, company: Company, settings: dict[str, str], drop: str
) -> None:
    """After a lost reply to a creation there is one company, whether or not the creation was carried out."""
    workspace.sandbox.fault(method="POST", path="/companies", nth=1, effect={"drop": drop})
    ran = target.run([company("new")], **settings, **CREATE)
    (held,) = workspace.companies()
    assert held["custom_attributes"]["cb_created_by"] is True
    assert ran.summary["created"] == 1


def test_an_overlong_identifier_is_a_reject(workspace: Any, target: Any, company: Company, customer: Company) -> None:
    """An identifier over 255 characters is rejected, because a shortened one could be another record's."""
    records = [company("c" * 256), company("ok"), customer("x", "x" * 250 + "@a.example")]
    ran = target.run(records, company_prefix="cbc_", **CREATE)
    assert [(line["stream"], line["reason"]) for line in ran.lines("rejects")] == [
        ("companies", "the value of `company_id` is longer than 255 characters"),
        ("contacts", "the value of `email` is longer than 255 characters"),
    ]
    assert [one["company_id"] for one in workspace.companies()] == ["ok"]
    assert workspace.contacts() == []


def test_contacts_and_companies_in_one_run(workspace: Any, target: Any, company: Company, customer: Company) -> None:
    """Both streams are written and counted separately, with a prefix of their own for companies' attributes."""
    acme, ann = workspace.add_company(company_id="acme"), workspace.add(email="ann@a.example")
    records = [customer("ann"), company("acme", cbc_cust_mrr=3), customer("bob")]
    ran = target.run(records, company_prefix="cbc_")
    assert ran.summary == {
        "status": "completed", "records": 3, "matched": 2, "updated": 2, "skipped": {"no_match": 1},
    }  # fmt: skip
    counts = {name: (one["records"], one["updated"]) for name, one in ran.figure("streams").items()}
    assert counts == {"companies": (1, 1), "contacts": (2, 1)}
    assert workspace.company(acme)["custom_attributes"] == {
        "cbc_cust_id": "acme", "cbc_cust_mrr": 3, "cbc_created_by": False,
    }  # fmt: skip
    assert workspace.get(ann)["custom_attributes"]["cb_cust_id"] == "ann"
    assert [row[-1] for row in ran.rows("matched")] == ["companies", "contacts"]


def test_one_prefix_for_both_is_refused_before_the_first_write(
    workspace: Any, target: Any, company: Company, customer: Company
) -> None:
    """One prefix for both streams is refused, because contacts and companies share one namespace of attributes."""
    with pytest.raises(ConfigurationError, match=r"^The contact attribute `cb_cust_id` cannot .*`company_prefix`"):
        target.run([company("acme"), customer("ann")], **CREATE)
    assert workspace.contacts() == workspace.companies() == []
