"""All that goes over the wire, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

import json
import logging
import re
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import msgspec
import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import RetriableAPIError

from tap_chargebee._kit.rate_limit import Cooldown, RateLimiter
from tap_chargebee.errors import Problem, Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOGGER = logging.getLogger("tap-chargebee")
TRIES = 10
# The first call of a run gives up early: what is wrong is more often `api_url` than the weather.
FIRST_TRIES = 4
LONGEST_WAIT = 60
CONNECT_TIMEOUT = 30
SMALLEST_PAGE = 5
# Chargebee's words for a page that was too much for it, https://github.com/airbytehq/airbyte/issues/17657.
TOO_MUCH = "db communication failure"
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
_HALF = re.compile("[\ud800-\udfff]")
T = TypeVar("T")


class Page(msgspec.Struct):
    """What a list answers: items, each a record and its siblings by name, and the cursor unless this is the last."""

    items: list[dict[str, Any]] = msgspec.field(name="list")
    next_offset: str | None = None


class Configuration(msgspec.Struct):
    """One of the sites that share a key's account."""

    domain: str = ""
    product_catalog_version: str = ""


class Configurations(msgspec.Struct):
    """What ``/configurations`` answers."""

    configurations: list[Configuration]


class Site(msgspec.Struct, frozen=True):
    """What a run knows of its site before it reads: its clock, unix seconds, and its Product Catalog, if it tells."""

    now: int
    catalog: int | None = None


