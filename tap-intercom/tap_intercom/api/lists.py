"""Lists that come in a single answer or in numbered pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from tap_intercom._kit.list_shape import ListShape
from tap_intercom._kit.page_decoder import Page, PageDecoder, UnprovenError
from tap_intercom._kit.parallel_map import OrderedParallelMap
from tap_intercom._kit.whole_list import ItemCount, NotWholeError, WholeList
from tap_intercom.api.client import Call
from tap_intercom.api.errors import UserError
from tap_intercom.api.pages import build_list_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom._kit.json_types import JsonObject, JsonValue
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import Item, ResourceDecoder
    from tap_intercom.streams.resource import Resource

AHEAD = 16
"""The number of pages that are requested ahead of the reader."""
MISSING = "no list"
"""Replaces a missing member. It is a text, which the decoder rejects."""


class ListReader(Protocol):
    """Reads one list page by page."""

    @property
    def shortage(self) -> Shortage | None:
        """What is missing of the list within the permitted share; None if the list is complete."""

    def wait(self) -> None:
        """Wait for the first page."""

    def begin(self) -> None:
        """Start to fetch ahead of the reader."""

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield every page in order."""


class NumberedReader:
    """Reads a list of numbered pages. The first page has their number, and the others are fetched in parallel.

    Args:
        pool: the threads that fetch pages.
        client: the connection to the workspace.
        resource: the row of the table.
        decoder: decodes the pages.
        query: the parameters of the list, without its paging.
        key: the position of the items in the output.
        max_missing: the share of the announced items that may be missing.
    """

    def __init__(  # noqa: PLR0913 what to read, and with what
        self,
        pool: FetchPool,
        client: IntercomClient,
        resource: Resource,
        decoder: ResourceDecoder,
        query: Mapping[str, str],
        *,
        key: Key,
        max_missing: float = 0.0,
    ) -> None:
        self._pool = pool
        self._client = client
        self._resource = resource
        self._decoder = decoder
        self._query = query
        self._key = key
        self._max_missing = max_missing
        self._count = ItemCount()
        self.shortage: Shortage | None = None
        self._total_pages = 1
        self._next_number = 2
        self._others: OrderedParallelMap[int, Page] | None = None
        self._first = pool.submit_call((*key, 0), lambda: self._fetch(1, lambda _: None))

    def wait(self) -> None:
        """Wait for the first page.

        Raises:
            UserError: Intercom refused it, or no answer was valid.
        """
        self._read_first_page()

    def _read_first_page(self) -> Page:
        with self._pool.changed:
            self._pool.wait_for((*self._key, 0), self._first.done)
        page = self._first.result()
        self._total_pages = max(self._total_pages, page.total_pages)
        return page

    def begin(self) -> None:
        """Request the next pages."""
        self._read_first_page()
        if self._others is None:
            self._others = OrderedParallelMap(
                self._pool,
                self._list_numbers(),
                lambda number: self._fetch(number, lambda _: None),
                # Child records of the first pages come first, as a reader that waits for them needs no other page.
                key=(*self._key, 2),
                ahead=AHEAD,
            )
            self._others.request_ahead()

    def _list_numbers(self) -> Iterator[int]:
        """Yield the numbers of the pages after the first, as long as answers announce more."""
        while self._next_number <= self._total_pages:
            yield self._next_number
            self._next_number += 1

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield every page.

        Raises:
            UserError: the list is incomplete.
        """
        page = self._read_first_page()
        yield self._count_items(page)
        self.begin()
        while self._others is not None:
            for _, other in self._others:
                # The result is None only after the map was closed.
                if other is not None:
                    page = other
                    # If a list grows during the reading, its last records move to a new page.
                    self._total_pages = max(self._total_pages, page.total_pages)
                    yield self._count_items(page)
            self._others = None
            if self._next_number <= self._total_pages:
                self.begin()
        # Parallel calls may miss items that moved to another page meanwhile.
        if not self._count.is_enough and self._count.find_shortage("", [page], 0) is not None:
            yield from self._read_again()

    def _count_items(self, page: Page) -> list[Item]:
        self._count.add(map(self._decoder.find_key, page.items), page.total)
        return page.items

    def _read_again(self) -> Iterator[list[Item]]:
        """Yield the items that did not come before, from a second reading, one page after the other."""
        seen = self._count.get_distinct()

        def fetch(number: str | None, check: Callable[[Page], None]) -> Page:
            at = int(number or 1)
            page = self._fetch(at, check)
            return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

        again = WholeList(self._decoder.shape.name, fetch, key=self._decoder.find_key, max_missing=self._max_missing)
        try:
            for items in again:
                yield [item for item in items if hash(self._decoder.find_key(item)) not in seen]
        except NotWholeError as error:
            raise UserError(str(error)) from None
        self.shortage = again.shortage

    def _fetch(self, number: int, check: Callable[[Page], None]) -> Page:
        def prove(page: Page) -> None:
            if not page.items and number < page.total_pages:
                raise UnprovenError(f"no item on page {number} of {page.total_pages}")
            check(page)

        query = {**self._query, **build_paging(self._resource, number)}
        return self._client.fetch_page(Call(self._resource.path, query), self._decoder, prove)


def build_paging(resource: Resource, number: int) -> dict[str, str]:
    """Return the parameters for one numbered page; none if the list comes in a single answer."""
    if resource.way != "numbered":
        return {}
    size = {"per_page": str(resource.per_page)} if resource.per_page else {}
    return {"page": str(number), **size}


def fetch_all(client: IntercomClient, resource: Resource, path: str) -> list[JsonObject]:
    """Return all items of a record's list, fetched one page after the other.

    Raises:
        UserError: Intercom refused a call, no answer was valid, or the list is incomplete.
    """
    if resource.single or resource.within:

        def decode(content: bytes) -> list[JsonObject]:
            shape = ListShape(name=resource.name, items="", key={})
            record = PageDecoder(shape).decode_object(content).decode_record()
            return find_nested_items(record, resource) if resource.within else [record]

        return client.fetch_decoded(Call(path, resource.params), decode)
    pages = fetch_pages(client, resource, path, PageDecoder(build_list_shape(resource)))
    return [item.decode_record() for page in pages for item in page]


def fetch_pages(client: IntercomClient, resource: Resource, path: str, decoder: PageDecoder) -> list[list[Item]]:
    """Return all pages of a record's list, fetched one after the other.

    Raises:
        UserError: Intercom refused a call, no answer was valid, or the list is incomplete.
    """

    def fetch(number: str | None, check: Callable[[Page], None]) -> Page:
        at = int(number or 1)
        page = client.fetch_page(Call(path, {**resource.params, **build_paging(resource, at)}), decoder, check)
        return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

    try:
        return list(WholeList(decoder.shape.name, fetch, key=decoder.find_key))
    except NotWholeError as error:
        raise UserError(str(error)) from None


def find_nested_items(record: Mapping[str, JsonValue], resource: Resource) -> list[JsonObject]:
    """Return the items of a list within a record; none if the record has null in its place.

    Raises:
        UnprovenError: there is no such list, or an item has no key.
    """
    name, *rest = resource.within
    if name not in record:
        raise UnprovenError(f"no `{name}`")
    found: JsonValue = record[name]
    for inner in rest:
        found = found.get(inner, MISSING) if isinstance(found, dict) else found
    if found is None:
        return []
    # The list is checked like a separate page without paging.
    decoder = PageDecoder(replace(build_list_shape(resource), items="", paging="none", total=""))
    return [item.decode_record() for item in decoder.decode_page(msgspec.json.encode(found)).items]
