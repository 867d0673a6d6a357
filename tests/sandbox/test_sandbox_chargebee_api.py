"""Chargebee's API over HTTP: authentication, items of a list, single records, both catalogs, lists that lag."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Get = Callable[..., Any]

AUTH = ("sandbox_key", "")


@pytest.fixture
def get(sandbox: RunningSandbox) -> Get:
    """Return a function that sends a GET request, which must be answered with 200, and returns the JSON."""

    def call(path: str, **params: str) -> Any:
        reply = requests.get(f"{sandbox.chargebee_url}/{path}", params=params, auth=AUTH, timeout=10)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return call


def refusal(reply: requests.Response) -> tuple[int, str, str]:
    """Return status, api_error_code and type; the older members of the body must hold the same values."""
    body = reply.json()
    assert body["error_code"] == body["api_error_code"]
    assert body["error_msg"] == body["message"]
    assert body["http_status_code"] == reply.status_code
    return reply.status_code, body["api_error_code"], body["type"]


def basic(text: str) -> dict[str, str]:
    """Return the HTTP Basic header for `user:password`."""
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "basic_authentication_failed", id="none"),
        pytest.param({"Authorization": "Bearer sandbox_key"}, "basic_authentication_failed", id="bearer"),
        pytest.param({"Authorization": "Basic ???"}, "basic_authentication_failed", id="garbled"),
        pytest.param(basic("wrong:"), "api_authentication_failed", id="wrong key"),
        pytest.param(basic("sandbox_key:secret"), "api_authentication_failed", id="a password"),
        pytest.param(basic(":sandbox_key"), "api_authentication_failed", id="the key as password"),
    ],
)
def test_only_the_key_gets_in(sandbox: RunningSandbox, headers: dict[str, str], code: str) -> None:
    """Only HTTP Basic with the key as user and an empty password is accepted; anything else is a 401."""
    reply = requests.get(f"{sandbox.chargebee_url}/customers", headers=headers, timeout=10)
    assert refusal(reply) == (401, code, "untyped")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", "nowhere", (404, "resource_not_found", "invalid_request"), id="path"),
        pytest.param("GET", "customers/", (404, "resource_not_found", "invalid_request"), id="slash"),
        pytest.param("GET", "customers/nobody", (404, "resource_not_found", "invalid_request"), id="record"),
        pytest.param("POST", "customers", (405, "http_method_not_supported", "invalid_request"), id="method"),
        pytest.param("GET", "customers/x?limit=1", (400, "invalid_request", "invalid_request"), id="parameter"),
        pytest.param("GET", "configurations?limit=1", (400, "invalid_request", "invalid_request"), id="configurations"),
    ],
)
def test_what_is_not_there_is_refused(
    sandbox: RunningSandbox, method: str, path: str, expected: tuple[int, str, str]
) -> None:
    """Unknown paths, records, methods and parameters are refused in the vendor's shape."""
    reply = requests.request(method, f"{sandbox.chargebee_url}/{path}", auth=AUTH, timeout=10)
    assert refusal(reply) == expected


@pytest.mark.parametrize("catalog", [1, 2])
def test_configurations_tell_the_catalog(sandbox: RunningSandbox, get: Get, catalog: int) -> None:
    """`configurations` names the catalog version once for the live site and once for its test site."""
    sandbox.reset(customers=1, catalog=catalog)
    assert get("configurations") == {
        "configurations": [
            {
                "domain": domain,
                "product_catalog_version": f"v{catalog}",
                "chargebee_response_schema_type": "compat",
            }
            for domain in ("sandbox", "sandbox-test")
        ]
    }


