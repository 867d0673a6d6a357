"""The tables of the join: which subscription, version and customer count, and how money is summed."""

from __future__ import annotations

import ast
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_maps.subscriptions import money, rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Mapper

CHOICES: list[tuple[str, list[dict[str, Any]], str | None]] = [
    ("none", [], None),
    ("only a cancelled one", [{"id": "a", "status": "cancelled"}], "a"),
    ("active before paused", [{"id": "a", "status": "paused", "updated_at": 9}, {"id": "b", "status": "active"}], "b"),
    ("trial before paused", [{"id": "a", "status": "paused", "updated_at": 9}, {"id": "b", "status": "in_trial"}], "b"),
    ("paused before future", [{"id": "a", "status": "future", "updated_at": 9}, {"id": "b", "status": "paused"}], "b"),
    (
        "future before cancelled",
        [{"id": "a", "status": "cancelled", "updated_at": 9}, {"id": "b", "status": "future"}],
        "b",
    ),
    (
        "an unknown status before cancelled",
        [{"id": "a", "status": "cancelled", "updated_at": 9}, {"id": "b", "status": "on_hold"}],
        "b",
    ),
    (
        "future before an unknown status",
        [{"id": "a", "status": "on_hold", "updated_at": 9}, {"id": "b", "status": "future"}],
        "b",
    ),
    (
        "active, non_renewing and in_trial are equals",
        [
            {"id": "a", "status": "active", "updated_at": 1},
            {"id": "b", "status": "in_trial", "updated_at": 3},
            {"id": "c", "status": "non_renewing", "updated_at": 2},
        ],
        "b",
    ),
    (
        "cancelled and transferred are equals",
        [
            {"id": "a", "status": "cancelled", "updated_at": 1},
            {"id": "b", "status": "transferred", "updated_at": 2},
        ],
        "b",
    ),
    (
        "created_at where there is no updated_at",
        [
            {"id": "a", "status": "active", "created_at": 5, "updated_at": 6},
            {"id": "b", "status": "active", "created_at": 7},
        ],
        "b",
    ),
    (
        "resource_version decides a tie",
        [
            {"id": "b", "status": "active", "updated_at": 5, "resource_version": 5001},
            {"id": "a", "status": "active", "updated_at": 5, "resource_version": 5002},
        ],
        "a",
    ),
    ("the id decides a full tie", [{"id": "a", "status": "active"}, {"id": "b", "status": "active"}], "b"),
]


@pytest.mark.parametrize(("subscriptions", "chosen"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES])
def test_the_choice_among_subscriptions(subscriptions: list[dict[str, Any]], chosen: str | None) -> None:
    """The subscription is chosen by rank, then by last change, in any order of arrival."""
    for order in permutations(subscriptions):
        found = rules.choose_subscription(order)
        assert (found and found["id"]) == chosen


COUNTED = [
    ("live", {"resource_version": 5000_000}, None, True),
    ("deleted", {"resource_version": 5000_000, "deleted": True}, None, False),
    ("before the customer, who had no earlier one", {"resource_version": 50_000}, None, True),
    ("before the customer, who had an earlier one", {"resource_version": 50_000}, 10, False),
    ("since the customer, who had an earlier one", {"resource_version": 5000_000}, 10, True),
    ("changed since, though made before", {"created_at": 50, "updated_at": 5000}, 10, True),
    ("made before, never changed", {"created_at": 50}, 10, False),
    ("of the customer who was deleted itself", {"resource_version": 50_000}, 100, True),
]


@pytest.mark.parametrize(
    ("subscription", "ended", "counts"), [row[1:] for row in COUNTED], ids=[row[0] for row in COUNTED]
)
def test_which_subscriptions_count(subscription: dict[str, Any], ended: int | None, counts: bool) -> None:  # noqa: FBT001
    """Deleted subscriptions and those of an earlier customer with the same id do not count."""
    customer = {"id": "c1", "created_at": 100}
    assert bool(rules.filter_subscriptions([{"id": "s1", **subscription}], customer, ended)) is counts


