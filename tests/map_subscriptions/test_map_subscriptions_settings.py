"""The effect of each setting on the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines, Mapper

CUSTOMER = {
    "id": "c1",
    "email": " Ann@Example.com ",
    "first_name": "Ann",
    "phone": "5",
    "company": "Example Ltd",
    "created_at": 1700000000,
    "cf_user": "u1",
    "cf_number": 42,
    "cf_name": "Straße 1",
}
SUBSCRIPTION = {
    "id": "s1",
    "customer_id": "c1",
    "status": "active",
    "currency_code": "EUR",
    "mrr": 1000,
    "exchange_rate": 1.085,
    "base_currency_code": "USD",
    "billing_period": 1,
    "billing_period_unit": "month",
    "plan_id": "basic",
    "plan_amount": 1000,
}
CATALOG_2 = {
    **{name: value for name, value in SUBSCRIPTION.items() if not name.startswith("plan_")},
    "subscription_items": [{"item_type": "plan", "item_price_id": "basic", "amount": 1000}],
}
PERSON = {"customer_id": "c1", "external_id": "c1", "email": "Ann@Example.com", "name": "Ann", "phone": "5"}
COMPANY = {
    "customer_id": "c1",
    "company_id": "c1",
    "name": "Example Ltd",
    "plan": "basic",
    "monthly_spend": 10.0,
    "remote_created_at": "2023-11-14T22:13:20+00:00",
}
IDENTITIES = [
    ({"match_on": "email"}, "contacts", PERSON),
    ({"match_on": "email", "user_id_field": "cf_user"}, "contacts", {**PERSON, "external_id": "u1"}),
    ({"match_on": "user_id"}, "contacts", PERSON),
    ({"match_on": "user_id", "user_id_field": "cf_number"}, "contacts", {**PERSON, "external_id": "42"}),
    ({"match_on": "user_id", "user_id_field": "company"}, "contacts", {**PERSON, "external_id": "Example Ltd"}),
    ({"match_on": "user_id", "user_id_field": "cf_none"}, "contacts", {**PERSON, "external_id": None}),
    ({"match_on": "email", "company_id_field": "cf_number"}, "contacts", {**PERSON, "company_id": "42"}),
    ({"match_on": "company_id"}, "companies", COMPANY),
    ({"match_on": "company_id", "company_id_field": "cf_user"}, "companies", {**COMPANY, "company_id": "u1"}),
    ({"match_on": "company_name"}, "companies", COMPANY),
    ({"match_on": "company_name", "company_name_field": "cf_name"}, "companies", {**COMPANY, "name": "Straße 1"}),
]


@pytest.mark.parametrize("subscription", [SUBSCRIPTION, CATALOG_2], ids=["catalog 1", "catalog 2"])
@pytest.mark.parametrize(
    ("settings", "stream", "expected"), IDENTITIES, ids=[" ".join(row[0].values()) for row in IDENTITIES]
)
def test_identity(
    settings: dict[str, Any], stream: str, expected: dict[str, Any], subscription: dict[str, Any], mapper: Mapper
) -> None:
    """Records are contacts or companies with Intercom's standard fields and the match field."""
    sent = mapper.run(("customers", CUSTOMER), ("subscriptions", subscription), **settings)
    (record,) = sent.records
    record.pop("custom_attributes")
    assert (sent.schema["stream"], record) == (stream, expected)
    assert set(sent.schema["schema"]["properties"]) == {*expected, "custom_attributes"}


GROUPS = [
    ("email", "email", ["ann@x.io", " ANN@x.io "], 1),
    ("email", "email", ["ann@x.io", "bob@x.io"], 2),
    ("email", "email", [None, None], 2),
    ("email", "email", ["jos\u00e9@x.io", "JOSE\u0301@x.io"], 1),
    ("email", "email", ["stra\u00dfe@x.io", "strasse@x.io"], 2),
    ("user_id", "cf_user", ["u1", "u1"], 1),
    ("user_id", "cf_user", ["u1", "U1"], 2),
    ("company_id", "cf_user", [7, "7"], 1),
    ("company_name", "company", ["Café", " CAFE\u0301 "], 1),
    ("company_name", "company", ["Cafe", "Café"], 2),
]


