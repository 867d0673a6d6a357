"""A project that sets nothing new gets the same bytes as from the version before filters and own attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from in_process import swap_streams
from standpipe_maps.subscriptions.mapper import MapSubscriptions

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines

GOLDEN = Path(__file__).parents[1] / "support/golden_default"
ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        "customers",
        {
            "id": "ann",
            "email": "Ann@x.io",
            "first_name": "Ann",
            "last_name": "Ash",
            "company": "Ash Ltd",
            "created_at": 1700000000,
            "auto_collection": "on",
            "cf_tier": "gold",
            "cf_seats": 7,
            "card": {"expiry_month": 2, "expiry_year": 2028},
            "payment_method": {"type": "card"},
        },
    ),
    ("customers", {"id": "ben", "email": "ben@x.io", "created_at": 1700000100, "company": "Bee", "cf_tier": None}),
    ("customers", {"id": "bob", "email": "BEN@x.io", "created_at": 1700000200}),
    ("customers", {"id": "cat", "email": "cat@x.io", "created_at": 1700000300, "deleted": True}),
    ("customers", {"id": "dan", "created_at": 1700000400, "card": {"expiry_month": 13, "expiry_year": 2028}}),
    (
        "subscriptions",
        {
            "id": "s-ann",
            "customer_id": "ann",
            "status": "active",
            "currency_code": "USD",
            "mrr": 4999,
            "plan_id": "basic",
            "plan_amount": 5997,
            "plan_quantity": 3,
            "billing_period": 1,
            "billing_period_unit": "month",
            "created_at": 1700000100,
            "next_billing_at": 1703801700,
        },
    ),
    (
        "subscriptions",
        {"id": "s-ben", "customer_id": "ben", "status": "cancelled", "currency_code": "EUR", "plan_id": "pro"},
    ),
    (
        "subscriptions",
        {"id": "s-bob", "customer_id": "bob", "status": "in_trial", "currency_code": "JPY", "mrr": 500, "plan_id": "p"},
    ),
    (
        "invoices",
        {
            "id": "i-1",
            "customer_id": "ann",
            "status": "payment_due",
            "recurring": True,
            "date": 1701209700,
            "total": 5997,
            "amount_due": 1200,
            "currency_code": "USD",
        },
    ),
]
CUSTOM = {"cf_tier": {"type": ["string", "null"]}, "cf_seats": {"type": ["integer", "null"]}}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("contacts", {"report_not_sent": True}),
        ("companies", {"match_on": "company_id", "extra_customer_fields": ["cf_seats"], "resend": "changed"}),
    ],
    ids=["contacts", "companies"],
)
def test_the_same_bytes_as_before(tmp_path: Path, lines: type[Lines], name: str, settings: dict[str, Any]) -> None:
    """Without `only_customers` and `attributes`, every byte of the output is what it was before these settings."""
    schemas = [lines.schema("customers", CUSTOM), lines.schema("invoices"), lines.schema("subscriptions")]
    text = "".join([*schemas, *(lines.record(*row) for row in ROWS), lines.state()])
    with swap_streams(text) as output:
        MapSubscriptions(config={"store_dir": str(tmp_path), "store_name": "golden", **settings}).listen()
    assert output.getvalue() == (GOLDEN / f"{name}.singer").read_bytes()


def test_the_same_fingerprint_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fingerprint of unchanged settings stays, so that an upgrade with `resend: changed` sends nothing again."""
    monkeypatch.setattr(MapSubscriptions, "plugin_version", "1")
    # What the store adds to it is the same as before.
    monkeypatch.setattr(MapSubscriptions, "build_fingerprint", lambda _: [])
    mapper = MapSubscriptions(config={"store_dir": str(tmp_path)})
    assert mapper._compute_fingerprint() == json.loads((GOLDEN / "fingerprint.json").read_text())  # noqa: SLF001
