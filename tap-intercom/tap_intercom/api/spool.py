"""A list on disk, for those who go through it after, or beside, the one who reads it."""

from __future__ import annotations

import os
import threading
import weakref
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.pages import Item, Shape
    from tap_intercom.streams.lists import Pages


class Spool:
    """Pages of items in a temporary file that has no name and is gone with the process.

    Args:
        shape: what the items look like.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 it lives as long as the spool
        weakref.finalize(self, self._file.close)
        self._pages: list[tuple[int, int]] = []
        self._end = 0
        self._done = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def add(self, items: Sequence[Item]) -> None:
        """Put a page at the end."""
        text = b"\n".join(bytes(memoryview(item.text)) for item in items)
        os.pwrite(self._file.fileno(), text, self._end)
        with self._changed:
            self._pages.append((self._end, len(text)))
            self._end += len(text)
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Say that no more comes; with an error, that more should have."""
        with self._changed:
            self._error = error
            self._done = True
            self._changed.notify_all()

    def check(self) -> None:
        """Nothing, unless the list broke off before its first page.

        Raises:
            BaseException: what it broke off with.
        """
        with self._changed:
            if self._error is not None and not self._pages:
                raise self._error

    def wait(self, place: int = 0) -> bool:
        """Return when a page is there, or the end; whether it is a page.

        Raises:
            BaseException: what the list broke off with.
        """
        with self._changed:
            while len(self._pages) <= place and not self._done:
                self._changed.wait()
            if len(self._pages) > place:
                return True
            if self._error is not None:
                raise self._error
            return False

    def __iter__(self) -> Iterator[list[Item]]:
        """Every page, as it comes."""
        place = 0
        while self.wait(place):
            start, length = self._pages[place]
            text = os.pread(self._file.fileno(), length, start)
            yield [self._shape.item(line) for line in text.split(b"\n")] if text else []
            place += 1


class Shared:
    """A list that several streams go through one after the other: the first one reads it, the others what it kept.

    Args:
        pages: the list.
        shape: what its items look like.
    """

    def __init__(self, pages: Pages, shape: Shape) -> None:
        self._pages = pages
        self._shape = shape
        self._spool: Spool | None = None

    @property
    def shortage(self) -> Shortage | None:
        """What is missing of the list and may be."""
        return self._pages.shortage

    def wait(self) -> None:
        """Return when the first page is there."""
        self._pages.wait()

    def begin(self) -> None:
        """Read on, ahead of whoever goes through the items."""
        self._pages.begin()

    def __iter__(self) -> Iterator[list[Item]]:
        if self._spool is not None:
            yield from self._spool
            return
        spool = Spool(self._shape)
        yield from _kept(self._pages, spool)
        spool.close()
        self._spool = spool


def _kept(pages: Iterable[list[Item]], spool: Spool) -> Iterator[list[Item]]:
    for page in pages:
        spool.add(page)
        yield page
