"""The scroll over all companies.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from tap_intercom._kit.scroll import open_scroll
from tap_intercom._kit.transport import NoAnswerError
from tap_intercom.api.client import RETRIES, Call, describe_no_answer
from tap_intercom.api.errors import ScrollTakenError, UserError
from tap_intercom.api.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_intercom._kit.page_decoder import Page
    from tap_intercom._kit.transport import FailedCallError
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import Item, ResourceDecoder
    from tap_intercom.streams.resource import Resource

LOGGER = logging.getLogger("tap-intercom")
MAX_STARTS = 5
"""How often a broken scroll is started."""
PAUSE = 5.0
"""Seconds between two attempts to open a scroll while another one is open."""


class Scroll:
    """Reads all companies that have users, in a separate thread, as fast as Intercom sends them.

    A workspace has one scroll at a time. It expires when its next page is not requested within a minute. So the pages
    go to disk, and the scroll does not wait for the streams that read them. A lost page cannot be fetched again, so a
    broken scroll starts again and skips what it already read.

    Args:
        client: the connection to the workspace.
        resource: the row of the table.
        decoder: decodes the pages.
        patience: how long to wait for the end of another scroll, in seconds.
        sleep: waits for a number of seconds.
        clock: returns a monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 what to read, with what, and the two clocks
        self,
        client: IntercomClient,
        resource: Resource,
        decoder: ResourceDecoder,
        *,
        patience: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = resource.path
        self._decoder = decoder
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._seen: set[int] = set()
        self._spool = Spool(decoder)
        self._ready = threading.Event()
        self.shortage: Shortage | None = None
        """Always None, as a scroll announces no total. Its empty last page proves that it is complete."""
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self) -> None:
        """Wait for the first page, or until it is clear that another scroll must end first.

        Raises:
            UserError: Intercom refused it.
        """
        self._ready.wait()
        self._spool.raise_early_error()

    def begin(self) -> None:
        """Do nothing, as the scroll already reads ahead."""

    def __iter__(self) -> Iterator[list[Item]]:
        return iter(self._spool)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            if not any(self._read_to_end() for _ in range(MAX_STARTS)):
                error = UserError(f"The scroll over the companies broke off {MAX_STARTS} times: run again later.")
        except BaseException as problem:  # noqa: BLE001 raised where the pages are read
            error = problem
        self._spool.close(error)
        self._ready.set()

    def _read_to_end(self) -> bool:
        """Read from the start. Return True at the end, which is an empty page, or False if the scroll broke."""
        page = self._open()
        while page.items:
            self._add_page(page.items)
            try:
                call = Call(self._path, {"scroll_param": str(page.cursor)})
                page = self._client.fetch_page(call, self._decoder, once=True)
            except UserError as error:
                LOGGER.warning("The scroll over the companies broke off and starts again: %s", error.message)
                return False
        self._add_page(page.items)
        return True

    def _open(self) -> Page:
        call = Call(self._path)

        def fetch(on_failure: Callable[[FailedCallError], None]) -> Page:
            return self._client.fetch_page(call, self._decoder, on_failure=on_failure)

        def is_taken(error: Exception) -> bool:
            if not isinstance(error, ScrollTakenError):
                return False
            LOGGER.info("%s Waiting until it ends.", error.message)
            return True

        def sleep(seconds: float) -> None:
            # Meanwhile the run reads its other streams.
            self._ready.set()
            self._sleep(seconds)

        try:
            return open_scroll(
                fetch,
                is_taken=is_taken,
                tries=RETRIES.unproven_tries,
                patience=self._patience,
                pause=PAUSE,
                sleep=sleep,
                clock=self._clock,
            )
        except NoAnswerError as error:
            raise UserError(describe_no_answer(f"{call.method} {call.path}", error)) from None

    def _add_page(self, items: list[Item]) -> None:
        new = []
        for item in items:
            version = hash((item.members.id, item.members.updated_at))
            if version not in self._seen:
                self._seen.add(version)
                new.append(item)
        self._spool.add_page(new)
        self._ready.set()