@pytest.mark.parametrize(("match_on", "field", "values", "sent"), GROUPS, ids=[f"{row[0]} {row[2]}" for row in GROUPS])
def test_groups(match_on: str, field: str, values: list[Any], sent: int, mapper: Mapper) -> None:
    """Customers with the same normalised match value give one record; without one, each gives its own."""
    rows = [("customers", {"id": f"c{n}", "created_at": n, field: value}) for n, value in enumerate(values)]
    settings: dict[str, Any] = {} if match_on in {"email", "company_name"} else {f"{match_on}_field": field}
    assert len(mapper.run(*rows, match_on=match_on, **settings).records) == sent
    assert mapper.summary()["shadowed"] == 2 - sent


def test_the_prefix(mapper: Mapper) -> None:
    """Every attribute's name begins with the prefix, in records and in the schema."""
    sent = mapper.run(("customers", CUSTOMER), attribute_prefix="bill-")
    declared = sent.schema["schema"]["properties"]["custom_attributes"]["properties"]
    assert list(sent.attributes()) == list(declared)
    assert all(name.startswith("bill-") for name in declared)


CURRENCIES = [
    ("own", [("EUR", 1000, 1.085)], (10.0, "EUR"), 0),
    ("base", [("EUR", 1000, 1.085)], (10.85, "USD"), 0),
    ("base", [("USD", 1000, None)], (10.0, "USD"), 0),
    ("base", [("EUR", 1000, None)], (None, None), 0),
    ("base", [("JPY", 1000, 0.0067), ("EUR", 1000, 1.085)], (17.55, "USD"), 0),
    ("base", [("EUR", 1, 1.5)], (0.02, "USD"), 0),
    ("own", [("EUR", 1000, 1), ("EUR", 2550, 1)], (35.5, "EUR"), 0),
    ("own", [("EUR", 1000, 1), ("USD", 700, 1), ("EUR", 5, 1)], (10.05, "EUR"), 1),
    ("own", [("EUR", 0, 1), ("USD", 700, 1)], (7.0, "USD"), 0),
    ("own", [("EUR", 0, 1), ("USD", 700, 1), ("JPY", 7, 1)], (None, None), 1),
    ("own", [("EUR", 0, 1), ("EUR", 700, 1), ("JPY", 7, 1)], (7.0, "EUR"), 1),
]


@pytest.mark.parametrize(
    ("currency", "amounts", "expected", "several"), CURRENCIES, ids=[f"{row[0]} {row[1]}" for row in CURRENCIES]
)
def test_sums_are_of_one_currency(
    currency: str, amounts: list[Any], expected: tuple[Any, ...], several: int, mapper: Mapper
) -> None:
    """Sums are in the customer's currency, the chosen subscription's, or converted to the base currency."""
    chosen, *_ = amounts
    rows = []
    for number, (code, mrr, rate) in enumerate(amounts):
        money = {"currency_code": code, "base_currency_code": "USD", "exchange_rate": rate}
        newest = 1 if (code, mrr, rate) == chosen else 0
        rows.append(("subscriptions", {**SUBSCRIPTION, **money, "id": f"s{number}", "mrr": mrr, "updated_at": newest}))
        invoice = {"id": f"i{number}", "customer_id": "c1", "status": "not_paid", "amount_due": mrr}
        rows.append(("invoices", {**invoice, **money}))
    attributes = mapper.run(("customers", CUSTOMER), *rows, mrr_currency=currency).attributes()
    assert (attributes["cb_cust_mrr"], attributes["cb_cust_mrr_cur"]) == expected
    assert (attributes["cb_cust_unpaid_amt"], attributes["cb_cust_unpaid_cur"]) == expected
    assert mapper.summary()["several_currencies"] == several
    assert mapper.summary()["no_exchange_rate"] == (expected[0] is None and currency == "base")


ZERO_DECIMAL: list[tuple[dict[str, Any], str, float]] = [
    ({}, "JPY", 1999.0),
    ({}, "ISK", 1999.0),
    ({}, "USD", 19.99),
    ({"zero_decimal_currencies": ["JPY"]}, "JPY", 1999.0),
    ({"zero_decimal_currencies": ["JPY"]}, "ISK", 19.99),
    ({"zero_decimal_currencies": ["HUF"]}, "HUF", 1999.0),
    ({"zero_decimal_currencies": []}, "JPY", 19.99),
]


