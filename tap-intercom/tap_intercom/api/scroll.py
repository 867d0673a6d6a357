"""The one scroll over all companies, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from tap_intercom.api.client import Call
from tap_intercom.api.errors import ScrollTakenError, UserError
from tap_intercom.api.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_intercom._kit.page_decoder import Page
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import Item, Shape
    from tap_intercom.streams.resource import Resource

LOGGER = logging.getLogger("tap-intercom")
BEGINNINGS = 5
"""How often a broken scroll is begun again."""
PAUSE = 5.0
"""Seconds until a scroll is tried again while somebody else has one."""


class Scroll:
    """Every company that has users, read by a thread of its own as fast as Intercom gives them.

    A workspace has one scroll at a time, which expires when nobody asks for its next page for a minute: so it is kept
    on disk, and does not wait for those who go through it. A page that got lost cannot be asked for again, so a scroll
    that broke is begun anew, and what it gives a second time is passed over.

    Args:
        client: the workspace.
        resource: the row of the table.
        shape: what the items look like.
        patience: how long to wait for the turn, seconds.
        sleep: waits for so many seconds.
        clock: seconds, from any start, that only grow.
    """

    def __init__(  # noqa: PLR0913 what to read, with what, and the two clocks
        self,
        client: IntercomClient,
        resource: Resource,
        shape: Shape,
        *,
        patience: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = resource.path
        self._shape = shape
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._seen: set[int] = set()
        self._spool = Spool(shape)
        self._ready = threading.Event()
        self.shortage: Shortage | None = None
        """Nothing: a scroll announces no total, and is whole when its empty page came."""
        threading.Thread(target=self._work, daemon=True).start()

    def wait(self) -> None:
        """Return when the first page is there, or when it is known that it comes later, for it waits for its turn.

        Raises:
            UserError: Intercom refused it.
        """
        self._ready.wait()
        self._spool.check()

    def begin(self) -> None:
        """Nothing: it has begun."""

    def __iter__(self) -> Iterator[list[Item]]:
        return iter(self._spool)

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as problem:  # noqa: BLE001 whoever goes through the pages raises it
            error = problem
        self._spool.close(error)
        self._ready.set()

    def _read(self) -> None:
        for _ in range(BEGINNINGS):
            if self._through():
                return
        raise UserError(f"The scroll over the companies broke off {BEGINNINGS} times: run again later.")

    def _through(self) -> bool:
        """Read from the beginning on; whether the empty page came that is the end."""
        page = self._open()
        while page.items:
            self._keep(page.items)
            try:
                page = self._page({"scroll_param": str(page.cursor)}, once=True)
            except UserError as error:
                LOGGER.warning("The scroll over the companies broke off and is begun again: %s", error.message)
                return False
        self._keep(page.items)
        return True

    def _keep(self, items: list[Item]) -> None:
        self._spool.add([item for item in items if self._is_new(item)])
        self._ready.set()

    def _open(self) -> Page:
        deadline = self._clock() + self._patience
        while True:
            try:
                return self._page({})
            except ScrollTakenError as error:
                if self._clock() >= deadline:
                    raise
                LOGGER.info("%s Waiting for its end.", error.message)
            self._ready.set()
            self._sleep(PAUSE)

    def _page(self, query: dict[str, str], *, once: bool = False) -> Page:
        return self._client.page(Call(self._path, query), self._shape, once=once)

    def _is_new(self, item: Item) -> bool:
        version = hash((item.head.id, item.head.updated_at))
        if version in self._seen:
            return False
        self._seen.add(version)
        return True
