"""The lists of a run. Each is read once, however many streams need it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_intercom.api.lists import NumberedReader
from tap_intercom.api.pages import ResourceDecoder
from tap_intercom.api.scroll import Scroll
from tap_intercom.api.spool import SpooledReader
from tap_intercom.streams.reader import SearchReader
from tap_intercom.streams.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.lists import ListReader
    from tap_intercom.api.pages import Item
    from tap_intercom.streams.stream import IntercomStream
    from tap_intercom.tap import TapIntercom

SAMPLE = Resource("companies", "/companies", params={"per_page": "1"})
"""Reads one company for `--test`, as an unfinished scroll would block the next one."""


class SkippedList:
    """A list that this run does not read."""

    shortage: Shortage | None = None

    def wait(self) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def __iter__(self) -> Iterator[list[Item]]:
        return iter(())


class SharedLists:
    """Opens the lists of the streams, each list once.

    Args:
        tap: the tap with the streams.
    """

    def __init__(self, tap: TapIntercom) -> None:
        self._tap = tap
        self._readers: dict[str, ListReader] = {}

    def open_list(self, stream: IntercomStream) -> ListReader:
        """Return the reader of a stream's list, and request its first page if the reader is new."""
        listed = stream.page_resource
        if stream.is_test:
            # `--test` does not read a list to its end, so no other stream can use it.
            return self._start_reading(listed, [stream])
        if listed.name not in self._readers:
            sharing = [one for one in self._tap.list_selected() if one.page_resource is listed]
            self._readers[listed.name] = self._start_reading(listed, sharing)
        return self._readers[listed.name]

    def _start_reading(self, listed: Resource, sharing: Sequence[IntercomStream]) -> ListReader:
        source, is_test = self._tap.source, sharing[0].is_test
        if source.is_subset and not is_test:
            return source.subset.open_list(listed.name)
        if all(one.is_skipped for one in sharing):
            return SkippedList()
        decoder = ResourceDecoder(listed, [name for one in sharing for name in one.inner_lists])
        if listed.way == "scroll" and not is_test:
            return Scroll(source.client, listed, decoder, patience=source.config["scroll_patience"])
        reader: ListReader
        key, max_missing = (self._tap.find_place(sharing[0]),), source.config["max_missing"]
        if listed.way == "search":
            # All streams share one search, so it begins with the earliest time that one of them needs.
            since = [one.since for one in sharing]
            reader = SearchReader(
                source.pool,
                source.client,
                listed,
                decoder,
                since=None if None in since else min(one for one in since if one is not None),
                page_size=source.config["page_size"],
                key=key,
                now=lambda: source.run_start,
                max_missing=max_missing,
            )
        else:
            resource = listed
            if listed.way == "scroll":
                resource = replace(SAMPLE, counts=listed.counts, replication_key=listed.replication_key)
                decoder = ResourceDecoder(resource)
            query = dict(resource.params)
            if listed.bounds:
                query |= zip(listed.bounds, (str(sharing[0].since or 0), str(source.run_start)), strict=True)
            reader = NumberedReader(
                source.pool, source.client, resource, decoder, query, key=key, max_missing=max_missing
            )
        return SpooledReader(reader, decoder) if len(sharing) > 1 else reader
