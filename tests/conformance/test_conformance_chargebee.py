"""Chargebee's own Python client against the sandbox: paging, filters, children, events and typed errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from chargebee import Chargebee
from chargebee.api_error import APIError, InvalidRequestError, OperationFailedError
from sandbox.chargebee.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.conformance


@pytest.fixture
def client(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the official client, connected to the sandbox."""
    monkeypatch.setattr(Chargebee, "verify_ca_certs", False, raising=False)
    made = Chargebee(api_key="sandbox_key", site="sandbox")
    made.env.api_endpoint = sandbox.chargebee_url
    made.env.protocol = "http"
    return made


LISTS = ["Customer", "Subscription", "Invoice", "CreditNote", "Transaction", "PaymentSource", "Order", "Quote", "Ramp"]
LISTS += ["Coupon", "CouponCode", "CouponSet", "Item", "ItemPrice", "ItemFamily", "PriceVariant", "Feature", "Event"]
LISTS += ["Entitlement", "Dispute", "Comment", "HostedPage", "Gift", "Usage", "PaymentScheduleScheme", "Currency"]
LISTS += ["VirtualBankAccount", "PromotionalCredit", "UnbilledCharge", "DifferentialPrice", "SiteMigrationDetail"]
TABLES = {row.object: row for row in reversed(RESOURCES) if row.parent is None}


def read(operations: Any, object_name: str, params: dict[str, Any]) -> list[Any]:
    """Return all records of a list, read page by page. `object_name` is the client's name for them."""
    found: list[Any] = []
    offset = None
    while True:
        page = operations.list({**params, **({"offset": offset} if offset else {})})
        found += [getattr(item, object_name) for item in page.list]
        offset = page.next_offset
        if offset is None:
            return found


@pytest.mark.parametrize("name", LISTS)
def test_the_client_pages_through_a_list(client: Any, sandbox: RunningSandbox, name: str) -> None:
    """With seven records per page, the client reads all of them, and each record names its type."""
    object_name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    found = read(getattr(client, name), object_name, {"limit": 7})
    table = sandbox.world.business.table(TABLES[object_name].table)
    there = [one for one in table.records if one is not None and not one.deleted]
    assert len(found) == len(there) > 0
    assert {one.raw_data["object"] for one in found} == {object_name}


FILTERS: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
    ({"status": {"is": "active"}}, lambda one: one["status"] == "active"),
    ({"status": {"is_not": "active"}}, lambda one: one["status"] != "active"),
    ({"status": {"in": ["active", "in_trial"]}}, lambda one: one["status"] in ("active", "in_trial")),
    ({"status": {"not_in": ["active", "in_trial"]}}, lambda one: one["status"] not in ("active", "in_trial")),
    ({"item_price_id": {"starts_with": "growth"}}, lambda one: _price(one).startswith("growth")),
    ({"cancel_reason": {"is_present": True}}, lambda one: "cancel_reason" in one),
    ({"created_at": {"after": 1750000000}}, lambda one: one["created_at"] > 1750000000),
    ({"created_at": {"before": 1750000000}}, lambda one: one["created_at"] < 1750000000),
    (
        {"created_at": {"between": [1740000000, 1750000000]}},
        lambda one: 1740000000 <= one["created_at"] <= 1750000000,
    ),
    ({"sort_by": {"asc": "updated_at"}}, lambda _: True),
]


def _price(subscription: dict[str, Any]) -> str:
    price: str = subscription["subscription_items"][0]["item_price_id"]
    return price


@pytest.mark.parametrize(("params", "passes"), FILTERS, ids=[str(row[0]) for row in FILTERS])
def test_the_clients_filters_are_understood(client: Any, params: dict[str, Any], passes: Callable[[Any], bool]) -> None:
    """Each filter in the client's spelling returns what a filter over the whole list returns."""
    everything = [one.raw_data for one in read(client.Subscription, "subscription", {"limit": 100})]
    found = [one.raw_data for one in read(client.Subscription, "subscription", {"limit": 9, **params})]
    assert sorted(one["id"] for one in found) == sorted(one["id"] for one in everything if passes(one))
    assert found


def test_the_client_sees_the_deleted_and_the_order(client: Any) -> None:
    """`include_deleted` and a descending sort work."""
    params = {"include_deleted": True, "sort_by": {"desc": "updated_at"}, "limit": 20}
    found = [one.raw_data for one in read(client.Customer, "customer", params)]
    stamps = [one.get("updated_at", 0) for one in found]
    assert stamps == sorted(stamps, reverse=True)
    assert {one["deleted"] for one in found} == {True, False}


