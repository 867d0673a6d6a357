"""Chargebee's own Python client against the sandbox: paging, filters, children, events, typed refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from chargebee import Chargebee
from chargebee.api_error import APIError, InvalidRequestError, OperationFailedError

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox


@pytest.fixture
def client(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official client, pointed at the sandbox."""
    monkeypatch.setattr(Chargebee, "verify_ca_certs", False, raising=False)
    made = Chargebee(api_key="sandbox_key", site="sandbox")
    made.env.api_endpoint = sandbox.chargebee_url
    made.env.protocol = "http"
    return made


LISTS = ["Customer", "Subscription", "Invoice", "CreditNote", "Transaction", "PaymentSource", "Order", "Quote", "Ramp"]
LISTS += ["Coupon", "CouponCode", "CouponSet", "Item", "ItemPrice", "ItemFamily", "PriceVariant", "Feature", "Event"]
LISTS += ["Entitlement", "Dispute", "Comment", "HostedPage", "Gift", "Usage", "PaymentScheduleScheme", "Currency"]


@pytest.mark.parametrize("name", LISTS)
def test_the_client_pages_through_a_list(client: Any, name: str) -> None:
    """To its end, fifty at a time; each item has the record under the client's name for it."""
    operations = getattr(client, name)
    object_name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    found, offset = 0, None
    while True:
        page = operations.list({"limit": 50, **({"offset": offset} if offset else {})})
        assert all(getattr(item, object_name).raw_data["object"] == object_name for item in page.list)
        found += len(page.list)
        offset = page.next_offset
        if offset is None:
            break
    assert found > 0


def test_the_client_reads_children_and_events(client: Any) -> None:
    """Below a parent, and by the type of event."""
    quote = client.Quote.list({"limit": 1}).list[0].quote
    groups = client.Quote.quote_line_groups_for_quote(quote.id, {"limit": 10})
    assert {item.quote_line_group.raw_data["quote_id"] for item in groups.list} == {quote.id}
    told = client.Event.list({"event_type": {"in": ["invoice_generated"]}, "limit": 5})
    assert {item.event.raw_data["event_type"] for item in told.list} == {"invoice_generated"}


def test_the_client_types_what_is_refused(client: Any, sandbox: RunningSandbox) -> None:
    """A wrong catalog, a record that is not there, a limit."""
    with pytest.raises(InvalidRequestError) as wrong:
        client.Plan.list({"limit": 1})
    assert wrong.value.api_error_code == "configuration_incompatible"
    with pytest.raises(APIError) as missing:
        client.Coupon.retrieve("nobody")
    assert missing.value.http_status_code == 404
    sandbox.reset(customers=1, chargebee_requests_per_minute=1)
    client.Coupon.list({"limit": 1})
    with pytest.raises(OperationFailedError) as limited:
        client.Coupon.list({"limit": 1})
    assert limited.value.api_error_code == "api_request_limit_exceeded"
