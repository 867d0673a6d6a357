"""Reports show what happened: they are completed after the writes, and each record is in exactly one row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.reporting.report_files import RECORD_TABLES
from target_intercom.reporting.terminal import format_figures, format_outcomes, format_promise

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

COLUMNS = ("id", "outcome", "reason")
UNAUTHORIZED = {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}
REFUSAL = {"type": "error.list", "errors": [{"code": "odd_name", "message": "no"}]}
SUMMARY = {
    "mode": "sync",
    "records": 57,
    "updated": 49,
    "unchanged": 3,
    "created": 0,
    "converted": 0,
    "unknown": 0,
    "not_reached": 0,
    "skipped": {"ambiguous": 2, "no_match": 1},
    "rejected": {"parameter_invalid": 2},
    "not_sent": {"shares_match_value": 2, "replaced": 1},
    "totals": {"customers": 1070, "unchanged": 1010},
    "attributes_missing": [f"cb_{number}" for number in range(35)],
}


def rows(target: Any, *columns: str) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of every table that is not empty."""
    found = {name: [tuple(row.values()) for row in target.read().dicts(name, *columns)] for name in RECORD_TABLES}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("crowd", [0, 500], ids=["read all", "search"])
def test_what_became_of_those_to_be_created(workspace: Any, target: Any, customer: Record, crowd: int) -> None:
    """Planned creations that turn out archived, refused or existing are reported as such."""
    workspace.fill({"email": f"other{number}@a.example"} for number in range(crowd))
    for name in ("archived1", "archived2"):
        workspace.call("POST", f"/contacts/{workspace.add(email=f'{name}@a.example')}/archive")
    workspace.sandbox.fault(method="POST", path="/contacts", nth=3, effect={"status": 422, "body": REFUSAL})
    names = ("archived1", "archived2", "refused", "new1", "new2", "cancelled")
    records = [customer(name, cb_sub_status="cancelled" if name == "cancelled" else None) for name in names]
    target.run(records, on_no_match="create", max_concurrency=1)
    workspace.sandbox.clear_faults()
    assert rows(target, *COLUMNS) == {
        "unmatched": [
            ("archived1", "skipped", "archived"),
            ("archived2", "skipped", "archived"),
            ("refused", "rejected", "odd_name"),
            ("new1", "created", "no_match"),
            ("new2", "created", "no_match"),
            ("cancelled", "skipped", "cancelled"),
        ]
    }
    created = {one["email"]: one["id"] for one in workspace.contacts()}
    assert [row["intercom_id"] for row in target.read().dicts("unmatched", "intercom_id")][3:5] == [
        created["new1@a.example"],
        created["new2@a.example"],
    ]


def test_who_was_there_after_all_is_matched(workspace: Any, target: Any, customer: Record) -> None:
    """A user that only the creation found, because searches lag, is reported as matched."""
    workspace.sandbox.reset(customers=500, search_lag=600)
    late = workspace.add(email="late@a.example", name="Late")
    target.run([customer("late")], on_no_match="create")
    assert rows(target, *COLUMNS, "intercom_id", "intercom_name") == {
        "matched": [("late", "updated", "no_match", late, "Late")]
    }


@pytest.mark.parametrize(
    ("which", "tables"),
    [
        ({}, {"not_reached": ["a", "b", "c"], "matched": ["d"], "unmatched": ["e"]}),
        ({"nth": 3}, {"not_reached": ["c"], "matched": ["a", "b", "d"], "unmatched": ["e"]}),
    ],
)
def test_a_run_that_stops_half_way(
    workspace: Any, target: Any, customer: Record, which: dict[str, int], tables: dict[str, list[str]]
) -> None:
    """When a run stops, written records are reported as written, and the rest as not reached."""
    for name in "abcd":
        workspace.add(email=f"{name}@a.example")
    target.run([customer("d")])
    workspace.sandbox.fault(method="PUT", **which, effect={"status": 401, "body": UNAUTHORIZED})
    with pytest.raises(ConfigurationError):
        target.run([customer(name) for name in "abcde"], max_concurrency=1)
    workspace.sandbox.clear_faults()
    found = rows(target, *COLUMNS)
    assert {name: [row[0] for row in lines] for name, lines in found.items()} == tables
    assert [row[1:] for row in found["not_reached"]] == [("not_reached", "updated")] * len(tables["not_reached"])
    assert target.read().figure("not_reached") == len(tables["not_reached"])


