"""ChartMogul's official client reads back what target-chartmogul wrote."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import chartmogul
import pytest
from target_chartmogul.target import TargetChartmogul

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.testing import RunningSandbox

pytestmark = pytest.mark.conformance

TEXT, DATE = {"type": ["string", "null"]}, {"type": ["string", "null"], "format": "date-time"}
CUSTOM = {"plan": TEXT, "seats": {"type": "integer"}, "score": {"type": "number"}, "vip": {"type": "boolean"}}
CUSTOMERS = {
    **dict.fromkeys(("external_id", "name", "company", "email", "website_url", "country", "city"), TEXT),
    **dict.fromkeys(("lead_created_at", "free_trial_started_at"), DATE),
    "attributes": {
        "type": "object",
        "properties": {"custom": {"type": "object", "properties": CUSTOM}, "tags": {"type": "array"}},
    },
}
CONTACTS = {
    **dict.fromkeys(
        ("external_id", "customer_external_id", "first_name", "last_name", "email", "phone", "title"), TEXT
    ),
    "custom": {"type": "object", "properties": {"nps_score": {"type": "integer"}}},
    "_sdc_deleted_at": DATE,
}
WHEN = "2025-11-05T08:30:00+00:00"
ACME = {
    "external_id": "co-1",
    "name": "Acme",
    "company": "Acme Ltd",
    "email": "info@acme.example",
    "website_url": "acme.example",
    "country": "DE",
    "city": "Bonn",
    "lead_created_at": WHEN,
    "free_trial_started_at": WHEN,
    "attributes": {"custom": {"plan": "gold", "seats": 7, "score": 1.5, "vip": False}, "tags": ["beta"]},
}
ANN = {
    "external_id": "ann:co-1",
    "customer_external_id": "co-1",
    "first_name": "Ann",
    "last_name": "Ash",
    "email": "ann@acme.example",
    "phone": "555-1",
    "title": "CEO",
    "custom": {"nps_score": 9},
}


@pytest.fixture
def read(sandbox: RunningSandbox) -> Callable[..., Any]:
    """Return a function that calls the official client and returns the result."""
    config = chartmogul.Config("sandbox_key", request_timeout=5, max_retries=0, backoff_factor=0)
    config.uri = sandbox.chartmogul_url
    return lambda method, **arguments: method(config, **arguments).get()


@pytest.fixture
def write(sandbox: RunningSandbox, tmp_path: Path) -> Callable[..., None]:
    """Return a function that runs the target over customers and contacts."""
    config = {"api_key": "sandbox_key", "api_url": sandbox.chartmogul_url, "report_dir": str(tmp_path)}

    def run(**streams: list[dict[str, Any]]) -> None:
        lines = []
        for stream, properties in (("customers", CUSTOMERS), ("contacts", CONTACTS)):
            schema = {"type": "object", "properties": properties}
            lines.append({"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["external_id"]})
            lines += [{"type": "RECORD", "stream": stream, "record": one} for one in streams.get(stream, ())]
        TargetChartmogul(config=config).listen(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)))

    return run


def source_of(read: Callable[..., Any]) -> str:
    """Return the uuid of the target's data source."""
    (source,) = [one for one in read(chartmogul.DataSource.all).data_sources if one.name == "Intercom leads"]
    return str(source.uuid)


def test_the_official_client_reads_a_customer_back(read: Callable[..., Any], write: Callable[..., None]) -> None:
    """The customer has its dates, tags and attributes of all types."""
    write(customers=[ACME])
    (one,) = read(chartmogul.Customer.all, data_source_uuid=source_of(read), external_id="co-1").entries
    at = datetime(2025, 11, 5, 8, 30, tzinfo=UTC)
    assert (one.name, one.company, one.email, one.website_url) == (
        "Acme", "Acme Ltd", "info@acme.example", "acme.example"
    )  # fmt: skip
    assert (one.country, one.city, one.status) == ("DE", "Bonn", "New Lead")
    assert (one.lead_created_at, one.free_trial_started_at) == (at, at)
    held = read(chartmogul.Attributes.retrieve, uuid=one.uuid)
    assert held.custom == {"plan": "gold", "seats": 7, "score": 1.5, "vip": False}
    assert held.tags == ["beta"]


def test_the_official_client_reads_a_contact_back(read: Callable[..., Any], write: Callable[..., None]) -> None:
    """The contact belongs to its customer until it is deleted."""
    write(customers=[ACME], contacts=[ANN])
    source = source_of(read)
    (customer,) = read(chartmogul.Customer.all, data_source_uuid=source).entries
    (one,) = read(chartmogul.Customer.contacts, uuid=customer.uuid).entries
    assert (one.first_name, one.last_name, one.email, one.phone, one.title) == (
        "Ann", "Ash", "ann@acme.example", "555-1", "CEO"
    )  # fmt: skip
    assert (one.customer_external_id, one.data_source_uuid, one.custom) == ("co-1", source, {"nps_score": 9})
    write(contacts=[ANN | {"_sdc_deleted_at": WHEN}])
    assert read(chartmogul.Contact.all, data_source_uuid=source).entries == []


def test_the_official_client_sees_a_change(read: Callable[..., Any], write: Callable[..., None]) -> None:
    """A second run changes the same customer and creates no second one."""
    write(customers=[ACME])
    changed = ACME | {"name": "Acme II", "attributes": {"custom": {"plan": "platinum", "vip": True}, "tags": []}}
    write(customers=[changed])
    (one,) = read(chartmogul.Customer.all, data_source_uuid=source_of(read)).entries
    assert one.name == "Acme II"
    held = read(chartmogul.Attributes.retrieve, uuid=one.uuid)
    assert held.custom == {"plan": "platinum", "seats": 7, "score": 1.5, "vip": True}
    assert held.tags == ["beta"]


def test_what_the_official_client_wrote_is_the_targets(read: Callable[..., Any], write: Callable[..., None]) -> None:
    """The target updates a customer that another program created in its source, and does not create it again."""
    write(customers=[ACME | {"external_id": "first"}])
    source = source_of(read)
    made = read(chartmogul.Customer.create, data={"data_source_uuid": source, "external_id": "co-1", "name": "Old"})
    write(customers=[ACME])
    (one,) = read(chartmogul.Customer.all, data_source_uuid=source, external_id="co-1").entries
    assert (one.uuid, one.name) == (made.uuid, "Acme")
