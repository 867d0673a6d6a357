"""HTTP to Intercom: URL, token, version, rate limit, retry, errors.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from logging import DEBUG
from typing import TYPE_CHECKING, Any

import backoff
import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import ConfigurationError, FatalAPIError, RetriableAPIError, SkippableAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The version whose shapes this code knows; omitted, Intercom would choose one by the app's own settings.
VERSION = "2.14"
REGIONS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
#: The web application of a region.
WEB = {"us": "https://app.intercom.com", "eu": "https://app.eu.intercom.com", "au": "https://app.au.intercom.com"}

_TIMEOUT = (10, 60)  # seconds to connect, to read
_MAX_TRIES = 7
_MAX_LIMITED = 60  # 429 in a row for one request before giving up: ten minutes of ten-second windows
_WINDOW = 10.0  # seconds; Intercom counts calls in windows of this length
_MAX_WAIT = 60.0
_LAPSED = "Active subscription needed"
_ID = re.compile(r"\bid=([0-9a-zA-Z_-]+)")


class RecordRefusedError(SkippableAPIError):
    """Intercom refused one request (400, 404, 409, 410, 422): the record is reported, the run goes on.

    `other_id` is the Intercom id that a 409 names; `archived` says that it is archived. `field` is the one whose value
    is refused, where Intercom names it.
    """

    def __init__(self, status: int, code: str, reason: str, field: str = "") -> None:
        super().__init__(f"{status} {code}: {reason}")
        self.status, self.code, self.reason, self.field = status, code, reason, field
        named = _ID.search(reason) if status == requests.codes.conflict else None
        self.other_id = named[1] if named else None
        self.archived = "archived contact" in reason


class LostReplyError(RetriableAPIError):
    """No reply came to a create: it may have been carried out, and must be checked before it is sent again."""


@dataclass
class Tally:
    """Calls made, and seconds that workers waited for the rate limit."""

    calls: int = 0
    waits: int = 0
    waited: float = 0.0


class Transport:
    """A connection to one workspace, shared by all workers.

    Args:
        base_url: e.g. `https://api.intercom.io`.
        token: the access token.
        pool_size: connections kept open.
    """

    def __init__(self, base_url: str, token: str, pool_size: int) -> None:
        self.base_url = base_url.rstrip("/")
        self.tally = Tally()
        self._lock = threading.Lock()
        self._resume_at = 0.0  # monotonic; no request starts before
        self._session = requests.Session()
        self._session.headers.update(
            {"Authorization": f"Bearer {token}", "Accept": "application/json", "Intercom-Version": VERSION}
        )
        self._settle_environment()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def _settle_environment(self) -> None:
        """Read proxies and certificates from the environment once, and no .netrc.

        requests would read them all for every call, and let an entry of .netrc for the host go before the token.
        """
        found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = found["proxies"], found["verify"]
        self._session.trust_env = False

    @backoff.on_exception(
        backoff.expo, RetriableAPIError, max_tries=_MAX_TRIES, factor=0.5, max_value=15, giveup_log_level=DEBUG
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
            RetriableAPIError: 5xx, timeout, broken connection, or a 200 with nothing in it (which Intercom does send).
        """
        for _ in range(_MAX_LIMITED):
            response = self._send(method, path, **kwargs)
            if response.status_code != requests.codes.too_many_requests:
                return self._checked(response)
        raise FatalAPIError(f"Intercom answered 429 to {_MAX_LIMITED} attempts: something else uses up the rate limit.")

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        self._wait_for_turn()
        with self._lock:
            self.tally.calls += 1
        try:
            response = self._session.request(method, self.base_url + path, timeout=_TIMEOUT, **kwargs)
        except requests.exceptions.RequestException as error:
            # The text of these errors may hold the URL with an identifier: only their kind is passed on.
            raise RetriableAPIError(f"Intercom did not answer ({type(error).__name__})") from None
        self._note_limit(response)
        return response

    def _wait_for_turn(self) -> None:
        while (seconds := self._resume_at - time.monotonic()) > 0:
            with self._lock:
                self.tally.waits += 1
                self.tally.waited += seconds
            time.sleep(seconds)

    def _note_limit(self, response: requests.Response) -> None:
        """Hold every worker until the window resets, when this reply says that nothing is left of it."""
        limited = response.status_code == requests.codes.too_many_requests
        if limited or response.headers.get("X-RateLimit-Remaining") == "0":
            with self._lock:
                self._resume_at = max(self._resume_at, time.monotonic() + seconds_to_reset(response.headers))

    def _checked(self, response: requests.Response) -> dict[str, Any]:
        status = response.status_code
        if status >= requests.codes.internal_server_error or status == requests.codes.request_timeout:
            raise RetriableAPIError(f"Intercom answered {status}")
        if status < requests.codes.bad_request:
            return _body(response)
        code, reason, field = _first_error(response)
        self._assert_permitted(status, code, reason)
        raise RecordRefusedError(status, code, reason, field)

    def _assert_permitted(self, status: int, code: str, reason: str) -> None:
        if _LAPSED in reason or code == "api_plan_restricted" or status == requests.codes.payment_required:
            raise ConfigurationError(
                f"The Intercom workspace of `access_token` has no active subscription that permits this ({reason})."
            )
        if code == "token_unauthorized" or status == requests.codes.forbidden:
            raise ConfigurationError(
                f"The token in `access_token` lacks a permission ({reason}): it must read and write users and "
                "companies."
            )
        if status == requests.codes.unauthorized:
            raise ConfigurationError(
                f"Intercom refused the token in `access_token` ({reason}): check it, and that {self.base_url} is the "
                "workspace's own region (`region` or `api_url`)."
            )


def seconds_to_reset(headers: Mapping[str, str]) -> float:
    """Reckon how long the rate limit's window lasts, on the server's clock, falling back to a whole window."""
    try:
        reset = float(headers["X-RateLimit-Reset"])
    except (KeyError, ValueError):
        return _WINDOW
    for now in (_server_time(headers), time.time()):
        if now is not None and 0 <= reset - now <= _MAX_WAIT:
            return max(reset - now, 0.05)
    return _WINDOW


def _server_time(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        body = None
    if not isinstance(body, dict) or not body:
        raise RetriableAPIError(f"Intercom answered {response.status_code} without a usable body")
    return body


def _first_error(response: requests.Response) -> tuple[str, str, str]:
    """Read code, message and field of an `error.list`, whatever of it is there."""
    try:
        error = response.json()["errors"][0]
    except (requests.exceptions.JSONDecodeError, KeyError, IndexError, TypeError):
        return "unknown", f"status {response.status_code} without an error list", ""
    code = str(error.get("code", "unknown"))
    return code, str(error.get("message") or code), str(error.get("field") or "")
