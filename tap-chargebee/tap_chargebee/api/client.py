"""The HTTP client of the tap, read-only, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_chargebee._kit.list_shape import ListShape
from tap_chargebee._kit.page_decoder import Page, PageDecoder, UnprovenError, decode_json
from tap_chargebee._kit.rate_limit import CooldownPacer
from tap_chargebee._kit.retries import RetryTable
from tap_chargebee._kit.shared_pacer import share_limit
from tap_chargebee._kit.text import clean_text
from tap_chargebee._kit.transport import Answer, Call, FailedCallError, NoAnswerError, Transport
from tap_chargebee._kit.whole_list import NotWholeError, WholeList
from tap_chargebee.api.errors import ErrorBody, UserError, build_refusal
from tap_chargebee.api.pages import build_list_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_chargebee._kit.json_types import JsonObject
    from tap_chargebee._kit.rate_limit import Pacer
    from tap_chargebee.streams.resource import Resource

LOGGER = logging.getLogger("tap-chargebee")
DISTRIBUTION = "standpipe-tap-chargebee"
API_URL = "https://{site}.chargebee.com/api/v2"
RETRIES = RetryTable(tries=10, limited_tries=10)
ENTITY_HEADER = "chargebee-business-entity-id"
"""The header that restricts a call to a business entity, https://apidocs.chargebee.com/docs/api/business_entities."""
# The first call of a run gives up early, as a wrong `api_url` is more likely than an outage.
FIRST_TRIES = 4
SMALLEST_PAGE = 5
# Chargebee's message when a page is too large, https://github.com/airbytehq/airbyte/issues/17657.
PAGE_TOO_LARGE = "db communication failure"
T = TypeVar("T")


class Configuration(msgspec.Struct):
    """One site of the key's account."""

    domain: str = ""
    product_catalog_version: str = ""


class Configurations(msgspec.Struct):
    """The answer of ``/configurations``."""

    configurations: list[Configuration]


class Site(msgspec.Struct, frozen=True):
    """The clock of the site in unix seconds, and its Product Catalog; None when Chargebee does not say."""

    now: int
    catalog: int | None = None


