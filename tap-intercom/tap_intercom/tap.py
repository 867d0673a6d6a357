"""The tap: its settings, its streams, and what it answers for when it ends."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_intercom import rules
from tap_intercom._kit.command_files import own_bookmarks
from tap_intercom._kit.errors import reject
from tap_intercom._kit.fetch_pool import FetchPool
from tap_intercom._kit.marker import MARKER, build_marker
from tap_intercom._kit.settings import parse_date
from tap_intercom._kit.stream import change_schemas
from tap_intercom._kit.tap_base import TapBase
from tap_intercom.api.client import REGIONS, IntercomClient
from tap_intercom.api.errors import NotOfferedError, UserError
from tap_intercom.settings import MISSING, SETTINGS
from tap_intercom.streams.custom_attributes import MODELS, fetch_attributes, find_recent, with_attributes
from tap_intercom.streams.resources import STREAMS
from tap_intercom.streams.shared_lists import Sources
from tap_intercom.streams.stream import IntercomStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from singer_sdk import Stream

    from tap_intercom.api.client import Workspace
    from tap_intercom.streams.lists import Pages

# Of 150 records of 3 KB, so many pages are 45 MB.
MOST_PAGES = 96


class TapIntercom(TapBase):
    """All that an Intercom workspace tells of its people, companies and conversations."""

    name = "tap-intercom"
    package_name = "standpipe-tap-intercom"
    config_jsonschema = SETTINGS.to_dict()
    stream_names = frozenset(resource.name for resource in STREAMS)
    bookmark_types = rules.BOOKMARK_TYPES
    missing_hints = MISSING

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, Any]) -> list[str]:
        """Return one sentence for each setting that no workspace of Intercom's can have."""
        return rules.find_setting_problems(config)

    _workspace: Future[Workspace] | None = None
    """The first call of a run, on its way."""
    attributes_read_at: datetime | None = None
    """When discovery asked for them."""

    @cached_property
    def attributes(self) -> dict[str, dict[str, Any]]:
        """The schemas of the workspace's own attributes, by stream and name, as far as they were asked for."""
        return {}

    def discover_streams(self) -> Sequence[Stream]:
        """The streams of the catalog, or else all that the version has.

        Raises:
            UserError: the catalog lists another.
        """
        listed = self.find_listed_streams()
        if listed is None:
            return [IntercomStream(self, resource) for resource in STREAMS if resource.since <= self._version]
        return [IntercomStream(self, resource) for resource in STREAMS if resource.name in listed]

    @property
    def _version(self) -> tuple[int, int]:
        return rules.version_number(self.config.get("intercom_version") or "2.14")

    def run_discovery(self) -> str:
        """Print the catalog, with the workspace's own attributes when it is known how to ask for them.

        Raises:
            UserError: the token, the region or the version is wrong.
        """
        if self.config.get("access_token"):
            for stream in MODELS:
                self.attributes[stream] = fetch_attributes(self.client, stream)
            if any(self.attributes.values()):
                self.attributes_read_at = self.utc_now()
            else:
                # Either the workspace has none, or something is wrong, of which its own call tells.
                _ = self.workspace
        return super().run_discovery()

    @cached_property
    def client(self) -> IntercomClient:
        """The workspace, over the wire."""
        return IntercomClient(
            access_token=self.config["access_token"],
            api_url=self.config.get("api_url") or REGIONS[self.config.get("region") or "us"],
            version=self.config.get("intercom_version", "2.14"),
            request_timeout=self.config.get("request_timeout", 80),
            answer_timeout=self.config.get("answer_timeout", 300),
            connections=self.config.get("max_concurrency", 1),
            requests_per_minute=self.config.get("requests_per_minute"),
        )

    @cached_property
    def pool(self) -> FetchPool:
        """The threads that fetch."""
        size = self.config["max_concurrency"]
        return FetchPool(size, max_buffered_pages=min(6 * size, MOST_PAGES))

    @cached_property
    def start_date(self) -> int | None:
        """The bound of changes, unix seconds."""
        return parse_date(self.config["start_date"]) if self.config.get("start_date") else None

    @cached_property
    def workspace(self) -> Workspace:
        """What the first call of the run told.

        Raises:
            UserError: the token, the region, the version or the URL is wrong.
        """
        found = self.client.workspace() if self._workspace is None else self._workspace.result()
        reject(rules.wrong_region("" if self.config.get("api_url") else self.config.get("region", "us"), found.region))
        return found

    @cached_property
    def run_start(self) -> int:
        """The server's clock at the first call of the run, unix seconds.

        Raises:
            UserError: the start date is wrong.
        """
        now = self.workspace.now
        if self.start_date is not None and self.start_date > now:
            raise UserError("The setting `start_date` lies in the future.")
        return now

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self)

    def pages(self, stream: IntercomStream) -> Pages:
        """The list that a stream goes through: one for all that need it."""
        return self._sources.of(stream)

    def place(self, stream: IntercomStream) -> int:
        """Where in the output a stream belongs: the SDK reads streams in the order of the catalog."""
        return list(self.streams).index(stream.name)

    def chosen(self) -> Iterator[IntercomStream]:
        """The streams that are selected."""
        for stream in self.streams.values():
            if isinstance(stream, IntercomStream) and stream.selected:
                yield stream

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read the selected streams and, when every one of them was read to its end, say so in the last STATE.

        Whoever joins the streams relies on the marker: a tap that dies gives it a clean end of input, and so does a run
        of the SDK in which nothing changed. It is final for the SDK's type checker only.

        Raises:
            UserError: Intercom refused a stream, which it does before the first message; or it fell silent later.
        """
        selected = self._open()
        self.state.get("bookmarks", {}).pop(MARKER, None)
        super().sync_all()
        marker = build_marker(
            {stream.name: stream.rows for stream in selected},
            whole=[stream.name for stream in selected if stream.is_whole],
            start_date=self.start_date,
            completed_at=int(time.time() * 1000),
        )
        self.state.setdefault("bookmarks", {})[MARKER] = marker
        self.state_writer.write_state(self.state)

    def _open(self) -> list[IntercomStream]:
        """Ask for the first page of every selected stream, and return the streams once all are there."""
        self._check_versions()
        left = list(own_bookmarks(self.state, self.stream_names))
        self._workspace = self.pool.run((-1,), self.client.workspace)
        if not left:
            # A first run's searches depend on nothing, and do no harm in the wrong workspace, as a scroll would.
            for stream in self.chosen():
                if stream.listed.way == "search":
                    stream.open()
        _ = self.run_start
        reject(rules.workspace_problems(left, self.workspace.id))
        opened = {stream: stream.open() for stream in self.chosen()}
        for stream, pages in opened.items():
            if stream.listed.way == "search":
                # Most of a run's time is theirs: they do not wait for what the others ask first.
                pages.begin()
        self._type_attributes()
        for stream, pages in opened.items():
            try:
                pages.wait()
            except NotOfferedError as error:
                if self.input_catalog is not None:
                    raise
                self.logger.warning("%s", error.message)
                stream.selected = False
        selected = {stream: pages for stream, pages in opened.items() if stream.selected}
        for pages in selected.values():
            pages.begin()
        return list(selected)

    def _check_versions(self) -> None:
        """Nothing, when the version has every stream that is selected.

        Raises:
            UserError: the catalog selects one that came later.
        """
        for stream in self.chosen():
            since = stream.resource.since
            if since > self._version:
                raise UserError(rules.too_old(stream.name, self.config["intercom_version"], since))

    def _type_attributes(self) -> None:
        """Put the workspace's own attributes, which may be newer than the catalog, into its schemas."""
        names = [stream.name for stream in self.chosen() if stream.name in MODELS]
        if not names:
            return
        catalog = {entry.tap_stream_id: entry.schema.to_dict() for entry in self.catalog.streams}
        for name in names:
            known = find_recent(catalog[name], self.utc_now())
            self.attributes[name] = fetch_attributes(self.client, name) if known is None else known
        change_schemas(self, {name: with_attributes(catalog[name], self.attributes[name]) for name in names})