def test_an_id_that_is_used_again(mapper: Mapper) -> None:
    """When an id is used again, the earlier customer's records do not count for the new one."""
    old = {"id": "c1", "email": "old@x.io", "created_at": 100, "resource_version": 200_000}
    subscription = {"id": "s1", "customer_id": "c1", "status": "active", "mrr": 100, "currency_code": "USD"}
    invoice = {"id": "i1", "customer_id": "c1", "status": "not_paid", "amount_due": 5, "currency_code": "USD"}
    rows = [("subscriptions", {**subscription, "created_at": 150}), ("invoices", {**invoice, "date": 150})]
    attributes = mapper.run(("customers", old), *rows).attributes()
    assert (attributes["cb_sub_status"], attributes["cb_cust_mrr"], attributes["cb_cust_unpaid_amt"]) == (
        "active",
        1,
        0.05,
    )

    new = {"id": "c1", "email": "new@x.io", "created_at": 1000, "resource_version": 1000_000}
    gone = {**old, "deleted": True, "resource_version": 300_000}
    sent = mapper.run(("customers", new), ("customers", gone))
    assert [one["email"] for one in sent.records] == ["new@x.io"]
    attributes = sent.attributes()
    assert attributes["cb_cust_status"] == "active"
    assert (attributes["cb_sub_status"], attributes["cb_cust_mrr"], attributes["cb_cust_unpaid_amt"]) == (None, 0, 0)

    again = {**subscription, "id": "s2", "status": "in_trial", "created_at": 1100}
    assert mapper.run(("subscriptions", again)).attributes()["cb_sub_status"] == "in_trial"


VERSIONS = [
    ("a later incarnation", {"created_at": 2, "updated_at": 1}, {"created_at": 1, "updated_at": 9}),
    ("a greater resource_version", {"resource_version": 6}, {"resource_version": 5}),
    ("a later updated_at", {"updated_at": 6}, {"updated_at": 5}),
    ("milliseconds against seconds", {"resource_version": 5001}, {"updated_at": 5}),
    ("seconds against milliseconds", {"updated_at": 6}, {"resource_version": 5999}),
    ("live against deleted on a full tie", {"updated_at": 5}, {"updated_at": 5, "deleted": True}),
    ("deleted later", {"updated_at": 6, "deleted": True}, {"updated_at": 5}),
    ("any stamp against none", {"updated_at": 1}, {}),
]


@pytest.mark.parametrize(("greater", "less"), [row[1:] for row in VERSIONS], ids=[row[0] for row in VERSIONS])
def test_the_order_of_versions(
    greater: dict[str, Any], less: dict[str, Any], fresh_mapper: Callable[[], Mapper]
) -> None:
    """The greater version of a record is kept, in any order and in any run."""
    great = ("customers", {"id": "c1", "company": "great", **greater})
    small = ("customers", {"id": "c1", "company": "small", **less})
    for first, second in ((great, small), (small, great)):
        assert fresh_mapper().run(first, second).attributes()["cb_company_name"] == "great"
        mapper = fresh_mapper()
        mapper.run(first)
        assert mapper.run(second).attributes()["cb_company_name"] == "great"


def test_of_one_version_the_later_copy_is_kept(mapper: Mapper) -> None:
    """Of one version, the later copy is kept, because Chargebee adds `mrr` afterwards."""
    subscription = {"id": "s1", "customer_id": "c1", "status": "active", "currency_code": "USD", "updated_at": 5}
    mapper.run(("customers", {"id": "c1"}), ("subscriptions", subscription))
    assert mapper.run(("subscriptions", {**subscription, "mrr": 100})).attributes()["cb_cust_mrr"] == 1.0


WINNERS = [
    ("live before deleted", [{"id": "a", "deleted": True}, {"id": "b"}], [("a", "active")], "b"),
    ("the rank of its subscription", [{"id": "a"}, {"id": "b"}], [("a", "paused"), ("b", "cancelled")], "a"),
    ("a subscription before none", [{"id": "a"}, {"id": "b"}], [("a", "cancelled")], "a"),
    ("the newest", [{"id": "a", "created_at": 2}, {"id": "b", "created_at": 1}], [], "a"),
    (
        "rank before age",
        [{"id": "a", "created_at": 1}, {"id": "b", "created_at": 2}],
        [("a", "active"), ("b", "future")],
        "a",
    ),
    ("the id", [{"id": "a"}, {"id": "b"}], [], "b"),
]


@pytest.mark.parametrize(
    ("customers", "subscriptions", "winner"), [row[1:] for row in WINNERS], ids=[row[0] for row in WINNERS]
)
def test_who_is_sent_of_those_who_share(
    customers: list[dict[str, Any]], subscriptions: list[tuple[str, str]], winner: str, mapper: Mapper
) -> None:
    """Of customers with a shared e-mail, one is sent and the others are counted."""
    rows = [("customers", {**customer, "email": "one@x.io"}) for customer in customers]
    rows += [("subscriptions", {"id": f"s{key}", "customer_id": key, "status": how}) for key, how in subscriptions]
    assert mapper.run(*rows).customers == {winner}
    assert mapper.summary()["shadowed"] == 1


