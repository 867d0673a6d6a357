"""An odd value only makes its own attributes null, and its customer is logged; all other records are sent."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Lines, Mapper, Sent

Row = tuple[str, dict[str, Any]]
CUSTOMER = {
    "email": "someone@example.com",
    "first_name": "Ann",
    "last_name": "Example",
    "phone": "+1 555 0100",
    "company": "Example Ltd",
    "auto_collection": "on",
    "created_at": 1700000000,
    "updated_at": 1700000500,
    "resource_version": 1700000500123,
    "deleted": False,
    "payment_method": {"type": "card"},
    "card": {"expiry_month": 2, "expiry_year": 2028},
}
TERMS = {
    "status": "active",
    "currency_code": "EUR",
    "base_currency_code": "USD",
    "exchange_rate": 1.085,
    "mrr": 4999,
    "billing_period": 1,
    "billing_period_unit": "month",
    "created_at": 1700000100,
    "updated_at": 1700000200,
    "resource_version": 1700000200123,
    "trial_start": 1700000100,
    "trial_end": 1701209700,
    "activated_at": 1701209700,
    "current_term_start": 1701209700,
    "current_term_end": 1703801700,
    "next_billing_at": 1703801700,
    "cancelled_at": 1703801700,
    "cancel_reason_code": "Other",
    "deleted": False,
}
SUBSCRIPTION = {**TERMS, "plan_id": "basic", "plan_amount": 5997, "plan_quantity": 3, "cancel_reason": "not_paid"}
ITEM = {"item_price_id": "basic-USD", "item_type": "plan", "amount": 5997, "quantity": 3}
CATALOG_2 = {**TERMS, "subscription_items": [ITEM]}
DECIMAL = {**TERMS, "plan_id": "basic", "plan_amount_in_decimal": "5.5", "plan_quantity_in_decimal": "2.5"}
ITEMS_DECIMAL = {
    **TERMS,
    "subscription_items": [
        {"item_type": "plan", "item_price_id": "p", "amount_in_decimal": "5.5", "quantity_in_decimal": "2.5"}
    ],
}
INVOICE = {
    "status": "payment_due",
    "recurring": True,
    "date": 1701209700,
    "total": 5997,
    "amount_due": 1200,
    "currency_code": "EUR",
    "base_currency_code": "USD",
    "exchange_rate": 1.085,
    "updated_at": 1700000200,
    "resource_version": 1700000200123,
    "deleted": False,
}

HUGE = 10**30
OBJECTS: list[Any] = [[], ["x"], {}, {"a": 1}, [[1]]]
TEXT: list[Any] = [5, -5, 1.5, True, HUGE, *OBJECTS]
TIME: list[Any] = ["tomorrow", "1700000000", -1, 1700000000000, 1700000000.0, 1.5, True, HUGE, *OBJECTS]
VERSION: list[Any] = ["5", -1, 1.5, True, HUGE, *OBJECTS]
MINOR: list[Any] = ["1000", "much", 1000.0, 1.5, True, HUGE, -HUGE, *OBJECTS]
COUNT: list[Any] = ["3", 3.0, 2.5, -1, True, HUGE, *OBJECTS]
PERIOD: list[Any] = ["1", 0, -1, 1.0, True, HUGE, *OBJECTS]
RATE: list[Any] = ["n/a", "", "NaN", "Infinity", "-1", 0, -1.085, True, HUGE, *OBJECTS]
DECIMAL_TEXT: list[Any] = ["much", "NaN", "1e400", "1e999999999999", True, HUGE, *OBJECTS]
FLAG: list[Any] = ["true", "no", 0, 1, 1.0, *OBJECTS]
PART: list[Any] = ["card", 5, 1.5, True, ["x"], []]
LIST: list[Any] = ["plan", 5, 1.5, True, {"a": 1}, {}, ["plan"], [5], [None]]
MONTH: list[Any] = [0, 13, -1, "2", 2.0, True, HUGE, *OBJECTS]
YEAR: list[Any] = [9999, 10000, 0, -1, "2028", 2028.0, True, HUGE, *OBJECTS]

MRR = {"cb_cust_mrr", "cb_cust_mrr_cur"}
UNPAID = {"cb_cust_unpaid_amt", "cb_cust_unpaid_cur"}
PLAN = {"cb_sub_plan_name", "cb_sub_plan_price", "cb_sub_plan_quantity"}
AMOUNTS = {"cb_first_rec_inv_amt", "cb_latest_rec_inv_amt"}
CURRENCIES = {"cb_first_rec_inv_cur", "cb_latest_rec_inv_cur"}
BOUNDS = {*AMOUNTS, *CURRENCIES, "cb_first_rec_inv_at", "cb_latest_rec_inv_at"}
ODD: list[tuple[str, dict[str, Any], str, list[Any], set[str]]] = [
    ("customers", CUSTOMER, "email", TEXT, {"email"}),
    ("customers", CUSTOMER, "first_name", TEXT, {"name"}),
    ("customers", CUSTOMER, "last_name", TEXT, {"name"}),
    ("customers", CUSTOMER, "phone", TEXT, {"phone"}),
    ("customers", CUSTOMER, "company", TEXT, {"cb_company_name"}),
    ("customers", CUSTOMER, "auto_collection", TEXT, {"cb_cust_auto_collect"}),
    ("customers", CUSTOMER, "created_at", TIME, {"cb_signed_up_at"}),
    ("customers", CUSTOMER, "updated_at", TIME, set()),
    ("customers", CUSTOMER, "resource_version", VERSION, set()),
    ("customers", CUSTOMER, "deleted", FLAG, {"cb_cust_status"}),
    ("customers", CUSTOMER, "payment_method", PART, {"cb_payment_type"}),
    ("customers", CUSTOMER, "payment_method.type", TEXT, {"cb_payment_type"}),
    ("customers", CUSTOMER, "card", PART, {"cb_card_expired_at"}),
    ("customers", CUSTOMER, "card.expiry_month", MONTH, {"cb_card_expired_at"}),
    ("customers", CUSTOMER, "card.expiry_year", YEAR, {"cb_card_expired_at"}),
    ("subscriptions", SUBSCRIPTION, "status", TEXT, {"cb_sub_status", *MRR}),
    ("subscriptions", SUBSCRIPTION, "currency_code", TEXT, {"cb_sub_plan_currency", "cb_sub_plan_price", *MRR}),
    ("subscriptions", SUBSCRIPTION, "base_currency_code", TEXT, set()),
    ("subscriptions", SUBSCRIPTION, "exchange_rate", RATE, set()),
    ("subscriptions", SUBSCRIPTION, "mrr", MINOR, MRR),
    ("subscriptions", SUBSCRIPTION, "billing_period", PERIOD, {"cb_sub_plan_interval"}),
    ("subscriptions", SUBSCRIPTION, "billing_period_unit", TEXT, {"cb_sub_plan_interval"}),
    ("subscriptions", SUBSCRIPTION, "created_at", TIME, {"cb_sub_created_at"}),
    ("subscriptions", SUBSCRIPTION, "updated_at", TIME, set()),
    ("subscriptions", SUBSCRIPTION, "resource_version", VERSION, set()),
    ("subscriptions", SUBSCRIPTION, "deleted", FLAG, MRR),
    ("subscriptions", SUBSCRIPTION, "trial_start", TIME, {"cb_sub_trial_start_at"}),
    ("subscriptions", SUBSCRIPTION, "trial_end", TIME, {"cb_sub_trial_end_at"}),
    ("subscriptions", SUBSCRIPTION, "activated_at", TIME, {"cb_sub_activated_at"}),
    ("subscriptions", SUBSCRIPTION, "current_term_start", TIME, {"cb_sub_cur_term_start_at"}),
    ("subscriptions", SUBSCRIPTION, "current_term_end", TIME, {"cb_sub_cur_term_end_at"}),
    ("subscriptions", SUBSCRIPTION, "next_billing_at", TIME, {"cb_sub_next_bill_at"}),
    ("subscriptions", SUBSCRIPTION, "cancelled_at", TIME, {"cb_sub_cancelled_at"}),
    ("subscriptions", SUBSCRIPTION, "cancel_reason", TEXT, {"cb_sub_cancel_reason"}),
    ("subscriptions", SUBSCRIPTION, "cancel_reason_code", TEXT, set()),
    ("subscriptions", CATALOG_2, "cancel_reason_code", TEXT, {"cb_sub_cancel_reason"}),
    ("subscriptions", SUBSCRIPTION, "plan_id", TEXT, PLAN),
    ("subscriptions", SUBSCRIPTION, "plan_amount", MINOR, {"cb_sub_plan_price"}),
    ("subscriptions", SUBSCRIPTION, "plan_quantity", COUNT, {"cb_sub_plan_quantity"}),
    ("subscriptions", DECIMAL, "plan_amount_in_decimal", DECIMAL_TEXT, {"cb_sub_plan_price"}),
    ("subscriptions", DECIMAL, "plan_quantity_in_decimal", DECIMAL_TEXT, {"cb_sub_plan_quantity"}),
    ("subscriptions", SUBSCRIPTION, "addons", LIST, set()),
    ("subscriptions", SUBSCRIPTION, "subscription_items", LIST, set()),
    ("subscriptions", CATALOG_2, "subscription_items", LIST, PLAN),
    ("subscriptions", CATALOG_2, "subscription_items[0].item_type", TEXT, PLAN),
    ("subscriptions", CATALOG_2, "subscription_items[0].item_price_id", TEXT, {"cb_sub_plan_name"}),
    ("subscriptions", CATALOG_2, "subscription_items[0].amount", MINOR, {"cb_sub_plan_price"}),
    ("subscriptions", CATALOG_2, "subscription_items[0].quantity", COUNT, {"cb_sub_plan_quantity"}),
    ("subscriptions", ITEMS_DECIMAL, "subscription_items[0].amount_in_decimal", DECIMAL_TEXT, {"cb_sub_plan_price"}),
    (
        "subscriptions",
        ITEMS_DECIMAL,
        "subscription_items[0].quantity_in_decimal",
        [*DECIMAL_TEXT, "-1"],
        {"cb_sub_plan_quantity"},
    ),
    ("invoices", INVOICE, "status", TEXT, {*UNPAID, *BOUNDS}),
    ("invoices", INVOICE, "recurring", FLAG, BOUNDS),
    ("invoices", INVOICE, "date", TIME, BOUNDS),
    ("invoices", INVOICE, "deleted", FLAG, {*UNPAID, *BOUNDS}),
    ("invoices", INVOICE, "total", MINOR, AMOUNTS),
    ("invoices", INVOICE, "amount_due", MINOR, UNPAID),
    ("invoices", INVOICE, "currency_code", TEXT, {*UNPAID, *AMOUNTS, *CURRENCIES}),
    ("invoices", INVOICE, "base_currency_code", TEXT, set()),
    ("invoices", INVOICE, "exchange_rate", RATE, set()),
    ("invoices", INVOICE, "updated_at", TIME, set()),
    ("invoices", INVOICE, "resource_version", VERSION, set()),
]
PREFIXES = {"customers": "", "subscriptions": "subscription s0: ", "invoices": "invoice i0: "}


def change(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a record with another value at a path such as `subscription_items[0].amount`."""
    changed = deepcopy(record)
    *parts, last = re.findall(r"\w+", path)
    place: Any = changed
    for part in parts:
        place = place[int(part) if part.isdecimal() else part]
    place[last] = value
    return changed