class ChargebeeClient:
    """A site of Chargebee, read-only; any number of threads may ask at the same time.

    Args:
        site: the site's name.
        api_key: a key of that site.
        api_url: the API's base; empty for ``https://{site}.chargebee.com/api/v2``.
        page_size: records a page, 1 to 100.
        timeout: how long to wait for an answer, seconds.
        connections: how many calls are made at the same time.
        requests_per_minute: the calls to make in a minute at most; None is no limit.
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
        connections: int = 1,
        requests_per_minute: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._url = (api_url or f"https://{site}.chargebee.com/api/v2").rstrip("/")
        self._page_size = page_size
        self._limits: dict[str, int] = {}
        self._answered = 0
        self._timeout = (CONNECT_TIMEOUT, timeout)
        self._sleep = sleep
        self._pause = Cooldown(sleep, clock)
        self._budget = RateLimiter(requests_per_minute, sleep, clock)
        self._session = requests.Session()
        self._session.auth = (api_key, "")
        self._session.headers["Accept"] = "application/json"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def site(self) -> Site:
        """The site, from the first call of a run, which also proves its name, the key and the URL.

        A key that may not read ``/configurations`` may still read the lists, so its 403 is answer enough.

        Raises:
            Refusal: the site, the key or the URL is wrong.
        """
        return self._ask("/configurations", {}, self._read_site, tries=FIRST_TRIES)

    def _read_site(self, path: str, response: requests.Response) -> Site:
        date = response.headers.get("Date")
        now = int(parsedate_to_datetime(date).timestamp() if date else time.time())
        if response.status_code == HTTPStatus.FORBIDDEN:
            return Site(now)
        return Site(now, self._catalog(self._read(path, response, Configurations)))

    def _catalog(self, answer: Configurations) -> int | None:
        sites = {one.domain.lower(): one.product_catalog_version for one in answer.configurations}
        if sites and self._site.lower() not in sites:
            raise Refusal(f"The key in the setting `api_key` is no key of the site `{self._site}`: check `site`.")
        return {"v1": 1, "v2": 2}.get(sites.get(self._site.lower(), ""))

    def get(self, path: str, query: Mapping[str, str], shape: type[T]) -> T:
        """What is at a path, with the records that it holds as JSON objects.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        return self._ask(path, query, lambda path, response: self._read(path, response, shape))

    def page(self, path: str, query: Mapping[str, str], shape: type[T], *, limited: bool = True) -> tuple[bytes, T]:
        """One page of a list: its text, and so much of it as is wanted at once.

        A cursor is Chargebee's own business: it goes back as it came, as one parameter. After a page that took too long
        the pages of that list are smaller for the rest of the run.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        text, page = self._ask(path, query, lambda path, response: self._decode(path, response, shape), limited=limited)
        if "offset" in query and getattr(page, "next_offset", None) == query["offset"]:
            raise Refusal(f"Chargebee's list {path} came to the same cursor again, so it has no end: try again later.")
        return text, page

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The items of a list, a page at a time.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        page = self._page(path, query)
        yield page.items
        while page.next_offset:
            page = self._page(path, {**query, "offset": page.next_offset})
            yield page.items

    def _page(self, path: str, query: Mapping[str, str]) -> Page:
        return self.page(path, query, Page)[1]

    def all(self, path: str, query: Mapping[str, str], key: str) -> list[dict[str, Any]]:
        """All items at a path: of a list, or of an answer that has them under another key, or is itself the only one.

        Raises:
            Refusal: Chargebee refused it, or gave no answer in ten tries.
        """
        if key == "list":
            return [item for page in self.pages(path, query) for item in page]
        answer = self.get(path, query, dict[str, Any])
        found = answer.get(key, []) if key else answer
        return found if isinstance(found, list) else [found]

    def _ask(
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[str, requests.Response], T],
        *,
        tries: int = TRIES,
        limited: bool = False,
    ) -> T:
        """Ask until there is an answer that ``read`` understands, at most ``tries`` times.

        Who is refused for the limit while others are served stands in a line that moves: that is not counted.
        """
        tried, answered = 0, self._answered
        for longest in islice(backoff.expo(max_value=LONGEST_WAIT), 1, None):
            self._pause.wait()
            self._budget.spend()
            try:
                found = read(path, self._once(path, {**query, "limit": str(self._limit(path))} if limited else query))
            except RetriableAPIError as error:
                last = error
            else:
                self._answered += 1
                return found
            tried = 1 if _is_limit(last.response) and self._answered != answered else tried + 1
            answered = self._answered
            LOGGER.warning("GET %s: %s (try %d of %d)", path, last, tried, tries)
            if limited and _too_much(last):
                self._limits[path] = max(self._limit(path) // 2, min(SMALLEST_PAGE, self._page_size))
            if tried == tries:
                break
            self._back_off(last.response, longest)
        raise Refusal(
            f"Chargebee gave no good answer to GET {path} in {tries} tries, the last was {last}: "
            "try again later, or check the settings `site` and `api_url`."
        )

    def _limit(self, path: str) -> int:
        return self._limits.get(path, self._page_size)

    def _back_off(self, response: requests.Response | None, longest: float) -> None:
        if response is not None and _is_limit(response):
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
        return self._decode(path, response, shape)[1]

    def _decode(self, path: str, response: requests.Response, shape: type[T]) -> tuple[bytes, T]:
        """The body of an answer: its text, and what it says.

        Raises:
            Refusal: it is not the answer asked for, and asking again would not change it.
            RetriableAPIError: it is no such JSON: what stands before Chargebee answered, or the body is cut off.
        """
        if response.status_code != HTTPStatus.OK:
            raise refusal(response.status_code, _problem(response), path=path, site=self._site)
        try:
            return _decoded(response.content, shape)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise RetriableAPIError("an answer that is not Chargebee's JSON", response) from error


def _decoded(text: bytes, shape: type[T]) -> tuple[bytes, T]:
    try:
        # Fields that are not wanted are passed over, broken characters included, so those are looked for first.
        return text, msgspec.json.decode(str(text, "utf-8"), type=shape)
    except msgspec.DecodeError:
        text = _without_halves(text)
        return text, msgspec.json.decode(text, type=shape)


def _without_halves(text: bytes) -> bytes:
    """JSON with U+FFFD for each half of a character, such as is left of an emoji where a text was cut: no UTF-8 has it.

    Raises:
        ValueError: it is not JSON for another reason.
    """
    return _HALF.sub("\ufffd", json.dumps(json.loads(text), ensure_ascii=False)).encode()


def _is_limit(response: requests.Response | None) -> bool:
    return response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _too_much(error: RetriableAPIError) -> bool:
    """Whether a smaller page may come where this one did not."""
    response = error.response
    if response is None:
        return isinstance(error.__cause__, requests.ReadTimeout)
    return response.status_code == HTTPStatus.GATEWAY_TIMEOUT or TOO_MUCH in _problem(response).message


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
