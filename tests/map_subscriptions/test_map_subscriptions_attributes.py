"""Each attribute, derived from Chargebee's records in both product catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Mapper

CUSTOMER = {
    "id": "c1",
    "email": "ann@example.com",
    "first_name": "Ann",
    "last_name": "Example",
    "phone": "+1 555 0100",
    "company": "Example Ltd",
    "auto_collection": "on",
    "created_at": 1700000000,
    "updated_at": 1700000500,
    "resource_version": 1700000500123,
    "deleted": False,
    "payment_method": {"type": "card", "gateway": "stripe", "object": "payment_method"},
    "card": {"expiry_month": 2, "expiry_year": 2028, "object": "card"},
    "object": "customer",
}
SUBSCRIPTION = {
    "id": "s1",
    "customer_id": "c1",
    "status": "active",
    "currency_code": "USD",
    "mrr": 4999,
    "billing_period": 1,
    "billing_period_unit": "month",
    "created_at": 1700000100,
    "trial_start": 1700000100,
    "trial_end": 1701209700,
    "activated_at": 1701209700,
    "current_term_start": 1701209700,
    "current_term_end": 1703801700,
    "next_billing_at": 1703801700,
    "deleted": False,
    "object": "subscription",
}
CATALOG_1 = {**SUBSCRIPTION, "plan_id": "basic", "plan_amount": 5997, "plan_quantity": 3, "plan_unit_price": 1999}
CATALOG_2 = {
    **SUBSCRIPTION,
    "subscription_items": [
        {"item_price_id": "support-USD", "item_type": "addon", "amount": 900, "quantity": 1},
        {"item_price_id": "basic-USD-Monthly", "item_type": "plan", "amount": 5997, "quantity": 3, "unit_price": 1999},
    ],
}
INVOICE = {
    "id": "i1",
    "customer_id": "c1",
    "status": "paid",
    "recurring": True,
    "date": 1701209700,
    "total": 5997,
    "amount_due": 0,
    "currency_code": "USD",
    "deleted": False,
    "object": "invoice",
}
INVOICES = [
    INVOICE,
    {**INVOICE, "id": "i2", "date": 1703801700, "total": 6500, "status": "payment_due", "amount_due": 1200},
    {
        **INVOICE,
        "id": "i3",
        "date": 1703900000,
        "recurring": False,
        "status": "not_paid",
        "total": 500,
        "amount_due": 5,
    },
]
WHOLE = {
    "cb_cust_id": "c1",
    "cb_signed_up_at": "2023-11-14T22:13:20+00:00",
    "cb_cust_status": "active",
    "cb_cust_auto_collect": "on",
    "cb_card_expired_at": "2028-02-29T12:00:00+00:00",
    "cb_payment_type": "card",
    "cb_cust_mrr": 49.99,
    "cb_cust_mrr_cur": "USD",
    "cb_cust_unpaid_amt": 12.05,
    "cb_cust_unpaid_cur": "USD",
    "cb_company_name": "Example Ltd",
    "cb_sub_plan_interval": "1 month",
    "cb_sub_plan_price": 59.97,
    "cb_sub_plan_quantity": 3,
    "cb_sub_plan_currency": "USD",
    "cb_sub_status": "active",
    "cb_sub_created_at": "2023-11-14T22:15:00+00:00",
    "cb_sub_activated_at": "2023-11-28T22:15:00+00:00",
    "cb_sub_trial_start_at": "2023-11-14T22:15:00+00:00",
    "cb_sub_trial_end_at": "2023-11-28T22:15:00+00:00",
    "cb_sub_cur_term_start_at": "2023-11-28T22:15:00+00:00",
    "cb_sub_cur_term_end_at": "2023-12-28T22:15:00+00:00",
    "cb_sub_next_bill_at": "2023-12-28T22:15:00+00:00",
    "cb_sub_cancelled_at": None,
    "cb_sub_cancel_reason": None,
    "cb_first_rec_inv_amt": 59.97,
    "cb_first_rec_inv_cur": "USD",
    "cb_first_rec_inv_at": "2023-11-28T22:15:00+00:00",
    "cb_latest_rec_inv_amt": 65.0,
    "cb_latest_rec_inv_cur": "USD",
    "cb_latest_rec_inv_at": "2023-12-28T22:15:00+00:00",
}


@pytest.mark.parametrize(
    ("subscription", "plan"),
    [(CATALOG_1, "basic"), (CATALOG_2, "basic-USD-Monthly")],
    ids=["catalog 1", "catalog 2"],
)
def test_a_whole_customer(subscription: dict[str, Any], plan: str, mapper: Mapper) -> None:
    """A paying customer gets every attribute, with the same values in both catalogs except the plan's name."""
    invoices = [("invoices", invoice) for invoice in INVOICES]
    sent = mapper.run(("customers", CUSTOMER), ("subscriptions", subscription), *invoices)
    assert sent.records == [
        {
            "customer_id": "c1",
            "external_id": "c1",
            "email": "ann@example.com",
            "name": "Ann Example",
            "phone": "+1 555 0100",
            "custom_attributes": {**WHOLE, "cb_sub_plan_name": plan},
        }
    ]


