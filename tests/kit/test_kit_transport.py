"""The HTTP transport: headers, waits, retries, redirects and deadlines."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import backoff
import pytest
import requests
from singer_kit.retries import RetryTable
from singer_kit.server_waits import find_reset, find_wait, format_duration
from singer_kit.text import clean_text
from singer_kit.transport import Answer, Call, FailedCallError, NoAnswerError, Transport
from singer_kit.urls import is_base_url, is_unencrypted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests_mock import Mocker

BASE = "https://api.vendor.example"
NOON = "Thu, 15 Jan 2026 12:00:00 GMT"
NOON_SECONDS = 1_768_478_400
TABLE = RetryTable(tries=4, limited_tries=3, unproven_tries=3)
THINGS = Call("GET", "/things")


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
    """Return the transport's clock; backoff always waits its longest time."""
    monkeypatch.setattr(backoff, "full_jitter", lambda longest: longest)
    return Clock()


@pytest.fixture
def transport(clock: Clock) -> Transport:
    """Return a new transport."""
    return connect(BASE, clock)


def connect(base: str, clock: Clock, **choices: Any) -> Transport:
    """Return a transport for an address."""
    settings: dict[str, Any] = {"sleep": clock.sleep, "clock": clock.read, "auth": ("key", "")} | choices
    return Transport("Vendor", base, distribution="standpipe-tap-chargebee", retries=TABLE, **settings)


def status(answer: Answer) -> int:
    """Accept any response, and return its status."""
    return answer.status


def refuse(answer: Answer) -> int:
    """Refuse any response."""
    raise FailedCallError("an answer that proves nothing", answer)


def test_a_request_names_the_plugin_its_version_and_the_key(transport: Transport, requests_mock: Mocker) -> None:
    """A request's User-Agent names the plugin and its version."""
    requests_mock.get(f"{BASE}/things", json={})
    assert transport.send(THINGS, status) == 200
    headers = requests_mock.request_history[0].headers
    assert (headers["User-Agent"], headers["Authorization"]) == ("standpipe-tap-chargebee/0.1.0", "Basic a2V5Og==")


def test_netrc_is_not_read_and_proxies_are(
    clock: Clock, requests_mock: Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's .netrc is ignored, while proxies and CA bundles from the environment are used."""
    (tmp_path / ".netrc").write_text("machine api.vendor.example login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "company.pem")
    requests_mock.get(f"{BASE}/things", json={})
    connect(BASE, clock).send(THINGS, status)
    (request,) = requests_mock.request_history
    assert request.headers["Authorization"] == "Basic a2V5Og=="
    assert (request.proxies["https"], request.verify) == ("http://proxy.example:3128", "company.pem")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(transport: Transport, requests_mock: Mocker, method: str, code: int) -> None:
    """A redirect is returned instead of followed, because it could turn a PUT into a GET."""
    requests_mock.register_uri(method, f"{BASE}/things", status_code=code, headers={"Location": f"{BASE}/elsewhere"})
    assert transport.send(Call(method, "/things"), lambda answer: answer.is_redirect)
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"status_code": 500}, "500"),
        ({"status_code": 503, "text": "<html>"}, "503"),
        ({"status_code": 408}, "408"),
        ({"exc": requests.ReadTimeout}, "ReadTimeout"),
        ({"exc": requests.ConnectTimeout}, "ConnectTimeout"),
        ({"exc": requests.ConnectionError}, "ConnectionError"),
        ({"exc": requests.exceptions.ChunkedEncodingError}, "ChunkedEncodingError"),
    ],
    ids=["500", "503 in HTML", "408", "read timeout", "connect timeout", "connection", "cut off"],
)
def test_what_may_pass_is_asked_again(
    transport: Transport, clock: Clock, requests_mock: Mocker, trouble: dict[str, Any], reason: str
) -> None:
    """Temporary errors are retried after 1, 2, 4 … seconds as often as the table says, then raised with the reason."""
    requests_mock.get(f"{BASE}/things", [trouble, trouble, trouble, {"json": {}}])
    assert transport.send(THINGS, status) == 200
    assert clock.slept == [1, 2, 4]
    requests_mock.get(f"{BASE}/things", [trouble])
    with pytest.raises(NoAnswerError) as told:
        transport.send(THINGS, status)
    assert (told.value.tries, told.value.last.reason) == (4, reason)


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 405, 409, 410, 422])
def test_a_refusal_is_asked_once(transport: Transport, requests_mock: Mocker, code: int) -> None:
    """An error that a retry would not change is returned to the caller at once."""
    requests_mock.get(f"{BASE}/things", status_code=code)
    assert transport.send(THINGS, status) == code
    assert requests_mock.call_count == 1


