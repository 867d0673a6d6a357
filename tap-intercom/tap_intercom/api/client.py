"""All that goes over the wire, https://developers.intercom.com/docs/references/introduction."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from tap_intercom._kit import transport
from tap_intercom._kit.page_decoder import UnprovenError, decode_json
from tap_intercom._kit.rate_limit import CooldownPacer
from tap_intercom._kit.retries import RetryTable
from tap_intercom._kit.text import clean_text
from tap_intercom._kit.transport import FailedCallError, NoAnswerError, Transport
from tap_intercom.api.errors import FIRST, Problem, UserError, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_intercom._kit.page_decoder import Page, PageDecoder
    from tap_intercom._kit.transport import Answer

REGIONS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
RETRIES = RetryTable(tries=10, limited_tries=10, longest_wait=60)
# The first call of a run gives up early: what is wrong is more often `api_url` than the weather.
FIRST_TRIES = 4
T = TypeVar("T")
LOGGER = logging.getLogger("tap-intercom")


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
    """The workspace that a token belongs to; bookmarks are those of one workspace."""

    id_code: str | None = None
    region: str | None = None


class Me(msgspec.Struct):
    """What ``/me`` answers."""

    app: App


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
        request_timeout: how long to wait between two bytes of an answer, seconds.
        answer_timeout: how long to wait for the whole of an answer, seconds.
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
        request_timeout: float = 80,
        answer_timeout: float = 300,
        connections: int = 1,
        requests_per_minute: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        self._transport = Transport(
            "Intercom",
            api_url,
            distribution="standpipe-tap-intercom",
            retries=RETRIES,
            headers={"Authorization": f"Bearer {access_token}", "Intercom-Version": version},
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections + 1,
            pacer=CooldownPacer(requests_per_minute, sleep, clock),
            # What is left of a window may be on its way already, but half of it is always used.
            reserve=lambda limit: min(connections, max(limit // 2, 1)),
            name_error=lambda answer: _read_problem(answer).code,
            logger=LOGGER,
            sleep=sleep,
            clock=clock,
        )

    def workspace(self) -> Workspace:
        """The workspace, from the first call of a run, which also proves the token and the URL.

        Raises:
            UserError: the token, the version or the URL is wrong.
        """
        return self._ask(Call(FIRST), self._read_workspace, tries=FIRST_TRIES)

    def _read_workspace(self, answer: Answer) -> Workspace:
        app = decode_json(answer.content, Me)[1].app
        now = time.time() if answer.date is None else answer.date
        return Workspace(int(now), app.id_code or "", (app.region or "").lower())

    def get(self, call: Call, kind: type[T]) -> T:
        """What is at a path.

        Raises:
            UserError: Intercom refused it, or gave no answer of that type in ten tries.
        """
        return self._ask(call, lambda answer: decode_json(answer.content, kind)[1])

    def read(self, call: Call, decode: Callable[[bytes], T]) -> T:
        """What is at a path, as ``decode`` proves it.

        Raises:
            UserError: Intercom refused it, or gave no answer that can be proved in ten tries.
        """
        return self._ask(call, lambda answer: decode(answer.content))

    def page(
        self, call: Call, decoder: PageDecoder, check: Callable[[Page], None] = lambda _: None, *, once: bool = False
    ) -> Page:
        """One page of a list, proved.

        Args:
            call: what to ask.
            decoder: what the answer is to be.
            check: refuses a page that is not what the pages before it announced.
            once: whether it must not be asked again when no answer came, since the answer would be another one.

        Raises:
            UserError: Intercom refused it, or gave no answer that can be proved in ten tries.
        """

        def read(answer: Answer) -> Page:
            page = decoder.decode(answer.content)
            check(page)
            return page

        return self._ask(call, read, tries=1 if once else RETRIES.tries)

    def _ask(self, call: Call, read: Callable[[Answer], T], *, tries: int = RETRIES.tries) -> T:
        asked = transport.Call(call.method, call.path, call.query, call.body)
        try:
            return self._transport.ask(asked, lambda answer: self._read(call, answer, read), tries=tries)
        except NoAnswerError as error:
            raise UserError(
                error.demand
                or f"Intercom gave no good answer to {asked} in {error.tries} tries, the last was {error.last}: try "
                "again later, or check the setting `api_url`."
            ) from None

    def _read(self, call: Call, answer: Answer, read: Callable[[Answer], T]) -> T:
        """What an answer says.

        Raises:
            UserError: it is not the answer asked for, and asking again would not change it.
            FailedCallError: it proves nothing: another than Intercom answered, or it is cut off, or something is
                missing.
        """
        if answer.status != HTTPStatus.OK:
            raise refusal(answer.status, _read_problem(answer), path=call.path, version=self._version)
        try:
            return read(answer)
        except UnprovenError as error:
            raise FailedCallError(f"an answer without what was asked for ({error})", answer) from None


def _read_problem(answer: Answer) -> Problem:
    try:
        _, problem = decode_json(answer.content, Problem)
    except UnprovenError:
        return Problem()
    for fault in problem.errors:
        fault.code = clean_text(fault.code)
    return problem
