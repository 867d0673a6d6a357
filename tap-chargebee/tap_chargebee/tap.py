"""The tap: its settings, its streams, and what it answers for when it ends."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from tap_chargebee import fields, rules
from tap_chargebee._kit.writer import Writer
from tap_chargebee.command import checked, refuse
from tap_chargebee.errors import NotOffered, Refusal
from tap_chargebee.parts import stream_of
from tap_chargebee.resources import ROWS, STREAMS
from tap_chargebee.settings import SETTINGS
from tap_chargebee.source import Source
from tap_chargebee.streams import ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput

    from tap_chargebee.reading import ListReader

NAMES = frozenset(ROWS)


class TapChargebee(Tap):
    """All of a Chargebee site's billing records."""

    name = "tap-chargebee"
    _catalog_version: int | None = None
    package_name = "standpipe-tap-chargebee"
    message_writer_class = Writer
    # No BATCH and no ACTIVATE_VERSION: a join over them would be one over half of the input.
    capabilities = [  # noqa: RUF012 the SDK's own attribute
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    config_jsonschema = SETTINGS.to_dict()

    def discover_streams(self) -> Sequence[Stream]:
        """The streams of the catalog, or else all that the site can have.

        Raises:
            Refusal: the catalog lists another.
        """
        wanted = NAMES
        if self.input_catalog is not None:
            listed = self.input_catalog.to_dict()
            refuse(rules.catalog_problems(listed, NAMES))
            wanted = frozenset(entry["tap_stream_id"] for entry in listed["streams"])
        return [
            stream_of(self, resource)
            for resource in STREAMS
            if resource.name in wanted and (self._catalog_version is None or self._catalog_version in resource.catalogs)
        ]

    def run_discovery(self) -> str:
        """Print the catalog, with what the site tells of itself when it is known how to ask it.

        Raises:
            Refusal: the site or the key is wrong.
        """
        if self.config.get("site") and self.config.get("api_key"):
            self._catalog_version = self.source.site.catalog
            self.source.custom_fields = fields.site_fields(self.source.client)
        return super().run_discovery()

    @cached_property
    def source(self) -> Source:
        """What the streams share."""
        return Source(self.config)

    def flush(self) -> None:
        """Let go of the messages that stand in the row."""
        if isinstance(self.message_writer, Writer):
            self.message_writer.flush()

    @staticmethod
    def utc_now() -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read the selected streams and, when every one of them was read to its end, say so in the last STATE.

        Whoever joins the streams relies on the marker: a tap that dies gives it a clean end of input, and so does a run
        of the SDK in which nothing changed. It is final for the SDK's type checker only.

        Raises:
            Refusal: Chargebee refused a stream, which it does before the first message; or it fell silent later.
        """
        selected = self._open()
        self.state.get("bookmarks", {}).pop(rules.MARKER, None)
        super().sync_all()
        marker = rules.marker(
            selected,
            start_date=self.source.start_date,
            completed_at=int(time.time() * 1000),
            subset=self.source.is_subset,
        )
        bookmarks = self.state.setdefault("bookmarks", {})
        if self.source.is_subset:
            for name in [name for name, bookmark in bookmarks.items() if not bookmark]:
                del bookmarks[name]
        bookmarks[rules.MARKER] = marker
        self.state_writer.write_state(self.state)

    def _open(self) -> list[str]:
        """Send for the first page of every selected stream; their names, once all are there."""
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
                reading.begin()
        return [stream.name for stream in opened if stream.selected]

    def _await(self, stream: ChargebeeStream, reading: ListReader) -> None:
        """Wait for the first page of a stream, and leave it out when nobody asked for what the site does not offer."""
        try:
            reading.wait()
        except NotOffered as error:
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
            Refusal: the catalog asks for what the site cannot have.
        """
        _ = self.source.run_start
        version = self.source.site.catalog
        for stream in self._selected():
            if version is not None and version not in stream.resource.catalogs:
                if self.input_catalog is not None:
                    raise Refusal(rules.wrong_catalog(stream.name, self.config["site"], version))
                stream.selected = False
            elif self.source.is_subset and stream.resource.by_customer is None:
                self.logger.info("Left out: %s does not belong to a part of a site", stream.name)
                stream.selected = False

    def load_state(self, state: dict[str, Any]) -> None:
        """Take the last run's state over, bookmarks of others included.

        Raises:
            Refusal: it is no Singer state, a bookmark is no time, or it was left by another site.
        """
        refuse(rules.state_problems(state))
        refuse(rules.site_problems(state, self.config.get("site") or ""))
        super().load_state(state)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Refuse impossible settings in our words, then let the SDK check types and fill in the defaults."""
        self.append_builtin_config(self.config_jsonschema)
        # null is how some runners write a setting that is not set.
        self._config = {name: value for name, value in self._config.items() if value is not None}
        if raise_errors:
            refuse(rules.setting_problems(self._config, self.config_jsonschema["properties"]))
        errors = super()._validate_config(raise_errors=False)
        if raise_errors:
            refuse(errors)
        return errors

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature of a handler
        """End with the signal's own code. The SDK would write a STATE, which acknowledges, and end well."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.logger.warning("Signal %d: stopped before the end", signum)
        raise SystemExit(128 + signum)

    @classmethod
    def invoke(cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any) -> None:
        """Run the command line.

        Raises:
            Refusal: the state or the catalog file cannot be used.
        """
        state = checked(state, "--state", rules.state_problems)
        catalog = checked(catalog, "--catalog", partial(rules.catalog_problems, known=NAMES))
        try:
            super().invoke(state=state, catalog=catalog, **options)
        except (MapExpressionError, StreamMapConfigError) as error:
            raise Refusal(f"The setting `stream_maps` cannot be used: {error}") from error

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the config files.

        Raises:
            Refusal: one is not there, or is not a JSON object.
        """
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, TypeError, ValueError) as error:
            raise Refusal(f"The file of --config cannot be read as a JSON object: {error}") from error
