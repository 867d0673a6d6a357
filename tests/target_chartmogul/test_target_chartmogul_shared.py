"""Merged customers: shared with billing, with each other, unmerged again; and deleted sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


def test_a_customer_shared_with_billing_keeps_billings_fields(account: Any, target: Any, lead: Record) -> None:
    """On a customer merged with billing's, only the lead's own fields are written."""
    target.run([lead("a")])
    billing = account.add("cb-1", "Billing", name="Billed", company="Billed Ltd", email="bill@a.example")
    account.merge(account.customer("a")["uuid"], billing)
    record = lead("a", {"plan": "x"}, ["t"], website_url="a.example", email="lead@a.example", name="Lead")
    ran = target.run([record])
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1}
    held = account.customer("a")
    told = ("uuid", "name", "company", "email", "website_url", "lead_created_at")
    assert [held[name] for name in told] == [
        billing, "Billed", "Billed Ltd", "bill@a.example", "a.example", "2025-11-05T08:30:00.000Z"
    ]  # fmt: skip
    assert (held["attributes"]["custom"], held["attributes"]["tags"]) == ({"plan": "x"}, ["t"])
    assert target.run([record]).summary["unchanged"] == 1


BOTH_DATES = {"lead_created_at": "2020-01-01", "free_trial_started_at": "2020-02-02"}


@pytest.mark.parametrize(
    ("billed", "expected"),
    [
        ({}, ["2025-11-05T08:30:00.000Z", "2025-11-05T08:30:00.000Z"]),
        ({"free_trial_started_at": "2020-02-02"}, ["2025-11-05T08:30:00.000Z", "2020-02-02T00:00:00.000Z"]),
        ({"lead_created_at": "2020-01-01"}, ["2020-01-01T00:00:00.000Z", "2025-11-05T08:30:00.000Z"]),
        (BOTH_DATES, ["2020-01-01T00:00:00.000Z", "2020-02-02T00:00:00.000Z"]),
    ],
    ids=["none", "trial", "lead", "both"],
)
def test_dates_of_a_shared_customer(
    account: Any, target: Any, lead: Record, billed: dict[str, str], expected: list[str]
) -> None:
    """Lead and trial dates are written only when billing has none, and only once."""
    target.run([lead("a")])
    account.merge(account.customer("a")["uuid"], account.add("cb-1", "Billing", name="Billed", **billed))
    later = dict.fromkeys(BOTH_DATES, "2025-11-06T00:00:00+00:00")
    for record, on_shared in ((lead("a"), "own_fields"), (lead("a", **later), "own_fields"), (lead("a"), "all")):
        target.run([record], on_shared=on_shared)
        held = account.customer("a")
        assert [held["lead_created_at"], held["free_trial_started_at"]] == expected


def test_all_fields_of_a_shared_customer(account: Any, target: Any, lead: Record) -> None:
    """With `on_shared: all`, the record's name, company and address are written too."""
    target.run([lead("a")])
    account.merge(account.customer("a")["uuid"], account.add("cb-1", "Billing", name="Billed"))
    target.run([lead("a", name="Lead", email="lead@a.example")], on_shared="all")
    held = account.customer("a")
    assert (held["name"], held["company"], held["email"]) == ("Lead", "A", "lead@a.example")


def test_contacts_of_a_merged_customer(account: Any, target: Any, lead: Record, person: Record) -> None:
    """The contacts of a merged company, old and new, belong to the surviving customer."""
    target.run([lead("a"), person("ann", "a")])
    billing = account.add("cb-1", "Billing", name="Billed")
    account.merge(account.customer("a")["uuid"], billing)
    ran = target.run([person("ann", "a"), person("bob", "a")])
    assert ran.summary == {"status": "completed", "records": 2, "created": 1, "unchanged": 1}
    assert {one["customer_uuid"] for one in account.contacts().values()} == {billing}


