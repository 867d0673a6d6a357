"""What tap-chargebee's client sends, how long it waits, and what it never asks twice."""

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
    """Return the client's time, with backoff at its longest instead of at random."""
    monkeypatch.setattr(backoff, "full_jitter", lambda longest: longest)
    return Clock()


@pytest.fixture
def client(clock: Clock) -> ChargebeeClient:
    """Return a client of the site `acme`."""
    return ChargebeeClient(site="acme", api_key="secret", sleep=clock.sleep, clock=clock.read)


@pytest.mark.parametrize("gap", ["", "\n"], ids=["in one line", "in lines"])
def test_half_a_character_costs_nothing_but_itself(client: ChargebeeClient, requests_mock: Mocker, gap: str) -> None:
    """What a cut left of an emoji comes as U+FFFD; it is no reason to be without the page."""
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
    """Basic auth with an empty password, the limit, and the cursor as it came, as one parameter."""
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
    """The wait is the one that Chargebee asks for."""
    requests_mock.get(f"{BASE}/customers", [LIMITED, LIMITED, EMPTY])
    assert list(client.fetch_pages("/customers", {})) == [[]]
    assert clock.slept == [55.0, 55.0]


def test_who_is_refused_while_others_are_served_does_not_give_up(requests_mock: Mocker) -> None:
    """With few calls allowed at a time one of many workers may be refused often; it is tried ten times when none is."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        # Twenty times somebody else is served meanwhile.
        if len(slept) <= 20:
            served._transport._served += 1  # noqa: SLF001 what another thread does

    served = ChargebeeClient(site="acme", api_key="secret", sleep=sleep, clock=lambda: sum(slept))
    requests_mock.get(f"{BASE}/invoices", **LIMITED)
    with pytest.raises(UserError, match="in 10 tries, the last was 429"):
        list(served.fetch_pages("/invoices", {}))
    assert len(requests_mock.request_history) == 30


def test_a_429_holds_every_worker(clock: Clock) -> None:
    """The longest wait that anybody was told holds everybody, and nobody longer than that."""
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
    """What may pass is asked again, after 1, 2, 4 … seconds."""
    requests_mock.get(f"{BASE}/customers", [trouble, trouble, trouble, EMPTY])
    assert list(client.fetch_pages("/customers", {})) == [[]]
    assert clock.slept == [1, 2, 4]


def test_trouble_that_stays_ends_the_run(client: ChargebeeClient, clock: Clock, requests_mock: Mocker) -> None:
    """After ten tries it is a failure, never an empty page."""
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
    """What asking again would not change is asked once."""
    requests_mock.get(f"{BASE}/customers", status_code=status, json={}, headers={"Location": f"{BASE}/elsewhere"})
    with pytest.raises(UserError):
        list(client.fetch_pages("/customers", {}))
    assert (requests_mock.call_count, clock.slept) == (1, [])


def test_logs_tell_no_body_and_no_key(
    client: ChargebeeClient, requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of a retry holds the path, the status and the code, and nothing of the answer or the request."""
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
    """Now is what the server says it is."""
    requests_mock.get(f"{BASE}/configurations", **answer)
    assert client.fetch_site().now == 1_768_478_400


def test_without_a_date_the_local_clock_serves(
    client: ChargebeeClient, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without a Date, as some proxies send it, does not stop the run."""
    monkeypatch.setattr(time, "time", lambda: 1_768_478_401.9)
    requests_mock.get(f"{BASE}/configurations", json=SITES)
    assert client.fetch_site() == Site(1_768_478_401)


def test_a_key_of_another_site_is_refused(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """When the key's sites are known and ours is not among them, the setting is named."""
    requests_mock.get(f"{BASE}/configurations", json={"configurations": [{"domain": "other"}]}, headers=NOON)
    with pytest.raises(UserError) as told:
        client.fetch_site()
    assert told.value.message == "The key in the setting `api_key` is not a key of the site `acme`: check `site`."


def test_the_first_call_gives_up_early(client: ChargebeeClient, clock: Clock, requests_mock: Mocker) -> None:
    """A URL that nothing listens at is told within seconds."""
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
    """After a timeout the pages of that list, and of no other, are half as long for the rest of the run."""
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
    """Sixty calls a minute are one a second and a little more; time that passed by itself is not waited for again."""
    budget = RateLimiter(60, clock.sleep, clock.read)
    for _ in range(3):
        budget.wait_for_slot()
    assert clock.slept == [pytest.approx(1 / 0.98)] * 2
    clock.now += 10
    budget.wait_for_slot()
    assert len(clock.slept) == 2


def test_no_budget_is_no_wait(clock: Clock) -> None:
    """Without a limit nobody waits."""
    RateLimiter(None, clock.sleep, clock.read).wait_for_slot()
    assert clock.slept == []


def test_a_large_invoice_is_complete_record(client: ChargebeeClient, requests_mock: Mocker) -> None:
    """Line items that come in parts are asked for until there are no more, and what belongs to them likewise."""
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
    """A list without an end, or an invoice, is told in a sentence, not read for ever."""
    requests_mock.get(f"{BASE}/customers", json={"list": [], "next_offset": "a"})
    with pytest.raises(UserError, match="list /customers came to the same cursor again"):
        list(client.fetch_pages("/customers", {}))
    requests_mock.get(f"{BASE}/invoices/i1", json={"invoice": {"line_items": [], "line_items_next_offset": "a"}})
    with pytest.raises(UserError, match="line items at /invoices/i1 came to the same cursor again"):
        complete_record({"id": "i1", "line_items_next_offset": "a"}, client, "/invoices/i1", "invoice")
