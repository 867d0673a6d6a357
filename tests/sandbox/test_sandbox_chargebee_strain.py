"""Chargebee under load: large invoices, rate limits, and lists that change while a client reads them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.chargebee.limits import Limits
from sandbox.chargebee.resources import RESOURCES
from sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

AUTH = ("sandbox_key", "")


def get(sandbox: RunningSandbox, path: str, **params: str) -> requests.Response:
    """Send a GET request, and return the response whatever its status."""
    return requests.get(f"{sandbox.chargebee_url}/{path}", params=params, auth=AUTH, timeout=10)


def listed(sandbox: RunningSandbox, path: str, act: Callable[[], None], **params: str) -> list[str]:
    """Return the ids of a list read to its end; `act` runs after the first page."""
    page = get(sandbox, path, **params).json()
    items = page["list"]
    act()
    while "next_offset" in page:
        page = get(sandbox, path, **params, offset=page["next_offset"]).json()
        items += page["list"]
    return [next(iter(item.values()))["id"] for item in items]


def test_a_large_invoice_is_shown_without_its_lines(sandbox: RunningSandbox) -> None:
    """A large invoice has no lines, only an offset token.

    Clients page through the lines with it, and their sum is the total.
    """
    sandbox.reset(customers=60, seed=7, large_invoices=1)
    invoice = get(sandbox, "invoices", **{"limit": "1", "sort_by[desc]": "date"}).json()["list"][0]["invoice"]
    assert invoice["line_items"] == []
    lines: list[dict[str, Any]] = []
    token: str | None = invoice["line_items_next_offset"]
    while token:
        asked = {"line_items_limit": "150", "line_items_offset": token}
        part = get(sandbox, f"invoices/{invoice['id']}", **asked).json()["invoice"]
        lines += part["line_items"]
        token = part.get("line_items_next_offset")
    assert len({line["id"] for line in lines}) == len(lines) > 300
    assert sum(line["amount"] for line in lines) == invoice["total"]
    whole = get(sandbox, f"invoices/{invoice['id']}").json()["invoice"]
    assert (whole["line_items"], "line_items_next_offset" in whole) == ([], True)


def test_a_small_invoice_comes_whole(sandbox: RunningSandbox) -> None:
    """A small invoice includes all its lines, with or without line parameters."""
    plain = get(sandbox, "invoices/1").json()
    assert plain["invoice"]["line_items"]
    assert get(sandbox, "invoices/1", line_items_limit="300").json() == plain


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("line_items_limit", "301", "param_wrong_value"),
        ("line_items_limit", "0", "param_wrong_value"),
        ("line_items_offset", "3", "param_wrong_value"),
        ("line_items_offset", '["line_items","-1"]', "param_wrong_value"),
        ("line_items_offset", "[1, 1e999]", "param_wrong_value"),
        ("lines_limit", "3", "invalid_request"),
    ],
)
def test_line_parameters_are_checked(sandbox: RunningSandbox, name: str, text: str, code: str) -> None:
    """A wrong line parameter is a 400 that names the parameter."""
    body = get(sandbox, "invoices/1", **{name: text}).json()
    assert (body["http_status_code"], body["api_error_code"], body["param"]) == (400, code, name)


def test_calls_beyond_the_plan_are_refused_until_the_minute_is_over(sandbox: RunningSandbox) -> None:
    """Calls over the limit per minute are a 429 with a Retry-After of at most the rest of the minute."""
    sandbox.reset(customers=1, chargebee_requests_per_minute=3)
    replies = [get(sandbox, "customers") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    body = replies[3].json()
    assert (body["api_error_code"], body["type"]) == ("api_request_limit_exceeded", "operation_failed")
    assert 1 <= int(replies[3].headers["Retry-After"]) <= 60


def test_a_minute_is_a_minute() -> None:
    """Each window counts its own calls; Retry-After is the rest of the window."""
    now = [1000.0]
    limits = Limits(Settings(chargebee_requests_per_minute=1), lambda: now[0])

    def call() -> str | None:
        with limits.admit("GET") as refusal:
            return refusal and refusal[1]["Retry-After"]

    seen = []
    for at in (1000.0, 1001.0, 1059.5, 1060.0, 1119.0, 1120.0):
        now[0] = at
        seen.append(call())
    assert seen == [None, "59", "1", None, "1", None]


def test_reads_at_once_beyond_the_limit_are_refused(sandbox: RunningSandbox) -> None:
    """While the allowed number of concurrent reads is in progress, another is a 429. It succeeds once they are done."""
    sandbox.reset(customers=1, chargebee_max_concurrent_gets=2)
    sandbox.fault(api="chargebee", path="/invoices", effect={"delay": 0.5})
    slow = [threading.Thread(target=get, args=(sandbox, "invoices")) for _ in range(2)]
    for thread in slow:
        thread.start()
    codes = {get(sandbox, "customers").status_code for _ in range(40)}
    for thread in slow:
        thread.join()
    assert 429 in codes
    assert get(sandbox, "customers").status_code == 200


FAULTS = [
    (429, {"api_error_code": "lock_timeout", "type": "operation_failed", "message": "Try again."}),
    (500, {"api_error_code": "internal_error", "message": "Sorry, something went wrong."}),
    (503, "<html><body>503 Service Temporarily Unavailable</body></html>"),
]


@pytest.mark.parametrize(("status", "body"), FAULTS, ids=["lock_timeout", "json", "html"])
def test_faults_speak_as_the_vendor_does(sandbox: RunningSandbox, status: int, body: Any) -> None:
    """A fault can answer like the vendor: a lock timeout, an error as JSON, or a proxy's HTML."""
    sandbox.fault(api="chargebee", nth=1, effect={"status": status, "headers": {"Retry-After": "2"}, "body": body})
    struck = get(sandbox, "customers")
    assert (struck.status_code, struck.headers["Retry-After"]) == (status, "2")
    assert struck.text == body if isinstance(body, str) else struck.json() == body
    assert get(sandbox, "customers").status_code == 200


STILL = {
    row.path: next(name for name in row.sorts if name != "updated_at") for row in RESOURCES if "updated_at" in row.sorts
} | {"item_prices": "id"}
"""The sort that no edit changes, for every list that can also be sorted by updated_at."""
MOVING = [path for path in STILL if "{id}" not in path]


@pytest.mark.parametrize("path", MOVING)
def test_a_list_that_changes_is_complete_under_a_sort_that_does_not_move(sandbox: RunningSandbox, path: str) -> None:
    """Under a sort that edits do not change, a client gets each record once although records are edited meanwhile."""
    everyone = listed(sandbox, path, lambda: None, limit="100")
    touched = everyone[::3]

    def act() -> None:
        sandbox.advance(seconds=60)
        for one in touched:
            sandbox.world.business.edit(path, one, cf_note="touched")

    seen = listed(sandbox, path, act, **{"limit": "3", "sort_by[asc]": STILL[path]})
    assert sorted(one for one in seen if one in everyone) == sorted(everyone)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("path", MOVING)
def test_a_list_that_changes_skips_under_a_sort_that_moves(sandbox: RunningSandbox, path: str) -> None:
    """Sorted by updated_at descending, records edited during paging move to the front and are missed."""
    order = {"limit": "3", "sort_by[desc]": "updated_at"}
    everyone = listed(sandbox, path, lambda: None, **order)
    touched = everyone[4:40:5]

    def act() -> None:
        sandbox.advance(seconds=60)
        for one in touched:
            sandbox.world.business.edit(path, one, cf_note="touched")

    seen = listed(sandbox, path, act, **order)
    assert [one for one in everyone if one not in seen] == touched