def test_an_answer_that_proves_nothing_is_asked_for_again(transport: Transport, requests_mock: Mocker) -> None:
    """A response that the reader refuses is requested again, unless the call may be made only once."""
    requests_mock.get(f"{BASE}/things", json={})
    with pytest.raises(NoAnswerError):
        transport.send(THINGS, refuse)
    assert requests_mock.call_count == 3
    with pytest.raises(NoAnswerError):
        transport.send(THINGS, refuse, tries=1)
    assert requests_mock.call_count == 4


def test_a_429_is_no_try_of_what_must_be_made_once(transport: Transport, clock: Clock, requests_mock: Mocker) -> None:
    """A 429 does not count as a try, because nothing was done; too many in a row end the run."""
    limited = {"status_code": 429, "headers": {"Retry-After": "7.5"}}
    requests_mock.post(f"{BASE}/things", [limited, limited, {"status_code": 500}])
    with pytest.raises(NoAnswerError) as told:
        transport.send(Call("POST", "/things"), status, tries=1)
    assert (told.value.last.reason, clock.slept) == ("500", [7.5, 7.5])
    assert (transport.call_counts.calls, transport.call_counts.limited, transport.call_counts.waited) == (3, 2, 15.0)
    requests_mock.post(f"{BASE}/things", [limited])
    with pytest.raises(NoAnswerError) as told:
        transport.send(Call("POST", "/things"), status, tries=1)
    assert (told.value.last.reason, told.value.tries) == ("429", 3)


def test_who_is_refused_while_others_are_served_does_not_give_up(requests_mock: Mocker, clock: Clock) -> None:
    """A 429 does not count while other calls of the plugin succeed."""
    requests_mock.get(f"{BASE}/others", json={})
    requests_mock.get(f"{BASE}/things", status_code=429)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) <= 20:
            served.send(Call("GET", "/others"), status)

    served = connect(BASE, clock, sleep=sleep)
    with pytest.raises(NoAnswerError):
        served.send(THINGS, status)
    asked = [request for request in requests_mock.request_history if request.path == "/things"]
    assert len(asked) == 23


def test_a_wait_of_a_day_is_one_sentence(transport: Transport, clock: Clock, requests_mock: Mocker) -> None:
    """A requested wait of a day ends the run in one sentence instead of sleeping."""
    requests_mock.get(f"{BASE}/things", status_code=429, headers={"Retry-After": "86400"})
    with pytest.raises(NoAnswerError) as told:
        transport.send(THINGS, status)
    assert str(told.value) == "Vendor asks for a wait of 24 hours: run again after that."
    assert (requests_mock.call_count, clock.slept) == (1, [])


def test_a_log_tells_waits_and_no_body(
    transport: Transport, requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed try is logged with its path or label, its status and the requested wait, but never the body."""
    limited = {"status_code": 429, "headers": {"Retry-After": "55"}, "text": "jane@example.com"}
    requests_mock.get(f"{BASE}/find/jane", [limited, {"status_code": 502}, {"json": {}}])
    transport.send(Call("GET", "/find/jane", {"email": "jane@example.com"}, label="/find"), status)
    assert caplog.messages == ["GET /find: 429 (try 1 of 3), waiting 55 s", "GET /find: 502 (try 1 of 4)"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "55"}, 55),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Thu, 15 Jan 2026 12:00:20 GMT", "Date": NOON}, 20),
        ({"Retry-After": "Thu, 15 Jan 2026 11:00:00 GMT", "Date": NOON}, 0),
        ({"Retry-After": "86400"}, 86400),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "-1"}, None),
        ({"Date": NOON, "X-RateLimit-Reset": str(NOON_SECONDS + 7)}, 7),
        ({"Date": NOON, "X-RateLimit-Reset": str(NOON_SECONDS)}, 0),
        ({"Date": NOON, "X-RateLimit-Reset": str(NOON_SECONDS + 9999)}, None),
        ({"X-RateLimit-Reset": str(NOON_SECONDS + 9)}, 9),
        ({"Date": "?", "X-RateLimit-Reset": "1"}, None),
        ({"Date": NOON, "X-RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
    ids=[
        "seconds",
        "a fraction",
        "a date",
        "a date that is past",
        "a day",
        "words",
        "a number beyond reason",
        "below zero",
        "the server's clock",
        "now",
        "a window beyond reason",
        "our clock",
        "no clock",
        "no number",
        "nothing",
    ],
)
def test_what_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """A wait may be seconds or a date by the server's clock; a rate limit window of hours is ignored."""
    assert find_wait(headers, NOON_SECONDS, 300) == seconds


def test_a_window_on_another_clock_is_reckoned_on_ours() -> None:
    """When the window's end does not fit the server's date, our own clock is tried."""
    assert find_reset({"Date": NOON, "X-RateLimit-Reset": "2000000007"}, 2_000_000_000, 60) == 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (55, "55 s"), (600, "10 minutes"), (86_400, "24 hours"), (864_000, "10 days")],
)
def test_a_wait_in_words(seconds: float, text: str) -> None:
    """A wait is shown in seconds, minutes or hours, as a person would say it."""
    assert format_duration(seconds) == text


