"""Chargebee's typed client checks every record of every list: fields, types and values of enums.

The client accepts fields that it does not know, so each record is compared with the response classes that it
declares.
"""

from __future__ import annotations

import json
from dataclasses import fields
from enum import Enum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
import requests
from chargebee.models import enums
from sandbox.chargebee.resources import RESOURCES
from sandbox.settings import Settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.business.tables import Table
    from sandbox.chargebee.resources import Resource
    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.conformance

WITHOUT_A_CLASS = {"item_billing_metric", "custom_field_config"}
"""Objects that other connectors read, but for which the client has no class."""
DOCUMENTED = {"invoice.base_currency_code"}
"""Fields that the vendor documents but the client does not declare."""
OWN = ("cf_", "cs_", "object")
"""Prefixes of custom fields and consents, and the object's own name."""
LISTS = [
    pytest.param(row, catalog, id=f"{row.table} {catalog}")
    for row in RESOURCES
    for catalog in row.catalogs
    if row.object not in WITHOUT_A_CLASS
]


@cache
def world(catalog: int) -> World:
    """Return a world per catalog in which a month has passed. Tests only read it."""
    made = World(Settings(customers=60, catalog=catalog))
    made.advance(30 * 86_400)
    return made


def camel(name: str) -> str:
    """Return a name in the spelling of the client's classes."""
    return "".join(part.title() for part in name.split("_"))


def declared(name: str) -> tuple[type, type]:
    """Return the client's response class, and the class with the enums of its fields."""
    responses = import_module(f"chargebee.models.{name}.responses")
    operations = import_module(f"chargebee.models.{name}.operations")
    return getattr(responses, f"{camel(name)}Response"), getattr(operations, camel(name))


def contradictions(answer: type, operations: type, body: dict[str, Any], path: str, within: str = "") -> Iterator[str]:
    """Yield each field that the client does not declare, or declares with another type or other values."""
    hints = get_type_hints(answer, vars(import_module("chargebee.models")))
    known = {field.name for field in fields(answer)}
    for name, value in body.items():
        where = f"{path}.{name}"
        if name.startswith(OWN) or where in DOCUMENTED:
            continue
        if name not in known:
            yield f"{where} is not declared"
            continue
        (kind,) = get_args(hints[name])[:1] or (hints[name],)
        values = value if isinstance(value, list) else [value]
        for one in values:
            if hasattr(kind, "__dataclass_fields__") and isinstance(one, dict):
                member = camel(name.removesuffix("s") if isinstance(value, list) else name)
                yield from contradictions(kind, operations, one, where, member)
            elif kind in (str, int, bool) and type(one) is not kind:
                yield f"{where} is {one!r}, not of {kind.__name__}"
            elif kind is float and type(one) not in (int, float):
                yield f"{where} is {one!r}, no number"
        allowed = getattr(operations, within + camel(name), None)
        values = [one.value for one in allowed] if isinstance(allowed, type) and issubclass(allowed, Enum) else [value]
        if isinstance(value, str) and value not in values:
            yield f"{where} is {value!r}, not one of {', '.join(values)}"


def bodies(table: Table[Any]) -> list[dict[str, Any]]:
    """Return the last five hundred records of a table as JSON objects."""
    return [json.loads(table.json(record)) for record in table.records[-500:]]


@pytest.mark.parametrize(("resource", "catalog"), LISTS)
def test_every_field_is_one_that_the_client_declares(resource: Resource, catalog: int) -> None:
    """Name, type and enum value match the client's declaration, also in nested objects."""
    answer, operations = declared(resource.object)
    records = bodies(world(catalog).business.table(resource.table))
    assert records
    assert {one for body in records for one in contradictions(answer, operations, body, resource.object)} == set()


@pytest.mark.parametrize("catalog", [1, 2])
def test_a_card_is_as_the_client_declares_it(catalog: int) -> None:
    """The card of customers and subscriptions matches the client's declaration."""
    business = world(catalog).business
    cards = [card for customer in business.customers.records if (card := business.card(customer))]
    assert {one for body in cards for one in contradictions(*declared("card"), body, "card")} == set()
    assert {"iin", "last4", "masked_number"} <= set.intersection(*map(set, cards))


ALWAYS = [
    ("subscriptions", "", {"decommissioned"}),
    ("coupons", "", {"apply_on", "apply_discount_on"}),
    ("transactions", "linked_invoices", {"invoice_id", "invoice_status"}),
    ("payment_sources", "card", {"iin", "last4"}),
    ("invoices", "line_items", {"date_from", "date_to"}),
    ("credit_notes", "line_items", {"date_from", "date_to"}),
    ("quotes", "line_items", {"date_from", "date_to"}),
    ("quote_line_groups", "line_items", {"date_from", "date_to"}),
    ("orders", "order_line_items", {"invoice_line_item_id", "unit_price", "fulfillment_quantity", "status"}),
]


@pytest.mark.parametrize(("table", "within", "names"), ALWAYS, ids=[f"{row[0]} {row[1]}".strip() for row in ALWAYS])
def test_a_field_that_the_vendor_always_sends_is_there(table: str, within: str, names: set[str]) -> None:
    """Every record that has the parent object has these fields."""
    found = bodies(world(2).business.table(table))
    parts = [part for body in found for part in parts_of(body, within)]
    assert parts
    assert names <= set.intersection(*map(set, parts))


def parts_of(body: dict[str, Any], within: str) -> list[dict[str, Any]]:
    """Return the objects under a name as a list."""
    part = body.get(within, []) if within else body
    return part if isinstance(part, list) else [part]


def test_a_payment_method_is_of_a_type_that_the_vendor_has() -> None:
    """A customer who pays by bank transfer has only an `offline_payment_method`, no method and no source."""
    customers = bodies(world(2).business.customers)
    types = {one["payment_method"]["type"] for one in customers if "payment_method" in one}
    assert types <= {one.value for one in enums.Type}
    offline = [one for one in customers if "offline_payment_method" in one]
    assert {one["offline_payment_method"] for one in offline} == {"bank_transfer"}
    assert not any({"payment_method", "primary_payment_source_id"} & one.keys() for one in offline)
    sources = bodies(world(2).business.table("payment_sources"))
    assert {one["type"] for one in sources} <= {one.value for one in enums.Type}
    assert not {one["customer_id"] for one in sources} & {one["id"] for one in offline}


def test_a_payment_shows_the_status_of_its_invoice_as_it_is_now() -> None:
    """It is the current status, even when a later attempt paid the invoice or it was voided."""
    business = world(2).business
    linked = [one for body in bodies(business.table("transactions")) for one in body["linked_invoices"]]
    statuses = {one.id: one.status for one in business.invoices.records}
    assert {one["invoice_id"]: one["invoice_status"] for one in linked} == {
        one["invoice_id"]: statuses[one["invoice_id"]] for one in linked
    }
    assert {"paid", "payment_due"} <= {one["invoice_status"] for one in linked}


LENIENT = [
    ("coupons", "include_deleted=true"),
    ("events", "include_deleted=true"),
    ("customers", "updated_at[after]=0"),
    ("invoices", "updated_at[after]=0"),
]


@pytest.mark.parametrize(("path", "query"), LENIENT, ids=[" ".join(row) for row in LENIENT])
def test_what_the_real_api_answers_is_answered(sandbox: RunningSandbox, path: str, query: str) -> None:
    """`include_deleted` on a list that ignores it, and a filter from the year 1970, return records."""
    reply = requests.get(f"{sandbox.chargebee_url}/{path}?{query}", auth=("sandbox_key", ""), timeout=10)
    assert reply.status_code == 200
    assert reply.json()["list"]