def test_the_client_retrieves_what_it_lists(client: Any) -> None:
    """A retrieved subscription equals the listed one, with its customer and card."""
    listed = next(item for item in client.Subscription.list({"limit": 100}).list if item.card)
    alone = client.Subscription.retrieve(listed.subscription.id)
    assert (alone.subscription.raw_data, alone.customer.raw_data, alone.card.raw_data) == (
        listed.subscription.raw_data,
        listed.customer.raw_data,
        listed.card.raw_data,
    )


def test_the_client_reads_children_and_events(client: Any, sandbox: RunningSandbox) -> None:
    """It lists the records of a parent, and events of one type."""
    quote = client.Quote.list({"limit": 1}).list[0].quote
    groups = client.Quote.quote_line_groups_for_quote(quote.id, {"limit": 10})
    table = sandbox.world.business.table("quote_line_groups")
    own = {one.id for one in table.records if table.value(one, "quote_id") == quote.id}
    assert {item.quote_line_group.id for item in groups.list} == own
    assert own
    told = client.Event.list({"event_type": {"in": ["invoice_generated"]}, "limit": 5})
    assert {item.event.raw_data["event_type"] for item in told.list} == {"invoice_generated"}


REFUSALS: list[tuple[str, Callable[[Any], Any], type[APIError], int, str]] = [
    ("catalog", lambda one: one.Plan.list({"limit": 1}), InvalidRequestError, 400, "configuration_incompatible"),
    ("nobody", lambda one: one.Coupon.retrieve("nobody"), InvalidRequestError, 404, "resource_not_found"),
    ("limit", lambda one: one.Customer.list({"limit": 101}), InvalidRequestError, 400, "param_wrong_value"),
    ("offset", lambda one: one.Customer.list({"offset": "x"}), InvalidRequestError, 400, "param_wrong_value"),
    ("field", lambda one: one.Customer.list({"shoe": {"is": "x"}}), InvalidRequestError, 400, "invalid_request"),
    ("operator", lambda one: one.Customer.list({"id": {"like": "x"}}), InvalidRequestError, 400, "invalid_request"),
    ("sort", lambda one: one.Invoice.list({"sort_by": {"asc": "id"}}), InvalidRequestError, 400, "invalid_request"),
    ("method", lambda one: one.Customer.create({"id": "x"}), InvalidRequestError, 405, "http_method_not_supported"),
]


@pytest.mark.parametrize(
    ("call", "kind", "status", "code"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_the_client_types_what_is_refused(
    client: Any, call: Callable[[Any], Any], kind: type[APIError], status: int, code: str
) -> None:
    """An error has the client's class, the status and the vendor's code."""
    with pytest.raises(kind) as caught:
        call(client)
    assert type(caught.value) is kind
    assert (caught.value.http_status_code, caught.value.api_error_code) == (status, code)


def test_a_wrong_key_is_no_typed_error(client: Any) -> None:
    """The vendor's answer has no type that the client knows."""
    client.env.api_key = "wrong"
    with pytest.raises(APIError) as caught:
        client.Customer.list({"limit": 1})
    assert (type(caught.value), caught.value.http_status_code) == (APIError, 401)
    assert caught.value.api_error_code == "api_authentication_failed"


def test_a_limit_and_a_lock_are_failures_of_the_operation(client: Any, sandbox: RunningSandbox) -> None:
    """Both have status 429."""
    sandbox.reset(customers=1, chargebee_requests_per_minute=1)
    client.Coupon.list({"limit": 1})
    with pytest.raises(OperationFailedError) as limited:
        client.Coupon.list({"limit": 1})
    assert (limited.value.http_status_code, limited.value.api_error_code) == (429, "api_request_limit_exceeded")
    sandbox.reset(customers=1)
    body = {"api_error_code": "lock_timeout", "type": "operation_failed", "message": "Try again."}
    sandbox.fault(api="chargebee", effect={"status": 429, "body": body})
    with pytest.raises(OperationFailedError) as locked:
        client.Coupon.list({"limit": 1})
    assert locked.value.api_error_code == "lock_timeout"


def test_a_failure_that_is_no_json_is_no_typed_error(client: Any, sandbox: RunningSandbox) -> None:
    """The client raises a plain exception with its own code."""
    sandbox.fault(api="chargebee", effect={"status": 503, "body": "<html><body>503</body></html>"})
    with pytest.raises(Exception, match="error_code: internal_temporary_error"):
        client.Coupon.list({"limit": 1})