MRR = [
    ("active", 100),
    ("non_renewing", 100),
    ("in_trial", 100),
    ("paused", 100),
    ("on_hold", 100),
    ("cancelled", 0),
    ("future", 0),
    ("transferred", 0),
]


@pytest.mark.parametrize(("status", "minor"), MRR)
def test_what_counts_as_mrr(status: str, minor: int) -> None:
    """Only running subscriptions' `mrr` counts, not ended or future ones'."""
    amounts = rules.list_mrr_amounts([{"status": status, "mrr": 100, "currency_code": "USD"}], estimate=False)
    assert sum(amount.minor for amount in amounts) == minor


ESTIMATES: list[tuple[dict[str, Any], int]] = [
    ({"billing_period": 1, "billing_period_unit": "month"}, 1200),
    ({"billing_period": 3, "billing_period_unit": "month"}, 400),
    ({"billing_period": 1, "billing_period_unit": "year"}, 100),
    ({"billing_period": 2, "billing_period_unit": "week"}, 2600),
    ({"billing_period": 30, "billing_period_unit": "day"}, 1217),
    ({"billing_period": 7, "billing_period_unit": "month"}, 171),
    ({"billing_period_unit": "month"}, 0),
    ({"billing_period": 1, "billing_period_unit": "fortnight"}, 0),
    ({"billing_period": 1, "billing_period_unit": "month", "status": "in_trial"}, 0),
    ({"billing_period": 1, "billing_period_unit": "month", "status": "non_renewing"}, 1200),
]
AMOUNTS = [
    {"plan_id": "p", "plan_amount": 1000, "addons": [{"id": "a", "amount": 200}]},
    {
        "subscription_items": [
            {"item_type": "plan", "amount": 1000},
            {"item_type": "addon", "amount": 200},
            {"item_type": "charge", "amount": 5000},
        ]
    },
]


@pytest.mark.parametrize("amounts", AMOUNTS, ids=["catalog 1", "catalog 2"])
@pytest.mark.parametrize(("terms", "minor"), ESTIMATES, ids=[str(list(row[0].values())) for row in ESTIMATES])
def test_estimates(amounts: dict[str, Any], terms: dict[str, Any], minor: int) -> None:
    """An estimate converts the recurring amounts to one month, rounded to a minor unit."""
    assert rules.estimate_month({"status": "active", **amounts, **terms}) == minor


def test_which_way_the_exchange_rate_runs() -> None:
    """An amount multiplied by its record's rate is in the base currency."""
    assert money.IN_BASE_CURRENCY(Decimal(10), Decimal("1.085")) == Decimal("10.850")


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1999, "USD", "19.99"),
        (1999, "JPY", "1999"),
        (1999, "KRW", "1999"),
        (1999, "XAF", "1999"),
        (1999, "XOF", "1999"),
        (1999, "KWD", "19.99"),
        (-1, "EUR", "-0.01"),
        (2**53 - 1, "EUR", "90071992547409.91"),
        (0, "EUR", "0"),
    ],
)
def test_minor_units(minor: int, currency: str, expected: str) -> None:
    """Minor units are hundredths, except for currencies without any."""
    assert money.to_major(minor, currency) == Decimal(expected)


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_a_sum_is_exact(minors: list[int]) -> None:
    """A sum of any number of amounts is exact."""
    found = money.sum_amounts(
        [money.Amount(minor, "USD") for minor in minors], chosen=money.Amount(0, "USD"), base=False
    )
    assert found == (Decimal(sum(minors)) / 100, "USD", None)


@pytest.mark.parametrize("module", ["rules", "money", "facts", "records", "attributes", "extra_fields", "models"])
def test_what_decides_does_no_io(module: str) -> None:
    """The rules import nothing that reads a clock, a file, a network or a log."""
    source = Path(rules.__file__).with_name(f"{module}.py").read_text()
    nodes = list(ast.walk(ast.parse(source)))
    imported = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.split(".")[0] for name in imported}
    assert not roots & {"requests", "logging", "time", "os", "singer_sdk", "sqlalchemy", "sqlite3", "random"}