def rows_of(number: int, stream: str, record: dict[str, Any]) -> list[Row]:
    """Return a customer with a subscription and an invoice, one of them replaced by this record."""
    records = {"customers": CUSTOMER, "subscriptions": SUBSCRIPTION, "invoices": INVOICE, stream: record}
    customer = {**records["customers"], "id": f"c{number}"}
    if customer["email"] == CUSTOMER["email"]:
        customer["email"] = f"c{number}@example.com"
    return [
        ("customers", customer),
        ("subscriptions", {**records["subscriptions"], "id": f"s{number}", "customer_id": f"c{number}"}),
        ("invoices", {**records["invoices"], "id": f"i{number}", "customer_id": f"c{number}"}),
    ]


def by_customer(sent: Sent) -> dict[str, dict[str, Any]]:
    """Return the records that were sent by customer, with all attributes at the top level."""
    return {one["customer_id"]: {**one, **one["custom_attributes"]} for one in sent.records}


def with_nulls(record: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Return a record with these fields null."""
    attributes = {name: None if name in names else value for name, value in record["custom_attributes"].items()}
    return {name: None if name in names else value for name, value in record.items()} | {
        "custom_attributes": attributes
    }


@pytest.mark.parametrize("case", ODD, ids=[f"{row[0]} {row[2]} {len(row[4])}" for row in ODD])
def test_an_odd_value_makes_its_attributes_null(
    case: tuple[str, dict[str, Any], str, list[Any], set[str]],
    fresh_mapper: Callable[[], Mapper],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An odd value of any member makes exactly its attributes null, and the customer is logged."""
    stream, record, path, values, nulls = case
    fit = [row for number in range(len(values) + 1) for row in rows_of(number, stream, record)]
    expected = by_customer(fresh_mapper().run(*fit))
    assert not nulls & {name for name, value in expected["c0"].items() if value is None}

    mapper = fresh_mapper()
    odd = [row for number, one in enumerate(values) for row in rows_of(number, stream, change(record, path, one))]
    sent = by_customer(mapper.run(*odd, *rows_of(len(values), stream, record)))
    for number in range(len(values)):
        expected[f"c{number}"] = with_nulls(expected[f"c{number}"], nulls)
    assert sent == expected
    assert mapper.summary()["odd_value"] == len(values)
    (line,) = [message for message in caplog.messages if message.startswith("odd value")]
    assert f"c0 ({PREFIXES[stream]}{path})" in line


@pytest.mark.parametrize(
    ("stream", "member", "nulls"),
    [
        ("subscriptions", "exchange_rate", MRR),
        ("subscriptions", "base_currency_code", MRR),
        ("invoices", "exchange_rate", UNPAID),
        ("invoices", "base_currency_code", UNPAID),
    ],
)
def test_an_odd_rate_counts_where_amounts_are_converted(
    stream: str, member: str, nulls: set[str], fresh_mapper: Callable[[], Mapper]
) -> None:
    """With `mrr_currency: base`, an odd exchange rate makes the sums null."""
    record = {"subscriptions": SUBSCRIPTION, "invoices": INVOICE}[stream]
    fit = by_customer(fresh_mapper().run(*rows_of(0, stream, record), mrr_currency="base"))
    odd = rows_of(0, stream, {**record, member: ["n/a"]})
    assert by_customer(fresh_mapper().run(*odd, mrr_currency="base")) == {"c0": with_nulls(fit["c0"], nulls)}


def test_an_odd_value_of_a_subscription_that_is_not_shown(mapper: Mapper) -> None:
    """An odd value of a subscription that is not shown makes only the sums null."""
    other = {**SUBSCRIPTION, "id": "s9", "customer_id": "c0", "status": "paused", "mrr": "much", "trial_end": "soon"}
    attributes = mapper.run(*rows_of(0, "customers", CUSTOMER), ("subscriptions", other)).attributes("c0")
    assert (attributes["cb_cust_mrr"], attributes["cb_sub_status"]) == (None, "active")
    assert attributes["cb_sub_trial_end_at"] == "2023-11-28T22:15:00+00:00"


NOTHING_DUE = [
    ("a cancelled one's mrr", "subscriptions", {"id": "s9", "status": "cancelled", "mrr": 5, "exchange_rate": "n/a"}),
    ("a deleted one's mrr", "subscriptions", {"id": "s9", "status": "active", "mrr": "much", "deleted": True}),
    (
        "a one-time invoice's currency",
        "invoices",
        {"id": "i9", "recurring": False, "amount_due": 0, "currency_code": 7},
    ),
    ("a deleted invoice's amount", "invoices", {"id": "i9", "amount_due": "much", "deleted": True}),
    ("a one-time invoice's date", "invoices", {"id": "i9", "amount_due": 0, "recurring": False, "date": "today"}),
]


@pytest.mark.parametrize(("stream", "row"), [row[1:] for row in NOTHING_DUE], ids=[row[0] for row in NOTHING_DUE])
def test_an_odd_value_that_nothing_stands_on(
    stream: str, row: dict[str, Any], fresh_mapper: Callable[[], Mapper]
) -> None:
    """An odd value that no attribute uses changes nothing."""
    fit = rows_of(0, "customers", CUSTOMER)
    base = {"subscriptions": SUBSCRIPTION, "invoices": INVOICE}[stream]
    more = (stream, {**base, "updated_at": 1, "resource_version": 1, "customer_id": "c0", **row})
    assert by_customer(fresh_mapper().run(*fit, more)) == by_customer(fresh_mapper().run(*fit))


IDENTITIES: list[tuple[dict[str, Any], str]] = [
    ({"match_on": "user_id", "user_id_field": "cf_key"}, "external_id"),
    ({"match_on": "company_id", "company_id_field": "cf_key"}, "company_id"),
    ({"match_on": "company_name", "company_name_field": "cf_key"}, "name"),
    ({"match_on": "email", "company_id_field": "cf_key"}, "company_id"),
]


@pytest.mark.parametrize("value", [True, 1.5, [1], {"a": 1}], ids=str)
@pytest.mark.parametrize(("config", "name"), IDENTITIES, ids=[str(row[0]) for row in IDENTITIES])
def test_an_odd_identity(
    config: dict[str, Any], name: str, value: Any, mapper: Mapper, caplog: pytest.LogCaptureFixture
) -> None:
    """An identifying field must be text or a whole number; otherwise the customer is sent without it and logged."""
    rows = rows_of(0, "customers", {**CUSTOMER, "cf_key": value})
    (record,) = mapper.run(*rows, **config).records
    assert record[name] is None
    assert "odd value: c0 (cf_key)" in caplog.messages


def test_an_odd_value_is_reported_in_every_run_while_it_lasts(mapper: Mapper) -> None:
    """An odd value is reported in every run until it is corrected, even of an invoice."""
    odd = change(INVOICE, "amount_due", "much")
    assert mapper.run(*rows_of(0, "invoices", odd)).attributes("c0")["cb_cust_unpaid_amt"] is None
    assert mapper.run().attributes("c0")["cb_cust_unpaid_amt"] is None
    assert mapper.summary()["odd_value"] == 1
    right = {**INVOICE, "id": "i0", "customer_id": "c0", "resource_version": 1700000900000}
    assert mapper.run(("invoices", right)).attributes("c0")["cb_cust_unpaid_amt"] == 12.0
    assert mapper.summary()["odd_value"] == 0


@pytest.mark.parametrize("path", ["created_at", "updated_at", "resource_version"])
def test_a_newer_version_with_an_odd_time_is_not_lost(path: str, mapper: Mapper) -> None:
    """A newer version whose time is unreadable counts as made at the last version's time."""
    mapper.run(*rows_of(0, "customers", CUSTOMER))
    newer = {**CUSTOMER, "company": "New Ltd", "updated_at": 1700000900, "resource_version": 1700000900000}
    if path != "created_at":
        del newer["resource_version" if path == "updated_at" else "updated_at"]
    sent = mapper.run(*rows_of(0, "customers", change(newer, path, "odd")))
    assert sent.attributes("c0")["cb_company_name"] == "New Ltd"


MISSING: list[tuple[str, dict[str, Any], str, set[str]]] = [
    ("subscriptions", SUBSCRIPTION, "status", {"cb_sub_status", *MRR}),
    ("subscriptions", SUBSCRIPTION, "currency_code", {"cb_sub_plan_currency", "cb_sub_plan_price", *MRR}),
    ("invoices", INVOICE, "status", {*UNPAID, *BOUNDS}),
    ("invoices", INVOICE, "currency_code", {*UNPAID, *AMOUNTS, *CURRENCIES}),
]


@pytest.mark.parametrize("how", ["absent", "null", "empty"])
@pytest.mark.parametrize("case", MISSING, ids=[f"{row[0]} {row[2]}" for row in MISSING])
def test_a_missing_member_is_not_nothing(
    case: tuple[str, dict[str, Any], str, set[str]],
    how: str,
    fresh_mapper: Callable[[], Mapper],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing member that Chargebee always sends makes only its attributes null."""
    stream, record, member, nulls = case
    expected = by_customer(fresh_mapper().run(*rows_of(0, stream, record)))
    without = {name: value for name, value in record.items() if name != member}
    instead: dict[str, dict[str, str | None]] = {"absent": {}, "null": {member: None}, "empty": {member: ""}}
    without |= instead[how]
    mapper = fresh_mapper()
    sent = by_customer(mapper.run(*rows_of(0, stream, without)))
    assert sent == {"c0": with_nulls(expected["c0"], nulls)}
    assert (mapper.summary()["missing_member"], mapper.summary()["without_subscription"]) == (1, 0)
    assert f"missing member: c0 ({PREFIXES[stream]}{member})" in caplog.messages


@pytest.mark.parametrize("owner", [None, "", 7, ["c0"]], ids=str)
@pytest.mark.parametrize("stream", ["subscriptions", "invoices"])
def test_a_record_that_does_not_say_whose_it_is(
    stream: str, owner: Any, mapper: Mapper, caplog: pytest.LogCaptureFixture
) -> None:
    """A record without a customer id stays with its known customer; a new one is logged by its id."""
    record = {"subscriptions": {**SUBSCRIPTION, "mrr": 100}, "invoices": {**INVOICE, "amount_due": 100}}[stream]
    name = {"subscriptions": "cb_cust_mrr", "invoices": "cb_cust_unpaid_amt"}[stream]
    key = {"subscriptions": "s0", "invoices": "i0"}[stream]
    mapper.run(*rows_of(0, stream, record))
    newer = {**record, "id": key, "customer_id": owner, "resource_version": 1700000900000}
    stranger = {**record, "id": "x1", "customer_id": owner}
    sent = mapper.run((stream, newer), (stream, stranger))
    assert sent.attributes("c0")[name] == 1.0
    lines = [message for message in caplog.messages if message.startswith("missing member")]
    assert f"{stream[:-1]} x1: customer_id" in lines[-1]


def test_an_odd_name_of_a_plan(mapper: Mapper, lines: Lines) -> None:
    """When a plan's name is odd, its id is shown."""
    marker = {**lines.marker, "streams": "customers,invoices,plans,subscriptions"}
    rows = [*rows_of(0, "customers", CUSTOMER), ("plans", {"id": "basic", "name": ["Basic"]})]
    body = [*lines.schemas, lines.schema("plans"), *(lines.record(*row) for row in rows), lines.state(marker)]
    sent = mapper.feed(body, plan_name="name")
    assert sent.attributes("c0")["cb_sub_plan_name"] == "basic"


NUMBERS = ["1" + "0" * 5000, "-1" + "0" * 5000, "1e999999999999999999999", "1.5e-99999999999999999999", "1e400"]


@pytest.mark.parametrize("number", NUMBERS, ids=[number[:12] for number in NUMBERS])
@pytest.mark.parametrize("member", ["mrr", "exchange_rate", "trial_end", "cf_points"])
def test_a_number_beyond_any_type(member: str, number: str, mapper: Mapper, lines: Lines) -> None:
    """A number beyond any type does not stop the other customers."""
    rows = [*rows_of(0, "subscriptions", {**SUBSCRIPTION, member: "NUMBER"}), *rows_of(1, "customers", CUSTOMER)]
    body = [lines.record(*row).replace('"NUMBER"', number) for row in rows]
    sent = mapper.feed([*lines.schemas, *body, lines.state()], extra_subscription_fields=["cf_points"])
    assert sent.customers == {"c0", "c1"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PATHS = sorted({(row[0], row[2]) for row in ODD} | {("customers", "cf_key"), ("subscriptions", "cf_key")})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(PATHS), JSON), min_size=1, max_size=6),
    base=st.sampled_from([SUBSCRIPTION, CATALOG_2]),
    config=st.sampled_from(
        [{}, {"mrr_currency": "base"}, {"match_on": "company_name"}, {"match_on": "user_id", "user_id_field": "cf_key"}]
    ),
)
def test_whatever_one_record_holds_the_others_are_as_they_were(
    changes: list[tuple[tuple[str, str], Any]],
    base: dict[str, Any],
    config: dict[str, Any],
    fresh_mapper: Callable[[], Mapper],
) -> None:
    """Whatever one record contains, the run succeeds and all other records are the same, byte for byte."""
    records: dict[str, dict[str, Any]] = {"customers": CUSTOMER, "subscriptions": base, "invoices": INVOICE}
    for (stream, path), value in changes:
        try:
            records[stream] = change(records[stream], path, value)
        except (KeyError, TypeError, IndexError):
            continue
    ids = {"customers": {"id": "odd", "email": "odd@example.com"}, "subscriptions": {"id": "s", "customer_id": "odd"}}
    ids["invoices"] = {"id": "i", "customer_id": "odd"}
    if any(path == "email" for (_, path), _ in changes):
        del ids["customers"]["email"]
    odd = [(stream, {**record, **ids[stream]}) for stream, record in records.items()]
    others = [row for number in range(3) for row in rows_of(number, "customers", {**CUSTOMER, "company": f"o{number}"})]
    others = [(stream, {**row, "cf_key": row["id"]}) for stream, row in others]
    extra: dict[str, Any] = {"extra_customer_fields": ["cf_key"], "extra_subscription_fields": ["cf_key"]}
    sent = fresh_mapper().run(*others, *odd, **config, **extra)
    alone = fresh_mapper().run(*others, **config, **extra)
    kept = [one for one in sent.records if one["customer_id"] != "odd"]
    assert [json.dumps(one) for one in kept] == [json.dumps(one) for one in alone.records]
    assert len(sent.records) == len(kept) + 1
