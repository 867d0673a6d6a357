"""After any changes and failures, one whole run of tap-chargebee makes the target complete."""

from __future__ import annotations

import contextlib
import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tap_chargebee.streams.resources import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Held = dict[tuple[Any, ...], dict[str, Any]]

LISTS = ("customers", "invoices", "subscriptions", "transactions")
"""Streams whose changes come from their own list, and from events when `updated_at` does not move."""
PARTS = ("contacts", "discounts", "attached_items", "quote_line_groups")
"""Child streams, which are read again for the parents that events name."""
NAMES = (*LISTS, "coupons", *PARTS)
QUIET = {
    "customers": {"excess_payments": 5},
    "invoices": {"next_retry_at": 1_800_000_000},
    "subscriptions": {"mrr": 77},
}
"""Changes that move neither `updated_at` nor `resource_version`; the table below names the event of each."""
TELLING = {"customers": "card_updated", "invoices": "dunning_updated", "subscriptions": "mrr_updated"}
EDITS = st.tuples(st.sampled_from(["edit", "quiet", "delete"]), st.sampled_from(NAMES), st.integers(0, 11))
STEPS = st.lists(
    st.one_of(EDITS, st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 30, 299, 5000]))), max_size=6
)
RUNS = st.lists(st.tuples(STEPS, STEPS, st.integers(1, 160), st.booleans()), min_size=1, max_size=3)


class Killed(BaseException):
    """Raised in place of the end of the process."""


class Target:
    """Keeps the last version of each record and the last STATE, like a real target."""

    def __init__(self) -> None:
        self.held: Held = {}
        self.state: dict[str, Any] | None = None

    def take(self, message: dict[str, Any]) -> None:
        """Keep a message."""
        if message["type"] == "RECORD":
            self.held[place(message["stream"], message["record"])] = message["record"]
        if message["type"] == "STATE":
            self.state = message["value"]


def place(stream: str, record: dict[str, Any]) -> tuple[Any, ...]:
    """Return the identity of a record; a deleted and a live customer may share an id."""
    return stream, record["id"], record.get("created_at") if stream in LISTS else None


def change(sandbox: RunningSandbox, act: str, name: str, number: int) -> None:
    """Make one change to the business; several changes in a row share the same second."""
    business = sandbox.world.business
    if act == "wait":
        sandbox.world.clock.advance(number)
        return
    table = business.table(name)
    live = [record for record in table.records if not record.deleted]
    record = live[number % len(live)]
    now = sandbox.world.clock.now()
    if act == "quiet" and name in QUIET:
        table.change_unnoted(record, now, **QUIET[name])
        business.events.tell(TELLING[name], now, [(table.name.removesuffix("s"), record)], "system")
    elif act == "delete" and name == "coupons":
        business.edit(name, record.id, deleted=True)
    else:
        business.edit(name, record.id, note=f"{act} {number} at {now} of {time.monotonic_ns()}")


def truth(sandbox: RunningSandbox) -> Held:
    """Return the records that exist, and the deleted ones that a run sent."""
    business = sandbox.world.business
    live = {record.id for record in business.customers.records if not record.deleted}
    found: Held = {}
    for name in NAMES:
        table = business.table(name)
        for record in table.records:
            body = json.loads(json.dumps(table.body(record)))
            if parent_key := ROWS[name].parent_key:
                # The list does not show the parent's id; the tap adds the id by which it requested the list.
                body[parent_key] = table.value(record, parent_key)
            if name == "customers":
                body["card"] = json.loads(business.card_json(record) or b"null")
            if name not in PARTS or reachable(sandbox, name, body, live):
                found[place(name, body)] = body
    return found


def reachable(sandbox: RunningSandbox, name: str, body: dict[str, Any], live: set[str]) -> bool:
    """Return whether the parent of a child record exists and is live."""
    business = sandbox.world.business
    if name == "contacts":
        return body["customer_id"] in live
    parents = {"discounts": "subscriptions", "quote_line_groups": "quotes"}
    if name not in parents:
        return True
    parent = business.table(parents[name]).get(body[f"{parents[name].removesuffix('s')}_id"])
    return parent is not None and not parent.deleted


@pytest.mark.usefixtures("in_no_time")
@settings(
    max_examples=6,
    # Each example is several runs, so shrinking a failure would take minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(runs=RUNS, lag=st.sampled_from([0, 0, 120, 300]), skew=st.sampled_from([0, -86_400, 86_400]))
def test_the_next_whole_run_completes_the_picture(  # noqa: PLR0913, PLR0917 three fixtures, three drawn
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., dict[str, Any]],
    sandbox: RunningSandbox,
    runs: list[tuple[list[Any], list[Any], int, bool]],
    lag: int,
    skew: int,
) -> None:
    """One whole run makes the target complete after edits, ties, lags, crashes, failures and a wrong local clock."""
    sandbox.reset(customers=12, seed=7, list_lag=lag)
    target = Target()
    catalog = catalog_of(*NAMES)
    sandbox.world.clock.advance(lag)
    with pytest.MonkeyPatch.context() as patch:
        clock = SimpleNamespace(time=lambda: time.time() + skew, sleep=time.sleep, monotonic=time.monotonic)
        patch.setattr("tap_chargebee.api.client.time", clock)
        for before, amid, moment, dies in runs:
            for step in before:
                change(sandbox, *step)
            if dies:
                sandbox.fault(api="chargebee", **{"from": moment}, effect={"status": 404})
            with contextlib.suppress(Killed):
                run_tap(
                    state=target.state, catalog=catalog, on_message=act_at(sandbox, target, amid, moment), page_size=5
                )
            sandbox.clear_faults()
        sandbox.world.clock.advance(lag + 1)
        last = run_tap(state=target.state, catalog=catalog, on_message=target.take, page_size=5)
    assert last.refusal is None
    assert target.state is not None
    assert target.state["bookmarks"]["_sync"]["streams"] == ",".join(sorted(NAMES))
    gone = {("coupons", one.id, None) for one in sandbox.world.business.table("coupons").records if one.deleted}
    held = {key: record for key, record in target.held.items() if key not in gone}
    assert held == {key: record for key, record in truth(sandbox).items() if key not in gone}
    assert all(target.held[key]["deleted"] for key in gone & target.held.keys())


def act_at(sandbox: RunningSandbox, target: Target, steps: list[Any], moment: int) -> Callable[[dict[str, Any]], None]:
    """Return a message handler that changes the business at one message and may kill the run later."""
    came = 0

    def take(message: dict[str, Any]) -> None:
        nonlocal came
        target.take(message)
        came += 1
        if came == moment:
            for step in steps:
                change(sandbox, *step)
        if came == 2 * moment and moment % 3 == 0:
            raise Killed

    return take