def test_a_customer_who_never_had_a_subscription(mapper: Mapper) -> None:
    """A customer who never subscribed is not cancelled: subscription attributes are null, and the MRR is 0."""
    attributes = mapper.run(("customers", {"id": "c1", "email": "ann@example.com"})).attributes()
    given = {"cb_cust_id": "c1", "cb_cust_status": "active", "cb_cust_mrr": 0.0, "cb_cust_unpaid_amt": 0.0}
    assert attributes == {**dict.fromkeys(WHOLE), "cb_sub_plan_name": None, **given}


CUSTOMER_ROWS = [
    ("deleted customer", {"deleted": True}, {"cb_cust_status": "deleted"}),
    ("collection off", {"auto_collection": "off"}, {"cb_cust_auto_collect": "off"}),
    ("no payment method", {"payment_method": None}, {"cb_payment_type": None}),
    ("other payment method", {"payment_method": {"type": "direct_debit"}}, {"cb_payment_type": "direct_debit"}),
    ("no card", {"card": None}, {"cb_card_expired_at": None}),
    (
        "month of 31 days",
        {"card": {"expiry_month": 12, "expiry_year": 2026}},
        {"cb_card_expired_at": "2026-12-31T12:00:00+00:00"},
    ),
    (
        "February",
        {"card": {"expiry_month": 2, "expiry_year": 2027}},
        {"cb_card_expired_at": "2027-02-28T12:00:00+00:00"},
    ),
    ("no company", {"company": None}, {"cb_company_name": None}),
    ("first second of all", {"created_at": 0}, {"cb_signed_up_at": "1970-01-01T00:00:00+00:00"}),
]


@pytest.mark.parametrize(
    ("change", "expected"), [row[1:] for row in CUSTOMER_ROWS], ids=[row[0] for row in CUSTOMER_ROWS]
)
def test_customer_attributes(change: dict[str, Any], expected: dict[str, Any], mapper: Mapper) -> None:
    """Attributes of the customer and the card follow these rules."""
    attributes = mapper.run(("customers", {**CUSTOMER, **change})).attributes()
    assert {name: attributes[name] for name in expected} == expected