UNKNOWN = "the run stopped during the write: Intercom may have stored it, and the next run checks"


@pytest.mark.parametrize(("drop", "mrr"), [("after", 10.5), ("before", None)], ids=["taken", "not taken"])
def test_a_write_without_an_answer_is_unknown(
    workspace: Any, target: Any, customer: Record, drop: str, mrr: float | None
) -> None:
    """When a run ends after a write without a reply, that record's outcome is unknown."""
    ann, _ = workspace.add(email="ann@a.example"), workspace.add(email="bob@a.example")
    workspace.sandbox.fault(method="PUT", nth=1, effect={"drop": drop})
    workspace.sandbox.fault(method="PUT", **{"from": 2}, effect={"status": 401, "body": UNAUTHORIZED})
    records = [customer("ann"), customer("bob")]
    with pytest.raises(ConfigurationError):
        target.run(records, max_concurrency=1)
    workspace.sandbox.clear_faults()
    assert workspace.get(ann)["custom_attributes"].get("cb_cust_mrr") == mrr
    assert rows(target, *COLUMNS) == {
        "matched": [("ann", "unknown", UNKNOWN)],
        "not_reached": [("bob", "not_reached", "updated")],
    }
    assert rows(target, "intercom_id")["matched"] == [(ann,)]
    figures = [target.read().figure(name) for name in ("unknown", "not_reached", "updated")]
    assert figures == [1, 1, 0]
    assert target.read().figure("outcomes") == [
        {"customers": 1, "became": "unknown", "because": UNKNOWN},
        {"customers": 1, "became": "not reached", "because": "the run stopped before it was written"},
    ]
    target.run(records)
    kinds = ["unchanged" if mrr else "updated", "updated"]
    assert [row["outcome"] for row in target.read().dicts("matched", "outcome")] == kinds


def test_a_create_without_an_answer_is_unknown(workspace: Any, target: Any, customer: Record) -> None:
    """When a creation has no reply and cannot be looked up, the user's outcome is unknown."""
    workspace.sandbox.fault(method="POST", path="/contacts", nth=1, effect={"drop": "after"})
    path = "/contacts/find_by_external_id/*"
    workspace.sandbox.fault(method="GET", path=path, nth=2, effect={"status": 401, "body": UNAUTHORIZED})
    with pytest.raises(ConfigurationError):
        target.run([customer("ann")], on_no_match="create", max_concurrency=1)
    workspace.sandbox.clear_faults()
    assert workspace.emails() == ["ann@a.example"]
    assert rows(target, *COLUMNS) == {"unmatched": [("ann", "unknown", UNKNOWN)]}


def test_a_record_of_which_a_part_was_written_is_unknown(workspace: Any, target: Any, customer: Record) -> None:
    """When a run ends between a record's values and its company, the outcome is unknown."""
    workspace.add_company(company_id="acme")
    workspace.add(email="ann@a.example")
    workspace.sandbox.fault(method="POST", path="/contacts/*/companies", effect={"status": 401, "body": UNAUTHORIZED})
    with pytest.raises(ConfigurationError):
        target.run([customer("ann") | {"company_id": "acme"}], attach_companies=True)
    workspace.sandbox.clear_faults()
    assert rows(target, *COLUMNS) == {"matched": [("ann", "unknown", UNKNOWN)]}


def test_a_run_that_stops_before_it_decides(workspace: Any, target: Any, customer: Record) -> None:
    """When the contacts cannot be read, every record is reported as not reached."""
    workspace.sandbox.fault(method="GET", path="/contacts", effect={"status": 401, "body": UNAUTHORIZED})
    with pytest.raises(ConfigurationError):
        target.run([customer("ann"), customer("bob")])
    workspace.sandbox.clear_faults()
    assert rows(target, *COLUMNS) == {"not_reached": [("ann", "not_reached", ""), ("bob", "not_reached", "")]}


def test_a_guarded_run(workspace: Any, target: Any, customer: Record) -> None:
    """A run that the guard stops reports unchanged records, and as not reached those it would have written."""
    names = [f"c{number}" for number in range(200)]
    workspace.fill({"email": f"{name}@a.example"} for name in names)
    target.run([customer(name) for name in names])
    with pytest.raises(FatalAPIError, match="max_changed_share"):
        target.run([customer(name, cb_cust_mrr=1 if number else 10.5) for number, name in enumerate(names)])
    found = rows(target, *COLUMNS)
    assert {name: len(lines) for name, lines in found.items()} == {"matched": 1, "not_reached": 199}
    assert found["not_reached"][0] == ("c1", "not_reached", "updated")


