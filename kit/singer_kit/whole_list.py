"""Checks of a list that is read in pages: as many items must arrive as it announced."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .page_decoder import UnprovenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .page_decoder import Item, Page

ALWAYS_WHOLE = 1000
"""In a list shorter than this, nothing may be missing."""
MOST_EMPTY = 200
"""The most consecutive pages without an item."""


class ItemCount:
    """The distinct items of a list that is read in pieces, by hashes of eight bytes, and the total announced first."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self.announced: int | None = None

    def add(self, keys: Iterable[object], total: int | None = None) -> None:
        """Count the items of a page by their keys, and store the total that the first page announced."""
        self._hashes.extend(map(hash, keys))
        if self.announced is None:
            self.announced = total

    def get_distinct(self) -> set[int]:
        """Return the hashes of the items."""
        return set(self._hashes)

    def count_distinct(self) -> int:
        """Return the number of different items."""
        return len(self.get_distinct())

    def find_shortage(self, name: str, probe: Iterable[Page], max_missing: float) -> Shortage | None:
        """Return what is missing; None if nothing is.

        Args:
            name: the name of the list in messages.
            probe: pages with the newest total, whose items are counted.
            max_missing: the share that may be missing.
        """
        # Items may be deleted during the reading, so the smaller of the two totals is expected.
        newest = next((page.total for page in probe if page.total is not None), 0)
        found = Shortage(name, min(self.announced or 0, newest), self.count_distinct(), max_missing)
        return found if found.missing else None

    @property
    def is_enough(self) -> bool:
        """Whether as many items came as the first page announced, so that no probe is needed."""
        if self.announced is None or len(self._hashes) < self.announced:
            return self.announced is None
        return self.count_distinct() >= self.announced


@dataclass(frozen=True)
class Shortage:
    """How many items of a list did not come, of how many that it announced.

    Args:
        name: what a sentence calls the list.
        expected: the smaller of the first announced total and the one asked for at the end.
        read: distinct items that came, with those that were changed meanwhile.
        max_missing: the share that may be missing.
    """

    name: str
    expected: int
    read: int
    max_missing: float

    @cached_property
    def missing(self) -> int:
        """The number of missing items; 0 if the list is complete."""
        return max(self.expected - self.read, 0)

    @property
    def is_bearable(self) -> bool:
        """Whether a run may go on without them: never if none came, and never in a list of fewer than a thousand."""
        if not self.missing:
            return True
        # In a short list, the permitted share would be less than one item. An empty answer is probably an error.
        return self.read > 0 and self.expected >= ALWAYS_WHOLE and self.missing <= self.max_missing * self.expected

    def __str__(self) -> str:
        return f"{self.missing} of the {self.expected} announced {self.name} did not arrive"

    @property
    def sentence(self) -> str:
        """The sentence that ends the run."""
        return (
            f"{self}, not even on a second request: nothing was written, and no STATE either, so run again later. "
            "`max_missing` sets the share that may be missing."
        )


class NotWholeError(Exception):
    """A list may be incomplete. The text is one sentence."""


class WholeList:
    """Reads a list by its cursor, checks that it is complete, and reads it once more if too much is missing.

    Args:
        name: what a sentence calls the list.
        fetch_page: returns the page at a cursor (the first one at None), once the given check accepts it.
        probe: gives the newest total, and the items that were created or changed since the reading began: they moved
            out of its way, and the next run reads them. The list's first page if not given.
        key: what an item is known by.
        max_missing: the share of the announced items that may be missing.
    """

    def __init__(
        self,
        name: str,
        fetch_page: Callable[[str | None, Callable[[Page], None]], Page],
        *,
        probe: Callable[[], Iterable[Page]] | None = None,
        key: Callable[[Item], object] = lambda item: item.members.id,
        max_missing: float = 0.0,
    ) -> None:
        self._name, self._fetch_page, self._key, self._max_missing = name, fetch_page, key, max_missing
        self._probe = probe or (lambda: [fetch_page(None, lambda _: None)])
        self._count = ItemCount()
        self.shortage: Shortage | None = None
        """What is missing within the permitted share; None if the list is complete."""

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield the pages. A second reading yields only items that did not come before.

        Raises:
            NotWholeError: the list is incomplete, or has no end.
        """
        yield from self._read_pages()
        yield from self._probe_missing()
        if self.shortage and not self.shortage.is_bearable:
            # A second reading finds items that moved between pages while the list changed.
            yield from map(self._take_new, self._read_pages())
            yield from self._probe_missing()
        if self.shortage and not self.shortage.is_bearable:
            raise NotWholeError(self.shortage.sentence)

    def _read_pages(self) -> Iterator[list[Item]]:
        cursor: str | None = None
        followed: set[str] = set()
        empty = 0
        while True:
            page = self._fetch_page(cursor, self._check_page)
            empty = 0 if page.items else empty + 1
            yield page.items
            self._count.add(map(self._key, page.items), page.total)
            if page.cursor is None or self._is_end(page):
                return
            # With a repeated cursor, or with empty pages only, the run would never end.
            if page.cursor in followed or empty > MOST_EMPTY:
                raise NotWholeError(f"The pages of {self._name} repeat without end: run again later.")
            cursor = page.cursor
            followed.add(cursor)

    def _check_page(self, page: Page) -> None:
        """Refuse a page without an item while announced items are missing."""
        if page.cursor and not page.items and page.total is not None and not self._is_end(page):
            raise UnprovenError(f"none of the {page.total} announced items")

    def _is_end(self, page: Page) -> bool:
        """Return whether an empty page with a cursor is the end, because all announced items came."""
        return not page.items and page.total is not None and self._count.count_distinct() >= page.total

    def _take_new(self, items: list[Item]) -> list[Item]:
        """Return the items that did not come before."""
        seen = self._count.get_distinct()
        return [item for item in items if hash(self._key(item)) not in seen]

    def _probe_missing(self) -> Iterator[list[Item]]:
        """Yield what the probe shows and the pages did not, and find out what is missing.

        The list is requested once more only when fewer items came than were announced.
        """
        self.shortage = None
        if self._count.is_enough:
            return
        # Items that changed during the reading may have moved. The probe finds them.
        pages = list(self._probe())
        for page in pages:
            yield self._take_new(page.items)
            self._count.add(map(self._key, page.items))
        self.shortage = self._count.find_shortage(self._name, pages, self._max_missing)
