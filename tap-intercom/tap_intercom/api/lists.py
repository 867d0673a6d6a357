"""Lists that come in one answer or in numbered pages."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tap_intercom._kit.list_shape import ListShape
from tap_intercom._kit.page_decoder import Page, PageDecoder, UnprovenError
from tap_intercom._kit.whole_list import Count, NotWholeError, WholeList
from tap_intercom.api.client import Call
from tap_intercom.api.errors import UserError
from tap_intercom.api.pages import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import Item, Shape
    from tap_intercom.streams.resource import Resource


class Pages(Protocol):
    """A list on its way."""

    @property
    def shortage(self) -> Shortage | None:
        """What is missing of it and may be, once it was gone through; None when it is whole."""

    def wait(self) -> None:
        """Return when the first page is there."""

    def begin(self) -> None:
        """Read on, ahead of whoever goes through the items."""

    def __iter__(self) -> Iterator[list[Item]]:
        """Every page, in order."""


AHEAD = 16
"""So many pages are asked for ahead."""


class Listing:
    """The items of a list: its first page tells how many there are, and the others are fetched side by side.

    Args:
        pool: who fetches.
        client: the workspace.
        resource: the row of the table.
        shape: what the items look like.
        query: the parameters of the list, without its paging.
        key: where in the output the items belong.
        max_missing: the share of the announced items that may be missing.
    """

    def __init__(  # noqa: PLR0913 what to read, and with what
        self,
        pool: FetchPool,
        client: IntercomClient,
        resource: Resource,
        shape: Shape,
        query: Mapping[str, str],
        *,
        key: Key,
        max_missing: float = 0.0,
    ) -> None:
        self._pool = pool
        self._client = client
        self._resource = resource
        self._shape = shape
        self._query = query
        self._key = key
        self._max_missing = max_missing
        self._count = Count()
        self.shortage: Shortage | None = None
        self._first = self._ask(1)
        self._others: deque[Future[Page]] = deque()
        self._asked = 1
        self._total_pages = 1

    def wait(self) -> None:
        """Return when the first page is there.

        Raises:
            UserError: Intercom refused it, or gave no answer in ten tries.
        """
        self._result(1, self._first)

    def begin(self) -> None:
        """Ask for the next pages."""
        self._result(1, self._first)
        while self._asked < self._total_pages and len(self._others) < AHEAD:
            self._asked += 1
            self._others.append(self._ask(self._asked))

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield every page; pages that came in another order than they were asked for may lack what moved meanwhile.

        Raises:
            UserError: the list is not whole.
        """
        page = self._result(1, self._first)
        yield self._keep(page)
        self.begin()
        while self._others:
            number = self._asked - len(self._others) + 1
            page = self._result(number, self._others.popleft())
            yield self._keep(page)
            self.begin()
        if not self._is_whole(page):
            yield from self._read_again()

    def _keep(self, page: Page) -> list[Item]:
        self._count.add(map(self._shape.identify, page.items), page.total)
        return page.items

    def _is_whole(self, last: Page) -> bool:
        return self._count.is_enough or self._count.find_shortage("", [last], 0) is None

    def _read_again(self) -> Iterator[list[Item]]:
        """Yield what did not come before, of the list read anew from its start."""
        seen = self._count.distinct()
        again = WholeList(
            self._shape.shape.name, self._ask_in_turn, key=self._shape.identify, max_missing=self._max_missing
        )
        try:
            for items in again:
                yield [item for item in items if hash(self._shape.identify(item)) not in seen]
        except NotWholeError as error:
            raise UserError(str(error)) from None
        self.shortage = again.shortage

    def _ask_in_turn(self, number: str | None, check: Callable[[Page], None]) -> Page:
        at = int(number or 1)
        page = self._fetch(at, check)
        return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

    def _ask(self, number: int) -> Future[Page]:
        return self._pool.run((*self._key, number), lambda: self._fetch(number, lambda _: None))

    def _fetch(self, number: int, check: Callable[[Page], None]) -> Page:
        def prove(page: Page) -> None:
            if not page.items and number < page.total_pages:
                raise UnprovenError(f"no item on page {number} of {page.total_pages}")
            check(page)

        query = {**self._query, **paging(self._resource, number)}
        return self._client.page(Call(self._resource.path, query), self._shape, prove)

    def _result(self, number: int, future: Future[Page]) -> Page:
        with self._pool.changed:
            self._pool.wait_for((*self._key, number), future.done)
        page = future.result()
        # A list that grows while it is read moves its last records to a page that there was not before.
        self._total_pages = max(self._total_pages, page.total_pages)
        return page


def paging(resource: Resource, number: int) -> dict[str, str]:
    """The parameters that ask for one numbered page; none where the list comes whole."""
    if resource.way != "numbered":
        return {}
    size = {"per_page": str(resource.per_page)} if resource.per_page else {}
    return {"page": str(number), **size}


def all_of(client: IntercomClient, resource: Resource, path: str) -> list[dict[str, Any]]:
    """All items of a list that hangs on one record, one page after the other.

    Raises:
        UserError: Intercom refused it, gave no answer in ten tries, or the list is not whole.
    """
    if resource.single or resource.within:
        return client.read(Call(path, resource.params), lambda content: _decode_record(content, resource))
    decoder = PageDecoder(shape_of(resource))

    def ask(number: str | None, check: Callable[[Page], None]) -> Page:
        at = int(number or 1)
        page = client.page(Call(path, {**resource.params, **paging(resource, at)}), decoder, check)
        return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

    try:
        pages = list(WholeList(decoder.shape.name, ask, key=decoder.identify))
    except NotWholeError as error:
        raise UserError(str(error)) from None
    return [item.record() for page in pages for item in page]


def _decode_record(content: bytes, resource: Resource) -> list[dict[str, Any]]:
    record = PageDecoder(ListShape(name=resource.name, items="", key={})).decode_object(content).record()
    return within(record, resource) if resource.within else [record]


def within(record: Mapping[str, Any], resource: Resource) -> list[dict[str, Any]]:
    """The items that stand in a record; none where the record has null in their place.

    Raises:
        UnprovenError: there is no such list, or an item has no key.
    """
    name, *rest = resource.within
    if name not in record:
        raise UnprovenError(f"no `{name}`")
    found: Any = record[name]
    for inner in rest:
        found = found.get(inner, UNPROVEN) if isinstance(found, dict) else found
    if found is None:
        return []
    decoder = PageDecoder(replace(shape_of(resource), items="", paging="none", total=""))
    return [item.record() for item in decoder.decode(msgspec.json.encode(found)).items]


UNPROVEN = "no list"
"""What stands for a member that is not there."""