@pytest.mark.parametrize("mrr_currency", ["own", "base"])
@pytest.mark.parametrize(("settings", "currency", "shown"), ZERO_DECIMAL, ids=[str(row) for row in ZERO_DECIMAL])
def test_which_currencies_have_no_minor_unit(
    settings: dict[str, Any], currency: str, shown: float, mrr_currency: str, mapper: Mapper
) -> None:
    """Currencies without minor units follow ISO 4217, or the setting, in every amount."""
    money = {"currency_code": currency, "base_currency_code": currency, "exchange_rate": 1}
    invoice = {"id": "i1", "customer_id": "c1", "status": "not_paid", "recurring": True, "date": 5, **money}
    rows = [
        ("subscriptions", {**SUBSCRIPTION, **money, "mrr": 1999, "plan_amount": 1999}),
        ("invoices", {**invoice, "amount_due": 1999, "total": 1999}),
    ]
    attributes = mapper.run(("customers", CUSTOMER), *rows, mrr_currency=mrr_currency, **settings).attributes()
    names = ("cust_mrr", "cust_unpaid_amt", "sub_plan_price", "first_rec_inv_amt", "latest_rec_inv_amt")
    assert [attributes[f"cb_{name}"] for name in names] == [shown] * 5


def test_unpaid_invoices_of_several_currencies_and_no_subscription(mapper: Mapper) -> None:
    """Unpaid invoices in several currencies without a subscription give no unpaid amount."""
    invoice = {"customer_id": "c1", "status": "not_paid", "amount_due": 5}
    rows = [("invoices", {**invoice, "id": code, "currency_code": code}) for code in ("USD", "EUR")]
    attributes = mapper.run(("customers", CUSTOMER), *rows).attributes()
    assert (attributes["cb_cust_unpaid_amt"], attributes["cb_cust_unpaid_cur"]) == (None, None)


@pytest.mark.parametrize(("other", "expected"), [(None, 12.34), (0, 0.0), (500, 0.0)], ids=["no mrr", "zero", "mrr"])
def test_estimated_mrr(other: int | None, expected: float, mapper: Mapper) -> None:
    """MRR is estimated only on a site where no subscription has any."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("subscriptions", {**SUBSCRIPTION, "mrr": None, "plan_amount": 1234}),
        ("subscriptions", {"id": "s2", "customer_id": "c2", "status": "cancelled", "mrr": other}),
    ]
    attributes = mapper.run(("customers", CUSTOMER), *rows, estimate_mrr=True).attributes()
    assert attributes["cb_cust_mrr"] == expected
    assert mapper.run().attributes()["cb_cust_mrr"] == 0.0


def test_display_names_of_plans(mapper: Mapper, lines: Lines) -> None:
    """A plan's name is shown when the tap sent it, else its id."""
    marker = {**lines.marker, "streams": "customers,invoices,plans,subscriptions"}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("customers", CUSTOMER),
        ("customers", {"id": "c2", "email": "b@x.io"}),
        ("plans", {"id": "basic", "name": "Basic Plan"}),
        ("subscriptions", SUBSCRIPTION),
        ("subscriptions", {**SUBSCRIPTION, "id": "s2", "customer_id": "c2", "plan_id": "other"}),
    ]
    body = [lines.schema("plans"), *(lines.record(*row) for row in rows), lines.state(marker)]
    sent = mapper.feed([*lines.schemas, *body], plan_name="name")
    assert sent.attributes()["cb_sub_plan_name"] == "Basic Plan"
    assert sent.attributes("c2")["cb_sub_plan_name"] == "other"


def test_display_names_need_their_stream(mapper: Mapper) -> None:
    """`plan_name: name` without the stream of plans is refused."""
    with pytest.raises(UserError, match=r"did not read the stream item_prices or plans, .* select it"):
        mapper.run(plan_name="name")


