"""The tap: its streams, their order, and the marker that says that all of them were read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_chargebee._kit.command_files import find_own_bookmarks
from tap_chargebee._kit.errors import raise_problems
from tap_chargebee._kit.tap_base import TapBase
from tap_chargebee.api.client import API_URL
from tap_chargebee.api.errors import NotOfferedError, UserError, describe_wrong_catalog
from tap_chargebee.api.source import Source
from tap_chargebee.settings import MISSING, SETTINGS, find_setting_problems
from tap_chargebee.state import bookmarks
from tap_chargebee.streams import custom_fields
from tap_chargebee.streams.children import build_stream
from tap_chargebee.streams.resources import ROWS, STREAMS
from tap_chargebee.streams.stream import ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk import Stream

    from tap_chargebee._kit.json_types import JsonObject, JsonValue
    from tap_chargebee.streams.reader import ListReader


class TapChargebee(TapBase):
    """Reads the billing records of a Chargebee site."""

    name = "tap-chargebee"
    package_name = "standpipe-tap-chargebee"
    config_jsonschema = SETTINGS.to_dict()
    stream_names = frozenset(ROWS)
    bookmark_types = bookmarks.TYPES
    missing_hints = MISSING

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the address of a site's API for other programs."""
        return {"api_url": API_URL}

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, JsonValue]) -> list[str]:
        """Return one sentence for each impossible setting."""
        return find_setting_problems(config)

    def discover_streams(self) -> Sequence[Stream]:
        """Return the streams of the catalog, or else all possible ones, with the site's own fields.

        Raises:
            UserError: the catalog lists an unknown stream, or the site or the key is wrong.
        """
        listed = self.find_listed_streams()
        if listed is not None:
            return [build_stream(self, resource) for resource in STREAMS if resource.name in listed]
        version = None
        if self.config.get("site") and self.config.get("api_key"):
            version = self.source.site.catalog
            self.source.custom_fields = custom_fields.discover_fields(self.source.client)
        return [build_stream(self, resource) for resource in STREAMS if version is None or version in resource.catalogs]

    @cached_property
    def source(self) -> Source:
        """The objects that the streams share."""
        return Source(self.config)

    def open_streams(self) -> list[ChargebeeStream]:
        """Fetch the first page of every selected stream, and return the streams after all pages came."""
        self._deselect_unavailable()
        streams = self._list_selected()
        readers = {stream: stream.start_reading() for stream in streams if not stream.needs_events_first}
        since = {stream.resource: stream.events_since for stream in streams}
        self.source.load_events({resource: at for resource, at in since.items() if at is not None})
        moves_since = [stream.moves_since for stream in streams if stream.moves_since is not None]
        if moves_since:
            self.source.load_moves(min(moves_since))
        readers |= {stream: stream.start_reading() for stream in streams if stream.needs_events_first}
        for stream, reader in readers.items():
            self._wait_for_first_page(stream, reader)
        for stream, reader in readers.items():
            if stream.selected:
                stream.declare_first_page()
                reader.begin()
        return [stream for stream in readers if stream.selected]

    def _wait_for_first_page(self, stream: ChargebeeStream, reader: ListReader) -> None:
        try:
            reader.wait()
        except NotOfferedError as error:
            # Without a catalog, the user did not select this stream, so the run continues without it.
            if self.input_catalog is not None:
                raise
            self.logger.warning("%s", error.message)
            stream.selected = False

    def _list_selected(self) -> list[ChargebeeStream]:
        streams = [stream for stream in self.streams.values() if isinstance(stream, ChargebeeStream)]
        return [stream for stream in streams if stream.selected]

    def _deselect_unavailable(self) -> None:
        """Deselect streams that the site lacks, and in a run over some customers those without customers.

        Raises:
            UserError: the catalog selects a stream that the site lacks.
        """
        # The first call of the run checks the site, the key and the start date.
        _ = self.source.run_start
        version = self.source.site.catalog
        for stream in self._list_selected():
            if version is not None and version not in stream.resource.catalogs:
                if self.input_catalog is not None:
                    raise UserError(describe_wrong_catalog(stream.name, self.config["site"], version))
                stream.selected = False
            elif self.source.is_subset and stream.resource.by_customer is stream.resource.by_event is None:
                self.logger.info("Skipping %s: its records do not belong to single customers", stream.name)
                stream.selected = False

    def load_state(self, state: JsonObject) -> None:
        """Take over the last run's STATE, including other plugins' bookmarks.

        Raises:
            UserError: it is not a Singer state, a bookmark has a wrong type, or another site or business entity wrote
                it.
        """
        super().load_state(state)
        found = find_own_bookmarks(state, self.stream_names)
        raise_problems(bookmarks.find_site_problems(found, self.config.get("site") or ""))
        raise_problems(bookmarks.find_entity_problems(found, self.config.get("business_entity_id") or ""))
