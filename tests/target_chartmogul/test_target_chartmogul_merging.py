"""Merging leads with billing's customers: who is the same, what the report says, what an apply does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError
from target_chartmogul.matching import Party, domain_of, matched

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

MERGE = {"merge": "apply", "merge_with": "Billing"}
KEYS = ("external_id", "domain", "company", "email")


@pytest.mark.parametrize(
    ("website", "email", "domain"),
    [
        ("https://www.Acme.example/about", "", "acme.example"),
        ("acme.example:8080", "", "acme.example"),
        ("", "joe@Acme.Example", "acme.example"),
        ("", "joe@gmail.com", ""),
        ("https://gmail.com", "joe@acme.example", ""),
        ("localhost", "", ""),
        ("http://[", "", ""),
        ("", "", ""),
    ],
)
def test_the_domain_of_a_customer(website: str, email: str, domain: str) -> None:
    """It is the website's, else the e-mail address's; one that gives mailboxes away is none."""
    assert domain_of(Party("", website=website, email=email)) == domain


def party(number: int, external_id: str = "", **fields: str) -> Party:
    """Give a customer."""
    return Party(str(number), (external_id,) if external_id else (), **fields)


MATCHING = {
    "by external id": ([party(1, "x")], [party(9, "x")], [("matched", "external_id", "9")]),
    "letter case of ids counts": ([party(1, "X")], [party(9, "x")], [("unmatched", "", "")]),
    "by domain": (
        [party(1, website="www.a.example")],
        [party(9, email="x@a.example")],
        [("matched", "domain", "9")],
    ),
    "by company": ([party(1, company=" ACME  Ltd ")], [party(9, company="acme ltd")], [("matched", "company", "9")]),
    "by e-mail of free mail": (
        [party(1, email="joe@gmail.com")],
        [party(8, email="ann@gmail.com"), party(9, email="Joe@gmail.com")],
        [("matched", "email", "9")],
    ),
    "two counterparts": (
        [party(1, company="a")],
        [party(8, company="a"), party(9, company="a")],
        [("ambiguous", "company", "8 9")],
    ),
    "two leads of one": (
        [party(1, company="a"), party(2, company="a")],
        [party(9, company="a")],
        [("ambiguous", "company", "9"), ("ambiguous", "company", "9")],
    ),
    "an earlier key decides": (
        [party(1, "x", company="a"), party(2, "y", company="a")],
        [party(8, "x", company="a"), party(9, "y", company="a")],
        [("matched", "external_id", "8"), ("matched", "external_id", "9")],
    ),
    "one that is taken": (
        [party(1, "x"), party(2, "y", company="a")],
        [party(9, "x", company="a")],
        [("matched", "external_id", "9"), ("ambiguous", "company", "9")],
    ),
    "nothing in common": ([party(1)], [party(9)], [("unmatched", "", "")]),
}


@pytest.mark.parametrize("case", MATCHING)
def test_who_is_the_same(case: str) -> None:
    """One to one, by the first key under which there is a counterpart; everything else is left to people."""
    own, others, expected = MATCHING[case]
    found = [(one.outcome, one.key, " ".join(into.uuid for into in one.into)) for one in matched(own, others, KEYS)]
    assert found == expected


def test_many_counterparts_are_counted_and_some_named() -> None:
    """Thousands of customers under one domain make no table of millions."""
    own, others = ([party(start + n, website="a.example") for n in range(2000)] for start in (0, 10_000))
    found = matched(own, others, KEYS)
    assert {(one.outcome, one.count, len(one.into)) for one in found} == {("ambiguous", 2000, 5)}


def test_a_report_merges_nothing(account: Any, target: Any, lead: Record) -> None:
    """`merge: report` says who would be merged with whom, and leaves both as they are."""
    billing = account.add("cb-1", "Billing", name="Acme Billed", website_url="https://www.acme.example")
    account.add("cb-2", "Billing", name="Two", company="Twin")
    account.add("cb-3", "Billing", name="Three", company="twin")
    records = [lead("a", website_url="acme.example"), lead("t", company="Twin"), lead("z")]
    ran = target.run(records, merge="report", merge_with="Billing")
    assert ran.summary["merges"] == {"ambiguous": 1, "matched": 1, "unmatched": 1}
    uuids = {name: one["uuid"] for name, one in account.customers().items()}
    others = account.customers("Billing")
    both = f"{others['cb-2']['uuid']} {others['cb-3']['uuid']}"
    assert sorted(ran.rows("merges")) == [
        ["a", "A", "matched", "domain", "acme.example", "1", "cb-1", "Acme Billed", uuids["a"], billing],
        ["t", "T", "ambiguous", "company", "twin", "2", "cb-2 cb-3", "Two; Three", uuids["t"], both],
        ["z", "Z", "unmatched", "", "", "0", "", "", uuids["z"], ""],
    ]
    assert "POST /customers/merges" not in target.calls


def test_a_validation_reports_the_merges_of_customers_to_come(account: Any, target: Any, lead: Record) -> None:
    """A dry run tells who would be merged, before anything was ever written."""
    account.add("cb-1", "Billing", name="Billed", company="A")
    ran = target.run([lead("a"), lead("b")], mode="validate", merge="apply", merge_with="Billing")
    assert ran.summary["merges"] == {"matched": 1, "unmatched": 1}
    assert [row[:7] for row in ran.rows("merges")] == [
        ["a", "A", "matched", "company", "a", "1", "cb-1"],
        ["b", "B", "unmatched", "", "", "0", ""],
    ]
    assert account.writes() == 0


def test_an_apply_merges_into_billings_customer(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Billing's customer survives with its values, gets the dates that it lacks, and the merge is waited for."""
    account.reset(chartmogul_async_calls=3)
    billing = account.add("cb-1", "Billing", name="Billed", company="A", lead_created_at="2020-01-01")
    records = [lead("a", {"plan": "x"}, name="Lead"), lead("b"), person("ann", "a")]
    ran = target.run(records, **MERGE)
    assert ran.summary["merges"] == {"merged": 1, "unmatched": 1}
    held = account.customer("a")
    assert (held["uuid"], held["name"], held["external_ids"]) == (billing, "Billed", ["cb-1", "a"])
    assert held["lead_created_at"] == "2020-01-01T00:00:00.000Z"
    assert held["free_trial_started_at"] == "2025-11-05T08:30:00.000Z"
    assert held["attributes"]["custom"] == {"plan": "x"}
    assert account.contacts()["ann:a"]["customer_uuid"] == billing
    again = target.run(records, **MERGE)
    assert again.summary == {
        "status": "completed", "records": 3, "unchanged": 3, "merges": {"merged_before": 1, "unmatched": 1}
    }  # fmt: skip
    assert account.writes() == 0


def test_a_merge_whose_reply_was_lost(account: Any, target: Any, lead: Record) -> None:
    """Whether or not the request arrived, the two are one in the end."""
    billing = account.add("cb-1", "Billing", company="A")
    account.sandbox.fault(method="POST", path="/customers/merges", nth=1, effect={"drop": "after"})
    assert target.run([lead("a")], **MERGE).summary["merges"] == {"merged": 1}
    assert account.customer("a")["uuid"] == billing


@pytest.mark.parametrize("name", ["", "Nowhere", "Intercom leads"])
def test_a_source_to_merge_with_must_be_there(target: Any, lead: Record, name: str) -> None:
    """A merge needs another data source, by its name."""
    with pytest.raises(ConfigurationError, match="`merge_with`"):
        target.run([lead("a")], merge="report", merge_with=name)