PROPERTIES = {
    "cf_text": {"type": ["string", "null"], "description": "A text"},
    "cf_day": {"type": ["string", "null"], "format": "date-time"},
    "cf_count": {"type": ["integer", "null"]},
    "cf_share": {"type": "number"},
    "cf_yes": {"type": ["null", "boolean"]},
    "cf_list": {"type": ["array", "null"]},
    "cf_either": {"type": ["string", "integer", "null"]},
    "company": {"type": ["string", "null"]},
    "status": {"type": ["string", "null"]},
}
VALUES = {"cf_text": "t", "cf_day": "2026-01-01T00:00:00Z", "cf_count": 3, "cf_share": 0.5, "cf_yes": True}


def extra(mapper: Mapper, lines: Lines, change: dict[str, Any] | None = None, **settings: Any) -> Any:
    """Return a run whose customer and subscription have these extra fields."""
    schemas = [lines.schema(stream, PROPERTIES) for stream in ("customers", "subscriptions")]
    rows = [
        lines.record("customers", {**CUSTOMER, **VALUES, **(change or {})}),
        lines.record("subscriptions", {**SUBSCRIPTION, **VALUES}),
    ]
    return mapper.feed([*schemas, lines.schema("invoices"), *rows, lines.state()], **settings)


def test_extra_fields_by_name(mapper: Mapper, lines: Lines) -> None:
    """Named extra fields become attributes with the schema's types."""
    names: dict[str, Any] = {
        "extra_customer_fields": ["cf_text", "cf_count"],
        "extra_subscription_fields": ["cf_day", "cf_yes"],
    }
    sent = extra(mapper, lines, **names)
    declared = sent.schema["schema"]["properties"]["custom_attributes"]["properties"]
    assert list(declared.items())[-4:] == [
        ("cb_cust_cf_count", {"type": ["integer", "null"], "description": "customer.cf_count"}),
        ("cb_cust_cf_text", {"type": ["string", "null"], "description": "A text"}),
        (
            "cb_sub_cf_day",
            {"type": ["string", "null"], "format": "date-time", "description": "subscription.cf_day"},
        ),
        ("cb_sub_cf_yes", {"type": ["boolean", "null"], "description": "subscription.cf_yes"}),
    ]
    assert [sent.attributes()[name] for name in list(declared)[-4:]] == [3, "t", "2026-01-01T00:00:00Z", True]


def test_every_extra_field(mapper: Mapper, lines: Lines) -> None:
    """`*` selects every scalar field that is not an attribute yet."""
    sent = extra(mapper, lines, extra_customer_fields=["*"], extra_subscription_fields=["*"])
    extras = list(sent.attributes())[32:]
    assert extras == [
        "cb_cust_cf_count",
        "cb_cust_cf_day",
        "cb_cust_cf_share",
        "cb_cust_cf_text",
        "cb_cust_cf_yes",
        "cb_cust_company",
        "cb_sub_cf_count",
        "cb_sub_cf_day",
        "cb_sub_cf_share",
        "cb_sub_cf_text",
        "cb_sub_cf_yes",
        "cb_sub_company",
        "cb_sub_id",
    ]
    assert sent.attributes()["cb_cust_cf_share"] == 0.5


@pytest.mark.parametrize(("value", "text"), [("t", "t"), (42, "42"), (1.5, "1.5"), (None, None), ([1], None)])
def test_a_field_that_the_schema_leaves_open_is_text(value: Any, text: str | None, mapper: Mapper) -> None:
    """An undeclared field is sent as text."""
    sent = mapper.run(("customers", {**CUSTOMER, "cf_open": value}), extra_customer_fields=["cf_open"])
    assert sent.attributes()["cb_cust_cf_open"] == text
    declared = sent.schema["schema"]["properties"]["custom_attributes"]["properties"]
    assert declared["cb_cust_cf_open"]["type"] == ["string", "null"]


OPEN: list[tuple[list[Any], str, list[Any]]] = [
    ([True, False, None], "boolean", [True, False, None]),
    ([True, "no"], "string", ["true", "no"]),
    ([True, 1], "string", ["true", "1"]),
    ([None, None], "string", [None, None]),
]


