"""Which subscriptions become custom objects, what they have, and which customers the run says that it sends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError
from standpipe_maps.subscriptions.attributes import name_type
from standpipe_maps.subscriptions.subscription_objects import FIELDS

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Lines, Mapper, Sent

ROOT = Path(__file__).parents[2]
ANN = {"id": "ann", "email": "ann@x.io", "created_at": 100, "resource_version": 1}
NEW = {
    "id": "s1",
    "customer_id": "ann",
    "status": "active",
    "mrr": 4900,
    "currency_code": "EUR",
    "billing_period": 1,
    "billing_period_unit": "month",
    "next_billing_at": 1_768_478_400,
    "created_at": 1_700_000_000,
    "updated_at": 1_768_000_000,
    "subscription_items": [
        {"item_type": "plan", "item_price_id": "pro", "quantity": 2, "amount": 100},
        {"item_type": "addon", "item_price_id": "seats", "quantity": 5},
        {"item_type": "charge", "item_price_id": "setup", "quantity": 1},
    ],
}
OLD = {
    "id": "s2",
    "customer_id": "ann",
    "status": "cancelled",
    "mrr": 700,
    "currency_code": "JPY",
    "plan_id": "basic",
    "addons": [{"id": "support"}],
    "cancelled_at": 1_760_000_000,
    "cancel_reason": "not_paid",
}


def objects_of(sent: Sent) -> dict[str, dict[str, Any]]:
    """Return the values of each object without nulls."""
    rows = [one["record"] for one in sent.messages if one["type"] == "RECORD"]
    return {
        one["subscription_id"]: {name: value for name, value in one["custom_attributes"].items() if value is not None}
        for one in rows
        if "subscription_id" in one
    }


def switch_of(sent: Sent) -> dict[str, Any]:
    """Return what the SCHEMA says."""
    schemas = [one["schema"] for one in sent.messages if one["type"] == "SCHEMA"]
    (found,) = [one["x-standpipe-objects"] for one in schemas if "x-standpipe-objects" in one]
    return dict(found)


def test_each_subscription_is_an_object_after_its_customer(mapper: Mapper) -> None:
    """Every subscription that is not deleted is a record of its own, with its plan, items, MRR, status and dates."""
    gone = {**OLD, "id": "s3", "deleted": True}
    rows = (("customers", ANN), ("subscriptions", NEW), ("subscriptions", OLD), ("subscriptions", gone))
    sent = mapper.run(*rows, subscription_objects="Subscription")
    assert objects_of(sent) == {
        "s1": {
            "plan": "pro",
            "quantity": 2,
            "items": "seats x 5, setup",
            "status": "active",
            "mrr": 49.0,
            "currency": "EUR",
            "interval": "1 month",
            "next_bill_at": "2026-01-15T12:00:00+00:00",
        },
        "s2": {
            "plan": "basic",
            "items": "support",
            "status": "cancelled",
            "mrr": 0.0,
            "currency": "JPY",
            "cancelled_at": "2025-10-09T08:53:20+00:00",
            "cancel_reason": "not_paid",
        },
    }
    streams = [one["stream"] for one in sent.messages if one["type"] == "RECORD"]
    assert streams == ["contacts", "subscription_objects", "subscription_objects"]
    assert switch_of(sent) == {"type": "Subscription", "reference": "cb_subscriptions", "is_whole": True}
    assert mapper.summary()["subscription_objects"] == 2


def test_without_the_setting_there_are_none(mapper: Mapper) -> None:
    """Without the setting the map sends what it sent before there were objects."""
    sent = mapper.run(("customers", ANN), ("subscriptions", NEW))
    assert {one.get("stream") for one in sent.messages} == {"contacts", None}
    assert "subscription_objects" not in mapper.summary()


@pytest.mark.parametrize(
    ("settings", "is_whole"),
    [
        ({}, True),
        ({"only_customers": "sub_status == 'active'"}, False),
        ({"only_customers": "sub_status == 'active'", "on_left_out": "clear"}, True),
    ],
    ids=["all", "keeps", "clears"],
)
def test_who_is_left_out_keeps_objects_or_not(mapper: Mapper, settings: dict[str, Any], *, is_whole: bool) -> None:
    """The run says that it sends everybody, unless a filter leaves customers out that keep what they have."""
    sent = mapper.run(("customers", ANN), ("subscriptions", NEW), subscription_objects="Subscription", **settings)
    assert switch_of(sent)["is_whole"] is is_whole


def test_a_run_over_some_customers_is_not_whole(mapper: Mapper, lines: Lines) -> None:
    """A subset run and a run over what changed say that they do not send everybody."""
    rows = (("customers", ANN), ("subscriptions", NEW))
    first = mapper.run(*rows, subscription_objects="Subscription")
    mapper.confirmed = first.bookmarks["_map"]
    sent = mapper.run(*rows, marker={**lines.marker, "subset": 1}, subscription_objects="Subscription")
    assert (switch_of(sent)["is_whole"], list(objects_of(sent))) == (False, ["s1"])


def test_an_odd_member_makes_only_its_value_null(mapper: Mapper) -> None:
    """A member that cannot be right is null in its object, and the others are there."""
    odd = {**NEW, "next_billing_at": "soon", "subscription_items": [{"item_type": "plan", "item_price_id": "pro"}]}
    sent = mapper.run(("customers", ANN), ("subscriptions", odd), subscription_objects="Subscription")
    found = objects_of(sent)["s1"]
    assert "next_bill_at" not in found
    assert (found["plan"], found["status"], found["mrr"]) == ("pro", "active", 49.0)


def test_long_lists_of_items_are_cut(mapper: Mapper) -> None:
    """The items are cut to what an attribute of Intercom holds."""
    many = [{"item_type": "addon", "item_price_id": f"addon-{number:03}"} for number in range(40)]
    sent = mapper.run(
        ("customers", ANN), ("subscriptions", {**NEW, "subscription_items": many}), subscription_objects="Subscription"
    )
    items = objects_of(sent)["s1"]["items"]
    assert (len(items), items[:9], items[-1]) == (255, "addon-000", "\N{HORIZONTAL ELLIPSIS}")


def test_objects_are_of_people(mapper: Mapper) -> None:
    """Objects with a match on companies are refused at start."""
    with pytest.raises(UserError, match="`subscription_objects` are shown with people"):
        mapper.run(("customers", ANN), match_on="company_id", subscription_objects="Subscription")


def test_the_document_has_every_field_with_its_format() -> None:
    """docs/subscription-objects.md lists what an object has, with the format that a person chooses in Intercom."""
    table = (
        (ROOT / "docs/subscription-objects.md").read_text().partition("## What an object has")[2].partition("## ")[0]
    )
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    formats = {"text": "Text", "number": "Decimal number", "date": "Date"}
    assert {name.strip(" `"): kind.strip() for name, kind in rows} == {
        one.name: formats[name_type(one)] for one in FIELDS
    }
