"""Lists that come in one answer or in numbered pages."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from tap_intercom.client import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom.client import IntercomClient
    from tap_intercom.resource import Resource
    from tap_intercom.shape import Item, Shape


class Pages(Protocol):
    """A list on its way."""

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
    ) -> None:
        self._pool = pool
        self._client = client
        self._resource = resource
        self._shape = shape
        self._query = query
        self._key = key
        self._first = self._ask(1)
        self._others: deque[Future[tuple[list[Item], int]]] = deque()
        self._asked = 1
        self._total = 1

    def wait(self) -> None:
        """Return when the first page is there.

        Raises:
            Refusal: Intercom refused it, or gave no answer in ten tries.
        """
        self._outcome(1, self._first)

    def begin(self) -> None:
        """Ask for the next pages."""
        self._outcome(1, self._first)
        while self._asked < self._total and len(self._others) < AHEAD:
            self._asked += 1
            self._others.append(self._ask(self._asked))

    def __iter__(self) -> Iterator[list[Item]]:
        yield self._outcome(1, self._first)
        self.begin()
        while self._others:
            number = self._asked - len(self._others) + 1
            yield self._outcome(number, self._others.popleft())
            self.begin()

    def _ask(self, number: int) -> Future[tuple[list[Item], int]]:
        return self._pool.run((*self._key, number), lambda: self._page(number))

    def _page(self, number: int) -> tuple[list[Item], int]:
        query = {**self._query, **paging(self._resource, number)}
        text, page = self._client.page(Call(self._resource.path, query), self._shape.page)
        pages = page.pages if self._resource.way == "numbered" else None
        return self._shape.items(text, page), (pages.total_pages or 1) if pages else 1

    def _outcome(self, number: int, future: Future[tuple[list[Item], int]]) -> list[Item]:
        with self._pool.changed:
            self._pool.wait_for((*self._key, number), future.done)
        items, total = future.result()
        # A list that grows while it is read moves its last records to a page that there was not before.
        self._total = max(self._total, total)
        return items


def paging(resource: Resource, number: int) -> dict[str, str]:
    """The parameters that ask for one numbered page; none where the list comes whole."""
    if resource.way != "numbered":
        return {}
    size = {"per_page": str(resource.per_page)} if resource.per_page else {}
    return {"page": str(number), **size}


def all_of(client: IntercomClient, resource: Resource, path: str) -> list[dict[str, Any]]:
    """All items of a list that hangs on one record, one page after the other.

    Raises:
        Refusal: Intercom refused it, or gave no answer in ten tries.
    """
    found: list[dict[str, Any]] = []
    number = total = 1
    while number <= total:
        answer = client.get(Call(path, {**resource.params, **paging(resource, number)}), dict[str, Any])
        found += within(answer, resource.within) if resource.within else _items(answer, resource)
        total = (answer.get("pages") or {}).get("total_pages") or 1 if resource.way == "numbered" else 1
        number += 1
    return found


def _items(answer: dict[str, Any], resource: Resource) -> list[dict[str, Any]]:
    if resource.single:
        return [answer]
    return list(answer.get(resource.answer) or ())


def within(record: Mapping[str, Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The items that stand in a record, at the end of a way of names; none where a name leads nowhere."""
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, list) else []
