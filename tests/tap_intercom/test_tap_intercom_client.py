"""Requests of tap-intercom's client: headers, waits, retries, what is never retried, and sentences for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backoff
import pytest
import requests
from tap_intercom._kit.list_shape import ListShape
from tap_intercom._kit.page_decoder import PageDecoder, decode_json
from tap_intercom.api.client import Call, IntercomClient, Workspace
from tap_intercom.api.errors import (
    ErrorBody,
    ErrorEntry,
    GoneError,
    NotOfferedError,
    ScrollTakenError,
    StaleCursorError,
    UserError,
    build_refusal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from requests_mock import Mocker

BASE = "https://api.intercom.io"
TAGS = f"{BASE}/tags"
NOON = "Thu, 15 Jan 2026 12:00:00 GMT"
NOON_SECONDS = 1_768_478_400
EMPTY: dict[str, Any] = {"json": {"data": []}}
TAGS_SHAPE = PageDecoder(ListShape(name="tags", items="data"))
SEARCH = Call("/contacts/search", body={"query": {}, "pagination": {"per_page": 150, "starting_after": "abc"}})


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
def client(clock: Clock) -> IntercomClient:
    """Return a client with four workers."""
    return IntercomClient(access_token="secret", connections=4, sleep=clock.sleep, clock=clock.read)


def limits(limit: int, left: int, seconds: int) -> dict[str, str]:
    """Return the headers of a response sent at noon, whose rate limit window ends `seconds` later."""
    return {
        "Date": NOON,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(NOON_SECONDS + seconds),
    }


def ask(client: IntercomClient) -> Any:
    """Request the tags."""
    return client.fetch_decoded(Call("/tags"), lambda content: decode_json(content, dict[str, Any])[1])


def test_every_call_names_the_version(client: IntercomClient, requests_mock: Mocker) -> None:
    """Every request names the API version, because otherwise Intercom uses the version set in the app."""
    requests_mock.post(f"{BASE}/contacts/search", **EMPTY)
    requests_mock.get(TAGS, **EMPTY)
    ask(client)
    client.fetch_page(SEARCH, TAGS_SHAPE)
    for request in requests_mock.request_history:
        assert request.headers["Intercom-Version"] == "2.14"
        assert request.headers["Authorization"] == "Bearer secret"


def test_a_cursor_goes_in_the_body(client: IntercomClient, requests_mock: Mocker) -> None:
    """Cursor and page size are in the body of a search, because Intercom ignores them in the query string."""
    requests_mock.post(f"{BASE}/contacts/search", **EMPTY)
    client.fetch_page(SEARCH, TAGS_SHAPE)
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.query == ""
    assert requests_mock.last_request.json()["pagination"] == {"per_page": 150, "starting_after": "abc"}


def test_the_users_netrc_does_not_go_before_the_token(
    client: IntercomClient, requests_mock: Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A netrc entry for Intercom's host does not replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.intercom.io login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    requests_mock.get(TAGS, **EMPTY)
    ask(client)
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.headers["Authorization"] == "Bearer secret"


def test_the_workspace_tells_its_clock_and_its_region(client: IntercomClient, requests_mock: Mocker) -> None:
    """The first call returns the workspace's id and region; its `Date` is the time that bookmarks use."""
    app = {"type": "app", "id_code": "abc123", "region": "EU", "timezone": "Europe/Paris"}
    requests_mock.get(f"{BASE}/me", json={"type": "admin", "app": app}, headers={"Date": NOON})
    assert client.fetch_workspace() == Workspace(NOON_SECONDS, "abc123", "eu")


def test_a_window_that_is_used_up_holds_every_worker(
    client: IntercomClient, clock: Clock, requests_mock: Mocker
) -> None:
    """When fewer calls are left than there are workers, all wait for the end of the window."""
    requests_mock.get(TAGS, [{**EMPTY, "headers": limits(1667, 3, 7)}, {**EMPTY, "headers": limits(1667, 1666, 10)}])
    ask(client)
    ask(client)
    ask(client)
    assert clock.slept == [7.0]


