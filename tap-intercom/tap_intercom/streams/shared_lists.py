"""The lists of a run: each is read once, however many streams go through it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_intercom.api.pages import Shape
from tap_intercom.api.scroll import Scroll
from tap_intercom.api.spool import Shared
from tap_intercom.streams.lists import Listing
from tap_intercom.streams.reader import SearchReader
from tap_intercom.streams.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.pages import Item
    from tap_intercom.streams.lists import Pages
    from tap_intercom.streams.stream import IntercomStream
    from tap_intercom.tap import TapIntercom

SAMPLE = Resource("companies", "/companies", params={"per_page": "1"})
"""One company for `--test`: a scroll that is not read to its end stands in the way of the next."""


class Nothing:
    """A list that this run does not ask for."""

    shortage: Shortage | None = None

    def wait(self) -> None:
        """Nothing."""

    def begin(self) -> None:
        """Nothing."""

    def __iter__(self) -> Iterator[list[Item]]:
        return iter(())


class Sources:
    """Opens the lists that streams go through.

    Args:
        tap: whose streams they are.
    """

    def __init__(self, tap: TapIntercom) -> None:
        self._tap = tap
        self._open: dict[str, Pages] = {}

    def of(self, stream: IntercomStream) -> Pages:
        """The list that a stream goes through, begun when it was not yet; for `--test`, which leaves it, its own."""
        listed = stream.listed
        if stream.ABORT_AT_RECORD_COUNT is not None:
            return self._begin(listed, [stream])
        if listed.name not in self._open:
            sharing = [one for one in self._tap.chosen() if one.listed is listed]
            self._open[listed.name] = self._begin(listed, sharing)
        return self._open[listed.name]

    def _begin(self, listed: Resource, sharing: Sequence[IntercomStream]) -> Pages:
        tap, shape = self._tap, Shape(listed, [name for one in sharing for name in one.lists_wanted])
        if all(one.is_skipped for one in sharing):
            return Nothing()
        if listed.way == "scroll" and sharing[0].ABORT_AT_RECORD_COUNT is None:
            return Scroll(tap.client, listed, shape, patience=tap.config["scroll_patience"])
        pages = self._search(listed, shape, sharing) if listed.way == "search" else self._list(listed, shape, sharing)
        return Shared(pages, shape) if len(sharing) > 1 else pages

    def _search(self, listed: Resource, shape: Shape, sharing: Sequence[IntercomStream]) -> SearchReader:
        tap = self._tap
        since = [one.since for one in sharing]
        return SearchReader(
            tap.pool,
            tap.client,
            listed,
            shape,
            since=None if None in since else min(one for one in since if one is not None),
            page_size=tap.config["page_size"],
            key=(tap.place(sharing[0]),),
            now=lambda: tap.run_start,
            max_missing=tap.config["max_missing"],
        )

    def _list(self, listed: Resource, shape: Shape, sharing: Sequence[IntercomStream]) -> Listing:
        tap, asked = self._tap, listed
        if listed.way == "scroll":
            asked, shape = SAMPLE, Shape(replace(SAMPLE, told=listed.told, replication_key=listed.replication_key))
        query = dict(asked.params)
        if listed.bounds:
            query |= zip(listed.bounds, (str(sharing[0].since or 0), str(tap.run_start)), strict=True)
        key = (tap.place(sharing[0]),)
        return Listing(tap.pool, tap.client, asked, shape, query, key=key, max_missing=tap.config["max_missing"])