def test_items_carry_their_siblings(get: Get) -> None:
    """A customer comes with its card, a subscription with customer and card, an invoice alone.

    The `card` key is missing when there is no card.
    """
    customers = get("customers", limit="100")["list"]
    subscriptions = get("subscriptions", limit="100")["list"]
    invoices = get("invoices", limit="100")["list"]
    assert {tuple(item) for item in customers} == {("customer", "card"), ("customer",)}
    assert {tuple(item) for item in subscriptions} == {
        ("subscription", "customer", "card"),
        ("subscription", "customer"),
    }
    assert {tuple(item) for item in invoices} == {("invoice",)}
    for item in [*customers, *subscriptions]:
        assert ("card" in item) == (item["customer"]["card_status"] != "no_card")
        assert item.get("card", {"customer_id": item["customer"]["id"]})["customer_id"] == item["customer"]["id"]
    for item in subscriptions:
        assert item["subscription"]["customer_id"] == item["customer"]["id"]


@pytest.mark.parametrize("kind", ["customer", "subscription", "invoice"])
def test_one_record_is_what_the_list_says(get: Get, kind: str) -> None:
    """A single record is the same as its item in the list, siblings included; ids in the path are URL-encoded."""
    items = get(f"{kind}s", limit="100")["list"]
    for item in items:
        assert get(f"{kind}s/{quote(item[kind]['id'], safe='')}") == item


def test_a_deleted_record_is_not_found(sandbox: RunningSandbox, get: Get) -> None:
    """A deleted record is a 404; an id that was deleted and used again returns the live record."""
    listed = [item["customer"] for item in get("customers", limit="100", include_deleted="true")["list"]]
    ids = [customer["id"] for customer in listed]
    deleted = [customer["id"] for customer in listed if customer["deleted"] and ids.count(customer["id"]) == 1]
    (reused,) = {record_id for record_id in ids if ids.count(record_id) == 2}
    for record_id in deleted:
        reply = requests.get(f"{sandbox.chargebee_url}/customers/{record_id}", auth=AUTH, timeout=10)
        assert refusal(reply) == (404, "resource_not_found", "invalid_request")
    assert deleted
    assert get(f"customers/{reused}")["customer"]["deleted"] is False


def leaves(value: Any) -> list[Any]:
    """Return all values in a JSON value that are neither an object nor a list."""
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


def test_absent_attributes_are_left_out(get: Get) -> None:
    """Optional attributes without a value are left out instead of null; every object names its type."""
    for path in ("customers", "subscriptions", "invoices"):
        for item in get(path, limit="100", include_deleted="true")["list"]:
            assert None not in leaves(item)
            assert all(part["object"] == name for name, part in item.items())


def test_records_are_full_size(get: Get) -> None:
    """A subscription with its customer and card takes about 3.3 KB, like the vendor's own."""
    reply = get("subscriptions", limit="100")
    sizes = [len(str(item)) for item in reply["list"]]
    assert 3000 < sum(sizes) / len(sizes) < 4500


def test_mrr_is_omitted_when_it_is_nought(get: Get) -> None:
    """Only active and non-renewing subscriptions carry `mrr`; it is left out when it is zero."""
    statuses: dict[bool, set[str]] = {True: set(), False: set()}
    for item in get("subscriptions", limit="100")["list"]:
        subscription = item["subscription"]
        statuses["mrr" in subscription].add(subscription["status"])
        assert subscription.get("mrr") != 0
    assert statuses == {
        True: {"active", "non_renewing"},
        False: {"in_trial", "future", "paused", "cancelled"},
    }


def test_yen_are_no_hundredths(get: Get) -> None:
    """Amounts in a zero-decimal currency are in major units: Starter costs 4,350 yen or 29.00 dollars."""
    units = {
        (item["subscription"]["currency_code"], line["unit_price"])
        for item in get("subscriptions", limit="100", **{"item_price_id[starts_with]": "starter"})["list"]
        for line in item["subscription"]["subscription_items"]
        if line["item_price_id"].startswith("starter") and line["item_price_id"].endswith("Monthly")
    }
    assert ("USD", 2900) in units
    assert units <= {("USD", 2900), ("EUR", 2610), ("JPY", 4350)}