@contextmanager
def serving(*pieces: bytes) -> Iterator[str]:
    """Serve one response piece by piece, and yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_slow_bytes_end_at_the_deadline_of_the_whole_answer(clock: Clock) -> None:
    """A response whose bytes arrive slowly ends at the deadline for the whole response."""
    ticks = iter(range(0, 10_000, 100))
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"{") as address:
        clock.read = lambda: float(next(ticks))  # type: ignore[method-assign]
        slow = connect(address, clock, answer_timeout=50)
        with pytest.raises(NoAnswerError) as told:
            slow.send(THINGS, status, tries=1)
    assert told.value.last.reason == "the answer was incomplete after 50 s"
    assert told.value.last.slow


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 2",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
    ids=["cut off", "cut off in a chunk", "no gzip", "half a head", "nothing", "another protocol"],
)
def test_what_is_no_whole_answer_fails(clock: Clock, answer: bytes) -> None:
    """An interrupted response is a failed try, and never read in part."""
    with serving(answer) as address, pytest.raises(NoAnswerError) as told:
        connect(address, clock).send(THINGS, status, tries=1)
    assert told.value.last.answer is None


def test_a_window_that_is_used_up_holds_every_worker(clock: Clock, requests_mock: Mocker) -> None:
    """When only the reserve of calls is left in a window, all workers wait for its end."""
    headers = {"Date": NOON, "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "2"}
    headers["X-RateLimit-Reset"] = str(NOON_SECONDS + 7)
    requests_mock.get(f"{BASE}/things", [{"json": {}, "headers": headers}, {"json": {}}])
    careful = connect(BASE, clock, reserve=lambda limit: limit // 2)
    careful.send(THINGS, status)
    careful.send(THINGS, status)
    assert clock.slept == [7.0]


@pytest.mark.parametrize(
    ("url", "base", "unencrypted"),
    [
        ("https://api.vendor.example/v1", True, False),
        ("http://127.0.0.1:8100/v1", True, False),
        ("http://127.8.9.1/v1", True, False),
        ("http://[::1]:8100", True, False),
        ("http://localhost:8100", True, False),
        ("http://localhost.vendor.example", True, True),
        ("http://api.vendor.example", True, True),
        ("http://10.0.0.7", True, True),
        ("http://0x7f000001", True, True),
        ("api.vendor.example", False, False),
        ("ftp://a.example", False, False),
        ("https://", False, False),
        ("http://[:::", False, False),
        ("https://a.example:0", False, False),
        ("https://a.example?x=1", False, False),
        ("https://user:word@a.example", False, False),
        ("https://a.example/a b", False, False),
        ("https://a.example\x1b[2J", False, False),
    ],
)
def test_where_a_key_may_go(url: str, *, base: bool, unencrypted: bool) -> None:
    """A base URL is https, or http on this machine itself."""
    assert is_base_url(url) is base
    if base:
        assert is_unencrypted(url) is unencrypted


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("No such e-mail\r\n2026-01-15 INFO all is well", "No such e-mail 2026-01-15 INFO all is well"),
        ("\x1b[2J\x1b]0;title\x07gone", "[2J ]0;title gone"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("half \ud83d", "half"),
        ("Grüße 🎉", "Grüße 🎉"),
        (None, ""),
        (422, "422"),
        ("x" * 9000, "x" * 300),
    ],
    ids=["lines", "terminal", "direction", "half a character", "letters", "nothing", "a number", "long"],
)
def test_a_vendors_text_moves_no_cursor(text: object, clean: str) -> None:
    """A vendor's text is reduced to one line without control characters."""
    assert clean_text(text) == clean


def test_the_servers_clock() -> None:
    """A response has a time when its Date header is valid."""
    assert Answer(HTTPStatus.OK, {"Date": NOON}, b"").date == NOON_SECONDS
    assert Answer(HTTPStatus.OK, {"Date": "yesterday"}, b"").date is None
