"""Merging leads with billing's customers: what `report` lists and what `apply` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

MERGE = {"merge": "apply", "merge_with": "Billing"}


def test_a_report_merges_nothing(account: Any, target: Any, lead: Record) -> None:
    """`merge: report` lists the matches and changes nothing."""
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
    """A validation lists the merges of customers that a sync would create."""
    account.add("cb-1", "Billing", name="Billed", company="A")
    ran = target.run([lead("a"), lead("b")], mode="validate", merge="apply", merge_with="Billing")
    assert ran.summary["merges"] == {"matched": 1, "unmatched": 1}
    assert [row[:7] for row in ran.rows("merges")] == [
        ["a", "A", "matched", "company", "a", "1", "cb-1"],
        ["b", "B", "unmatched", "", "", "0", ""],
    ]
    assert account.writes() == 0


def test_an_apply_merges_into_billings_customer(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Billing's customer keeps its values and gains missing dates, and the run waits until the merge is done."""
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
    """After a lost reply to a merge, the two customers are one."""
    billing = account.add("cb-1", "Billing", company="A")
    account.sandbox.fault(method="POST", path="/customers/merges", nth=1, effect={"drop": "after"})
    assert target.run([lead("a")], **MERGE).summary["merges"] == {"merged": 1}
    assert account.customer("a")["uuid"] == billing


@pytest.mark.parametrize("name", ["", "Nowhere", "Intercom leads"])
def test_a_source_to_merge_with_must_be_there(target: Any, lead: Record, name: str) -> None:
    """`merge_with` must name an existing other data source."""
    with pytest.raises(ConfigurationError, match="`merge_with`"):
        target.run([lead("a")], merge="report", merge_with=name)


def test_strangers_with_one_mail_provider(account: Any, target: Any, lead: Record) -> None:
    """Companies that share only a mail or web host stay two customers."""
    account.add("cb-1", "Billing", company="Betty Bakery", email="al@comcast.net", website_url="facebook.com/b")
    ran = target.run([lead("acme", email="bob@comcast.net", website_url="facebook.com/a")], **MERGE)
    assert ran.summary["merges"] == {"unmatched": 1}
    assert len(list(account.held.customers)) == 2


@pytest.mark.parametrize(
    ("outcome", "billed"),
    [
        ("conflicting", [{"email": "a@a.example"}, {"company": "A"}]),
        ("ambiguous", [{"company": "A"}, {"company": "a"}]),
        ("contradicted", [{"external_id": "a", "name": "X", "email": "x@x.example", "website_url": "x.example"}]),
    ],
)
def test_what_is_not_certain_is_not_merged(
    account: Any, target: Any, lead: Record, outcome: str, billed: list[dict[str, str]]
) -> None:
    """A contradictory or ambiguous match is reported and not merged."""
    for number, fields in enumerate(billed):
        account.add(**({"external_id": f"cb-{number}", "source": "Billing"} | fields))
    ran = target.run([lead("a", email="a@a.example", website_url="a.example")], **MERGE)
    assert ran.summary["merges"] == {outcome: 1}
    assert [row[2] for row in ran.rows("merges")] == [outcome]
    assert "POST /customers/merges" not in target.calls


def test_merges_are_kept(account: Any, target: Any, lead: Record) -> None:
    """Every merge is logged before its request and after it is done, in a private file."""
    account.add("cb-1", "Billing", company="A")
    target.run([lead("a"), lead("b")], **MERGE)
    path = target.directory / "memory" / "merges.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    merge = {
        "source": account.source(),
        "external_ids": ["a"],
        "billing": account.source("Billing"),
        "into": ["cb-1"],
        "key": "company",
    }
    assert [{name: one for name, one in line.items() if name != "at"} for line in lines] == [
        {"outcome": "begun", **merge},
        {"outcome": "merged", **merge},
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_new_settings_look_at_every_lead_once(
    account: Any, target: Any, lead: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """When the merge settings change, unchanged leads are compared once too, and the log says so."""
    caplog.set_level("INFO")
    target.run([lead("a", email="joe@a.example"), lead("b"), lead("c")])
    account.add("cb-1", "Billing", email="joe@a.example")
    account.add("cb-2", "Billing", company="B")
    found = []
    for keys in (["email"], ["email"], ["email", "company"], ["email", "company"]):
        caplog.clear()
        ran = target.run([], merge_by=keys, **MERGE)
        told = [entry.getMessage() for entry in caplog.records if "were compared" in entry.getMessage()]
        found.append((ran.summary.get("merges"), told, sum(target.calls.values())))
    begin = "The merge settings are new, so all leads were compared: "
    assert found == [
        ({"merged": 1, "unmatched": 2}, [f"{begin}1 of 3 merged with customers of Billing"], 8),
        (None, [], 1),
        ({"merged": 1, "merged_before": 1, "unmatched": 1}, [f"{begin}1 of 2 merged with customers of Billing"], 8),
        (None, [], 1),
    ]


def test_a_run_over_some_leads_merges_nothing(
    account: Any, target: Any, lead: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """The next full run compares all leads once, even if it brings none of them."""
    caplog.set_level("INFO")
    account.add("cb-1", "Billing", company="A")
    assert target.run([lead("z")], **MERGE).summary["merges"] == {"unmatched": 1}
    target.is_subset = True
    ran = target.run([lead("a")], **MERGE)
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}
    assert target.run([], **MERGE).summary == {"status": "completed"}
    target.is_subset = False
    assert target.run([], **MERGE).summary["merges"] == {"merged": 1, "unmatched": 1}
    told = "Runs over some leads merged nothing, so all leads were compared: 1 of 2 merged with customers of Billing"
    assert told in caplog.messages
    assert target.run([], **MERGE).summary == {"status": "completed"}


def test_a_stopped_run_looks_again(account: Any, target: Any, lead: Record) -> None:
    """When a run stops before all leads were compared, the next run compares them again."""
    target.run([lead("a")])
    account.add("cb-1", "Billing", company="A")
    account.sandbox.fault(method="POST", path="/customers/merges", nth=1, effect={"status": 401, "body": {}})
    with pytest.raises(ConfigurationError):
        target.run([], **MERGE)
    assert target.run([], **MERGE).summary["merges"] == {"merged": 1}


def test_a_key_stays_crowded_when_one_of_the_crowd_is_merged(account: Any, target: Any, lead: Record) -> None:
    """A domain of two customers stays ambiguous after one of the two was merged by another key."""
    account.add("cb-1", "Billing", company="One", email="ann@x.example", website_url="shared.example")
    account.add("cb-2", "Billing", company="Two", email="bob@x.example", website_url="shared.example")
    leads = [lead("a", email="ann@x.example"), lead("b", email="eve@x.example")]
    records = [one | {"website_url": "shared.example"} for one in leads]
    assert target.run(records, **MERGE).summary["merges"] == {"ambiguous": 1, "merged": 1}
    assert target.run(records, **MERGE).summary["merges"] == {"ambiguous": 1, "merged_before": 1}
    assert account.customer("b")["data_source_uuids"] == [account.source()]
