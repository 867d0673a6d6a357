"""The tap: its streams, their order, and the marker that says that all of them were read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_intercom._kit.command_files import find_own_bookmarks
from tap_intercom._kit.errors import raise_problems
from tap_intercom._kit.stream import change_schemas
from tap_intercom._kit.tap_base import TapBase
from tap_intercom.api.client import REGIONS
from tap_intercom.api.errors import NotOfferedError, UserError, describe_old_version
from tap_intercom.api.source import Source
from tap_intercom.api.subset import MEMBERS
from tap_intercom.settings import MISSING, SETTINGS, find_setting_problems, parse_version
from tap_intercom.state import bookmarks
from tap_intercom.streams.children import build_stream
from tap_intercom.streams.custom_attributes import MODELS, add_attributes, fetch_attributes, find_recent
from tap_intercom.streams.resources import ROWS, STREAMS
from tap_intercom.streams.shared_lists import SharedLists
from tap_intercom.streams.stream import IntercomStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk import Stream

    from tap_intercom._kit.json_types import JsonObject, JsonValue


class TapIntercom(TapBase):
    """Reads the contacts, companies and conversations of an Intercom workspace."""

    name = "tap-intercom"
    package_name = "standpipe-tap-intercom"
    config_jsonschema = SETTINGS.to_dict()
    stream_names = frozenset(ROWS)
    bookmark_types = bookmarks.TYPES
    missing_hints = MISSING

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return the addresses of the regions and the version of the API for other programs."""
        return {
            "regions": {name: {"api_url": url} for name, url in REGIONS.items()},
            "api_version": cls.config_jsonschema["properties"]["intercom_version"]["default"],
        }

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, JsonValue]) -> list[str]:
        """Return one sentence for each impossible setting."""
        return find_setting_problems(config)

    def discover_streams(self) -> Sequence[Stream]:
        """Return the streams of the catalog, or else all that the API's version has.

        Raises:
            UserError: the catalog lists an unknown stream.
        """
        listed = self.find_listed_streams()
        if listed is None:
            return [build_stream(self, resource) for resource in STREAMS if resource.min_version <= self._version]
        return [build_stream(self, resource) for resource in STREAMS if resource.name in listed]

    @property
    def _version(self) -> tuple[int, int]:
        return parse_version(self.config.get("intercom_version") or "2.14")

    def run_discovery(self) -> str:
        """Print the catalog. With a token, it includes the workspace's custom attributes.

        Raises:
            UserError: the token, the region or the version is wrong.
        """
        source = self.source
        if self.config.get("access_token"):
            for stream in MODELS:
                source.attributes[stream] = fetch_attributes(source.client, stream)
            if any(source.attributes.values()):
                source.attributes_read_at = self.utc_now()
            else:
                # This call shows whether the workspace has no custom attributes or a setting is wrong.
                _ = source.workspace
        return super().run_discovery()

    @cached_property
    def source(self) -> Source:
        """The objects that the streams share."""
        return Source(self.config)

    @cached_property
    def lists(self) -> SharedLists:
        """The lists of the run."""
        return SharedLists(self)

    def find_place(self, stream: IntercomStream) -> int:
        """Return the place of a stream in the output. The SDK reads streams in the order of the catalog."""
        return list(self.streams).index(stream.name)

    def list_selected(self) -> Iterator[IntercomStream]:
        """Yield the selected streams."""
        for stream in self.streams.values():
            if isinstance(stream, IntercomStream) and stream.selected:
                yield stream

    def open_streams(self) -> list[IntercomStream]:
        """Fetch the first page of every selected stream, and return the streams after all pages came."""
        self._deselect_outside_subset()
        self._check_versions()
        # Only this tap's own bookmarks are checked.
        left = list(find_own_bookmarks(self.state, self.stream_names))
        self.source.request_workspace()
        if not left:
            # The searches of a first run depend on nothing, so they start at once. In the wrong workspace they do no
            # harm, while a scroll would block the scrolls of others.
            for stream in self.list_selected():
                if stream.page_resource.way == "search":
                    stream.start_reading()
        _ = self.source.run_start
        raise_problems(bookmarks.find_workspace_problems(left, self.source.workspace.id))
        readers = {stream: stream.start_reading() for stream in self.list_selected()}
        for stream, reader in readers.items():
            if stream.page_resource.way == "search":
                # Searches take most of a run's time, so they read ahead while the first pages of other lists arrive.
                reader.begin()
        self._add_custom_attributes()
        for stream, reader in readers.items():
            try:
                reader.wait()
            except NotOfferedError as error:
                # Without a catalog, the user did not select this stream, so the run continues without it.
                if self.input_catalog is not None:
                    raise
                self.logger.warning("%s", error.message)
                stream.selected = False
        selected = [stream for stream in readers if stream.selected]
        for stream in selected:
            readers[stream].begin()
        return selected

    def _check_versions(self) -> None:
        """Check that the API's version has every selected stream.

        Raises:
            UserError: the catalog selects a stream of a later version.
        """
        for stream in self.list_selected():
            since = stream.resource.min_version
            if since > self._version:
                raise UserError(describe_old_version(stream.name, self.config["intercom_version"], since))

    def _deselect_outside_subset(self) -> None:
        """In a run over some companies and contacts, deselect the streams that it does not read."""
        if not self.source.is_subset:
            return
        for stream in list(self.list_selected()):
            if stream.name not in MEMBERS:
                self.logger.info("Skipping %s: a run over some companies and contacts does not read it", stream.name)
                stream.selected = False

    def _add_custom_attributes(self) -> None:
        """Add the types of the workspace's custom attributes to the schemas. They may be newer than the catalog."""
        names = [stream.name for stream in self.list_selected() if stream.name in MODELS]
        if not names:
            return
        attributes = self.source.attributes
        catalog = {entry.tap_stream_id: entry.schema.to_dict() for entry in self.catalog.streams}
        for name in names:
            recent = find_recent(catalog[name], self.utc_now())
            attributes[name] = fetch_attributes(self.source.client, name) if recent is None else recent
        change_schemas(self, {name: add_attributes(catalog[name], attributes[name]) for name in names})
