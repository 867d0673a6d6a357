"""Failures during a run of tap-chargebee: it writes no marker, and no bookmark that is too late."""

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
    """One bad response in the middle of a list costs one more call, and no record is lost or repeated."""
    sandbox.fault(api="chargebee", path="/invoices", nth=2, effect=effect)
    run = run_tap()
    assert run.refusal is None
    assert run.records == truth()
    assert calls()["/invoices"] == 4


@pytest.mark.usefixtures("in_no_time")
def test_a_429_is_waited_out(run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Callable[[], Any]) -> None:
    """After a 429 the tap waits, and then repeats the call."""
    limited = {"status": 429, "headers": {"Retry-After": "1"}, "body": {"api_error_code": "api_request_limit_exceeded"}}
    sandbox.fault(api="chargebee", path="/configurations", times=1, effect=limited)
    assert run_tap().refusal is None
    assert calls() == {"/configurations": 2, "/customers": 1, "/invoices": 3, "/subscriptions": 1}


@pytest.mark.usefixtures("in_no_time")
def test_a_stream_that_fails_half_way_leaves_no_marker(
    run_tap: Callable[..., Any], truth: Callable[..., Records], sandbox: RunningSandbox
) -> None:
    """When a stream fails, only finished streams have new bookmarks, and there is no marker."""
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
    """A missing permission for the last stream is reported before the first record of any stream."""
    body = {"api_error_code": "api_authorization_failed", "message": "You do not have permission"}
    sandbox.fault(api="chargebee", path="/subscriptions", effect={"status": 403, "body": body})
    run = run_tap(state={"bookmarks": {"_map": {"gen": 1}}})
    assert run.messages == []
    assert run.refusal == (
        "The key in the setting `api_key` may not read /subscriptions (403 api_authorization_failed): "
        "it needs the scope Read-only, All."
    )


class Killed(BaseException):
    """Raised in place of the end of the process."""


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
    """After runs that are killed at any message, with edits between them, one whole run makes the target complete."""
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
    """Keep the last version of a record; a deleted and a live record may share an id."""
    held[stream, record["id"], record.get("created_at", 0)] = record.get("resource_version")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_acknowledges_nothing(
    config: dict[str, Any], sandbox: RunningSandbox, command_line: Callable[..., list[str]], number: signal.Signals
) -> None:
    """A signal during a slow page ends the command at once with the signal's exit code and no further STATE."""
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
