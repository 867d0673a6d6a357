"""A site's own fields are declared in a SCHEMA before the first record that has them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tap_chargebee.streams.custom_fields import UNKNOWN, UndeclaredFields

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

TEXT = {"type": ["string", "null"]}
CONSENT = {"type": ["boolean", "null"]}


def properties(messages: list[dict[str, Any]], stream: str) -> list[dict[str, Any]]:
    """Return the properties that each SCHEMA of a stream declares."""
    return [one["schema"]["properties"] for one in messages if one["type"] == "SCHEMA" and one["stream"] == stream]


def own(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the site's own fields of a schema."""
    return {name: kind for name, kind in schema.items() if name.startswith(("cf_", "cs_"))}


def undeclared(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the fields of records that were not declared by an earlier SCHEMA."""
    known: dict[str, set[str]] = {}
    found = []
    for message in messages:
        if message["type"] == "SCHEMA":
            known[message["stream"]] = set(message["schema"]["properties"])
        elif message["type"] == "RECORD":
            found += [(message["stream"], name) for name in message["record"].keys() - known[message["stream"]]]
    return found


def test_without_a_catalog_the_site_is_asked_for_its_fields(
    run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]
) -> None:
    """Without a catalog, the first SCHEMA has the custom fields with their types and the consent fields."""
    run = run_tap(everything=True)
    assert run.refusal is None
    (customers,) = properties(run.messages, "customers")
    assert own(customers) == {
        "cf_company_id": TEXT,
        "cf_user_id": TEXT,
        "cf_tier": TEXT,
        "cf_csm_since": {"type": ["integer", "null"], "format": "unix-time"},
        "cf_Account_Manager": TEXT,
        "cf_seats_planned": {"type": ["integer", "null"]},
        "cf_website": TEXT,
        "cf_budget": {"type": ["number", "null"]},
        "cf_founded_on": {"type": ["string", "integer", "null"], "format": "date"},
        "cf_backup_email": TEXT,
        "cs_newsletter": CONSENT,
        "cs_product_updates": CONSENT,
    }
    assert undeclared(run.messages) == []
    made = calls()
    assert (made["/custom_field_configs"], made["/customers"]) == (1, 2)


def test_a_catalog_that_does_not_know_them_costs_no_call(
    run_tap: Callable[..., Any], calls: Callable[[], dict[str, int]]
) -> None:
    """With a catalog that lacks them, fields of the first page are declared with all scalar types, without a call."""
    run = run_tap()
    (customers,) = properties(run.messages, "customers")
    assert own(customers)["cf_tier"] == own(customers)["cs_newsletter"] == UNKNOWN
    assert undeclared(run.messages) == []
    assert calls() == {"/configurations": 1, "/customers": 1, "/invoices": 3, "/subscriptions": 1}


def test_a_field_that_comes_later_sends_the_schema_again(run_tap: Callable[..., Any]) -> None:
    """A field that first appears on a later page is declared by another SCHEMA, which keeps all earlier fields."""
    run = run_tap(page_size=1)
    assert undeclared(run.messages) == []
    customers = [own(schema).keys() for schema in properties(run.messages, "customers")]
    assert len(customers) > 1
    assert all(before < after for before, after in pairwise(customers))


def test_a_deselected_field_stays_out(run_tap: Callable[..., Any], catalog_of: Callable[..., dict[str, Any]]) -> None:
    """A deselected custom field is neither declared nor sent."""
    catalog = catalog_of("customers")
    (entry,) = catalog["streams"]
    entry["schema"]["properties"]["cf_tier"] = TEXT
    entry["metadata"].append({"breadcrumb": ["properties", "cf_tier"], "metadata": {"selected": False}})
    run = run_tap(catalog=catalog)
    (customers,) = properties(run.messages, "customers")
    assert "cf_tier" not in customers
    assert not any("cf_tier" in record for record in run.records["customers"])
    assert {"cf_website", "cs_newsletter"} <= customers.keys()


def test_children_that_carry_them_are_declared_too(
    run_tap: Callable[..., Any], catalog_of: Callable[..., dict[str, Any]]
) -> None:
    """Child streams send their SCHEMA again when a record has new fields."""
    run = run_tap(catalog=catalog_of("subscription_with_scheduled_changes"))
    assert run.records["subscription_with_scheduled_changes"]
    assert undeclared(run.messages) == []


def test_a_site_that_does_not_tell_its_fields(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """When the site refuses to list its custom fields, they are declared with all scalar types."""
    sandbox.fault(
        api="chargebee",
        path="/custom_field_configs",
        times=1,
        effect={"status": 403, "body": {"api_error_code": "api_authorization_failed"}},
    )
    run = run_tap(everything=True)
    (customers,) = properties(run.messages, "customers")
    assert (own(customers)["cf_tier"], own(customers)["cs_newsletter"]) == (UNKNOWN, CONSENT)
    assert undeclared(run.messages) == []


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"id": "a", "cf_b": 1, "cs_c": None}, ["cf_b", "cs_c"]),
        ({"id": "a", "known": {"cf_deep": 1}}, []),
        ({"id": "a", "note": '"cf_text":'}, []),
        ({"id": "a", "cf_known": 1}, []),
        ({"id": "a", "xcf_b": 1}, []),
    ],
    ids=["new", "deeper", "in a text", "declared", "another prefix"],
)
@pytest.mark.parametrize("form", [msgspec.json.encode, lambda record: record], ids=["as JSON", "taken apart"])
def test_only_properties_of_the_record_count(form: Callable[[Any], Any], record: Any, found: list[str]) -> None:
    """Only keys of the record itself count as fields, and each is reported once."""
    fields = UndeclaredFields(lambda: {"id", "cf_known"})
    assert list(fields.find_new(form(record))) == found
    assert fields.find_new(form(record)) == {}
