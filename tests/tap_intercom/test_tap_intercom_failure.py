"""Failures and changes during a run of tap-intercom: it writes no marker, and no bookmark that is too late."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sandbox.intercom.limits import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Truth = Callable[[], dict[str, dict[str, Any]]]
    Held = dict[str, dict[str, Any]]

STREAMS = ("companies", "contacts", "conversation_parts", "conversations", "tickets")
ZONES = ("Pacific/Pago_Pago", "America/Los_Angeles", "UTC", "Asia/Kathmandu", "Pacific/Auckland", "Pacific/Kiritimati")
"""Time zones from UTC-11 to UTC+14."""


@pytest.mark.usefixtures("in_no_time")
@pytest.mark.parametrize(
    "effect",
    [
        {"status": 429, "headers": {"X-RateLimit-Reset": "0"}, "body": {"errors": [{"code": "rate_limit_exceeded"}]}},
        {"status": 500, "body": {"errors": [{"code": "server_error"}]}},
        {"status": 503, "body": "Service unavailable"},
        {"status": 408, "body": {"errors": [{"code": "request_timeout"}]}},
        {"status": 200, "body": ""},
        {"drop": "before"},
        {"drop": "after"},
        {"truncate": True},
        {"status": 400, "body": {"errors": [{"code": "client_error", "message": "Invalid starting_after param"}]}},
    ],
    ids=["429", "500", "503 in words", "408", "an empty 200", "dropped before", "dropped after", "cut off", "cursor"],
)
def test_trouble_that_passes_loses_nothing(
    run_tap: Callable[..., Any],
    truth: Truth,
    calls: Callable[[], dict[str, int]],
    sandbox: RunningSandbox,
    effect: dict[str, Any],
) -> None:
    """One bad response in the middle of a list costs one more call, and no record is lost or repeated."""
    sandbox.fault(api="intercom", path="/contacts/search", nth=2, effect=effect)
    run = run_tap(page_size=40)
    assert run.refusal is None
    assert [record["id"] for record in run.records["contacts"]] == created(truth()["contacts"])
    assert calls()["/contacts/search"] == 3


def created(records: dict[str, dict[str, Any]]) -> list[str]:
    """Return the ids of the records in the order of creation."""
    return sorted(records, key=lambda key: (records[key]["created_at"], key))


def test_nobody_asks_more_often_than_intercom_permits(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox, clock: Any
) -> None:
    """Sixteen workers share the rate limit that responses announce, so that no call is a 429."""
    sandbox.world.intercom.window = Window(60, clock.now)
    run = run_tap(catalog=catalog_of("contact_segments"))
    assert run.refusal is None
    asked = len(list(sandbox.world.intercom.contacts.live()))
    assert sandbox.answers() == {"answers": [{"api": "intercom", "status": 200, "count": asked + 2}]}
    assert asked > 60


@pytest.mark.usefixtures("in_no_time")
def test_a_stream_that_fails_half_way_leaves_no_marker(
    run_tap: Callable[..., Any], truth: Truth, sandbox: RunningSandbox
) -> None:
    """When a stream fails, finished streams have new bookmarks, it keeps its old one, and there is no marker."""
    sandbox.fault(api="intercom", path="/contacts/search", **{"from": 2}, effect={"status": 500})
    run = run_tap(page_size=40)
    assert run.refusal is not None
    assert run.refusal.startswith("Intercom gave no valid answer to POST /contacts/search in 10 tries")
    assert run.states[-1]["companies"] != {}
    assert run.states[-1].get("contacts", {}) == {}
    assert "_sync" not in run.states[-1]

    sandbox.clear_faults()
    again = run_tap(state=run.state)
    assert {record["id"] for record in again.records["contacts"]} == truth()["contacts"].keys()
    assert again.states[-1]["_sync"]["streams"] == "companies,contacts"


def test_a_stream_that_is_refused_stops_the_run_before_its_first_message(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """A missing permission for the last stream is reported before the first record of any stream."""
    body = {"type": "error.list", "errors": [{"code": "token_unauthorized", "message": "Not authorized"}]}
    sandbox.fault(api="intercom", path="/tickets/search", effect={"status": 401, "body": body})
    run = run_tap(catalog=catalog_of("contacts", "tickets"), state={"bookmarks": {"_map": {"gen": 1}}})
    assert run.messages == []
    assert run.refusal == (
        "The token in the setting `access_token` may not read /tickets/search (401 token_unauthorized): its app lacks "
        "the permission `Read tickets` in Intercom's Developer Hub."
    )


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (5, "Expected `object`, got `int` of item 1"),
        ({"id": "a", "companies": None, "updated_at": 1}, "no `created_at` of item 1"),
        (
            {"id": "a", "companies": None, "created_at": 1, "updated_at": "2026-01-15"},
            "Expected `int | null`, got `str` - at `$.updated_at` of item 1",
        ),
        (
            {"id": "a", "companies": None, "created_at": 1, "updated_at": 1.5},
            "Expected `int | null`, got `float` - at `$.updated_at` of item 1",
        ),
        ({"id": "a", "created_at": 1}, "no `companies` of item 1"),
        (
            {"id": "a", "companies": {"data": [{}]}, "created_at": 1},
            "no `id` - at `$.companies.data[0]` of item 1",
        ),
    ],
    ids=[
        "no record",
        "no creation",
        "words",
        "half a second",
        "no companies",
        "a link to nobody",
    ],
)
def test_what_is_no_record_is_one_sentence(  # noqa: PLR0913, PLR0917 a table
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    sandbox: RunningSandbox,
    in_no_time: None,  # noqa: ARG001
    record: Any,
    problem: str,
) -> None:
    """A record with a wrong time ends the run in one sentence before the first message."""
    body = {"type": "list", "data": [record], "total_count": 1}
    sandbox.fault(api="intercom", path="/contacts/search", effect={"status": 200, "body": body})
    run = run_tap(catalog=catalog_of("contacts"))
    assert run.messages == []
    assert run.refusal == (
        "Intercom gave no valid answer to POST /contacts/search in 4 tries, the last was an unexpected answer "
        f"({problem}): try again later, or check the setting `api_url`."
    )


HOLLOW: dict[str, Any] = {
    "no cursor": lambda page: {**page, "pages": {"type": "pages"}},
    "no items": lambda page: {name: value for name, value in page.items() if name != "data"},
    "items null": lambda page: {**page, "data": None},
    "an empty page with a cursor": lambda page: {**page, "data": []},
    "an empty page": lambda page: {**page, "data": [], "pages": None},
    "no total": lambda page: {name: value for name, value in page.items() if name != "total_count"},
}


@pytest.mark.parametrize("name", HOLLOW)
@pytest.mark.parametrize("nth", [1, 3])
def test_a_hollow_page_of_a_search_loses_nobody(  # noqa: PLR0913, PLR0917 a table
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    sandbox: RunningSandbox,
    in_no_time: None,  # noqa: ARG001
    name: str,
    nth: int,
) -> None:
    """An incomplete page is requested again; if it stays incomplete, the run ends without the marker."""
    catalog = catalog_of("contacts")
    whole = {record["id"] for record in run_tap(catalog=catalog, page_size=20).records["contacts"]}
    page = search(sandbox)
    effect = {"status": 200, "body": HOLLOW[name](page)}
    sandbox.fault(api="intercom", path="/contacts/search", nth=nth, effect=effect)
    run = run_tap(catalog=catalog, page_size=20)
    assert run.refusal is None
    assert {record["id"] for record in run.records["contacts"]} == whole
    sandbox.fault(api="intercom", path="/contacts/search", effect=effect)
    run = run_tap(catalog=catalog, page_size=20)
    assert run.refusal is not None
    assert all("_sync" not in state["bookmarks"] for state in run.states)


def search(sandbox: RunningSandbox) -> dict[str, Any]:
    """Return the first page of a search as the sandbox returns it."""
    headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
    body = {
        "query": {"field": "created_at", "operator": ">", "value": 0},
        "pagination": {"per_page": 20},
        "sort": {"field": "created_at", "order": "ascending"},
    }
    answer = requests.post(f"{sandbox.intercom_url}/contacts/search", json=body, headers=headers, timeout=30)
    found: dict[str, Any] = answer.json()
    return found


def test_what_is_gone_when_it_is_asked_for_is_passed_over(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """A record deleted or merged between its list and its own request is skipped, and the run goes on."""
    gone = {"type": "error.list", "errors": [{"code": "not_found", "message": "Resource Not Found"}]}
    merged = {"type": "error.list", "errors": [{"code": "contact_merged", "message": "Contact has been merged"}]}
    held = {one.id for one in sandbox.world.intercom.conversations.live() if one.parts}
    deleted = min(held)
    sandbox.fault(api="intercom", path=f"/conversations/{deleted}", effect={"status": 404, "body": gone})
    sandbox.fault(api="intercom", path="/contacts/*/tags", effect={"status": 410, "body": merged})
    run = run_tap(catalog=catalog_of("conversation_parts", "contacts", "contact_tags"))
    assert run.refusal is None
    assert {record["conversation_id"] for record in run.records["conversation_parts"]} == held - {deleted}


class Killed(BaseException):
    """Raised in place of the end of the process."""


def keep(held: Held, message: dict[str, Any]) -> None:
    """Keep the last version of a record, like a target."""
    if message["type"] == "RECORD":
        held.setdefault(message["stream"], {})[message["record"]["id"]] = message["record"]


def versions(held: Held, known: Held) -> dict[str, dict[str, Any]]:
    """Return when each existing record last changed, according to these records."""
    time = {"conversation_parts": "conversation_updated_at"}
    return {
        name: {key: held.get(name, {}).get(key, {}).get(time.get(name, "updated_at")) for key in known[name]}
        for name in STREAMS
    }


# Each example takes a second, so shrinking a failure would take minutes.
@settings(
    max_examples=12,
    phases=set(Phase) - {Phase.shrink, Phase.explain},
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stops=st.lists(st.integers(1, 160), max_size=3),
    steps=st.lists(st.tuples(st.integers(1, 120), st.sampled_from([1, 40, 3600, 90_000])), max_size=3),
    zone=st.sampled_from(ZONES),
    lag=st.sampled_from([0, 60, 600]),
    inclusive=st.booleans(),
)
def test_whatever_changes_and_wherever_it_dies_the_next_run_completes_the_picture(  # noqa: PLR0913, PLR0917
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    truth: Truth,
    sandbox: RunningSandbox,
    stops: list[int],
    steps: list[tuple[int, int]],
    zone: str,
    lag: int,
    inclusive: bool,  # noqa: FBT001 a switch of the sandbox
) -> None:
    """After crashes at any message and edits during reads, one whole run makes the target complete.

    This holds in any time zone and with lagging searches.
    """
    sandbox.reset(customers=40, seed=7, intercom_timezone=zone, search_lag=lag, search_bounds_inclusive=inclusive)
    catalog = catalog_of(*STREAMS)
    held: Held = {}
    state: dict[str, Any] = {"bookmarks": {}}
    due = dict(steps)
    count = left = 0

    def take(message: dict[str, Any]) -> None:
        nonlocal state, left, count
        keep(held, message)
        count += 1
        if message["type"] == "STATE":
            state = message["value"]
        if count in due:
            sandbox.advance(seconds=due[count])
        left -= 1
        if left == 0:
            raise Killed

    for stop in [*stops, 0]:
        left = stop
        with contextlib.suppress(Killed):
            run_tap(state=state, catalog=catalog, on_message=take, page_size=7)
        sandbox.advance(seconds=300)
    sandbox.world.clock.advance(lag + 1)
    left = 0
    assert run_tap(state=state, catalog=catalog, on_message=take, page_size=7).refusal is None
    known = truth()
    assert versions(held, known) == versions(known, known)
    assert state["bookmarks"]["_sync"]["streams"] == ",".join(STREAMS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_acknowledges_nothing(
    config: dict[str, Any],
    sandbox: RunningSandbox,
    command_line: Callable[..., list[str]],
    catalog_file: Callable[..., str],
    number: signal.Signals,
) -> None:
    """A signal during a slow page ends the command at once with the signal's exit code and no further STATE."""
    sandbox.fault(api="intercom", path="/conversations/search", nth=3, effect={"delay": 60})
    words = command_line(config | {"page_size": 5}, "--catalog", catalog_file("contacts", "conversations"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        messages: list[dict[str, Any]] = []
        while [message.get("stream") for message in messages].count("conversations") < 11:
            messages.append(json.loads(process.stdout.readline()))
        process.send_signal(number)
        rest, log = process.communicate(timeout=20)
    assert (process.returncode, rest) == (128 + number, "")
    states = [message["value"]["bookmarks"] for message in messages if message["type"] == "STATE"]
    assert [sorted(state) for state in states] == [["contacts"]]
    assert "Traceback" not in log
