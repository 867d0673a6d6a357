"""What each stream of tap-chargebee reads in both product catalogs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee.streams.custom_fields import build_field_schemas
from tap_chargebee.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    from sandbox.testing import RunningSandbox

    Catalog = Callable[..., dict[str, Any]]

ROWS = {resource.name: resource for resource in STREAMS}
PEERS = {
    "addons",
    "attached_items",
    "business_entities",
    "comments",
    "contacts",
    "coupons",
    "credit_notes",
    "customers",
    "differential_prices",
    "events",
    "exchange_rates",
    "gifts",
    "hosted_pages",
    "invoiced_unbilled_charges",
    "invoices",
    "item_billing_metrics",
    "item_families",
    "item_prices",
    "items",
    "orders",
    "payment_sources",
    "plans",
    "price_variants",
    "promotional_credits",
    "quote_line_groups",
    "quotes",
    "ramps",
    "site_migration_details",
    "subscription_with_scheduled_changes",
    "subscriptions",
    "transactions",
    "unbilled_charges",
    "usages",
    "virtual_bank_accounts",
}


def test_there_is_every_stream_that_others_have() -> None:
    """Every stream of the three other connectors exists here."""
    assert len(PEERS) == 34
    assert ROWS.keys() >= PEERS
    assert len(STREAMS) == 69


@pytest.mark.parametrize("catalog", [1, 2], ids=["catalog 1", "catalog 2"])
def test_every_stream_returns_records(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, catalog: int
) -> None:
    """Every stream of a catalog returns records, each with its key properties."""
    sandbox.reset(customers=60, seed=7, catalog=catalog)
    names = {name for name, row in ROWS.items() if catalog in row.catalogs}
    run = run_tap(catalog=catalog_of(*names))
    assert run.refusal is None
    assert run.records.keys() == names
    for name, records in run.records.items():
        assert all(isinstance(record[key], str) for record in records for key in ROWS[name].primary_keys)
    assert run.states[-1]["_sync"]["streams"] == ",".join(sorted(names))


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("transactions", "transactions"),
        ("credit_notes", "credit_notes"),
        ("item_prices", "item_prices"),
        ("contacts", "contacts"),
        ("comments", "comments"),
        ("usages", "usages"),
    ],
    ids=str,
)
def test_a_stream_is_whole(
    catalog_of: Catalog,
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    stream: str,
    name: str,
) -> None:
    """A stream has every record once, deleted ones included; child streams have those of live parents."""
    table = sandbox.world.business.table(name)
    run = run_tap(catalog=catalog_of(stream))
    read = [record["id"] for record in run.records[stream]]
    live = {record.id for record in sandbox.world.business.customers.records if not record.deleted}
    expected = [one.id for one in table.records if stream != "contacts" or table.value(one, "customer_id") in live]
    assert sorted(read) == sorted(expected)


def test_a_child_costs_a_call_a_parent(
    catalog_of: Catalog,
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    calls: Callable[[], dict[str, int]],
) -> None:
    """A child stream costs one read of the parents' list and one call per live parent."""
    live = sum(not customer.deleted for customer in sandbox.world.business.customers.records)
    run = run_tap(catalog=catalog_of("contacts"))
    assert calls() == {"/configurations": 1, "/customers": 1, "/customers/{id}/contacts": live}
    assert {record["customer_id"] for record in run.records["contacts"]} <= {
        customer.id for customer in sandbox.world.business.customers.records
    }


def test_a_parent_that_is_gone_is_passed_over(
    catalog_of: Catalog,
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A parent that was deleted during the run is skipped and counted in the log."""
    body = {"api_error_code": "resource_not_found", "message": "not found"}
    sandbox.fault(api="chargebee", path="/customers/*/contacts", nth=2, effect={"status": 404, "body": body})
    caplog.set_level("INFO")
    run = run_tap(catalog=catalog_of("contacts"))
    assert run.refusal is None
    assert "Skipped deleted records of customers: 1" in caplog.messages


def test_a_stream_of_the_other_catalog_is_refused(catalog_of: Catalog, run_tap: Callable[..., Any]) -> None:
    """A selected stream of the other product catalog is refused before the first message."""
    run = run_tap(catalog=catalog_of("customers", "plans"))
    assert run.messages == []
    assert run.refusal == ("The site `sandbox` uses Product Catalog 2, which has no `plans`: deselect that stream.")


def test_discovery_leaves_the_other_catalog_out(
    command: Callable[..., CompletedProcess[str]], config: dict[str, Any], sandbox: RunningSandbox
) -> None:
    """With a site, discovery lists the streams of its catalog and its custom fields with types."""
    sandbox.reset(customers=10, seed=7, catalog=1)
    done = command(config, "--discover")
    listed = properties(done.stdout)
    assert listed.keys() == {name for name, row in ROWS.items() if 1 in row.catalogs}
    assert listed["customers"]["cf_tier"] == {"type": ["string", "null"]}
    assert listed["customers"]["cf_seats_planned"] == {"type": ["integer", "null"]}
    assert listed["customers"]["cf_budget"] == {"type": ["number", "null"]}
    assert listed["customers"]["cf_csm_since"] == {"type": ["integer", "null"], "format": "unix-time"}
    assert listed["customers"]["cf_founded_on"] == {"type": ["string", "integer", "null"], "format": "date"}


DECLARED = [
    ("string", "text", {"type": ["string", "null"]}),
    ("email", "text", {"type": ["string", "null"]}),
    ("url", "text", {"type": ["string", "null"]}),
    ("long", "text", {"type": ["integer", "null"]}),
    ("double", "text", {"type": ["number", "null"]}),
    ("timestamp", "date_time_field", {"type": ["integer", "null"], "format": "unix-time"}),
    ("date", "date_field", {"type": ["string", "integer", "null"], "format": "date"}),
    ("string", "check_box", {"type": ["boolean", "string", "null"]}),
    ("unheard_of", "text", None),
]


@pytest.mark.parametrize(("datatype", "edit_ui", "schema"), DECLARED, ids=[f"{row[0]} {row[1]}" for row in DECLARED])
def test_the_type_of_a_sites_own_field(datatype: str, edit_ui: str, schema: dict[str, Any] | None) -> None:
    """Custom field types become JSON types; timestamps have a format, and a check box is a boolean."""
    field = {"entity_type": "customer", "api_name": "cf_one", "field_datatype": datatype, "edit_ui": edit_ui}
    assert build_field_schemas([field]).get("customer", {}).get("cf_one") == schema


def properties(text: str) -> dict[str, dict[str, Any]]:
    """Return the properties of each stream of a catalog."""
    return {entry["tap_stream_id"]: entry["schema"]["properties"] for entry in json.loads(text)["streams"]}
