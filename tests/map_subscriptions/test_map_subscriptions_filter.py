"""The setting `only_customers`: who is left out is not sent, does not compete with others, and is in `not_sent`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines, Mapper

Row = tuple[str, dict[str, Any]]
ANN = {"id": "ann", "email": "one@x.io", "created_at": 200, "cf_tier": "gold"}
BEN = {"id": "ben", "email": "one@x.io", "created_at": 100, "cf_tier": "free"}
CAT = {"id": "cat", "email": "cat@x.io", "created_at": 100}
FILTER = "sub_status in ['active', 'paused']"


def customers(*rows: dict[str, Any]) -> list[Row]:
    """Return rows of customers."""
    return [("customers", row) for row in rows]


def subscription(owner: str, **members: Any) -> Row:
    """Return an active subscription of a customer."""
    terms = {"status": "active", "currency_code": "USD", "mrr": 1999, "plan_id": "basic"}
    return "subscriptions", {"id": f"s-{owner}", "customer_id": owner, **terms, **members}


def invoice(owner: str, due: int) -> Row:
    """Return an overdue invoice of a customer."""
    terms = {"status": "payment_due", "recurring": True, "date": 300, "total": 900, "currency_code": "USD"}
    return "invoices", {"id": f"i-{owner}", "customer_id": owner, "amount_due": due, **terms}


def test_who_is_left_out_shadows_nobody(mapper: Mapper) -> None:
    """Of two customers with one address, the one that takes part is sent, although the other would win."""
    rows = [*customers(ANN, BEN), subscription("ann", status="in_trial"), subscription("ben", status="paused")]
    assert mapper.run(*rows).customers == {"ann"}
    sent = mapper.run(*rows, only_customers=FILTER, report_not_sent=True)
    assert sent.customers == {"ben"}
    left_out = {"customer_id": "ann", "reason": "left_out", "instead_of": None, "name": None, "company": None}
    assert sent.not_sent == [{**left_out, "mrr": 19.99}]
    assert sent.totals == {
        "customers": 2,
        "sent": 1,
        "not_sent": {"shares_match_value": 0, "replaced": 0, "left_out": 1, "undecided": 0},
        "unchanged": 0,
    }


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (FILTER, {"ann"}),
        ("cust_mrr > 0 or cb_cust_mrr < 0", {"ann", "cat"}),
        ("cust_unpaid_amt > 10", {"cat"}),
        ("cf_tier == 'gold'", {"ann"}),
        ("not is_empty(cf_tier)", {"ann"}),
        ("cust_status == 'active' and email != 'cat@x.io'", {"ann"}),
        ("days_since(signed_up_at) > 20000", {"ann", "cat"}),
        ("false", set()),
        ("", {"ann", "cat"}),
    ],
)
def test_what_a_filter_can_name(mapper: Mapper, text: str, sent: set[str]) -> None:
    """A filter sees the customer's fields, and the attributes with and without their prefix."""
    rows = [*customers(ANN, CAT), subscription("ann"), subscription("cat", status="in_trial"), invoice("cat", 5000)]
    assert mapper.run(*rows, only_customers=text).customers == sent


def test_fields_of_objects(mapper: Mapper, lines: type[Lines]) -> None:
    """A member of an object that the schema declares has the names of both."""
    address = {"billing_address": {"type": ["object", "null"], "properties": {"country": {"type": ["string"]}}}}
    rows = [{**ANN, "billing_address": {"country": "DE"}}, {**CAT, "billing_address": None}]
    sent = mapper.feed(
        [
            lines.schema("customers", address),
            *lines.schemas[1:],
            *(lines.record("customers", row) for row in rows),
            lines.state(),
        ],
        only_customers="billing_address_country == 'DE'",
    )
    assert sent.customers == {"ann"}