@pytest.mark.parametrize("case", OPEN, ids=[str(row[0]) for row in OPEN])
@pytest.mark.parametrize("declared", [None, {"type": ["string", "number", "boolean", "null"]}], ids=["open", "untold"])
def test_a_field_without_a_type_is_a_boolean_when_every_value_is_one(
    declared: dict[str, Any] | None, case: tuple[list[Any], str, list[Any]], mapper: Mapper, lines: Lines
) -> None:
    """An undeclared field is a boolean when every value is one; any other value makes it text."""
    values, kind, sent = case
    rows = [{"id": f"c{n}", "email": f"{n}@x.io", "cf_open": value} for n, value in enumerate(values)]
    schema = lines.schema("customers", {"cf_open": declared} if declared else {})
    body = [*lines.schemas, schema, *(lines.record("customers", row) for row in rows), lines.state()]
    found = mapper.feed(body, extra_customer_fields=["cf_open"])
    properties = found.schema["schema"]["properties"]["custom_attributes"]["properties"]
    assert properties["cb_cust_cf_open"]["type"] == [kind, "null"]
    assert [found.attributes(f"c{n}")["cb_cust_cf_open"] for n in range(len(values))] == sent


TIME = {"type": ["integer", "null"], "format": "unix-time"}
DAY = {"type": ["string", "integer", "null"], "format": "date"}
TEXT_TIME = {"type": ["string", "null"], "format": "date-time"}
TEXT_DAY = {"type": ["string", "null"], "format": "date"}
BOX = {"type": ["boolean", "string", "null"]}
DATES: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("cf_at", TIME, 1700000000, "2023-11-14T22:13:20+00:00"),
    ("cf_at", TIME, -86400, "1969-12-31T00:00:00+00:00"),
    ("cf_at", TIME, 1700000000000, None),
    ("cf_at", TIME, 1700000000.5, None),
    ("cf_at", TIME, True, None),
    ("cf_at", TIME, [1], None),
    ("cf_day", DAY, "2024-02-29", "2024-02-29T12:00:00+00:00"),
    ("cf_day", DAY, "1956-02-29", "1956-02-29T12:00:00+00:00"),
    ("cf_day", DAY, 1709164800, "2024-02-29T12:00:00+00:00"),
    ("cf_day", DAY, 1709200000, "2024-02-29T09:46:40+00:00"),
    ("cf_day", DAY, "2023-02-29", None),
    ("cf_day", DAY, "29/02/2024", None),
    ("cf_day", TEXT_DAY, "2024-02-29", "2024-02-29T12:00:00+00:00"),
    ("cf_text", TEXT_TIME, "2024-02-29T10:00:00Z", "2024-02-29T10:00:00Z"),
    ("cf_text", TEXT_TIME, "2024-02-29T10:00:00", "2024-02-29T10:00:00+00:00"),
    ("cf_text", TEXT_TIME, "soon", None),
    ("vat_number_validated_time", {"type": ["integer", "null"]}, 1700000000, "2023-11-14T22:13:20+00:00"),
    ("updated_at", {"type": ["integer", "null"]}, 1700000000, "2023-11-14T22:13:20+00:00"),
]


@pytest.mark.parametrize("row", DATES, ids=[f"{row[0]} {len(row[1]['type'])} {row[2]}" for row in DATES])
@pytest.mark.parametrize("names", ["by name", "*"])
def test_a_field_that_is_a_date_there_is_a_date_here(
    names: str, row: tuple[str, dict[str, Any], Any, Any], mapper: Mapper, lines: Lines
) -> None:
    """A field that is a date, by its format or as Chargebee's own, is sent as a date; a day is sent as its noon."""
    field, prop, value, expected = row
    schema = lines.schema("customers", {field: prop})
    record = lines.record("customers", {"id": "c1", "email": "a@x.io", field: value})
    config = {"extra_customer_fields": [field if names == "by name" else "*"]}
    sent = mapper.feed([*lines.schemas, schema, record, lines.state()], **config)
    declared = sent.schema["schema"]["properties"]["custom_attributes"]["properties"][f"cb_cust_{field}"]
    assert (declared["type"], declared["format"]) == (["string", "null"], "date-time")
    assert sent.attributes()[f"cb_cust_{field}"] == expected
    assert mapper.summary()["unfit_extra_field"] == (expected is None)