@pytest.mark.parametrize(
    ("limit", "left", "slept"),
    [(1667, 4, []), (1667, 3, [7.0]), (6, 3, []), (6, 2, [7.0]), (1, 1, []), (1, 0, [7.0])],
    ids=["enough", "fewer than workers", "a small window", "its second half", "a tiny window", "its last call"],
)
def test_how_much_of_a_window_is_left_alone(  # noqa: PLR0913, PLR0917 a table
    client: IntercomClient, clock: Clock, requests_mock: Mocker, limit: int, left: int, slept: list[float]
) -> None:
    """One call per worker is kept in reserve, but never more than half of a window."""
    requests_mock.get(TAGS, **EMPTY, headers=limits(limit, left, 7))
    ask(client)
    ask(client)
    assert clock.slept == slept


def test_a_429_is_waited_out_on_the_servers_clock(client: IntercomClient, clock: Clock, requests_mock: Mocker) -> None:
    """After a 429 the client waits until the window ends by the `Date` of the same response, and no longer."""
    limited = {"status_code": 429, "json": {"errors": [{"code": "rate_limit_exceeded"}]}}
    requests_mock.get(TAGS, [{**limited, "headers": limits(1667, 0, 4)}, EMPTY])
    ask(client)
    assert clock.slept == [4.0]


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 500, "json": {"errors": [{"code": "server_error"}]}},
        {"status_code": 503, "text": "<html>Service unavailable</html>"},
        {"status_code": 408, "json": {"errors": [{"code": "request_timeout"}]}},
        {"status_code": 429, "json": {"errors": [{"code": "too_many_requests"}]}},
        {"status_code": 200, "text": ""},
        {"exc": requests.ReadTimeout},
        {"exc": requests.ConnectionError},
        {"exc": requests.exceptions.ChunkedEncodingError},
        {"text": '{"data": [{"id'},
        {"text": "<html>Sign in</html>"},
        {"content": b"\xff\xfe"},
    ],
    ids=[
        "500",
        "503 in HTML",
        "408",
        "429 without a clock",
        "an empty 200",
        "timeout",
        "connection",
        "cut off",
        "half a body",
        "HTML",
        "no text",
    ],
)
def test_trouble_is_asked_again(
    client: IntercomClient, clock: Clock, requests_mock: Mocker, trouble: dict[str, Any]
) -> None:
    """Temporary errors are retried after 1, 2, 4 … seconds."""
    requests_mock.get(TAGS, [trouble, trouble, trouble, EMPTY])
    assert ask(client) == {"data": []}
    assert clock.slept == [1, 2, 4]


def test_trouble_that_stays_ends_the_run(client: IntercomClient, clock: Clock, requests_mock: Mocker) -> None:
    """After ten failed tries the run ends with an error, never with an empty page."""
    requests_mock.get(TAGS, status_code=502, text="Bad gateway for jane@example.com")
    with pytest.raises(UserError) as told:
        ask(client)
    assert told.value.message == (
        "Intercom gave no valid answer to GET /tags in 10 tries, the last was 502: try again later, or check the "
        "setting `api_url`."
    )
    assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 409, 410, 422])
def test_a_refusal_is_not_asked_again(client: IntercomClient, clock: Clock, requests_mock: Mocker, status: int) -> None:
    """An error that a retry would not change is not retried."""
    requests_mock.get(TAGS, status_code=status, json={}, headers={"Location": f"{BASE}/elsewhere"})
    with pytest.raises(UserError):
        ask(client)
    assert (requests_mock.call_count, clock.slept) == (1, [])


def test_what_must_not_be_asked_again_is_asked_once(
    client: IntercomClient, clock: Clock, requests_mock: Mocker
) -> None:
    """A page of a scroll is not retried, because a retry would return the next page; only a 429 is retried."""
    limited = {"status_code": 429, "json": {"errors": [{"code": "rate_limit_exceeded"}]}, "headers": limits(10, 0, 2)}
    requests_mock.get(f"{BASE}/companies/scroll", [limited, {"status_code": 500, "json": {}}, EMPTY])
    with pytest.raises(UserError):
        client.fetch_page(Call("/companies/scroll"), TAGS_SHAPE, once=True)
    assert (requests_mock.call_count, clock.slept) == (2, [2.0])