def test_a_filter_without_a_result_keeps_everything_as_it_is(mapper: Mapper) -> None:
    """When the filter fails for a customer who would be sent, nothing is sent for its match value."""
    rows = [*customers({**ANN, "cf_tier": 0}, {**BEN, "cf_tier": 5}, {**CAT, "cf_tier": 2})]
    settings: dict[str, Any] = {"only_customers": "10 / cf_tier >= 2", "report_not_sent": True, "on_left_out": "clear"}
    sent = mapper.run(*rows, **settings)
    assert sent.customers == {"cat"}
    assert [(one["customer_id"], one["reason"], one["instead_of"]) for one in sent.not_sent] == [
        ("ben", "undecided", None),
        ("ann", "undecided", None),
    ]
    assert sent.totals["not_sent"] == {"shares_match_value": 0, "replaced": 0, "left_out": 0, "undecided": 2}
    assert mapper.summary(mapper.confirmed["store"])["failed_expression"] == 1


def test_an_odd_member_makes_the_filter_fail(mapper: Mapper) -> None:
    """A value that cannot be right is not taken for none, because the customer would lose its values."""
    odd = customers({**CAT, "created_at": "yesterday"})
    sent = mapper.run(*odd, only_customers="days_since(signed_up_at) < 30", report_not_sent=True)
    assert [one["reason"] for one in sent.not_sent] == ["undecided"]


@pytest.mark.parametrize("report_not_sent", [True, False])
def test_the_target_is_told_to_clear(mapper: Mapper, *, report_not_sent: bool) -> None:
    """With `on_left_out: clear`, the stream `not_sent` always comes, and its schema says which to clear."""
    settings: dict[str, Any] = {"only_customers": FILTER, "on_left_out": "clear", "report_not_sent": report_not_sent}
    sent = mapper.run(*customers(CAT), **settings)
    (schema,) = [one["schema"] for one in sent.messages if one["type"] == "SCHEMA" and one["stream"] == "not_sent"]
    assert schema["x-standpipe-clear"] == ["left_out"]
    assert schema["properties"]["reason"]["enum"] == ["shares_match_value", "replaced", "left_out", "undecided"]
    assert [one["reason"] for one in sent.not_sent] == ["left_out"]


def test_a_changed_filter_sends_everything_again(mapper: Mapper) -> None:
    """With `resend: changed`, a new filter applies to customers that no longer come."""
    rows = [*customers(ANN, CAT), subscription("ann")]
    mapper.run(*rows, resend="changed")
    assert mapper.run(resend="changed").customers == set()
    sent = mapper.run(resend="changed", only_customers=FILTER, report_not_sent=True)
    assert (sent.customers, [one["customer_id"] for one in sent.not_sent]) == ({"ann"}, ["cat"])
    assert mapper.run(resend="changed", only_customers=FILTER).customers == set()
    assert mapper.run(resend="changed").customers == {"ann", "cat"}


def test_a_subset_decides_like_a_run_over_everybody(mapper: Mapper) -> None:
    """A customer who comes alone and is left out now is named, and the one with its address is sent instead."""
    rows = [*customers(ANN, BEN, CAT), subscription("ann"), subscription("ben", status="paused")]
    settings: dict[str, Any] = {"only_customers": FILTER, "report_not_sent": True}
    assert mapper.run(*rows, **settings).customers == {"ann"}
    ended = subscription("ann", status="cancelled", resource_version=9)
    marker = {"completed_at": 1768478400000, "streams": "customers,invoices,subscriptions", "from": None, "subset": 1}
    sent = mapper.run(("customers", ANN), ended, marker=marker, **settings)
    assert (sent.customers, [(one["customer_id"], one["reason"]) for one in sent.not_sent]) == (
        {"ben"},
        [("ann", "left_out")],
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"only_customers": "sub_statos == 'active'"},
            (
                "The setting `only_customers` names `sub_statos`, which is neither a field of the customer nor "
                "an attribute: did you mean `sub_status`?"
            ),
        ),
        (
            {"only_customers": "cust_mrr"},
            ("The setting `only_customers` is a number but must be true or false: compare it, as in `cust_mrr > 0`."),
        ),
        (
            {"only_customers": "sub_status = 'active'"},
            "The setting `only_customers` is not a valid expression (invalid syntax",
        ),
    ],
)
def test_a_wrong_filter_is_refused_before_any_record(
    mapper: Mapper, lines: type[Lines], settings: dict[str, Any], sentence: str
) -> None:
    """One sentence names the setting and what is wrong, before any record was read."""
    with pytest.raises(UserError) as refused:
        mapper.feed([lines.schemas[0], "not a message\n"], **settings)
    assert str(refused.value).startswith(sentence)
