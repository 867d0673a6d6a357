"""The tap: its settings, its streams, and what it answers for when it ends."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_chargebee import rules
from tap_chargebee._kit.command_files import own_bookmarks
from tap_chargebee._kit.errors import reject
from tap_chargebee._kit.marker import MARKER, build_marker
from tap_chargebee._kit.tap_base import TapBase
from tap_chargebee.api.errors import NotOfferedError, UserError
from tap_chargebee.api.source import Source
from tap_chargebee.settings import MISSING, SETTINGS
from tap_chargebee.state import bookmarks
from tap_chargebee.streams import custom_fields
from tap_chargebee.streams.children import stream_of
from tap_chargebee.streams.resources import ROWS, STREAMS
from tap_chargebee.streams.stream import ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk import Stream

    from tap_chargebee.streams.reader import ListReader


class TapChargebee(TapBase):
    """All of a Chargebee site's billing records."""

    name = "tap-chargebee"
    package_name = "standpipe-tap-chargebee"
    config_jsonschema = SETTINGS.to_dict()
    stream_names = frozenset(ROWS)
    bookmark_types = bookmarks.TYPES
    missing_hints = MISSING

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, Any]) -> list[str]:
        """Return one sentence for each setting that no site of Chargebee's can have."""
        return rules.find_setting_problems(config)

    def discover_streams(self) -> Sequence[Stream]:
        """Return the streams of the catalog, or else all that the site can have, with the fields of its own.

        Raises:
            UserError: the catalog lists another, or the site or the key is wrong.
        """
        listed = self.find_listed_streams()
        if listed is not None:
            return [stream_of(self, resource) for resource in STREAMS if resource.name in listed]
        version = None
        if self.config.get("site") and self.config.get("api_key"):
            version = self.source.site.catalog
            self.source.custom_fields = custom_fields.discover_fields(self.source.client)
        return [stream_of(self, resource) for resource in STREAMS if version is None or version in resource.catalogs]

    @cached_property
    def source(self) -> Source:
        """What the streams share."""
        return Source(self.config)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read the selected streams and, when every one of them was read to its end, say so in the last STATE.

        Whoever joins the streams relies on the marker: a tap that dies gives it a clean end of input, and so does a run
        of the SDK in which nothing changed. It is final for the SDK's type checker only.

        Raises:
            UserError: Chargebee refused a stream, which it does before the first message; or it fell silent later.
        """
        selected = self._open()
        self.state.get("bookmarks", {}).pop(MARKER, None)
        super().sync_all()
        marker = build_marker(
            {stream.name: stream.rows for stream in selected},
            whole=[stream.name for stream in selected if stream.is_whole],
            start_date=self.source.start_date,
            completed_at=int(time.time() * 1000),
            subset=self.source.is_subset,
        )
        bookmarks = self.state.setdefault("bookmarks", {})
        if self.source.is_subset:
            for name in [name for name, bookmark in bookmarks.items() if not bookmark]:
                del bookmarks[name]
        bookmarks[MARKER] = marker
        self.state_writer.write_state(self.state)

    def _open(self) -> list[ChargebeeStream]:
        """Ask for the first page of every selected stream, and return the streams once all are there."""
        self._leave_out()
        streams = self._selected()
        opened = {stream: stream.open() for stream in streams if not stream.waits_for_news}
        since = {stream.resource: stream.events_since for stream in streams}
        self.source.learn({resource: at for resource, at in since.items() if at is not None})
        opened |= {stream: stream.open() for stream in streams if stream.waits_for_news}
        for stream, reading in opened.items():
            self._await(stream, reading)
        for stream, reading in opened.items():
            if stream.selected:
                stream.declare_first_page()
                reading.begin()
        return [stream for stream in opened if stream.selected]

    def _await(self, stream: ChargebeeStream, reading: ListReader) -> None:
        """Wait for the first page of a stream, and leave it out when nobody asked for what the site does not offer."""
        try:
            reading.wait()
        except NotOfferedError as error:
            if self.input_catalog is not None:
                raise
            self.logger.warning("%s", error.message)
            stream.selected = False

    def _selected(self) -> list[ChargebeeStream]:
        streams = [stream for stream in self.streams.values() if isinstance(stream, ChargebeeStream)]
        return [stream for stream in streams if stream.selected]

    def _leave_out(self) -> None:
        """Deselect what the site cannot have, or what does not belong to a part of it.

        Raises:
            UserError: the catalog asks for what the site cannot have.
        """
        _ = self.source.run_start
        version = self.source.site.catalog
        for stream in self._selected():
            if version is not None and version not in stream.resource.catalogs:
                if self.input_catalog is not None:
                    raise UserError(rules.wrong_catalog(stream.name, self.config["site"], version))
                stream.selected = False
            elif self.source.is_subset and stream.resource.by_customer is None:
                self.logger.info("Left out: %s does not belong to a part of a site", stream.name)
                stream.selected = False

    def load_state(self, state: dict[str, Any]) -> None:
        """Take the last run's state over, bookmarks of others included.

        Raises:
            UserError: it is no Singer state, a bookmark is no time, or it was left by another site.
        """
        super().load_state(state)
        reject(rules.site_problems(own_bookmarks(state, self.stream_names), self.config.get("site") or ""))