def test_catalog_2_has_items_and_catalog_1_a_plan(sandbox: RunningSandbox, get: Get) -> None:
    """The same seed gives the same business in both catalogs: a plan with addons, or subscription items."""
    newer = [item["subscription"] for item in get("subscriptions", limit="100")["list"]]
    sandbox.reset(customers=60, seed=7, catalog=1)
    older = [item["subscription"] for item in get("subscriptions", limit="100")["list"]]
    for one, two in zip(older, newer, strict=True):
        (plan,) = [item for item in two["subscription_items"] if item["item_type"] == "plan"]
        assert one["plan_id"] == plan["item_price_id"]
        assert one["plan_amount"] == plan["amount"]
        assert one.get("plan_unit_price") == plan.get("unit_price")
        assert [addon["id"] for addon in one.get("addons", [])] == [
            item["item_price_id"] for item in two["subscription_items"] if item["item_type"] == "addon"
        ]
        assert "subscription_items" not in one
        assert "plan_id" not in two
        assert one.get("mrr") == two.get("mrr")


def test_custom_fields_consents_and_meta_data_stand_at_the_top(get: Get) -> None:
    """Custom fields (cf_*) and consents (cs_*) are members of the customer and keep their letter case.

    A customer who was never asked has no consent field.
    """
    customers = [item["customer"] for item in get("customers", limit="100")["list"]]
    names = {name for customer in customers for name in customer if name.startswith(("cf_", "cs_"))}
    assert names == {
        "cf_company_id",
        "cf_user_id",
        "cf_tier",
        "cf_csm_since",
        "cf_Account_Manager",
        "cf_seats_planned",
        "cf_website",
        "cs_newsletter",
        "cs_product_updates",
    }
    assert {customer.get("cs_newsletter") for customer in customers} == {True, False, None}
    assert all(isinstance(customer["meta_data"], dict) for customer in customers)


def test_lists_lag_and_single_records_do_not(sandbox: RunningSandbox, get: Get) -> None:
    """With list_lag, a list shows a change only once the change is that old.

    This holds for the record, for filters on its timestamp, and for the record as a sibling.
    """
    sandbox.reset(customers=60, seed=7, list_lag=300)
    subscription = get("subscriptions", limit="1")["list"][0]
    customer_id = subscription["customer"]["id"]
    sandbox.advance(seconds=1000)
    sandbox.world.business.edit("customers", customer_id, company="Renamed")
    recent = {"updated_at[after]": "1768479399"}
    assert get(f"customers/{customer_id}")["customer"]["company"] == "Renamed"
    assert customer_id not in {item["customer"]["id"] for item in get("customers", **recent)["list"]}
    assert get("subscriptions", limit="1")["list"][0] == subscription
    sandbox.advance(seconds=299)
    assert get("subscriptions", limit="1")["list"][0] == subscription
    sandbox.advance(seconds=1)
    assert customer_id in {item["customer"]["id"] for item in get("customers", **recent)["list"]}
    assert get("subscriptions", limit="1")["list"][0]["customer"]["company"] == "Renamed"


def test_new_records_come_late_to_a_lagging_list(sandbox: RunningSandbox, get: Get) -> None:
    """With list_lag, a new record can be retrieved by its id before any list shows it."""
    sandbox.reset(customers=200, seed=7, list_lag=86_400)
    before = {
        item["customer"]["id"] for item in get("customers", limit="100", **{"sort_by[desc]": "created_at"})["list"]
    }
    sandbox.advance(days=3)
    fresh = [customer for customer in sandbox.world.business.customers.records[200:] if not customer.deleted]
    listed = {
        item["customer"]["id"] for item in get("customers", limit="100", **{"sort_by[desc]": "created_at"})["list"]
    }
    late = [customer for customer in fresh if customer.created_at > sandbox.world.clock.now() - 86_400]
    assert late
    assert {customer.id for customer in late} & (before | listed) == set()
    assert {customer.id for customer in fresh} - {customer.id for customer in late} <= listed
    assert get(f"customers/{late[0].id}")["customer"]["id"] == late[0].id
