"""A list on disk, for streams that read it after or during its fetch."""

from __future__ import annotations

import os
import threading
import weakref
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.lists import ListReader
    from tap_intercom.api.pages import Item, ResourceDecoder


class Spool:
    """Pages of items in a temporary file, which has no name and disappears with the process.

    Args:
        decoder: decodes the items.
    """

    def __init__(self, decoder: ResourceDecoder) -> None:
        self._decoder = decoder
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 it lives as long as the spool
        weakref.finalize(self, self._file.close)
        self._pages: list[tuple[int, int]] = []
        self._end = 0
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def add_page(self, items: Sequence[Item]) -> None:
        """Append a page."""
        # There is one line per record, as the decoder removed all line breaks.
        text = b"\n".join(bytes(memoryview(item.text)) for item in items)
        os.pwrite(self._file.fileno(), text, self._end)
        with self._changed:
            self._pages.append((self._end, len(text)))
            self._end += len(text)
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Mark the end of the list. With an error the list is incomplete."""
        with self._changed:
            self._error = error
            self._closed = True
            self._changed.notify_all()

    def raise_early_error(self) -> None:
        """Raise the error of a list that has no page.

        Raises:
            BaseException: the error that ended the list.
        """
        with self._changed:
            if self._error is not None and not self._pages:
                raise self._error

    def wait_for_page(self, place: int) -> bool:
        """Wait for a page or the end of the list; return whether the page is there.

        Raises:
            BaseException: the error that ended the list.
        """
        with self._changed:
            while len(self._pages) <= place and not self._closed:
                self._changed.wait()
            if len(self._pages) > place:
                return True
            if self._error is not None:
                raise self._error
            return False

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield every page as soon as it is there."""
        place = 0
        while self.wait_for_page(place):
            start, length = self._pages[place]
            text = os.pread(self._file.fileno(), length, start)
            yield [self._decoder.decode_record(line) for line in text.split(b"\n")] if text else []
            place += 1


class SpooledReader:
    """A list that several streams read in turn: the first one fetches it, the others read its copy.

    Args:
        reader: fetches the list.
        decoder: decodes its items.
    """

    def __init__(self, reader: ListReader, decoder: ResourceDecoder) -> None:
        self._reader = reader
        self._decoder = decoder
        self._spool: Spool | None = None

    @property
    def shortage(self) -> Shortage | None:
        """What is missing of the list within the permitted share; None if the list is complete."""
        return self._reader.shortage

    def wait(self) -> None:
        """Wait for the first page."""
        self._reader.wait()

    def begin(self) -> None:
        """Start to fetch ahead of the streams."""
        self._reader.begin()

    def __iter__(self) -> Iterator[list[Item]]:
        if self._spool is not None:
            yield from self._spool
            return
        spool = Spool(self._decoder)
        for page in self._reader:
            spool.add_page(page)
            yield page
        # A stream that stopped before the end leaves no copy.
        spool.close()
        self._spool = spool
