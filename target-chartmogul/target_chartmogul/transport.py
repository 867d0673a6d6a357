"""HTTP to ChartMogul: URL, key, rate and connections, retry, errors.

https://dev.chartmogul.com/docs/authentication, https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from logging import DEBUG
from typing import TYPE_CHECKING, Any

import backoff
import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import ConfigurationError, FatalAPIError, RetriableAPIError, SkippableAPIError

from target_chartmogul.pacing import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE_URL = "https://api.chartmogul.com/v1"

_TIMEOUT = (10, 120)  # seconds to connect, to read
_MAX_TRIES = 7
_MAX_LIMITED = 30  # 429 in a row for one request before giving up: a quarter of an hour
_MAX_WAIT = 60.0
_PLAIN_SHAPES = ("error", "message")


class RecordRefusedError(SkippableAPIError):
    """ChartMogul refused one request (400, 402, 404, 409, 422): the record is reported, the run goes on.

    `named` are the fields that the refusal names.
    """

    def __init__(self, status: int, reason: str, named: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason, self.named = status, reason, named

    @property
    def is_missing(self) -> bool:
        """Say whether what was asked for is not there."""
        return bool(self.status == requests.codes.not_found)

    @property
    def is_duplicate(self) -> bool:
        """Say whether what was to be created may be there already."""
        taken = "external_id" in self.named and "required" not in self.reason
        return taken or bool(self.status == requests.codes.conflict)


class LostReplyError(RetriableAPIError):
    """No reply came to a create: it may have been carried out, and must be checked before it is sent again."""


@dataclass
class Tally:
    """Calls made, and how often ChartMogul said that there were too many."""

    calls: int = 0
    limited: int = 0


class Transport:
    """A connection to one account, shared by all workers.

    Args:
        base_url: e.g. `https://api.chartmogul.com/v1`.
        key: the API key, the user name of HTTP Basic; there is no password.
        connections: at most so many at once.
        per_second: at most so many requests.
    """

    def __init__(self, base_url: str, key: str, connections: int, per_second: int) -> None:
        self.base_url = base_url.rstrip("/")
        self.tally = Tally()
        self.pace = Pace(per_second)
        self._lock = threading.Lock()
        self._connections = threading.BoundedSemaphore(connections)
        self._session = requests.Session()
        self._settle_environment()
        self._session.auth = (key, "")
        self._session.headers["Accept"] = "application/json"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def _settle_environment(self) -> None:
        """Read proxies and certificates from the environment once, and no .netrc.

        requests would read them all for every call, and let an entry of .netrc for the host go before the key.
        """
        found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = found["proxies"], found["verify"]
        self._session.trust_env = False

    @backoff.on_exception(
        backoff.expo, RetriableAPIError, max_tries=_MAX_TRIES, factor=0.5, max_value=30, giveup_log_level=DEBUG
    )
    def _retried(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        return self._once(method, path, **kwargs)

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """Make a request that may safely be made twice."""
        try:
            return self._retried(method, path, **kwargs)
        except RetriableAPIError as error:
            raise FatalAPIError(
                f"{error} to {_MAX_TRIES} attempts at {self.base_url}: nothing is acknowledged, run again later."
            ) from None

    def _create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._once("POST", path, json=body)
        except RetriableAPIError as error:
            raise LostReplyError(str(error)) from None

    def _once(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """Make a request once, but for 429: that is a promise that nothing was done, so it waits and goes on.

        Raises:
            RetriableAPIError: 5xx (503 also for too many connections), timeout, broken connection, or no JSON.
        """
        for attempt in range(_MAX_LIMITED):
            response = self._send(method, path, **kwargs)
            if response.status_code != requests.codes.too_many_requests:
                return self._checked(response)
            self._hold(response, 2.0**attempt)
        raise FatalAPIError(
            f"ChartMogul answered 429 to {_MAX_LIMITED} attempts: something else uses up the account's rate limit."
        )

    def _hold(self, response: requests.Response, seconds: float) -> None:
        """Hold every worker, by the server's own clock where it tells one; the recordings have no such header."""
        with self._lock:
            self.tally.limited += 1
        with suppress(KeyError, ValueError):
            seconds = float(response.headers["Retry-After"])
        self.pace.hold(min(max(seconds, 0.05), _MAX_WAIT))

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        with self._connections, self.pace.request():
            with self._lock:
                self.tally.calls += 1
            try:
                return self._session.request(method, self.base_url + path, timeout=_TIMEOUT, **kwargs)
            except requests.exceptions.RequestException as error:
                # The text of these errors may hold the URL with an identifier: only their kind is passed on.
                raise RetriableAPIError(f"ChartMogul did not answer ({type(error).__name__})") from None

    def _checked(self, response: requests.Response) -> dict[str, Any]:
        status = response.status_code
        if status >= requests.codes.internal_server_error or status == requests.codes.request_timeout:
            raise RetriableAPIError(f"ChartMogul answered {status}")
        if status < requests.codes.bad_request:
            return _body(response)
        reason, named = refusal(_json(response), status)
        self._assert_permitted(response.request.method or "", status, reason)
        raise RecordRefusedError(status, reason, named)

    def _assert_permitted(self, method: str, status: int, reason: str) -> None:
        if status == requests.codes.unauthorized:
            raise ConfigurationError(f"ChartMogul refused the key in `api_key` ({reason}): check it, and `api_url`.")
        if status in {requests.codes.forbidden, requests.codes.method_not_allowed}:
            may = "only read: give one that may also write" if method != "GET" else "not do this"
            raise ConfigurationError(f"The key in `api_key` may {may} ({reason}), or the account's trial has ended.")


def refusal(body: Any, status: int) -> tuple[str, tuple[str, ...]]:
    """Read a sentence, and the fields that it names, from any of the shapes of ChartMogul's errors.

    They are `{code, message, param}`, `{errors: {field: text}}`, `{error: text}` and `{field: [text], error_details}`.
    """
    if not isinstance(body, dict):
        return f"status {status} without a readable error", ()
    for name in _PLAIN_SHAPES:
        if isinstance(body.get(name), str):
            return body[name], (str(body["param"]),) if body.get("param") else ()
    errors = body["errors"] if isinstance(body.get("errors"), dict) else body
    texts = {str(name): _first(value) for name, value in errors.items() if name != "error_details"}
    return "; ".join(f"{name}: {text}" for name, text in texts.items()) or f"status {status}", tuple(texts)


def _first(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _body(response: requests.Response) -> dict[str, Any]:
    """Give the object of a reply; deletions may be answered with nothing at all."""
    if not response.content:
        if response.request.method == "DELETE":
            return {}
        raise RetriableAPIError(f"ChartMogul answered {response.status_code} without a body")
    body = _json(response)
    if not isinstance(body, dict):
        raise RetriableAPIError(f"ChartMogul answered {response.status_code} without a usable body")
    return body
