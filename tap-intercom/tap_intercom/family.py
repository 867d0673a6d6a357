"""What is asked for by one record of a list after the other, many calls at a time, in the order of the list."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from tap_intercom._kit.fetch_pool import FetchPool, Key
    from tap_intercom.shape import Item

T = TypeVar("T")
HELD = 1000
"""So many records at most stand in the row behind one that is still asked about."""


class Family(Generic[T]):
    """Records, each with what was fetched for it; None for one that needs nothing.

    Args:
        pool: who fetches.
        parents: the records.
        needs: whether a record needs anything.
        fetch: what a record needs.
        key: where in the output the records belong.
        ahead: for how many of them to ask ahead.
    """

    def __init__(  # noqa: PLR0913 what to fetch, for what, and by whom
        self,
        pool: FetchPool,
        parents: Iterable[Item],
        *,
        needs: Callable[[Item], bool],
        fetch: Callable[[Item], T],
        key: Key,
        ahead: int,
    ) -> None:
        self._crew = pool
        self._parents = parents
        self._needs = needs
        self._fetch = fetch
        self._key = key
        self._ahead = ahead
        self._latest = key

    def __iter__(self) -> Iterator[tuple[Item, T | None]]:
        """Each record, and what was fetched for it."""
        row: deque[tuple[Item, Future[T] | None]] = deque()
        asked = 0
        for place, parent in enumerate(self._parents):
            if not row and not self._needs(parent):
                yield parent, None
                continue
            row.append(self._ask((*self._key, place), parent))
            asked += row[-1][1] is not None
            while row and (_is_there(row[0][1]) or asked > self._ahead or len(row) > HELD):
                asked -= row[0][1] is not None
                yield self._outcome(*row.popleft())
        while row:
            yield self._outcome(*row.popleft())

    def _ask(self, key: Key, parent: Item) -> tuple[Item, Future[T] | None]:
        if not self._needs(parent):
            return parent, None
        self._latest = key
        return parent, self._crew.future(key, partial(self._fetch, parent))

    def _outcome(self, parent: Item, future: Future[T] | None) -> tuple[Item, T | None]:
        if future is None:
            return parent, None
        with self._crew.changed:
            while not future.done():
                # All that was asked ahead is wanted: pages that others hold must not keep it waiting.
                self._crew.want(self._latest)
        return parent, future.result()


def _is_there(future: Future[T] | None) -> bool:
    return future is None or future.done()
