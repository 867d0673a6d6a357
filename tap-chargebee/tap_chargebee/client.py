"""All that goes over the wire, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import msgspec
import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_chargebee.errors import Problem, Refusal, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOGGER = logging.getLogger("tap-chargebee")
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
T = TypeVar("T")


class Page(msgspec.Struct):
    """What a list answers: items, each a record and its siblings by name, and the cursor unless this is the last."""

    items: list[dict[str, Any]] = msgspec.field(name="list")
    next_offset: str | None = None


class Configuration(msgspec.Struct):
    """One of the sites that share a key's account."""

    domain: str = ""


class Configurations(msgspec.Struct):
    """What ``/configurations`` answers."""

    configurations: list[Configuration]


class Pause:
    """The moment before which nobody asks: one worker's 429 holds them all."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._sleep = sleep
        self._clock = clock
        self._until = clock()
        self._lock = threading.Lock()

    def extend(self, seconds: float) -> None:
        """Hold everybody for so many seconds from now."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> None:
        """Return as soon as asking is allowed."""
        while (left := self._until - self._clock()) > 0:
            self._sleep(left)


class ChargebeeClient:
    """A site of Chargebee, read-only.

    Args:
        site: the site's name.
        api_key: a key of that site.
        api_url: the API's base; empty for ``https://{site}.chargebee.com/api/v2``.
        page_size: records a page, 1 to 100.
        timeout: how long to wait for an answer, seconds.
        sleep: waits for so many seconds.
        clock: seconds, from any start, that only grow.
    """

    def __init__(  # noqa: PLR0913 one argument a setting, and the two clocks
        self,
        *,
        site: str,
        api_key: str,
        api_url: str = "",
        page_size: int = 100,
        timeout: float = 80,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._url = (api_url or f"https://{site}.chargebee.com/api/v2").rstrip("/")
        self._page_size = page_size
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._sleep = sleep
        self._pause = Pause(sleep, clock)
        self._session = requests.Session()
        self._session.auth = (api_key, "")
        self._session.headers["Accept"] = "application/json"

    def server_time(self) -> int:
        """The server's clock, unix seconds. The first call of a run: it also proves the site, the key and the URL.

        A key that may not read ``/configurations`` may still read the lists, so its 403 is answer enough.

        Raises:
            Refusal: the site, the key or the URL is wrong.
        """
        return self._ask("/configurations", {}, self._read_time, tries=FIRST_TRIES)

    def _read_time(self, path: str, response: requests.Response) -> int:
        if response.status_code != HTTPStatus.FORBIDDEN:
            self._check_site(self._read(path, response, Configurations))
        date = response.headers.get("Date")
        return int(parsedate_to_datetime(date).timestamp() if date else time.time())

    def _check_site(self, answer: Configurations) -> None:
        domains = {one.domain.lower() for one in answer.configurations}
        if domains and self._site.lower() not in domains:
            raise Refusal(f"The key in the setting `api_key` is no key of the site `{self._site}`: check `site`.")

    def pages(self, path: str, query: Mapping[str, str]) -> Pages:
        """The pages of a list; the first is being fetched when this returns."""
        return Pages(partial(self._page, path), {**query, "limit": str(self._page_size)})

    def _page(self, path: str, query: Mapping[str, str]) -> Page:
        return self._ask(path, query, self._read_page)

    def _read_page(self, path: str, response: requests.Response) -> Page:
        return self._read(path, response, Page)

    def _ask(
        self, path: str, query: Mapping[str, str], read: Callable[[str, requests.Response], T], tries: int = TRIES
    ) -> T:
        """Ask until there is an answer that ``read`` understands, at most ``tries`` times."""
        waits = islice(backoff.expo(max_value=LONGEST_WAIT), 1, None)
        for attempt, longest in enumerate(islice(waits, tries), start=1):
            self._pause.wait()
            try:
                return read(path, self._once(path, query))
            except RetriableAPIError as error:
                LOGGER.warning("GET %s: %s (try %d of %d)", path, error, attempt, tries)
                last = error
            if attempt < tries:
                self._back_off(last.response, longest)
        raise Refusal(
            f"Chargebee gave no good answer to GET {path} in {tries} tries, the last was {last}: "
            "try again later, or check the settings `site` and `api_url`."
        )

    def _back_off(self, response: requests.Response | None, longest: float) -> None:
        if response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._pause.extend(_retry_after(response, otherwise=longest))
        else:
            self._sleep(backoff.full_jitter(longest))

    def _once(self, path: str, query: Mapping[str, str]) -> requests.Response:
        try:
            response = self._session.get(self._url + path, params=query, timeout=self._timeout, allow_redirects=False)
        except BROKEN as error:
            raise RetriableAPIError(type(error).__name__) from error
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableAPIError(_answer(response), response)
        return response

    def _read(self, path: str, response: requests.Response, shape: type[T]) -> T:
        """The body of an answer.

        Raises:
            Refusal: it is not the answer asked for, and asking again would not change it.
            RetriableAPIError: it is no such JSON: what stands before Chargebee answered, or the body is cut off.
        """
        if response.status_code != HTTPStatus.OK:
            raise Refusal(sentence(response.status_code, _problem(response), path=path, site=self._site))
        try:
            return msgspec.json.decode(response.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RetriableAPIError("an answer that is not Chargebee's JSON", response) from error


class Pages:
    """The pages of one list in its order, to be gone through once; the next is fetched while the caller works on one.

    A cursor is Chargebee's own business: it goes back as it came, as one parameter.

    Args:
        fetch: the page that a query asks for.
        query: the parameters of the first page.
    """

    def __init__(self, fetch: Callable[[Mapping[str, str]], Page], query: Mapping[str, str]) -> None:
        self._fetch = fetch
        self._query = query
        self._first = in_background(partial(fetch, query))

    def wait(self) -> None:
        """Return when the first page is there.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        self._first.result()

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        page = self._first.result()
        while page.next_offset:
            ahead = in_background(partial(self._fetch, {**self._query, "offset": page.next_offset}))
            yield page.items
            page = ahead.result()
        yield page.items


def in_background(call: Callable[[], T]) -> Future[T]:
    """Start a call in a thread that does not hold the process back when it is told to end."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 whoever asks for the result raises it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _problem(response: requests.Response) -> Problem:
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem()


def _answer(response: requests.Response) -> str:
    return f"{response.status_code} {_problem(response).api_error_code}".strip()


def _retry_after(response: requests.Response, *, otherwise: float) -> float:
    """The seconds that a 429 asks to wait."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else otherwise
