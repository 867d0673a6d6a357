"""The business entities of the Chargebee site: the header of a call, and transfers between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.business.entities import transfer_customer

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

HEADER = "chargebee-business-entity-id"


def fetch(sandbox: RunningSandbox, path: str, entity: str = "", **params: str) -> tuple[int, Any]:
    """Send a GET in the context of a business entity, and return status and body."""
    headers = {HEADER: entity} if entity else {}
    reply = requests.get(
        f"{sandbox.chargebee_url}/{path}", params=params, headers=headers, auth=("sandbox_key", ""), timeout=10
    )
    return reply.status_code, reply.json()


def list_entities(sandbox: RunningSandbox, path: str, entity: str = "") -> set[str | None]:
    """Return the business entities of the records on the first page of a list."""
    _, body = fetch(sandbox, path, entity, limit="100")
    return {record.get("business_entity_id") for item in body["list"] for record in [item[path.removesuffix("s")]]}


def test_without_business_entities_no_record_names_one(sandbox: RunningSandbox) -> None:
    """That is the default: such a site refuses the header, and its records have no `business_entity_id`."""
    sandbox.reset(customers=20, seed=7)
    assert list_entities(sandbox, "customers") == {None}
    status, body = fetch(sandbox, "customers", "be_1")
    assert (status, body["api_error_code"], body["param"]) == (400, "param_wrong_value", HEADER)


@pytest.mark.parametrize("path", ["customers", "subscriptions", "invoices", "transactions", "payment_sources"])
def test_the_header_restricts_a_list_to_a_business_entity(sandbox: RunningSandbox, path: str) -> None:
    """Without it, a list has the records of the whole site."""
    sandbox.reset(customers=20, seed=7, business_entities=2)
    assert list_entities(sandbox, path) == {"be_1", "be_2"}
    assert list_entities(sandbox, path, "be_2") == {"be_2"}


def test_a_switch_makes_chargebee_ignore_the_header(sandbox: RunningSandbox) -> None:
    """A proxy may remove it."""
    sandbox.reset(customers=20, seed=7, business_entities=2, chargebee_entity_header=False)
    assert list_entities(sandbox, "customers", "be_2") == {"be_1", "be_2"}


def test_a_record_of_another_business_entity_is_not_found(sandbox: RunningSandbox) -> None:
    """A retrieval has the same context as a list."""
    sandbox.reset(customers=20, seed=7, business_entities=2)
    _, body = fetch(sandbox, "customers", "be_1", limit="1")
    found = body["list"][0]["customer"]["id"]
    assert [fetch(sandbox, f"customers/{found}", entity)[0] for entity in ("", "be_1", "be_2")] == [200, 200, 404]


def test_a_transfer_moves_a_customer_and_leaves_its_invoices(sandbox: RunningSandbox) -> None:
    """The list of transfers shows it, and so does an event."""
    sandbox.reset(customers=20, seed=7, business_entities=2)
    customer = next(
        one.customer for one in sandbox.world.business.invoices.records if one.customer.row % 2 == 0 and not one.deleted
    ).id
    transfer_customer(sandbox.world.business, customer, "be_2")
    assert [fetch(sandbox, f"customers/{customer}", entity)[0] for entity in ("be_1", "be_2")] == [404, 200]
    _, invoices = fetch(sandbox, "invoices", "be_1", **{"customer_id[is]": customer})
    assert invoices["list"]
    _, moves = fetch(sandbox, "business_entities/transfers", **{"active_resource_id[is]": customer, "limit": "100"})
    newest = moves["list"][-1]["business_entity_transfer"]
    assert (newest["source_business_entity_id"], newest["destination_business_entity_id"]) == ("be_1", "be_2")
    _, events = fetch(sandbox, "events", **{"event_type[is]": "customer_business_entity_changed"})
    assert [item["event"]["content"]["customer"]["id"] for item in events["list"]] == [customer]
