"""Requests of tap-chargebee's client: parameters, waits, retries and what is never retried."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import backoff
import pytest
import requests
from tap_chargebee._kit.rate_limit import Cooldown, RateLimiter
from tap_chargebee.api.client import ChargebeeClient, Site
from tap_chargebee.api.errors import UserError
from tap_chargebee.api.nested_lists import complete_record
from tap_chargebee.api.pages import ResourceDecoder
from tap_chargebee.streams.resources import ROWS

if TYPE_CHECKING:
    from requests_mock import Mocker

BASE = "https://acme.chargebee.com/api/v2"
NOON = {"Date": "Thu, 15 Jan 2026 12:00:00 GMT"}
SITES = {"configurations": [{"domain": "acme-test"}, {"domain": "ACME"}]}
LIMITED: dict[str, Any] = {
    "status_code": 429,
    "headers": {"Retry-After": "55"},
    "json": {"api_error_code": "api_request_limit_exceeded"},
}
EMPTY: dict[str, Any] = {"json": {"list": []}}


class Clock:
    """A clock that only moves when a thread sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds

    def read(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the client's clock; backoff always waits its longest time."""
    monkeypatch.setattr(backoff, "full_jitter", lambda longest: longest)
    return Clock()


@pytest.fixture
def client(clock: Clock) -> ChargebeeClient:
    """Return a client of the site `acme`."""
    return ChargebeeClient(site="acme", api_key="secret", sleep=clock.sleep, clock=clock.read)


@pytest.mark.parametrize("gap", ["", "\n"], ids=["in one line", "in lines"])
def test_half_a_character_costs_nothing_but_itself(client: ChargebeeClient, requests_mock: Mocker, gap: str) -> None:
    """Half of a surrogate pair, left where text was cut, becomes U+FFFD; the page is not requested again."""
    record = '{"id":"c1","company":"Half \\ud83d",' + gap + '"first_name":"Whole \\ud83d\\ude00"}'
    body = '{"list":[{"customer":' + record + "}]}"
    requests_mock.get(f"{BASE}/customers", text=body)
    shape = ResourceDecoder(ROWS["customers"])
    (item,) = client.fetch_page("/customers", {}, shape).items
    assert item.decode_record() == {
        "id": "c1",
        "company": "Half \ufffd",
        "first_name": "Whole \U0001f600",
        "card": None,
    }
    assert len(requests_mock.request_history) == 1


def test_what_a_list_is_asked_with(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """A list request has Basic auth with an empty password, the limit, and the cursor unchanged in one parameter."""
    requests_mock.get(
        f"{BASE}/customers",
        [{"json": {"list": [{"customer": {"id": "a"}}], "next_offset": '["1517470226000","19 5+1&x=2"]'}}, EMPTY],
    )
    pages = list(client.fetch_pages("/customers", {"updated_at[between]": "[1,2]"}))
    assert pages == [[{"customer": {"id": "a"}}], []]
    first, second = requests_mock.request_history
    assert first.headers["Authorization"] == "Basic c2VjcmV0Og=="
    asked = "/api/v2/customers?updated_at%5Bbetween%5D=%5B1%2C2%5D"
    assert first.path_url == asked + "&limit=100"
    assert second.path_url == asked + "&offset=%5B%221517470226000%22%2C%2219+5%2B1%26x%3D2%22%5D&limit=100"


def test_a_429_is_waited_out(client: ChargebeeClient, clock: Clock, requests_mock: Mocker) -> None:
    """After a 429 the client waits as long as Chargebee says."""
    requests_mock.get(f"{BASE}/customers", [LIMITED, LIMITED, EMPTY])
    assert list(client.fetch_pages("/customers", {})) == [[]]
    assert clock.slept == [55.0, 55.0]


def test_who_is_refused_while_others_are_served_does_not_give_up(requests_mock: Mocker) -> None:
    """A worker gives up after ten refusals in a row; calls of other workers that succeed start its count again."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        # During each of the first twenty waits, another worker's call succeeds.
        if len(slept) <= 20:
            served._transport._served += 1  # noqa: SLF001 what another thread does

    served = ChargebeeClient(site="acme", api_key="secret", sleep=sleep, clock=lambda: sum(slept))
    requests_mock.get(f"{BASE}/invoices", **LIMITED)
    with pytest.raises(UserError, match="in 10 tries, the last was 429"):
        list(served.fetch_pages("/invoices", {}))
    assert len(requests_mock.request_history) == 30


def test_a_429_holds_every_worker(clock: Clock) -> None:
    """After a 429 all workers wait until the latest end of all announced waits."""
    pause = Cooldown(clock.sleep, clock.read)
    pause.extend_wait(55)
    clock.now += 20
    pause.extend_wait(5)
    pause.wait()
    pause.wait()
    assert clock.slept == [35.0]


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 500, "json": {"api_error_code": "internal_error"}},
        {"status_code": 503, "text": "<html>Service unavailable</html>"},
        {"status_code": 429, "json": {"api_error_code": "lock_timeout"}},
        {"status_code": 429, "headers": {"Retry-After": "soon"}},
        {"exc": requests.ReadTimeout},
        {"exc": requests.ConnectionError},
        {"exc": requests.exceptions.ChunkedEncodingError},
        {"text": '{"list": [{"custo'},
        {"text": "<html>Sign in</html>"},
        {"content": b"\xff\xfe"},
        {"json": {"lists": []}},
    ],
    ids=[
        "500",
        "503 in HTML",
        "429 without a clock",
        "429 in words",
        "timeout",
        "connection",
        "cut off",
        "half a body",
        "HTML",
        "no text",
        "other JSON",
    ],
)
def test_trouble_is_asked_again(
    client: ChargebeeClient, clock: Clock, requests_mock: Mocker, trouble: dict[str, Any]
) -> None:
    """Temporary errors are retried after 1, 2, 4 … seconds."""
    requests_mock.get(f"{BASE}/customers", [trouble, trouble, trouble, EMPTY])
    assert list(client.fetch_pages("/customers", {})) == [[]]
    assert clock.slept == [1, 2, 4]


def test_trouble_that_stays_ends_the_run(client: ChargebeeClient, clock: Clock, requests_mock: Mocker) -> None:
    """After ten failed tries the run ends with an error, never with an empty page."""
    requests_mock.get(f"{BASE}/customers", status_code=502, text="Bad gateway for jane@example.com")
    with pytest.raises(UserError) as told:
        list(client.fetch_pages("/customers", {}))
    assert told.value.message == (
        "Chargebee gave no valid answer to GET /customers in 10 tries, the last was 502: "
        "try again later, or check the settings `site` and `api_url`."
    )
    assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 422])
def test_a_refusal_is_not_asked_again(
    client: ChargebeeClient, clock: Clock, requests_mock: Mocker, status: int
) -> None:
    """An error that a retry would not change is not retried."""
    requests_mock.get(f"{BASE}/customers", status_code=status, json={}, headers={"Location": f"{BASE}/elsewhere"})
    with pytest.raises(UserError):
        list(client.fetch_pages("/customers", {}))
    assert (requests_mock.call_count, clock.slept) == (1, [])


def test_logs_tell_no_body_and_no_key(
    client: ChargebeeClient, requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of a retry has path, status and error code, but nothing of the response body or the parameters."""
    trouble = {"api_error_code": "internal_error", "message": "jane@example.com"}
    requests_mock.get(f"{BASE}/customers", [{"status_code": 500, "json": trouble}, EMPTY])
    list(client.fetch_pages("/customers", {"email[is]": "jane@example.com"}))
    assert caplog.messages == ["GET /customers: 500 internal_error (try 1 of 10)"]


@pytest.mark.parametrize(
    "answer",
    [
        {"json": SITES, "headers": NOON},
        {"json": {"configurations": []}, "headers": NOON},
        {"status_code": 403, "json": {"api_error_code": "api_authorization_failed"}, "headers": NOON},
    ],
    ids=["the site in capitals", "no site named", "a key that may not see it"],
)
def test_the_servers_clock(client: ChargebeeClient, requests_mock: Mocker, answer: dict[str, Any]) -> None:
    """The present time is the `Date` header of Chargebee's response."""
    requests_mock.get(f"{BASE}/configurations", **answer)
    assert client.fetch_site().now == 1_768_478_400


def test_without_a_date_the_local_clock_serves(
    client: ChargebeeClient, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a `Date` header, as behind some proxies, the local clock is used."""
    monkeypatch.setattr(time, "time", lambda: 1_768_478_401.9)
    requests_mock.get(f"{BASE}/configurations", json=SITES)
    assert client.fetch_site() == Site(1_768_478_401)


def test_a_key_of_another_site_is_refused(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """A key of another site is refused with a sentence that names the settings."""
    requests_mock.get(f"{BASE}/configurations", json={"configurations": [{"domain": "other"}]}, headers=NOON)
    with pytest.raises(UserError) as told:
        client.fetch_site()
    assert told.value.message == "The key in the setting `api_key` is not a key of the site `acme`: check `site`."


def test_the_first_call_gives_up_early(client: ChargebeeClient, clock: Clock, requests_mock: Mocker) -> None:
    """The first call gives up after four tries, so that a wrong URL is reported within seconds."""
    requests_mock.get(f"{BASE}/configurations", exc=requests.ConnectionError)
    with pytest.raises(UserError) as told:
        client.fetch_site()
    assert told.value.message == (
        "Chargebee gave no valid answer to GET /configurations in 4 tries, the last was ConnectionError: "
        "try again later, or check the settings `site` and `api_url`."
    )
    assert clock.slept == [1, 2, 4]


def test_a_page_that_takes_too_long_is_asked_for_in_smaller_ones(
    client: ChargebeeClient, requests_mock: Mocker
) -> None:
    """After a timeout, pages of that list have half the size for the rest of the run; other lists keep theirs."""
    slow: dict[str, Any] = {"exc": requests.ReadTimeout}
    page: dict[str, Any] = {"json": {"list": [], "next_offset": "2"}}
    requests_mock.get(f"{BASE}/transactions", [slow, {"status_code": 504}, page, EMPTY])
    requests_mock.get(f"{BASE}/customers", **EMPTY)
    list(client.fetch_pages("/transactions", {}))
    list(client.fetch_pages("/customers", {}))
    assert [request.qs["limit"] for request in requests_mock.request_history] == [
        ["100"],
        ["50"],
        ["25"],
        ["25"],
        ["100"],
    ]


def test_a_budget_spaces_the_calls(clock: Clock) -> None:
    """A limit of sixty calls per minute spaces calls by slightly more than a second.

    Time that has already passed counts.
    """
    budget = RateLimiter(60, clock.sleep, clock.read)
    for _ in range(3):
        budget.wait_for_slot()
    assert clock.slept == [pytest.approx(1 / 0.98)] * 2
    clock.now += 10
    budget.wait_for_slot()
    assert len(clock.slept) == 2


def test_no_budget_is_no_wait(clock: Clock) -> None:
    """Without a limit, calls never wait."""
    RateLimiter(None, clock.sleep, clock.read).wait_for_slot()
    assert clock.slept == []


def test_a_large_invoice_is_complete_record(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """Line items that arrive in parts are requested until they are complete, together with their taxes."""
    requests_mock.get(
        f"{BASE}/invoices/i1",
        [
            {"json": {"invoice": {"line_items": [{"id": 1}], "line_item_taxes": [7], "line_items_next_offset": "b"}}},
            {"json": {"invoice": {"line_items": [{"id": 2}]}}},
        ],
    )
    record = {"id": "i1", "line_items": [], "line_items_next_offset": "a"}
    assert complete_record(record, client, "/invoices/i1", "invoice") == {
        "id": "i1",
        "line_items": [{"id": 1}, {"id": 2}],
        "line_item_taxes": [7],
    }
    assert [request.qs for request in requests_mock.request_history] == [
        {"line_items_limit": ["300"], "line_items_offset": ["a"]},
        {"line_items_limit": ["300"], "line_items_offset": ["b"]},
    ]


def test_a_cursor_that_comes_again_ends_the_run(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """A repeated cursor ends the run with a sentence, both in a list and in an invoice's line items."""
    requests_mock.get(f"{BASE}/customers", json={"list": [], "next_offset": "a"})
    with pytest.raises(UserError, match="list /customers has the same cursor twice"):
        list(client.fetch_pages("/customers", {}))
    requests_mock.get(f"{BASE}/invoices/i1", json={"invoice": {"line_items": [], "line_items_next_offset": "a"}})
    with pytest.raises(UserError, match="line items at /invoices/i1 have the same cursor twice"):
        complete_record({"id": "i1", "line_items_next_offset": "a"}, client, "/invoices/i1", "invoice")
