"""The HTTP client of the tap, read-only, https://developers.intercom.com/docs/references/introduction."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from tap_intercom._kit import transport
from tap_intercom._kit.page_decoder import UnprovenError, decode_json
from tap_intercom._kit.rate_limit import CooldownPacer
from tap_intercom._kit.retries import RetryTable
from tap_intercom._kit.shared_pacer import share_limit
from tap_intercom._kit.text import clean_text
from tap_intercom._kit.transport import FailedCallError, NoAnswerError, Transport
from tap_intercom.api.errors import FIRST_PATH, ErrorBody, UserError, build_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_intercom._kit.json_types import JsonValue
    from tap_intercom._kit.page_decoder import Page, PageDecoder
    from tap_intercom._kit.rate_limit import Pacer
    from tap_intercom._kit.transport import Answer

DISTRIBUTION = "standpipe-tap-intercom"
REGIONS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
RETRIES = RetryTable(tries=10, limited_tries=10, longest_wait=60)
# The first call of a run gives up early, as a wrong `api_url` is more likely than an outage.
FIRST_TRIES = 4
T = TypeVar("T")
LOGGER = logging.getLogger("tap-intercom")


class Call(NamedTuple):
    """One call of the API: a GET, or a POST with a JSON body."""

    path: str
    query: Mapping[str, str] = {}
    body: Mapping[str, JsonValue] | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"


class App(msgspec.Struct):
    """A token's workspace, as ``/me`` shows it."""

    id_code: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """The answer of ``/me``."""

    app: App


class Workspace(NamedTuple):
    """The clock of the workspace in unix seconds, its id, and the region that hosts it."""

    now: int
    id: str
    region: str


class IntercomClient:
    """A connection to one workspace of Intercom, read-only and safe for many threads.

    Args:
        access_token: a token of an app of that workspace.
        api_url: the API's base.
        version: the ``Intercom-Version`` of every call.
        request_timeout: the longest wait between two bytes of an answer, seconds.
        answer_timeout: the longest wait for a whole answer, seconds.
        connections: how many calls run at the same time, besides the scroll over the companies.
        requests_per_minute: the most calls per minute; None for no limit.
        limit_url: the database through which processes share the limit; None for no sharing.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 one argument a setting, and the two clocks
        self,
        *,
        access_token: str,
        api_url: str = REGIONS["us"],
        version: str = "2.14",
        request_timeout: float = 80,
        answer_timeout: float = 300,
        connections: int = 1,
        requests_per_minute: int | None = None,
        limit_url: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        pacer: Pacer = CooldownPacer(requests_per_minute, sleep, clock)
        if limit_url:
            pacer = share_limit(
                limit_url,
                vendor="Intercom",
                base_url=api_url,
                owner=access_token,
                distribution=DISTRIBUTION,
                requests_per_minute=requests_per_minute,
                sleep=sleep,
                clock=clock,
            )
        self._transport = Transport(
            "Intercom",
            api_url,
            distribution=DISTRIBUTION,
            retries=RETRIES,
            headers={"Authorization": f"Bearer {access_token}", "Intercom-Version": version},
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections + 1,
            pacer=pacer,
            # Running calls may use up the rest of the rate limit's window. At least half of a window is always used.
            reserve=lambda limit: min(connections, max(limit // 2, 1)),
            name_error=lambda answer: _decode_error(answer).code,
            logger=LOGGER,
            sleep=sleep,
            clock=clock,
        )

    def fetch_workspace(self) -> Workspace:
        """Fetch the clock, the id and the region of the workspace.

        This is the first call of a run, so it also checks the token and the URL.

        Raises:
            UserError: the token, the version or the URL is wrong.
        """

        def read(answer: Answer) -> Workspace:
            app = decode_json(answer.content, Me)[1].app
            now = time.time() if answer.date is None else answer.date
            return Workspace(int(now), app.id_code or "", (app.region or "").lower())

        return self._call_api(Call(FIRST_PATH), read, tries=FIRST_TRIES)

    def fetch_decoded(self, call: Call, decode: Callable[[bytes], T]) -> T:
        """Make a call and return the answer, checked and decoded by ``decode``.

        Raises:
            UserError: Intercom refused the call, or no answer was valid.
        """
        return self._call_api(call, lambda answer: decode(answer.content))

    def fetch_page(
        self,
        call: Call,
        decoder: PageDecoder,
        check: Callable[[Page], None] = lambda _: None,
        *,
        once: bool = False,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> Page:
        """Fetch and check one page of a list.

        Args:
            call: the call.
            decoder: decodes and checks the answer.
            check: rejects a page that contradicts the earlier pages.
            once: whether the call must not be repeated, because its second answer would be another page.
            on_failure: is called with every attempt that failed.

        Raises:
            UserError: Intercom refused the call, or no answer was valid.
        """

        def read(answer: Answer) -> Page:
            page = decoder.decode_page(answer.content)
            check(page)
            return page

        return self._call_api(call, read, tries=1 if once else RETRIES.tries, on_failure=on_failure)

    def _call_api(
        self,
        call: Call,
        read: Callable[[Answer], T],
        *,
        tries: int = RETRIES.tries,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> T:
        request = transport.Call(call.method, call.path, call.query, call.body)

        def decode(answer: Answer) -> T:
            if answer.status != HTTPStatus.OK:
                raise build_refusal(answer.status, _decode_error(answer), path=call.path, version=self._version)
            try:
                return read(answer)
            except UnprovenError as error:
                # The answer comes from a proxy, is incomplete, or lacks a member, so another attempt may succeed.
                raise FailedCallError(f"an unexpected answer ({error})", answer) from None

        try:
            return self._transport.send(request, decode, tries=tries, on_failure=on_failure)
        except NoAnswerError as error:
            raise UserError(error.demand or describe_no_answer(request, error)) from None


def describe_no_answer(request: object, error: NoAnswerError) -> str:
    """Return the sentence for a call without a valid answer in any of its tries."""
    tries = "1 try" if error.tries == 1 else f"{error.tries} tries"
    return (
        f"Intercom gave no valid answer to {request} in {tries}, the last was {error.last}: try again later, or check "
        "the setting `api_url`."
    )


def _decode_error(answer: Answer) -> ErrorBody:
    try:
        _, body = decode_json(answer.content, ErrorBody)
    except UnprovenError:
        return ErrorBody()
    # The codes are shown in messages, so control characters are removed from them.
    for entry in body.errors:
        entry.code = clean_text(entry.code)
    return body