SUBSCRIPTION_ROWS = [
    ("quarter", {"billing_period": 3}, {"cb_sub_plan_interval": "3 month"}),
    ("year", {"billing_period_unit": "year"}, {"cb_sub_plan_interval": "1 year"}),
    ("no period", {"billing_period": None}, {"cb_sub_plan_interval": None}),
    ("trial", {"status": "in_trial", "mrr": None}, {"cb_sub_status": "in_trial", "cb_cust_mrr": 0.0}),
    ("no mrr is none", {"mrr": None}, {"cb_cust_mrr": 0.0, "cb_cust_mrr_cur": "USD"}),
    (
        "cancelled by the system",
        {"status": "cancelled", "cancelled_at": 1703801700, "cancel_reason": "not_paid", "cancel_reason_code": "Other"},
        {
            "cb_sub_status": "cancelled",
            "cb_sub_cancelled_at": "2023-12-28T22:15:00+00:00",
            "cb_sub_cancel_reason": "not_paid",
            "cb_cust_mrr": 0.0,
        },
    ),
    (
        "cancelled by the customer",
        {"status": "cancelled", "cancel_reason_code": "Too expensive"},
        {"cb_sub_cancel_reason": "Too expensive"},
    ),
    (
        "cancellation to come",
        {"status": "non_renewing", "cancelled_at": 1703801700, "next_billing_at": None},
        {
            "cb_sub_status": "non_renewing",
            "cb_sub_cancelled_at": "2023-12-28T22:15:00+00:00",
            "cb_sub_next_bill_at": None,
            "cb_cust_mrr": 49.99,
        },
    ),
    ("future", {"status": "future"}, {"cb_sub_status": "future", "cb_cust_mrr": 0.0}),
    ("deleted", {"deleted": True}, {"cb_sub_status": None, "cb_sub_plan_currency": None, "cb_cust_mrr": 0.0}),
    (
        "yen",
        {"currency_code": "JPY"},
        {"cb_sub_plan_currency": "JPY", "cb_cust_mrr": 4999.0, "cb_cust_mrr_cur": "JPY", "cb_sub_plan_price": 5997.0},
    ),
    ("dinar of three decimals", {"currency_code": "KWD"}, {"cb_cust_mrr": 49.99, "cb_sub_plan_price": 59.97}),
    ("unknown currency", {"currency_code": "usd"}, {"cb_cust_mrr": None, "cb_sub_plan_price": None}),
    ("unknown status", {"status": "on_hold"}, {"cb_sub_status": "on_hold", "cb_cust_mrr": 49.99}),
]


@pytest.mark.parametrize("catalog", [CATALOG_1, CATALOG_2], ids=["catalog 1", "catalog 2"])
@pytest.mark.parametrize(
    ("change", "expected"), [row[1:] for row in SUBSCRIPTION_ROWS], ids=[row[0] for row in SUBSCRIPTION_ROWS]
)
def test_subscription_attributes(
    catalog: dict[str, Any], change: dict[str, Any], expected: dict[str, Any], mapper: Mapper
) -> None:
    """Attributes of a single subscription are the same in both catalogs."""
    attributes = mapper.run(("customers", CUSTOMER), ("subscriptions", {**catalog, **change})).attributes()
    assert {name: attributes[name] for name in expected} == expected


@pytest.mark.parametrize("catalog", [CATALOG_1, CATALOG_2], ids=["catalog 1", "catalog 2"])
def test_a_customer_of_several_subscriptions(catalog: dict[str, Any], mapper: Mapper) -> None:
    """The last changed subscription of the best rank is shown, and the MRR is the sum of those that count."""
    changes = [
        {"id": "s1", "updated_at": 1, "mrr": 1000},
        {"id": "s2", "updated_at": 2, "mrr": 250, "status": "non_renewing", "billing_period_unit": "year"},
        {"id": "s3", "updated_at": 3, "mrr": 30, "status": "paused"},
        {"id": "s4", "updated_at": 4, "mrr": 4, "status": "cancelled"},
        {"id": "s5", "updated_at": 5, "mrr": 5, "deleted": True},
    ]
    rows = [("subscriptions", {**catalog, **change}) for change in changes]
    attributes = mapper.run(("customers", CUSTOMER), *rows).attributes()
    assert (attributes["cb_sub_status"], attributes["cb_sub_plan_interval"]) == ("non_renewing", "1 year")
    assert (attributes["cb_cust_mrr"], attributes["cb_cust_mrr_cur"]) == (12.8, "USD")