def test_a_time_of_the_subscription_is_a_date(mapper: Mapper, lines: Lines) -> None:
    """A time among Chargebee's own fields is a date, although its schema says integer."""
    schema = lines.schema("subscriptions", {"start_date": {"type": ["integer", "null"]}})
    rows = [lines.record("customers", CUSTOMER), lines.record("subscriptions", {**SUBSCRIPTION, "start_date": 0})]
    sent = mapper.feed([*lines.schemas, schema, *rows, lines.state()], extra_subscription_fields=["start_date"])
    assert sent.attributes()["cb_sub_start_date"] == "1970-01-01T00:00:00+00:00"


BOXES: list[tuple[Any, Any]] = [(True, True), (False, False), ("true", True), ("False", False), (None, None), (1, None)]


@pytest.mark.parametrize(("value", "expected"), BOXES, ids=repr)
def test_a_check_box_is_a_boolean(value: Any, expected: Any, mapper: Mapper, lines: Lines) -> None:
    """A check box is a boolean, whether it is sent as a boolean or as text."""
    schema = lines.schema("customers", {"cf_box": BOX})
    record = lines.record("customers", {"id": "c1", "email": "a@x.io", "cf_box": value})
    sent = mapper.feed([*lines.schemas, schema, record, lines.state()], extra_customer_fields=["cf_box"])
    declared = sent.schema["schema"]["properties"]["custom_attributes"]["properties"]["cb_cust_cf_box"]
    assert declared["type"] == ["boolean", "null"]
    assert sent.attributes()["cb_cust_cf_box"] is expected


UNFIT: list[tuple[str, Any, Any, int]] = [
    ("cf_count", "three", None, 1),
    ("cf_count", 3.5, None, 1),
    ("cf_count", True, None, 1),
    ("cf_count", None, None, 0),
    ("cf_count", 2**53 + 1, None, 1),
    ("cf_count", [3], None, 1),
    ("cf_share", "half", None, 1),
    ("cf_day", "tomorrow", None, 1),
    ("cf_count", 3, 3, 0),
    ("cf_share", 1, 1.0, 0),
    ("cf_text", 5, None, 1),
    ("cf_yes", "yes", None, 1),
    ("cf_open", [1], None, 1),
    ("cf_open", 5, "5", 0),
]


@pytest.mark.parametrize("row", UNFIT, ids=str)
def test_a_value_of_another_type_than_declared_is_left_out(
    row: tuple[str, Any, Any, int], mapper: Mapper, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    """An extra field's value of a wrong type is left out, counted and logged by customer."""
    field, value, sent, counted = row
    attributes = extra(mapper, lines, {field: value}, extra_customer_fields=[field]).attributes()
    assert attributes[f"cb_cust_{field}"] == sent
    assert mapper.summary()["unfit_extra_field"] == counted
    assert ("unfit extra field: c1" in caplog.messages) is bool(counted)


def test_a_field_that_the_schema_excludes_is_refused(mapper: Mapper, lines: Lines) -> None:
    """A field that a closed schema does not have is refused."""
    closed = lines.line("SCHEMA", stream="customers", schema={"properties": {}, "additionalProperties": False})
    with pytest.raises(UserError, match=r"`extra_customer_fields` names `cf_open`, .* remove it"):
        mapper.feed([*lines.schemas, closed, lines.state()], extra_customer_fields=["cf_open"])


@pytest.mark.parametrize("field", ["cf_list", "cf_either"])
def test_a_field_of_several_values_is_refused(field: str, mapper: Mapper, lines: Lines) -> None:
    """A list or object field is refused, because Intercom's attributes have one value."""
    with pytest.raises(UserError, match=rf"`extra_customer_fields` names `{field}`, .* remove it"):
        extra(mapper, lines, extra_customer_fields=[field])


@pytest.mark.parametrize(
    ("setting", "field", "name"),
    [
        ("extra_customer_fields", "mrr", "cb_cust_mrr"),
        ("extra_customer_fields", "id", "cb_cust_id"),
        ("extra_subscription_fields", "status", "cb_sub_status"),
    ],
)
def test_collisions_are_refused_at_start(setting: str, field: str, name: str, mapper: Mapper) -> None:
    """An extra field whose name is already an attribute is refused."""
    options: dict[str, Any] = {setting: [field]}
    with pytest.raises(UserError, match=f"`{setting}` names `{field}`, but `{name}` is already an attribute"):
        mapper.run(**options)
    assert mapper.stores == []
