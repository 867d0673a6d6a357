"""What is left of a run of tap-chargebee that meets trouble: never a marker, never a bookmark too many."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Records = dict[str, list[dict[str, Any]]]


@pytest.mark.usefixtures("in_no_time")
@pytest.mark.parametrize(
    "effect",
    [
        {"status": 429, "headers": {"Retry-After": "0"}, "body": {"api_error_code": "api_request_limit_exceeded"}},
        {"status": 500, "body": {"api_error_code": "internal_error"}},
        {"status": 503, "body": "Service unavailable"},
        {"drop": "before"},
        {"drop": "after"},
        {"truncate": True},
    ],
    ids=["429", "500", "503 in words", "dropped before", "dropped after", "cut off"],
)
def test_trouble_that_passes_loses_nothing(
    run_tap: Callable[..., Any],
    truth: Callable[..., Records],
    calls: Callable[[], dict[str, int]],
    sandbox: RunningSandbox,
    effect: dict[str, Any],
) -> None:
    """One bad answer in the middle of a list costs one call more, and nothing is lost or doubled."""
    sandbox.fault(api="chargebee", path="/invoices", nth=2, effect=effect)
    run = run_tap()
    assert run.refusal is None
    assert run.records == truth()
    assert calls()["/invoices"] == 4


@pytest.mark.usefixtures("in_no_time")
def test_a_429_is_waited_out(run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], Any]) -> None:
    """While Chargebee says to wait nobody asks, and what was refused comes afterwards."""
    limited = {"status": 429, "headers": {"Retry-After": "1"}, "body": {"api_error_code": "api_request_limit_exceeded"}}
    sandbox.fault(api="chargebee", path="/configurations", times=1, effect=limited)
    assert run_tap().refusal is None
    assert calls() == {"/configurations": 2, "/customers": 1, "/invoices": 3, "/subscriptions": 1}


@pytest.mark.usefixtures("in_no_time")
def test_a_stream_that_fails_half_way_leaves_no_marker(
    run_tap: Callable[..., Any], truth: Callable[..., Records], sandbox: RunningSandbox
) -> None:
    """Streams that ended keep their bookmark, the one that failed and those after it keep the old one."""
    sandbox.fault(api="chargebee", path="/invoices", **{"from": 2}, effect={"status": 500})
    run = run_tap()
    assert run.refusal is not None
    assert run.refusal.startswith("Chargebee gave no valid answer to GET /invoices in 10 tries")
    assert run.states[-1].keys() <= {"customers", "invoices"}
    assert run.states[-1]["customers"] != {}
    assert run.states[-1].get("invoices", {}) == {}

    sandbox.clear_faults()
    again = run_tap(state=run.state)
    assert again.records["invoices"] == truth()["invoices"]
    assert again.states[-1]["_sync"]["streams"] == "customers,invoices,subscriptions"


def test_a_stream_that_is_refused_stops_the_run_before_its_first_message(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """A scope that is missing for the last stream is told before a record of the first is sent."""
    body = {"api_error_code": "api_authorization_failed", "message": "You do not have permission"}
    sandbox.fault(api="chargebee", path="/subscriptions", effect={"status": 403, "body": body})
    run = run_tap(state={"bookmarks": {"_map": {"gen": 1}}})
    assert run.messages == []
    assert run.refusal == (
        "The key in the setting `api_key` may not read /subscriptions (403 api_authorization_failed): "
        "it needs the scope Read-only, All."
    )


class Killed(BaseException):
    """The process is gone."""


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stops=st.lists(st.integers(1, 80), max_size=3),
    edits=st.lists(st.tuples(st.sampled_from(["customers", "invoices"]), st.integers(0, 11)), max_size=4),
)
def test_killed_anywhere_and_started_again_is_as_good_as_one_run(
    run_tap: Callable[..., Any],
    truth: Callable[..., Records],
    sandbox: RunningSandbox,
    stops: list[int],
    edits: list[tuple[str, int]],
) -> None:
    """Whatever changes between runs that die at any message, the next whole run completes the picture."""
    sandbox.reset(customers=12, seed=7)
    held: dict[tuple[str, str, int], int | None] = {}
    state: dict[str, Any] = {"bookmarks": {}}
    left = 0

    def take(message: dict[str, Any]) -> None:
        nonlocal state, left
        if message["type"] == "RECORD":
            hold(held, message["stream"], message["record"])
        if message["type"] == "STATE":
            state = message["value"]
        left -= 1
        if left == 0:
            raise Killed

    for stop in [*stops, 0]:
        left = stop
        with contextlib.suppress(Killed):
            run_tap(state=state, on_message=take, page_size=10)
            break
        for name, row in edits:
            sandbox.advance(seconds=200)
            table = sandbox.world.business.tables()[name]
            sandbox.world.business.edit(name, table.records[row].id, po_number="changed")
    assert state["bookmarks"]["_sync"]["streams"] == "customers,invoices,subscriptions"
    expected: dict[tuple[str, str, int], int | None] = {}
    for name, records in truth().items():
        for record in records:
            hold(expected, name, record)
    assert held == expected


def hold(held: dict[tuple[str, str, int], int | None], stream: str, record: dict[str, Any]) -> None:
    """Keep the version that came last; a deleted record and a live one may share an id."""
    held[stream, record["id"], record.get("created_at", 0)] = record.get("resource_version")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_acknowledges_nothing(
    config: dict[str, Any], sandbox: RunningSandbox, command_line: Callable[..., list[str]], number: signal.Signals
) -> None:
    """Told to end while it waits for a page, the command ends at once, with the signal's code and no word of STATE."""
    sandbox.fault(api="chargebee", path="/invoices", nth=2, effect={"delay": 60})
    words = command_line(config)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        messages: list[dict[str, Any]] = []
        while [message.get("stream") for message in messages].count("invoices") < 101:
            messages.append(json.loads(process.stdout.readline()))
        process.send_signal(number)
        rest, log = process.communicate(timeout=20)
    assert (process.returncode, rest) == (128 + number, "")
    states = [message["value"]["bookmarks"] for message in messages if message["type"] == "STATE"]
    assert [sorted(state) for state in states] == [["customers"]]
    assert "Traceback" not in log