def test_companies_that_could_not_be_created(target: Any, company: Record) -> None:
    """A company that Intercom refuses is reported as rejected, not as created."""
    target.workspace.sandbox.fault(method="POST", path="/companies", nth=1, effect={"status": 422, "body": REFUSAL})
    target.run([company("a"), company("b")], on_no_match="create", max_concurrency=1)
    target.workspace.sandbox.clear_faults()
    assert rows(target, *COLUMNS) == {"unmatched": [("a", "rejected", "odd_name"), ("b", "created", "no_match")]}


def test_who_a_record_is(workspace: Any, target: Any, customer: Record) -> None:
    """Each row has the record's name, company, MRR and its addresses in Intercom and at its source."""
    ann = workspace.add(email="ann@a.example")
    record = customer("ann", cb_company_name="=Acme")
    target.run([record], source_url="https://s.example/c/{id}", record_url="http://h/{stream}/{id}")
    assert rows(target, "name", "company", "mrr", "source_link", "intercom_link") == {
        "matched": [("Ann", "'=Acme", "10.5", "https://s.example/c/ann", f"http://h/contacts/{ann}")]
    }


@pytest.mark.parametrize(
    ("record_id", "address"),
    [("a b", "a%20b"), ("a/b?c#d", "a%2Fb%3Fc%23d"), ("ü", "%C3%BC"), ("{id}", "%7Bid%7D"), ("a-1_b.c", "a-1_b.c")],
)
def test_an_id_is_quoted_in_an_address(target: Any, customer: Record, record_id: str, address: str) -> None:
    """Special characters of an id are quoted in its link."""
    target.run([customer(record_id, "x@a.example")], source_url="https://s.example/c/{id}")
    assert rows(target, "source_link") == {"unmatched": [(f"https://s.example/c/{address}",)]}


def test_an_address_without_its_site_is_none(target: Any, customer: Record) -> None:
    """When the variable in `source_url` is empty, there is no link instead of a wrong one."""
    target.run([customer("ann")], source_url="https://.chargebee.com/d/customers/{id}")
    assert rows(target, "source_link") == {"unmatched": [("",)]}


def test_a_run_ends_with_a_table() -> None:
    """The table of outcomes has each number with its reason, including customers that were not sent."""
    assert format_outcomes(SUMMARY, "e-mail") == [
        "customers  became     because",
        "49         updated    matched, and something differed",
        "3          unchanged  matched, and nothing differed",
        "2          skipped    several match",
        "1          skipped    not known to Intercom",
        "2          rejected   parameter_invalid",
        "2          not sent   share their e-mail with another customer, which is sent",
        "1          not sent   replaced by another customer, which is sent",
        "1,010      not sent   unchanged since they were sent",
    ]


def test_the_summary_has_the_table(workspace: Any, target: Any, customer: Record) -> None:
    """`summary.json` has the same table of outcomes for other programs."""
    workspace.add(email="ann@a.example")
    target.not_sent = [{"customer_id": "bob", "reason": "shares_match_value", "instead_of": "ann"}]
    ran = target.run([customer("ann"), customer("cid")])
    assert ran.figure("outcomes") == [
        {"customers": 1, "became": "updated", "because": "matched, and something differed"},
        {"customers": 1, "became": "skipped", "because": "not known to Intercom"},
        {"customers": 1, "became": "not sent", "because": "share their e-mail with another customer, which is sent"},
    ]


def test_a_dry_run_reads_as_one() -> None:
    """Every line of a validation says what a sync would do."""
    summary = SUMMARY | {"mode": "validate"}
    assert format_outcomes(summary, "e-mail")[:3] == [
        "customers  would            because",
        "49         update           matched, and something differed",
        "3          leave unchanged  matched, and nothing differed",
    ]
    assert [re.sub(" +", " ", line) for line in format_figures(summary)] == [
        "mode validate",
        "records 57",
        "would update 49",
        "would leave unchanged 3",
        "would create 0",
        "would skip: ambiguous 2",
        "would skip: no match 1",
        "would be refused: parameter invalid 2",
        "would create attributes 35",
    ]
    assert format_promise(summary) == (
        "Nothing was written. A sync would update 49, would leave unchanged 3, would skip 3, would be refused 2, "
        "would create 35 attributes."
    )