class ChargebeeClient:
    """A connection to one site of Chargebee, read-only and safe for many threads.

    Args:
        site: the site's name.
        api_key: a key of that site.
        api_url: the API's base; empty for ``https://{site}.chargebee.com/api/v2``.
        page_size: records per page, 1 to 100.
        request_timeout: the longest wait between two bytes of an answer, seconds.
        answer_timeout: the longest wait for a whole answer, seconds.
        connections: how many calls run at the same time.
        requests_per_minute: the most calls per minute; None for no limit.
        limit_url: the database through which processes share that limit; None for no sharing.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 one argument a setting, and the two clocks
        self,
        *,
        site: str,
        api_key: str,
        api_url: str = "",
        page_size: int = 100,
        request_timeout: float = 80,
        answer_timeout: float = 300,
        connections: int = 1,
        requests_per_minute: int | None = None,
        limit_url: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._page_size = page_size
        self._limits: dict[str, int] = {}
        base_url = api_url or API_URL.format(site=site)
        pacer: Pacer = CooldownPacer(requests_per_minute, sleep, clock)
        if limit_url and requests_per_minute:
            pacer = share_limit(
                limit_url,
                # The limit is the site's, whichever of its keys makes the call.
                vendor="Chargebee",
                base_url=base_url,
                owner=site,
                distribution=DISTRIBUTION,
                calls=requests_per_minute,
                sleep=sleep,
                clock=clock,
            )
        self._transport = Transport(
            "Chargebee",
            base_url,
            distribution=DISTRIBUTION,
            retries=RETRIES,
            auth=(api_key, ""),
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections,
            pacer=pacer,
            name_error=lambda answer: _decode_error(answer).api_error_code,
            logger=LOGGER,
            sleep=sleep,
            clock=clock,
        )

    def fetch_site(self) -> Site:
        """Fetch the clock and the Product Catalog of the site.

        This is the first call of a run, so it also checks the site's name, the key and the URL. A key that may not read
        ``/configurations`` may still read the lists, so a 403 is accepted.

        Raises:
            UserError: the site, the key or the URL is wrong.
        """
        return self._call_api("/configurations", {}, self._read_site, tries=FIRST_TRIES)

    def _read_site(self, path: str, answer: Answer) -> Site:
        now = int(time.time() if answer.date is None else answer.date)
        if answer.status == HTTPStatus.FORBIDDEN:
            return Site(now)
        found = self._decode(path, answer, lambda content: decode_json(content, Configurations)[1])
        catalogs = {one.domain.lower(): one.product_catalog_version for one in found.configurations}
        if catalogs and self._site.lower() not in catalogs:
            raise UserError(f"The key in the setting `api_key` is not a key of the site `{self._site}`: check `site`.")
        return Site(now, {"v1": 1, "v2": 2}.get(catalogs.get(self._site.lower(), "")))

    def fetch_decoded(self, path: str, query: Mapping[str, str], decode: Callable[[bytes], T]) -> T:
        """Fetch a path and return the answer, checked and decoded by ``decode``.

        Raises:
            UserError: Chargebee refused the call, or no answer was valid.
        """
        return self._call_api(path, query, lambda path, answer: self._decode(path, answer, decode))

    def fetch_page(
        self, path: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool = True, entity: str = ""
    ) -> Page:
        """Fetch one page of a list, checked as far as a single page can be.

        A cursor is opaque: it is sent back unchanged, as one parameter. After a page that took too long, further pages
        of that list are smaller until the end of the run.

        Args:
            path: the list.
            query: its parameters.
            decoder: decodes its records.
            limited: whether the list takes a limit.
            entity: the business entity whose records are read; empty for the whole site.

        Raises:
            UserError: Chargebee refused the call, no answer was valid, or the cursor repeats.
        """
        page = self._call_api(
            path,
            query,
            lambda path, answer: self._decode(path, answer, decoder.decode_page, entity),
            limited=limited,
            entity=entity,
        )
        if "offset" in query and page.cursor == query["offset"]:
            raise UserError(
                f"Chargebee's list {path} has the same cursor twice, so it would never end: try again later."
            )
        return page

    def is_full(self, path: str, page: Page) -> bool:
        """Return whether a page has as many items as the call requested, so that more may follow without a cursor."""
        return len(page.items) >= self._get_limit(path)

    def fetch_pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[JsonObject]]:
        """Yield the items of a list with their envelopes, page by page.

        Raises:
            UserError: Chargebee refused a call, or no answer was valid.
        """
        shape = ListShape(name=path, items="list", key={}, paging="next_offset")
        yield from self._read_list(path, query, PageDecoder(shape))

    def fetch_all(self, path: str, query: Mapping[str, str], resource: Resource) -> list[JsonObject]:
        """Return all records at a path: of a list, under another key, or the only record of an answer.

        Raises:
            UserError: Chargebee refused a call, or no answer was valid.
        """
        if resource.answer == "list":
            return list(self.fetch_records(path, query, resource))

        def decode(content: bytes) -> Page:
            # Chargebee's documents do not say whether such a key holds a list of records or one record.
            try:
                return PageDecoder(build_list_shape(resource)).decode_page(content)
            except UnprovenError:
                return PageDecoder(build_list_shape(resource, single=True)).decode_page(content)

        page = self.fetch_decoded(path, query, decode)
        return [item.decode_record() for item in page.items]

    def fetch_records(self, path: str, query: Mapping[str, str], resource: Resource) -> Iterator[JsonObject]:
        """Yield the records of a list. A page is fetched when the caller needs it.

        Raises:
            UserError: Chargebee refused a call, or no answer was valid.
        """
        for records in self._read_list(path, query, PageDecoder(build_list_shape(resource)), entity=resource.entity):
            yield from records

    def _read_list(
        self, path: str, query: Mapping[str, str], decoder: PageDecoder, *, entity: str = ""
    ) -> Iterator[list[JsonObject]]:
        def fetch(cursor: str | None, _: Callable[[Page], None]) -> Page:
            place = query if cursor is None else {**query, "offset": cursor}
            return self.fetch_page(path, place, decoder, entity=entity)

        try:
            for items in WholeList(path, fetch, key=decoder.find_key):
                yield [item.decode_record() for item in items]
        except NotWholeError as error:
            raise UserError(str(error)) from None

    def _call_api(  # noqa: PLR0913 what to fetch, how to read it, and how hard to try
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[str, Answer], T],
        *,
        tries: int = RETRIES.tries,
        limited: bool = False,
        entity: str = "",
    ) -> T:
        headers = {ENTITY_HEADER: entity} if entity else None

        def build_call() -> Call:
            params = {**query, "limit": str(self._get_limit(path))} if limited else query
            return Call("GET", path, params, headers=headers)

        def shrink_page(error: FailedCallError) -> None:
            # A smaller page may succeed where this one was too slow or too large.
            is_too_large = error.answer is not None and PAGE_TOO_LARGE in _decode_error(error.answer).message
            if limited and (error.slow or is_too_large):
                self._limits[path] = max(self._get_limit(path) // 2, min(SMALLEST_PAGE, self._page_size))

        try:
            return self._transport.send(
                build_call, lambda answer: read(path, answer), tries=tries, on_failure=shrink_page
            )
        except NoAnswerError as error:
            raise UserError(
                error.demand
                or f"Chargebee gave no valid answer to GET {path} in {error.tries} tries, the last was {error.last}: "
                "try again later, or check the settings `site` and `api_url`."
            ) from None

    def _get_limit(self, path: str) -> int:
        return self._limits.get(path, self._page_size)

    def _decode(self, path: str, answer: Answer, decode: Callable[[bytes], T], entity: str = "") -> T:
        """Decode an answer.

        Raises:
            UserError: Chargebee refused the call, and a repetition would not change that.
            FailedCallError: the answer is not valid: it comes from a proxy, is incomplete, or lacks a member.
        """
        if answer.status != HTTPStatus.OK:
            raise build_refusal(answer.status, _decode_error(answer), path=path, site=self._site, entity=entity)
        try:
            return decode(answer.content)
        except UnprovenError as error:
            raise FailedCallError(f"an unexpected answer ({error})", answer) from None


def _decode_error(answer: Answer) -> ErrorBody:
    try:
        _, body = decode_json(answer.content, ErrorBody)
    except UnprovenError:
        return ErrorBody()
    # The code is shown in messages, so control characters are removed from it.
    body.api_error_code = clean_text(body.api_error_code)
    return body
