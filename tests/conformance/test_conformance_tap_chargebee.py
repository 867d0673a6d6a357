"""singer-io's tap-chargebee 1.7.1, unchanged except for the address, reads the sandbox to its end.

It filters every list by `updated_at`. Documents from before 2016-09-28 do not have it, so the tap never sees them.
It requests deleted records of every list, and gifts with a filter that the vendor does not document.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.chargebee.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    from tests.conformance.conftest import Connector

pytestmark = pytest.mark.conformance

CONFIG = {"site": "sandbox", "api_key": "sandbox_key", "start_date": "2010-01-01T00:00:00Z"}
KEYS = {"events": "occurred_at", "comments": "created_at", "promotional_credits": "created_at"}
"""The field by which a stream is filtered, where it is not `updated_at`."""
UNFILTERED = {"gifts"}
BOTH = {
    "comments", "coupons", "credit_notes", "customers", "events", "gifts", "invoices", "orders", "payment_sources",
    "promotional_credits", "quotes", "subscriptions", "transactions", "virtual_bank_accounts",
}  # fmt: skip
STREAMS = {1: BOTH | {"addons", "plans"}, 2: BOTH | {"item_families", "item_prices", "items"}}
LISTS = {row.path: row for row in RESOURCES}
Stamped = list[tuple[str, str]]


@pytest.fixture
def tap(connector: Callable[..., Connector]) -> Connector:
    """Return the connector in the version for this comparison."""
    return connector("tap-chargebee", "1.7.1", "https://sandbox.chargebee.com/api/v2")


def seconds(stamp: str) -> int:
    """Return an ISO timestamp in Unix seconds, as the API has it."""
    return int(datetime.fromisoformat(stamp).timestamp())


def expected(sandbox: RunningSandbox, stream: str, since: int) -> Stamped:
    """Return ids and timestamps of the records that pass the filter, read from the business itself."""
    table, key = sandbox.world.business.table(LISTS[stream].table), KEYS.get(stream, "updated_at")
    there = [one for one in table.seen(sandbox.world.clock.now()) if one is not None]
    listed = [one for one in there if LISTS[stream].include_deleted or not one.deleted]
    stamped = [(one.id, table.value(one, key)) for one in listed]
    passed = [(name, at) for name, at in stamped if at is not None and (at > since or stream in UNFILTERED)]
    return sorted((name, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}") for name, at in passed)


def got(records: list[dict[str, Any]], stream: str) -> Stamped:
    """Return ids and timestamps of the connector's records."""
    return sorted((one["id"], one[KEYS.get(stream, "updated_at")]) for one in records)


@pytest.mark.parametrize("catalog", [1, 2])
def test_all_streams_are_read_to_their_end(tap: Connector, sandbox: RunningSandbox, catalog: int) -> None:
    """Every record with a timestamp is read exactly once, also deleted ones; then those that changed in ten days."""
    sandbox.reset(customers=150, catalog=catalog, chargebee_refuse_unknown_parameters=False)
    records, state = tap.read(sandbox.chargebee_url, CONFIG)
    assert records.keys() == STREAMS[catalog]
    for stream in records:
        assert got(records[stream], stream) == expected(sandbox, stream, 0), stream
    sandbox.advance(days=10)
    later, _ = tap.read(sandbox.chargebee_url, CONFIG, state)
    for stream in records:
        since = seconds(state["bookmarks"][stream][KEYS.get(stream, "updated_at")]) - 2
        assert got(later.get(stream, []), stream) == expected(sandbox, stream, since), stream
    assert len(later["subscriptions"]) > 30


def test_how_many_there_are_and_how_many_it_cannot_see(tap: Connector, sandbox: RunningSandbox) -> None:
    """With sixty customers, this is the number of all records and of those that the connector reads."""
    sandbox.reset(customers=60, seed=7, chargebee_refuse_unknown_parameters=False)
    records, _ = tap.read(sandbox.chargebee_url, CONFIG)
    counts = {
        name: (len(sandbox.world.business.table(name).records), len(records[name]))
        for name in ("customers", "subscriptions", "invoices")
    }
    assert counts == {"customers": (60, 58), "subscriptions": (61, 60), "invoices": (291, 287)}