def _item(**change: Any) -> dict[str, Any]:
    return {**SUBSCRIPTION, "subscription_items": [{"item_type": "plan", "item_price_id": "basic-USD", **change}]}


PLAN_ROWS = [
    ("1: flat fee", {**SUBSCRIPTION, "plan_id": "basic", "plan_amount": 1000}, ("basic", 10.0, None)),
    (
        "1: fractions",
        {
            **SUBSCRIPTION,
            "plan_id": "basic",
            "plan_amount_in_decimal": "10.005",
            "plan_quantity_in_decimal": "2.5",
        },
        ("basic", 10.005, 2.5),
    ),
    (
        "1: whole fraction",
        {**SUBSCRIPTION, "plan_id": "basic", "plan_amount": 1000, "plan_quantity_in_decimal": "2.00"},
        ("basic", 10.0, 2),
    ),
    ("1: free", {**SUBSCRIPTION, "plan_id": "basic", "plan_amount": 0, "plan_quantity": 1}, ("basic", 0.0, 1)),
    ("2: flat fee", _item(amount=1000), ("basic-USD", 10.0, None)),
    ("2: tiers have no unit price", _item(amount=1000, quantity=7), ("basic-USD", 10.0, 7)),
    ("2: fractions", _item(amount_in_decimal="10.005", quantity_in_decimal="3"), ("basic-USD", 10.005, 3)),
    ("2: half a seat", _item(amount=1000, quantity_in_decimal="0.5"), ("basic-USD", 10.0, 0.5)),
    ("2: null twin of catalog 1", {**_item(amount=1000), "plan_id": None}, ("basic-USD", 10.0, None)),
    ("unknown catalog", SUBSCRIPTION, (None, None, None)),
    (
        "2: no plan item",
        {**SUBSCRIPTION, "subscription_items": [{"item_type": "addon", "item_price_id": "a", "amount": 1}]},
        (None, None, None),
    ),
]


@pytest.mark.parametrize(
    ("subscription", "expected"), [row[1:] for row in PLAN_ROWS], ids=[row[0] for row in PLAN_ROWS]
)
def test_the_plan(subscription: dict[str, Any], expected: tuple[Any, ...], mapper: Mapper) -> None:
    """The plan's name, price and quantity are shown; a flat fee has no quantity."""
    attributes = mapper.run(("customers", CUSTOMER), ("subscriptions", subscription)).attributes()
    assert tuple(attributes[f"cb_sub_plan_{part}"] for part in ("name", "price", "quantity")) == expected


NO_INVOICE = (None, None, None)
FIRST = (59.97, "USD", "2023-11-28T22:15:00+00:00")
INVOICE_ROWS = [
    ("paid", {}, FIRST, 0.0),
    ("posted is not overdue", {"status": "posted", "amount_due": 5997}, FIRST, 0.0),
    ("payment due", {"status": "payment_due", "amount_due": 5997}, FIRST, 59.97),
    ("not paid", {"status": "not_paid", "amount_due": 1}, FIRST, 0.01),
    ("partly paid", {"status": "payment_due", "amount_due": 99}, FIRST, 0.99),
    ("voided", {"status": "voided", "amount_due": 0}, NO_INVOICE, 0.0),
    ("pending", {"status": "pending", "amount_due": 5997}, NO_INVOICE, 0.0),
    ("deleted", {"status": "payment_due", "amount_due": 5997, "deleted": True}, NO_INVOICE, 0.0),
    ("one-time", {"recurring": False, "status": "payment_due", "amount_due": 5997}, NO_INVOICE, 59.97),
    ("recurring unless it says otherwise", {"recurring": None}, FIRST, 0.0),
    ("no total", {"total": None}, (None, *FIRST[1:]), 0.0),
    (
        "yen",
        {"currency_code": "JPY", "status": "payment_due", "amount_due": 5000},
        (5997.0, "JPY", FIRST[2]),
        5000.0,
    ),
    ("an amount due of nothing is left out", {"status": "payment_due", "amount_due": None}, FIRST, 0.0),
]


