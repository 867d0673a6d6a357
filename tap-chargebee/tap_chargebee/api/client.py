"""All that goes over the wire, https://apidocs.chargebee.com/docs/api."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_chargebee._kit.list_shape import ListShape
from tap_chargebee._kit.page_decoder import Page, PageDecoder, UnprovenError, decode_json
from tap_chargebee._kit.rate_limit import CooldownPacer
from tap_chargebee._kit.retries import RetryTable
from tap_chargebee._kit.text import clean_text
from tap_chargebee._kit.transport import Answer, Call, FailedCallError, NoAnswerError, Transport
from tap_chargebee._kit.whole_list import NotWholeError, WholeList
from tap_chargebee.api.errors import Problem, UserError, refusal
from tap_chargebee.api.pages import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_chargebee.streams.resource import Resource

LOGGER = logging.getLogger("tap-chargebee")
RETRIES = RetryTable(tries=10, limited_tries=10)
# The first call of a run gives up early: what is wrong is more often `api_url` than the weather.
FIRST_TRIES = 4
SMALLEST_PAGE = 5
# Chargebee's words for a page that was too much for it, https://github.com/airbytehq/airbyte/issues/17657.
TOO_MUCH = "db communication failure"
T = TypeVar("T")


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
        site: str,
        api_key: str,
        api_url: str = "",
        page_size: int = 100,
        request_timeout: float = 80,
        answer_timeout: float = 300,
        connections: int = 1,
        requests_per_minute: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._page_size = page_size
        self._limits: dict[str, int] = {}
        self._transport = Transport(
            "Chargebee",
            api_url or f"https://{site}.chargebee.com/api/v2",
            distribution="standpipe-tap-chargebee",
            retries=RETRIES,
            auth=(api_key, ""),
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections,
            pacer=CooldownPacer(requests_per_minute, sleep, clock),
            name_error=lambda answer: _read_problem(answer).api_error_code,
            logger=LOGGER,
            sleep=sleep,
            clock=clock,
        )

    def site(self) -> Site:
        """The site, from the first call of a run, which also proves its name, the key and the URL.

        A key that may not read ``/configurations`` may still read the lists, so its 403 is answer enough.

        Raises:
            UserError: the site, the key or the URL is wrong.
        """
        return self._ask("/configurations", {}, self._read_site, tries=FIRST_TRIES)

    def _read_site(self, path: str, answer: Answer) -> Site:
        now = int(time.time() if answer.date is None else answer.date)
        if answer.status == HTTPStatus.FORBIDDEN:
            return Site(now)
        found = self._decode(path, answer, lambda content: decode_json(content, Configurations)[1])
        return Site(now, self._catalog(found))

    def _catalog(self, answer: Configurations) -> int | None:
        sites = {one.domain.lower(): one.product_catalog_version for one in answer.configurations}
        if sites and self._site.lower() not in sites:
            raise UserError(f"The key in the setting `api_key` is no key of the site `{self._site}`: check `site`.")
        return {"v1": 1, "v2": 2}.get(sites.get(self._site.lower(), ""))

    def read(self, path: str, query: Mapping[str, str], decode: Callable[[bytes], T]) -> T:
        """What is at a path, as ``decode`` proves it.

        Raises:
            UserError: Chargebee refused it, or gave no answer that can be proved.
        """
        return self._ask(path, query, lambda path, answer: self._decode(path, answer, decode))

    def page(self, path: str, query: Mapping[str, str], decoder: PageDecoder, *, limited: bool = True) -> Page:
        """One page of a list, proved as far as one page can be.

        A cursor is Chargebee's own business: it goes back as it came, as one parameter. After a page that took too long
        the pages of that list are smaller for the rest of the run.

        Raises:
            UserError: Chargebee refused it, or gave no answer that can be proved.
        """
        page = self._ask(path, query, lambda path, answer: self._decode(path, answer, decoder.decode), limited=limited)
        if "offset" in query and page.cursor == query["offset"]:
            raise UserError(
                f"Chargebee's list {path} came to the same cursor again, so it has no end: try again later."
            )
        return page

    def is_full(self, path: str, page: Page) -> bool:
        """Whether a page holds as many items as were asked for, so that more may follow whatever it says."""
        return len(page.items) >= self._limit(path)

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The items of a list as they stand there, a page at a time.

        Raises:
            UserError: Chargebee refused it, or gave no answer that can be proved.
        """
        shape = ListShape(name=path, items="list", key={}, paging="next_offset")
        yield from self._read_list(path, query, PageDecoder(shape))

    def all(self, path: str, query: Mapping[str, str], resource: Resource) -> list[dict[str, Any]]:
        """All records at a path: of a list, or of an answer that has them under another key, or is itself the only one.

        Raises:
            UserError: Chargebee refused it, or gave no answer that can be proved.
        """
        if resource.answer == "list":
            return list(self.read_records(path, query, resource))
        page = self.read(path, query, lambda content: _decode_either(content, resource))
        return [item.record() for item in page.items]

    def read_records(self, path: str, query: Mapping[str, str], resource: Resource) -> Iterator[dict[str, Any]]:
        """The records of a list, read as they are wanted.

        Raises:
            UserError: Chargebee refused it, or gave no answer that can be proved.
        """
        for records in self._read_list(path, query, PageDecoder(shape_of(resource))):
            yield from records

    def _read_list(self, path: str, query: Mapping[str, str], decoder: PageDecoder) -> Iterator[list[dict[str, Any]]]:
        def ask(cursor: str | None, _: Callable[[Page], None]) -> Page:
            return self.page(path, query if cursor is None else {**query, "offset": cursor}, decoder)

        try:
            for items in WholeList(path, ask, key=decoder.identify):
                yield [item.record() for item in items]
        except NotWholeError as error:
            raise UserError(str(error)) from None

    def _ask(
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[str, Answer], T],
        *,
        tries: int = RETRIES.tries,
        limited: bool = False,
    ) -> T:
        def call() -> Call:
            return Call("GET", path, {**query, "limit": str(self._limit(path))} if limited else query)

        def shorten(error: FailedCallError) -> None:
            if limited and (error.slow or _is_too_much(error)):
                self._limits[path] = max(self._limit(path) // 2, min(SMALLEST_PAGE, self._page_size))

        try:
            return self._transport.ask(call, lambda answer: read(path, answer), tries=tries, on_failure=shorten)
        except NoAnswerError as error:
            raise UserError(
                error.demand
                or f"Chargebee gave no good answer to GET {path} in {error.tries} tries, the last was {error.last}: "
                "try again later, or check the settings `site` and `api_url`."
            ) from None

    def _limit(self, path: str) -> int:
        return self._limits.get(path, self._page_size)

    def _check(self, path: str, answer: Answer) -> None:
        if answer.status != HTTPStatus.OK:
            raise refusal(answer.status, _read_problem(answer), path=path, site=self._site)

    def _decode(self, path: str, answer: Answer, decode: Callable[[bytes], T]) -> T:
        """What an answer says.

        Raises:
            UserError: it is not the answer asked for, and asking again would not change it.
            FailedCallError: it proves nothing: what stands before Chargebee answered, or it is cut off, or something
                is missing.
        """
        self._check(path, answer)
        try:
            return decode(answer.content)
        except UnprovenError as error:
            raise FailedCallError(f"an answer without what was asked for ({error})", answer) from None


def _decode_either(content: bytes, resource: Resource) -> Page:
    """Prove an answer that holds a list of records, or the one record, under a key or as a whole."""
    try:
        return PageDecoder(shape_of(resource)).decode(content)
    except UnprovenError:
        return PageDecoder(shape_of(resource, single=True)).decode(content)


def _is_too_much(error: FailedCallError) -> bool:
    """Whether Chargebee says that a page was too much for it."""
    return error.answer is not None and TOO_MUCH in _read_problem(error.answer).message


def _read_problem(answer: Answer) -> Problem:
    try:
        _, problem = decode_json(answer.content, Problem)
    except UnprovenError:
        return Problem()
    problem.api_error_code = clean_text(problem.api_error_code)
    return problem
