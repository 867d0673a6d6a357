"""HTTP for every plugin and the console: one call, its whole answer, and the retries that the plugin's table allows.

It follows no redirects (a PUT would become a GET), limits the whole answer besides the time between two bytes, obeys a
server's wait up to a cap, and reads proxies and certificates, but no .netrc, from the environment.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import backoff
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from .parent import ParentWatch
from .rate_limit import CooldownPacer
from .retries import TOO_MANY_REQUESTS, AttemptCounter
from .server_waits import find_reset, find_wait, format_duration, parse_http_date
from .text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.auth import AuthBase

    from .json_types import JsonValue
    from .rate_limit import Pacer
    from .retries import RetryTable

T = TypeVar("T")
CONNECT_TIMEOUT = 30
_PIECE = 1 << 16


class Call(NamedTuple):
    """One request to an API."""

    method: str
    path: str
    params: Mapping[str, JsonValue] | None = None
    body: Any = None
    label: str = ""
    """The name for logs, if the path contains personal data."""
    form: Mapping[str, str] | None = None
    """The body as a form instead of JSON."""
    headers: Mapping[str, str] | None = None
    """What goes with this request besides what goes with all."""

    def __str__(self) -> str:
        return f"{self.method} {self.label or self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The complete answer of a server."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    method: str = "GET"
    """The request."""

    @property
    def is_redirect(self) -> bool:
        """Whether the server refers to another address, or says that nothing changed."""
        return 300 <= self.status < 400  # noqa: PLR2004 what HTTP calls 3xx

    @property
    def date(self) -> float | None:
        """The server's clock in Unix seconds; None if the answer does not have it."""
        return parse_http_date(self.headers.get("Date", ""))