@pytest.mark.parametrize(
    ("change", "first", "unpaid"), [row[1:] for row in INVOICE_ROWS], ids=[row[0] for row in INVOICE_ROWS]
)
def test_invoice_attributes(change: dict[str, Any], first: tuple[Any, ...], unpaid: float, mapper: Mapper) -> None:
    """Recurring invoices give the first and latest amounts, and overdue invoices the unpaid amount."""
    attributes = mapper.run(("customers", CUSTOMER), ("invoices", {**INVOICE, **change})).attributes()
    assert tuple(attributes[f"cb_first_rec_inv_{part}"] for part in ("amt", "cur", "at")) == first
    assert tuple(attributes[f"cb_latest_rec_inv_{part}"] for part in ("amt", "cur", "at")) == first
    assert attributes["cb_cust_unpaid_amt"] == unpaid


TIES = [
    ("numbers", ["3", "1", "2"], ("1", "3")),
    ("numbers of different length", ["10", "9", "100"], ("9", "100")),
    ("numbers with a prefix", ["INV-10", "INV-9"], ("INV-9", "INV-10")),
    ("numbers with zeros before them", ["0010", "9"], ("9", "0010")),
    ("no numbers", ["b", "a"], ("a", "b")),
    ("a number after text", ["2026/2", "2025/10"], ("2025/10", "2026/2")),
    ("a number beyond any integer", ["1" * 30, "2" * 30], ("1" * 30, "2" * 30)),
    ("digits of another script", ["\u0662", "1"], ("1", "\u0662")),
]


@pytest.mark.parametrize(("ids", "expected"), [row[1:] for row in TIES], ids=[row[0] for row in TIES])
def test_invoices_of_one_second_are_in_the_order_of_their_numbers(
    ids: list[str], expected: tuple[str, str], mapper: Mapper
) -> None:
    """Invoices of the same second are ordered by number, so that 9 comes before 10."""
    totals = {key: total for total, key in enumerate(ids, start=1)}
    rows = [("invoices", {**INVOICE, "id": key, "total": total * 100}) for key, total in totals.items()]
    attributes = mapper.run(("customers", CUSTOMER), *rows).attributes()
    found = attributes["cb_first_rec_inv_amt"], attributes["cb_latest_rec_inv_amt"]
    assert found == tuple(totals[key] for key in expected)


def test_the_schema_carries_types_and_descriptions(mapper: Mapper) -> None:
    """The schema declares each attribute's type and description; dates are date-time, money and quantities numbers."""
    message = mapper.run().schema
    properties = message["schema"]["properties"]["custom_attributes"]["properties"]
    assert (message["stream"], message["key_properties"]) == ("contacts", ["customer_id"])
    assert set(properties) == {*WHOLE, "cb_sub_plan_name"}
    assert properties["cb_cust_mrr"] == {
        "type": ["number", "null"],
        "description": "Monthly recurring revenue of all subscriptions",
    }
    dates = {name for name, one in properties.items() if one.get("format") == "date-time"}
    assert dates == {name for name in properties if name.endswith("_at")}
    numbers = {name for name, one in properties.items() if one["type"] == ["number", "null"]}
    assert numbers == {name for name in properties if name.endswith(("_amt", "_price", "_mrr", "_quantity"))}
    assert all(one["description"] for one in properties.values())


def test_a_customer_without_an_email_is_sent_by_name(mapper: Mapper) -> None:
    """A customer without an e-mail is sent, so that the target's report can list it."""
    sent = mapper.run(("customers", {"id": "c1"}), ("customers", {"id": "c2", "email": "  "}))
    assert [(one["customer_id"], one["email"]) for one in sent.records] == [("c1", None), ("c2", None)]
    assert mapper.summary()["without_match_value"] == 2
