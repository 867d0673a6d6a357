"""Every customer is in exactly one list: sent, sharing its match value, replaced, or unchanged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Mapper, Sent

Row = tuple[str, dict[str, Any]]
Change = tuple[str, list[Row], list[str], list[str], int]
ANN = {"id": "ann", "email": "one@x.io", "created_at": 100, "resource_version": 1}
BEN = {**ANN, "id": "ben", "created_at": 200, "first_name": "Ben", "last_name": "Ash", "company": "Ash Ltd"}
CAT = {**ANN, "id": "cat", "email": "cat@x.io"}
SCHEMA = {
    "type": "object",
    "properties": {
        "customer_id": {"type": ["string"], "description": "Id of the customer in Chargebee"},
        "reason": {
            "type": ["string"],
            "enum": ["shares_match_value", "replaced"],
            "description": "Why the customer is not sent",
        },
        "instead_of": {
            "type": ["string", "null"],
            "description": "Id of the customer that is sent for the same match value",
        },
        "name": {"type": ["string", "null"], "description": "Full name"},
        "company": {"type": ["string", "null"], "description": "Company of the customer"},
        "mrr": {"type": ["number", "null"], "description": "Monthly recurring revenue, in major units"},
    },
    "required": ["customer_id", "reason"],
    "x-standpipe-totals": {
        "customers": 3,
        "sent": 2,
        "not_sent": {"shares_match_value": 1, "replaced": 0},
        "unchanged": 0,
    },
}


def subscription(owner: str, **members: Any) -> Row:
    """Return an active subscription of a customer."""
    terms = {"status": "active", "currency_code": "USD", "mrr": 1999, "plan_id": "basic"}
    return "subscriptions", {"id": f"s-{owner}", "customer_id": owner, **terms, **members}


def test_the_stream(mapper: Mapper) -> None:
    """After the records follow a SCHEMA with totals, the customers that were not sent, and STATE."""
    rows = [("customers", row) for row in (ANN, BEN, CAT)]
    sent = mapper.run(*rows, subscription("ann"), subscription("ben", status="paused"), report_not_sent=True)
    assert sent.kinds == ["SCHEMA", "RECORD", "RECORD", "SCHEMA", "RECORD", "STATE"]
    assert sent.messages[3] == {
        "type": "SCHEMA",
        "stream": "not_sent",
        "schema": SCHEMA,
        "key_properties": ["customer_id"],
    }
    assert sent.not_sent == [
        {
            "customer_id": "ben",
            "reason": "shares_match_value",
            "instead_of": "ann",
            "name": "Ben Ash",
            "company": "Ash Ltd",
            "mrr": 19.99,
        }
    ]


def test_the_stream_is_off_unless_it_is_asked_for(mapper: Mapper) -> None:
    """Without `report_not_sent`, there is only one stream; the summary counts nevertheless."""
    sent = mapper.run(("customers", ANN), ("customers", BEN))
    assert sent.kinds == ["SCHEMA", "RECORD", "STATE"]
    assert mapper.summary()["shares_match_value"] == 1


def test_a_preview_names_them_too(mapper: Mapper) -> None:
    """A preview lists customers that are not sent, like a sync."""
    sent = mapper.run(("customers", ANN), ("customers", BEN), preview=True, report_not_sent=True)
    assert [one["customer_id"] for one in sent.not_sent] == ["ann"]


REASONS: list[tuple[str, list[dict[str, Any]], dict[str, str], tuple[int, int, int]]] = [
    ("nobody", [], {}, (0, 0, 0)),
    ("one", [ANN], {}, (1, 0, 0)),
    ("two who share", [ANN, BEN], {"ann": "shares_match_value"}, (1, 1, 0)),
    ("a deleted one, made again under another id", [{**ANN, "deleted": True}, BEN], {"ann": "replaced"}, (1, 0, 1)),
    ("two deleted ones", [{**ANN, "deleted": True}, {**BEN, "deleted": True}], {"ann": "replaced"}, (1, 0, 1)),
    (
        "both kinds in one group",
        [ANN, BEN, {**CAT, "email": "ONE@x.io ", "deleted": True}],
        {"ann": "shares_match_value", "cat": "replaced"},
        (1, 1, 1),
    ),
    ("an id that is used again is one customer", [{**ANN, "deleted": True}, {**ANN, "created_at": 300}], {}, (1, 0, 0)),
    ("a deleted one whom nobody replaced", [{**ANN, "deleted": True}], {}, (1, 0, 0)),
    ("two without an e-mail", [{**ANN, "email": None}, {**BEN, "email": " "}], {}, (2, 0, 0)),
    ("two with an odd e-mail", [{**ANN, "email": 5}, {**BEN, "email": ["x"]}], {}, (2, 0, 0)),
]


@pytest.mark.parametrize(
    ("customers", "reasons", "counts"), [row[1:] for row in REASONS], ids=[row[0] for row in REASONS]
)
def test_why_a_customer_is_not_sent(
    customers: list[dict[str, Any]], reasons: dict[str, str], counts: tuple[int, int, int], mapper: Mapper
) -> None:
    """A live customer shares its match value, and a deleted one was replaced; one without a match value is sent."""
    sent = mapper.run(*[("customers", row) for row in customers], report_not_sent=True)
    assert {one["customer_id"]: one["reason"] for one in sent.not_sent} == reasons
    assert {one["instead_of"] for one in sent.not_sent} <= sent.customers
    number, shares, replaced = counts
    not_sent = {"shares_match_value": shares, "replaced": replaced}
    assert sent.totals == {"customers": sum(counts), "sent": number, "not_sent": not_sent, "unchanged": 0}
    summary = mapper.summary()
    names = ("customers", "customers_out", "shares_match_value", "replaced", "unchanged")
    assert [summary[name] for name in names] == [sum(counts), number, shares, replaced, 0]


MRR: list[tuple[dict[str, Any], dict[str, Any], float | None]] = [
    ({}, {}, 19.99),
    ({"currency_code": "JPY"}, {}, 1999.0),
    ({"currency_code": "JPY"}, {"zero_decimal_currencies": []}, 19.99),
    ({"exchange_rate": 2, "base_currency_code": "EUR"}, {"mrr_currency": "base"}, 39.98),
    ({"mrr": None}, {}, 0.0),
    ({"mrr": "much"}, {}, None),
    ({"currency_code": None}, {}, None),
]


@pytest.mark.parametrize(("members", "config", "mrr"), MRR, ids=[str(row[:2]) for row in MRR])
def test_the_mrr_of_a_customer_that_is_not_sent(
    members: dict[str, Any], config: dict[str, Any], mrr: float | None, mapper: Mapper
) -> None:
    """The MRR of a customer that is not sent follows the same rules, and is null when unknown."""
    rows = [("customers", ANN), ("customers", BEN), subscription("ann", **members), subscription("ben")]
    (row,) = mapper.run(*rows, report_not_sent=True, **config).not_sent
    assert (row["customer_id"], row["mrr"]) == ("ann", mrr)


def test_an_odd_name_does_not_stop_the_list(mapper: Mapper) -> None:
    """A name that cannot be shown is null."""
    odd = {**ANN, "first_name": ["Ann"], "company": 5}
    (row,) = mapper.run(("customers", odd), ("customers", BEN), report_not_sent=True).not_sent
    assert (row["customer_id"], row["name"], row["company"]) == ("ann", None, None)


CHANGES: list[Change] = [
    ("nothing", [], [], [], 3),
    ("one alone", [("customers", {**CAT, "resource_version": 2})], ["cat"], [], 2),
    ("the winner", [("customers", {**BEN, "resource_version": 2})], ["ben"], ["ann"], 1),
    ("one that is not sent", [("customers", {**ANN, "resource_version": 2})], ["ben"], ["ann"], 1),
    ("somebody new", [("customers", {**CAT, "id": "dan", "email": "dan@x.io"})], ["dan"], [], 3),
    (
        "one that goes its own way",
        [("customers", {**ANN, "email": "ann@x.io", "resource_version": 2})],
        ["ann", "ben"],
        [],
        1,
    ),
]


@pytest.mark.parametrize("case", CHANGES, ids=[row[0] for row in CHANGES])
def test_changed_says_how_many_are_unchanged(
    case: tuple[str, list[Row], list[str], list[str], int], mapper: Mapper
) -> None:
    """With `resend: changed`, the lists have only customers with changes, and the others are counted."""
    _, rows, expected, not_sent, unchanged = case
    options: dict[str, Any] = {"resend": "changed", "report_not_sent": True}
    mapper.run(*[("customers", row) for row in (ANN, BEN, CAT)], **options)
    sent = mapper.run(*rows, **options)
    assert sorted(sent.customers) == expected
    assert [one["customer_id"] for one in sent.not_sent] == not_sent
    assert sent.totals["unchanged"] == unchanged
    assert mapper.summary()["unchanged"] == unchanged
    assert sent.totals["customers"] == len(expected) + len(not_sent) + unchanged


def test_asking_for_the_list_sends_nobody_again(mapper: Mapper) -> None:
    """Turning on `report_not_sent` sends no customer again."""
    rows = [("customers", ANN), ("customers", CAT)]
    mapper.run(*rows, resend="changed")
    assert mapper.run(resend="changed", report_not_sent=True).customers == set()


CUSTOMERS = st.builds(
    lambda number, email, deleted, created: {
        "id": f"c{number}",
        "email": email,
        "deleted": deleted,
        "created_at": created,
    },
    st.integers(0, 12),
    st.sampled_from(["a@x.io", "A@x.io", "b@x.io", None, 5]),
    st.booleans(),
    st.sampled_from([100, 200]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(st.lists(CUSTOMERS, max_size=10), min_size=1, max_size=3))
@pytest.mark.parametrize("resend", ["all", "changed"])
def test_every_customer_is_in_exactly_one_list(
    resend: str, runs: list[list[dict[str, Any]]], fresh_mapper: Callable[[], Mapper]
) -> None:
    """For any input, no customer is listed twice or missing, and the totals are right."""
    mapper = fresh_mapper()
    seen: set[str] = set()
    for customers in runs:
        seen |= {one["id"] for one in customers}
        sent: Sent = mapper.run(*[("customers", row) for row in customers], resend=resend, report_not_sent=True)
        listed = Counter([one["customer_id"] for one in [*sent.records, *sent.not_sent]])
        assert set(listed.values()) <= {1}
        assert set(listed) <= seen
        assert sent.totals == {
            "customers": len(seen),
            "sent": len(sent.records),
            "not_sent": {
                "shares_match_value": sum(one["reason"] == "shares_match_value" for one in sent.not_sent),
                "replaced": sum(one["reason"] == "replaced" for one in sent.not_sent),
            },
            "unchanged": len(seen - set(listed)),
        }
        assert resend == "changed" or set(listed) == seen