def test_two_customers_of_the_source_that_were_merged(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When two customers of the source are merged, only the first record is written, and both keep their contacts."""
    records = [lead("a"), lead("b"), person("ann", "a"), person("bob", "b")]
    target.run(records)
    account.merge(account.customer("b")["uuid"], account.customer("a")["uuid"])
    ran = target.run([lead("a", name="A2"), lead("b", name="B2"), *records[2:], person("new", "b")])
    assert ran.summary == {
        "status": "completed", "records": 5, "created": 1, "updated": 1, "unchanged": 2, "skipped": {"merged": 1}
    }  # fmt: skip
    assert account.customer("a")["uuid"] == account.customer("b")["uuid"]
    assert account.customer("b")["name"] == "A2"
    assert sorted(account.contacts()) == ["ann:a", "bob:b", "new:b"]


def test_a_customer_that_was_taken_apart_again(account: Any, target: Any, lead: Record) -> None:
    """After an unmerge, the record is its own customer again under a new uuid."""
    target.run([lead("a", name="Lead")])
    account.merge(account.customer("a")["uuid"], account.add("cb-1", "Billing", name="Billed"))
    target.run([lead("a", name="Lead")])
    uuid, source = account.customer("a")["uuid"], account.source()
    account.call("POST", "/customers/unmerges", {"customer_uuid": uuid, "data_source_uuid": source, "external_id": "a"})
    account.settle()
    ran = target.run([lead("a", name="Lead")])
    assert ran.summary == {"status": "completed", "records": 1, "updated": 1}
    held = account.customer("a")
    assert held["uuid"] != uuid
    assert (held["name"], held["external_ids"]) == ("Lead", ["a"])
    assert account.customer("cb-1", "Billing")["name"] == "Billed"


def test_a_merge_between_reading_and_writing(account: Any, target: Any, lead: Record, person: Record) -> None:
    """After a 404 on a PATCH, the target looks again and writes to the surviving customer."""
    target.run([lead("a"), person("ann", "a")])
    billing = account.add("cb-1", "Billing", name="Billed")
    gone = account.customer("a")["uuid"]
    account.call("POST", "/customers/merges", {"from": {"customer_uuid": gone}, "into": {"customer_uuid": billing}})
    account.settle()
    stale = account.customer("a") | {"uuid": gone, "data_source_uuids": [account.source()], "external_ids": ["a"]}
    page = {"entries": [stale | {"website_url": None}], "has_more": False, "cursor": None}
    account.sandbox.fault(method="GET", path="/customers", nth=1, effect={"status": 200, "body": page})
    ran = target.run([lead("a", website_url="a.example"), person("bob", "a")])
    assert ran.summary == {"status": "completed", "records": 2, "created": 1, "updated": 1}
    assert account.customer("a")["uuid"] == billing
    assert account.customer("a")["website_url"] == "a.example"
    assert account.contacts()["bob:a"]["customer_uuid"] == billing


def test_chartmoguls_own_automation_merges_at_once(account: Any, target: Any, lead: Record, person: Record) -> None:
    """When ChartMogul merges each new customer at once, all records are still written."""
    account.reset(chartmogul_automation="external_id", chartmogul_async_calls=0)
    for name in "abc":
        account.add(name, "Billing", name=f"Billed {name}")
    records = [*(lead(name, {"plan": "x"}) for name in "abc"), *(person("ann", name) for name in "abc")]
    assert target.run(records).summary == {"status": "completed", "records": 6, "created": 6}
    assert len(list(account.held.customers)) == 3
    assert {one["name"] for one in account.customers().values()} == {"Billed a", "Billed b", "Billed c"}
    assert len(account.contacts()) == 3
    ran = target.run(records)
    assert ran.summary["records"] == 6
    assert target.run(records).summary == {"status": "completed", "records": 6, "unchanged": 6}


def test_a_customer_deleted_in_chartmogul_comes_back(account: Any, target: Any, lead: Record) -> None:
    """A customer deleted in ChartMogul is created again, even when it was deleted during the run."""
    target.run([lead("a")])
    held = account.customer("a")
    account.call("DELETE", f"/customers/{held['uuid']}")
    page = {"entries": [held], "has_more": False, "cursor": None}
    account.sandbox.fault(method="GET", path="/customers", nth=1, effect={"status": 200, "body": page})
    ran = target.run([lead("a", name="New")])
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}
    assert account.customer("a")["name"] == "New"


def test_a_source_that_was_deleted_is_made_again(
    account: Any, target: Any, lead: Record, person: Record, caplog: Any
) -> None:
    """The run waits until a deleted source's name is free, says so once, and creates the source again."""
    account.reset(chartmogul_async_calls=6)
    records = [lead("a"), person("ann", "a")]
    target.run(records)
    account.call("DELETE", f"/data_sources/{account.source()}")
    caplog.clear()
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 2, "created": 2}
    assert (
        caplog.text.count("The name of the deleted data source Intercom leads is not free yet: the run waits for it")
        == 1
    )
    assert target.calls["POST /data_sources"] > 1
    assert (sorted(account.customers()), sorted(account.contacts())) == (["a"], ["ann:a"])