class FailedCallError(Exception):
    """An attempt failed, and another one may succeed.

    Args:
        reason: a few words without anything from the answer's body.
        answer: the answer, if there was one.
        slow: whether it took too long, so that a smaller page may succeed.
    """

    def __init__(self, reason: str, answer: Answer | None = None, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.answer, self.slow = reason, answer, slow

    @property
    def status(self) -> int | None:
        """The status of the answer; None without an answer."""
        return None if self.answer is None else self.answer.status


class NoAnswerError(Exception):
    """No attempt brought a valid answer.

    Args:
        tries: the number of attempts.
        last: the failure of the last attempt.
        demand: the wait that the server asks for, if it is longer than a run permits.
    """

    def __init__(self, tries: int, last: FailedCallError, demand: str = "") -> None:
        super().__init__(demand or f"{last} in {tries} tries")
        self.tries, self.last, self.demand = tries, last, demand


@dataclass
class CallCounts:
    """The number of calls, of 429 answers, and the waits that the server asked for."""

    calls: int = 0
    limited: int = 0
    waits: int = 0
    waited: float = 0.0


class Transport:
    """A connection to one API, used by any number of threads.

    Args:
        vendor: whose API it is.
        base_url: its base.
        distribution: the plugin, which the User-Agent names with its version.
        retries: the plugin's table.
        auth: the credentials.
        headers: the headers of every request.
        request_timeout: seconds to wait between two bytes of an answer.
        answer_timeout: seconds to wait for the whole of an answer.
        connections: requests that are made at the same time.
        pacer: when a request may go; whenever the server did not ask to wait if not given.
        reserve: of a window of so many calls, how many are left alone; none if not given.
        name_error: gives the vendor's code of an error; none if not given.
        logger: logs attempts that failed.
        sleep: waits for so many seconds.
        clock: seconds of a monotonic clock.
    """

    def __init__(  # noqa: PLR0913 one argument a choice, and the two clocks
        self,
        vendor: str,
        base_url: str,
        *,
        distribution: str,
        retries: RetryTable,
        auth: AuthBase | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        request_timeout: float = 80,
        answer_timeout: float = 300,
        connections: int = 1,
        pacer: Pacer | None = None,
        reserve: Callable[[int], int] | None = None,
        name_error: Callable[[Answer], str] | None = None,
        logger: logging.Logger | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.vendor, self.base_url = vendor, base_url.rstrip("/")
        self.retries = retries
        self.call_counts = CallCounts()
        self._timeout = (CONNECT_TIMEOUT, request_timeout)
        self._answer_timeout = answer_timeout
        self._sleep = sleep or _sleep
        self._clock = clock
        self._pacer: Pacer = pacer or CooldownPacer(None, self._sleep, clock)
        self._reserve = reserve
        self._name_error = name_error or (lambda _: "")
        self._logger = logger or logging.getLogger(distribution)
        self._lock = threading.Lock()
        self._served = 0
        self._parent = ParentWatch(os.environ)
        self._session = requests.Session()
        self._settle_environment()
        self._session.auth = auth
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": name_user_agent(distribution), **(headers or {})}
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections))

    def _settle_environment(self) -> None:
        """Read proxies and certificates from the environment once, and no .netrc.

        requests would read them for every call, and would prefer a .netrc entry for the host to the key.
        """
        found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = found["proxies"], found["verify"]
        self._session.trust_env = False

    def send(
        self,
        call: Call | Callable[[], Call],
        read: Callable[[Answer], T],
        *,
        tries: int | None = None,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> T:
        """Make a call, and repeat it within the limits of the table until `read` accepts the answer.

        A 429 means that the server did nothing, so even a call that must not be made twice is repeated after it.

        Args:
            call: the request, or a function that returns it if it changes with the attempts.
            read: decodes an answer; its `FailedCallError` has the call repeated.
            tries: attempts, if not as many as in the table.
            on_failure: is called with every failed attempt.

        Raises:
            NoAnswerError: there was no answer of use.
        """
        counter = AttemptCounter(self.retries, tries, self._served)
        for longest in self.retries.generate_backoffs():
            request = call() if callable(call) else call
            try:
                found = read(self._send_once(request))
            except FailedCallError as error:
                last = error
            else:
                self._served += 1
                return found
            count, most = counter.count_failure(last.status, self._served)
            if on_failure:
                on_failure(last)
            wait = self._choose_wait(last, longest)
            waiting = "" if wait is None else f", waiting {format_duration(wait)}"
            self._logger.warning("%s: %s (try %d of %d)%s", request, last, count, most, waiting)
            if count >= most:
                raise NoAnswerError(count, last)
            self._back_off(last, wait, longest)
        raise AssertionError("unreachable: the waits do not end")

    def _send_once(self, call: Call) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            FailedCallError: there is none, or another attempt may succeed.
        """
        with self._pacer.wait_for_turn():
            self._parent.check()
            # The call is counted before its answer, because a call without an answer counts too.
            with self._lock:
                self.call_counts.calls += 1
            answer = self._make_request(call)
        self._respect_window(answer)
        if answer.status in self.retries.statuses:
            reason = f"{answer.status} {clean_text(self._name_error(answer))}".strip()
            raise FailedCallError(reason, answer, slow=answer.status == requests.codes.gateway_timeout)
        return answer

    def _make_request(self, call: Call) -> Answer:
        deadline = self._clock() + self._answer_timeout
        try:
            response = self._session.request(
                call.method,
                self.base_url + call.path,
                params=call.params or None,
                json=call.body,
                data=call.form,
                headers=call.headers,
                timeout=self._timeout,
                allow_redirects=False,
                # The answer is read piece by piece, so that the deadline applies to all of it.
                stream=True,
            )
            with response:
                return Answer(response.status_code, response.headers, self._read_body(response, deadline), call.method)
        except requests.Timeout as error:
            raise FailedCallError(type(error).__name__, slow=True) from None
        except (requests.RequestException, HTTPError) as error:
            # The text of these errors may contain a URL with an identifier, so only their kind is used.
            name = type(error).__name__.removesuffix("Error") if isinstance(error, HTTPError) else type(error).__name__
            raise FailedCallError(name, slow=isinstance(error, ReadTimeoutError)) from None

    def _read_body(self, response: requests.Response, deadline: float) -> bytes:
        """Read the bytes of an answer until the deadline."""
        body = bytearray()
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if self._clock() > deadline:
                raise FailedCallError(f"the answer was incomplete after {self._answer_timeout:g} s", slow=True)
        return bytes(body)

    def _respect_window(self, answer: Answer) -> None:
        """Make all workers wait until the window of calls ends, if the running calls already use the rest of it."""
        limit, left = (
            _parse_whole_number(answer.headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining")
        )
        if limit:
            self._pacer.note_limit(limit)
        if self._reserve is None or left is None or left >= self._reserve(limit or 0):
            return
        wait = find_reset(answer.headers, time.time(), self.retries.longest_wait)
        # Without a readable reset time, the table's wait is used.
        if wait is None and left == 0:
            wait = self.retries.limited_wait
        if wait:
            self._pause_requests(wait)

    def _choose_wait(self, error: FailedCallError, longest: float) -> float | None:
        """Return the wait for all workers: the server's, a default after a 429 without one, or None.

        Raises:
            NoAnswerError: the server asks for a longer wait than a run permits.
        """
        if error.answer is None or error.answer.status not in self.retries.statuses:
            return None
        wait = find_wait(error.answer.headers, time.time(), self.retries.longest_wait)
        # A run that sleeps for hours looks hung, so it ends with a sentence that says when to run again.
        if wait is not None and wait > self.retries.longest_wait:
            raise NoAnswerError(
                1, error, f"{self.vendor} asks for a wait of {format_duration(wait)}: run again after that."
            )
        if wait is None and error.status == TOO_MANY_REQUESTS:
            return self.retries.limited_wait or longest
        return wait

    def _back_off(self, error: FailedCallError, wait: float | None, longest: float) -> None:
        if error.status == TOO_MANY_REQUESTS:
            with self._lock:
                self.call_counts.limited += 1
        if wait is None:
            # Random waits keep workers that failed together from trying again together.
            self._sleep(backoff.full_jitter(longest))
        else:
            self._pause_requests(wait)

    def _pause_requests(self, seconds: float) -> None:
        with self._lock:
            self.call_counts.waits += 1
            self.call_counts.waited += seconds
        self._pacer.pause_requests(seconds)


def name_user_agent(distribution: str) -> str:
    """Return the User-Agent of a distribution with its version."""
    try:
        return f"{distribution}/{version(distribution)}"
    except PackageNotFoundError:
        return distribution


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _parse_whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() else None