@pytest.mark.parametrize(
    ("status", "code", "message", "path", "kind", "sentence"),
    [
        (
            401, "unauthorized", "Access Token Invalid", "/me", UserError,
            ("Intercom refused the token in the setting `access_token` (401 unauthorized): check it, and that `region` "
            "is the workspace's."),
        ),
        (
            401, "token_revoked", None, "/contacts/search", UserError,
            ("Intercom refused the token in the setting `access_token` (401 token_revoked): check it, and that "
            "`region` is the workspace's."),
        ),
        (
            401, "token_unauthorized", "Not authorized to access resource", "/admins/activity_logs", NotOfferedError,
            ("The token in the setting `access_token` may not read /admins/activity_logs (401 token_unauthorized): its "
            "app lacks the permission `Read admin activity logs` in Intercom's Developer Hub."),
        ),
        (
            403, "api_plan_restricted", "Active plan needed", "/calls", NotOfferedError,
            "The plan of the workspace does not include /calls (403 api_plan_restricted): deselect that stream.",
        ),
        (
            403, "forbidden", "Active subscription needed.", "/contacts/search", UserError,
            ("The workspace's Intercom subscription has lapsed (403 forbidden): nothing can be read until it is "
            "renewed."),
        ),
        (
            400, "intercom_version_invalid", "The requested version could not be found", "/me", UserError,
            ("Intercom's API has no version `9.9` (400 intercom_version_invalid): check the setting "
            "`intercom_version`."),
        ),
        (
            400, "intercom_version_invalid", "Requested resource is not available", "/brands", NotOfferedError,
            ("Version 9.9 of Intercom's API has no /brands (400 intercom_version_invalid): set `intercom_version` to a "
            "later one, or deselect that stream."),
        ),
        (
            400, "scroll_exists", "scroll already exists for this workspace", "/companies/scroll", ScrollTakenError,
            ("Another program is reading the companies of the workspace (400 scroll_exists): Intercom permits one at a "
            "time."),
        ),
        (
            400, "client_error", "Invalid starting_after param", "/contacts/search", StaleCursorError,
            "Intercom no longer accepts a cursor that it gave for /contacts/search (400 client_error): run again.",
        ),
        (
            404, "not_found", "User Not Found", "/contacts/1/notes", GoneError,
            "There is no record at /contacts/1/notes (404 not_found).",
        ),
        (
            410, "contact_merged", "Contact has been merged", "/contacts/1/tags", GoneError,
            "There is no record at /contacts/1/tags (410 contact_merged).",
        ),
        (
            404, "", None, "/me", UserError,
            "There is no Intercom API at /me (404): check the settings `api_url` and `intercom_version`.",
        ),
        (
            400, "parameter_invalid", "jane@example.com is not an e-mail", "/contacts/search", UserError,
            "Intercom refused to read /contacts/search (400 parameter_invalid).",
        ),
    ],
    ids=[
        "wrong token",
        "revoked token",
        "missing permission",
        "another plan",
        "lapsed plan",
        "unknown version",
        "too old a version",
        "scroll taken",
        "stale cursor",
        "gone",
        "merged",
        "no API",
        "anything else",
    ],
)  # fmt: skip
def test_what_a_refusal_means(  # noqa: PLR0913, PLR0917 a table
    status: int, code: str, message: str | None, path: str, kind: type[UserError], sentence: str
) -> None:
    """The sentence for an error says what to do, and repeats nothing of the body."""
    found = build_refusal(status, told(code, message), path=path, version="9.9")
    assert (type(found), found.message) == (kind, sentence)


def told(code: str, message: str | None) -> ErrorBody:
    """Return the body of a refusal."""
    return ErrorBody([ErrorEntry(code, message)]) if code else ErrorBody()
