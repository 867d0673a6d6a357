"""All that goes over the wire, https://developers.intercom.com/docs/references/introduction."""

from __future__ import annotations

import logging
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import backoff
import msgspec
import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import RetriableAPIError

from tap_intercom._kit.rate_limit import Cooldown, RateLimiter
from tap_intercom.errors import FIRST, Problem, Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOGGER = logging.getLogger("tap-intercom")
REGIONS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
TRIES = 10
# The first call of a run gives up early: what is wrong is more often `api_url` than the weather.
FIRST_TRIES = 4
LONGEST_WAIT = 60
CONNECT_TIMEOUT = 30
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
T = TypeVar("T")


class Call(NamedTuple):
    """One question: a GET, or a POST of a JSON body."""

    path: str
    query: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"


class App(msgspec.Struct):
    """The workspace that a token belongs to."""

    id_code: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """What ``/me`` answers."""

    app: App | None = None


class Workspace(NamedTuple):
    """What a run knows of its workspace before it reads: its clock, unix seconds, its id and where it is hosted."""

    now: int
    id: str
    region: str


class IntercomClient:
    """A workspace of Intercom, read-only; any number of threads may ask at the same time.

    Args:
        access_token: a token of an app of that workspace.
        api_url: the API's base.
        version: the ``Intercom-Version`` that every call names.
        timeout: how long to wait for an answer, seconds.
        connections: how many calls are made at the same time.
        requests_per_minute: the calls to make in a minute at most; None is no limit.
        sleep: waits for so many seconds.
        clock: seconds, from any start, that only grow.
    """

    def __init__(  # noqa: PLR0913 one argument a setting, and the two clocks
        self,
        *,
        access_token: str,
        api_url: str = REGIONS["us"],
        version: str = "2.14",
        timeout: float = 80,
        connections: int = 1,
        requests_per_minute: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = api_url.rstrip("/")
        self._version = version
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._connections = connections
        self._sleep = sleep
        self._pause = Cooldown(sleep, clock)
        self._budget = RateLimiter(requests_per_minute, sleep, clock)
        self._token = access_token
        self._session = requests.Session()
        # Not a header of the session: an entry of the user's .netrc would go before it.
        self._session.auth = self._authorize
        self._session.headers.update({"Accept": "application/json", "Intercom-Version": version})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections + 1))

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def workspace(self) -> Workspace:
        """The workspace, from the first call of a run, which also proves the token and the URL.

        Raises:
            Refusal: the token, the version or the URL is wrong.
        """
        return self._ask(Call(FIRST), self._read_workspace, tries=FIRST_TRIES)

    def _read_workspace(self, call: Call, response: requests.Response) -> Workspace:
        app = self._read(call, response, Me).app or App()
        return Workspace(_now(response), app.id_code or "", (app.region or "").lower())

    def get(self, call: Call, shape: type[T]) -> T:
        """What is at a path.

        Raises:
            Refusal: Intercom refused it, or gave no answer in ten tries.
        """
        return self._ask(call, lambda call, response: self._read(call, response, shape))

    def page(self, call: Call, shape: type[T], *, once: bool = False) -> tuple[bytes, T]:
        """One page of a list: its text, and so much of it as is wanted at once.

        Args:
            call: what to ask.
            shape: what the answer is to be.
            once: whether it must not be asked again when no answer came, since the answer would be another one.

        Raises:
            Refusal: Intercom refused it, or gave no answer in ten tries.
        """
        return self._ask(
            call,
            lambda call, response: (response.content, self._read(call, response, shape)),
            tries=1 if once else TRIES,
        )

    def _ask(self, call: Call, read: Callable[[Call, requests.Response], T], *, tries: int = TRIES) -> T:
        """Ask until there is an answer that ``read`` understands, at most ``tries`` times.

        A call that was refused for its being one too many was not carried out, and counts among no tries but its own.
        """
        waits = islice(backoff.expo(max_value=LONGEST_WAIT), 1, None)
        attempt = 0
        for longest in islice(waits, tries + TRIES):
            self._pause.wait()
            self._budget.spend()
            try:
                return read(call, self._once(call))
            except RetriableAPIError as error:
                last = error
            status = getattr(last.response, "status_code", None)
            attempt += status != HTTPStatus.TOO_MANY_REQUESTS or tries > 1
            LOGGER.warning("%s %s: %s (try %d of %d)", call.method, call.path, last, attempt, tries)
            if attempt >= tries:
                break
            self._back_off(last.response, longest)
        raise Refusal(
            f"Intercom gave no good answer to {call.method} {call.path} in {max(attempt, 1)} tries, the last was "
            f"{last}: try again later, or check the setting `api_url`."
        )

    def _back_off(self, response: requests.Response | None, longest: float) -> None:
        if response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._pause.extend(_until_reset(response, otherwise=longest))
        else:
            self._sleep(backoff.full_jitter(longest))

    def _once(self, call: Call) -> requests.Response:
        try:
            response = self._session.request(
                call.method,
                self._url + call.path,
                params=call.query,
                json=call.body,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except BROKEN as error:
            raise RetriableAPIError(type(error).__name__) from error
        self._heed(response)
        status = response.status_code
        if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableAPIError(f"{status} {_problem(response).code}".strip(), response)
        return response

    def _heed(self, response: requests.Response) -> None:
        """Hold everybody until the window ends when what is left of it is on its way already."""
        limit, left = (_number(response, f"X-RateLimit-{name}") for name in ("Limit", "Remaining"))
        if limit is not None and left is not None and left < min(self._connections, max(limit // 2, 1)):
            self._pause.extend(_until_reset(response, otherwise=0))

    def _read(self, call: Call, response: requests.Response, shape: type[T]) -> T:
        """The body of an answer.

        Raises:
            Refusal: it is not the answer asked for, and asking again would not change it.
            RetriableAPIError: it is no such JSON: another than Intercom answered, or the body is empty or cut off.
        """
        if response.status_code != HTTPStatus.OK:
            raise refusal(response.status_code, _problem(response), path=call.path, version=self._version)
        try:
            # Fields that are not wanted are passed over, broken characters included, so those are looked for first.
            return msgspec.json.decode(str(response.content, "utf-8"), type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RetriableAPIError("an answer that is not Intercom's JSON", response) from error


def _problem(response: requests.Response) -> Problem:
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem()


def _now(response: requests.Response) -> int:
    """The server's clock, unix seconds."""
    date = response.headers.get("Date")
    return int(parsedate_to_datetime(date).timestamp() if date else time.time())


def _number(response: requests.Response, header: str) -> int | None:
    text = response.headers.get(header, "")
    return int(text) if text.isdecimal() else None


def _until_reset(response: requests.Response, *, otherwise: float) -> float:
    """The seconds until the window of calls ends, on the server's own clock."""
    reset = _number(response, "X-RateLimit-Reset")
    return otherwise if reset is None else float(min(max(reset - _now(response), 0), LONGEST_WAIT))
