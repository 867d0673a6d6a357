"""How many calls a run of tap-chargebee makes."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from tap_chargebee.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    Catalog = Callable[..., dict[str, Any]]
    Calls = Callable[[], dict[str, int]]

ROWS = {resource.name: resource for resource in STREAMS}
KEYLESS = {name for name, row in ROWS.items() if not (row.replication_key or row.parent or row.daily)}
"""Lists without a filter by time: every run reads them whole. Here each is one page."""


@pytest.mark.parametrize("catalog", [1, 2], ids=["catalog 1", "catalog 2"])
def test_a_run_without_a_change_costs_one_call_a_list(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls, catalog: int
) -> None:
    """With every stream selected and no changes, a run makes one call per list, none per parent, and one for events."""
    sandbox.reset(customers=60, seed=7, catalog=catalog)
    names = {name for name, row in ROWS.items() if catalog in row.catalogs}
    first = run_tap(catalog=catalog_of(*names))
    assert sum(calls().values()) > 500
    sandbox.world.clock.advance(4000)
    second = run_tap(catalog=catalog_of(*names), state=first.state)
    expected = {ROWS[name].path: 1 for name in names if not ROWS[name].parent}
    # `events` and `configurations` are streams too, and every run begins with a call of `/configurations`.
    assert calls() == expected | {"/events": 2, "/configurations": 2}
    assert second.records.keys() <= KEYLESS | {"exchange_rates"}
    assert second.states[-1]["_sync"]["streams"] == ",".join(sorted(names))


@pytest.mark.parametrize(
    "stream",
    ["customers", "transactions", "coupons", "gifts", "contacts", "attached_items", "events", "exchange_rates"],
)
def test_no_stream_costs_more_than_two_calls_when_nothing_changed(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls, stream: str
) -> None:
    """A stream without changes costs at most two calls: its list and its events."""
    first = run_tap(catalog=catalog_of(stream))
    calls()
    sandbox.world.clock.advance(4000)
    second = run_tap(catalog=catalog_of(stream), state=first.state)
    counted = calls()
    assert counted.pop("/configurations") == 1 + (stream == "configurations")
    assert sum(counted.values()) <= 2
    assert stream in KEYLESS | {"exchange_rates"} or second.records == {}


def test_what_hangs_on_a_parent_costs_a_call_for_each_that_events_name(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls
) -> None:
    """When two customers changed, their contacts cost two calls, plus one for the customers and one for events."""
    catalog = catalog_of("contacts")
    first = run_tap(catalog=catalog)
    sandbox.world.clock.advance(4000)
    live = [one.id for one in sandbox.world.business.customers.records if not one.deleted]
    for name in live[3:5]:
        sandbox.world.business.edit("customers", name, company="Renamed")
    calls()
    run_tap(catalog=catalog, state=first.state)
    assert calls() == {"/configurations": 1, "/events": 1, "/customers": 1, "/customers/{id}/contacts": 2}


def test_without_events_what_hangs_on_a_parent_is_read_whole(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Child streams are read whole with `follow_events: false`, or after a gap longer than Chargebee keeps events."""
    catalog = catalog_of("contacts")
    first = run_tap(catalog=catalog)
    assert run_tap(catalog=catalog, state=first.state, follow_events=False).records == first.records
    sandbox.advance(days=81)
    live = {one.id for one in sandbox.world.business.customers.records if not one.deleted}
    again = run_tap(catalog=catalog, state=first.state).records["contacts"]
    assert again == [one for one in first.records["contacts"] if one["customer_id"] in live]


def test_exchange_rates_cost_a_call_a_day(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls
) -> None:
    """Exchange rates cost one call per day: first today's, then each day since the last run.

    start_date adds earlier days.
    """
    catalog = catalog_of("exchange_rates")
    first = run_tap(catalog=catalog)
    (rate,) = first.records["exchange_rates"]
    assert rate == {
        "exchange_rate_date": "2026-01-15",
        "exchange_rate_base_currency_code": "USD",
        "rates": {"USD": 1.0, "EUR": 1.08, "JPY": 0.0067},
    }
    assert first.states[-1]["exchange_rates"] == {"read_at": 1_768_478_400, "scope": "sandbox with deleted"}
    sandbox.advance(days=3)
    calls()
    second = run_tap(catalog=catalog, state=first.state)
    days = [record["exchange_rate_date"] for record in second.records["exchange_rates"]]
    assert days == ["2026-01-15", "2026-01-16", "2026-01-17", "2026-01-18"]
    assert calls() == {"/configurations": 1, "/currencies/get_auto_exchange_rates": 4}
    past = run_tap(catalog=catalog, start_date="2026-01-08").records["exchange_rates"]
    assert [record["exchange_rate_date"] for record in past][::10] == ["2026-01-08", "2026-01-18"]


SIZES = {"customers": 10_000, "subscriptions": 12_000, "invoices": 30_000}


def resize(table: Any, size: int) -> None:
    """Remove or copy records until the table has this many."""
    records = table.records
    extra = [copy(record) for record in records[: max(size - len(records), 0)]]
    for record in extra:
        record.id += "x"
        record.forget()
    kept = [records[place * len(records) // size] for place in range(size)] if len(records) > size else list(records)
    table.records.clear()
    table.extend([*kept, *extra])


def test_a_site_of_ten_thousand_customers(command: Callable[..., CompletedProcess[str]]) -> None:
    """Reading 52,000 records (520 pages) takes at most 580 calls."""
    with RunningSandbox(Settings(customers=10_000)) as sandbox:
        for name, table in sandbox.world.business.tables().items():
            resize(table, SIZES[name])
        assert sandbox.world.business.counts() == SIZES
        config = {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
        done = command(config)
        counted = {call["path"]: call["count"] for call in sandbox.calls()["calls"]}
        assert done.returncode == 0, done.stderr[-1000:]
        assert done.stdout.count('{"type":"RECORD"') == 52_000
        assert 520 < sum(counted.values()) <= 580
