"""The tap: its settings, its streams, and what it answers for when it ends."""

from __future__ import annotations

import io
import json
import signal
import time
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import islice
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from tap_chargebee import fields, rules
from tap_chargebee.client import ChargebeeClient
from tap_chargebee.crew import Crew
from tap_chargebee.errors import NotOffered, Refusal
from tap_chargebee.events import News, event_query, followed
from tap_chargebee.reading import Reading
from tap_chargebee.resources import STREAMS
from tap_chargebee.settings import SETTINGS
from tap_chargebee.streams import ROWS, ChargebeeStream
from tap_chargebee.windows import Window
from tap_chargebee.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput

    from tap_chargebee.client import Site

NAMES = frozenset(resource.name for resource in STREAMS)
# Of 3.5 KB a record, so many pages are 35 MB.
MOST_PAGES = 96


class TapChargebee(Tap):
    """All of a Chargebee site's billing records."""

    name = "tap-chargebee"
    custom_fields: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
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
            _refuse(rules.catalog_problems(listed, NAMES))
            wanted = frozenset(entry["tap_stream_id"] for entry in listed["streams"])
        return [
            ChargebeeStream(self, resource)
            for resource in STREAMS
            if resource.name in wanted and (self._catalog_version is None or self._catalog_version in resource.catalogs)
        ]

    def run_discovery(self) -> str:
        """Print the catalog, with what the site tells of itself when it is known how to ask it.

        Raises:
            Refusal: the site or the key is wrong.
        """
        if self.config.get("site") and self.config.get("api_key"):
            self._catalog_version = self.site.catalog
            self.custom_fields = fields.site_fields(self.client)
        return super().run_discovery()

    @cached_property
    def client(self) -> ChargebeeClient:
        """The site, over the wire."""
        return ChargebeeClient(
            site=self.config["site"],
            api_key=self.config["api_key"],
            api_url=self.config.get("api_url") or "",
            page_size=self.config.get("page_size", 100),
            timeout=self.config.get("request_timeout", 80),
            connections=self.config.get("max_concurrency", 1),
            requests_per_minute=self.config.get("requests_per_minute"),
        )

    @cached_property
    def crew(self) -> Crew:
        """Who fetches."""
        size = self.config["max_concurrency"]
        return Crew(size, room=min(6 * size, MOST_PAGES))

    @cached_property
    def start_date(self) -> int | None:
        """The bound of creation, unix seconds."""
        return rules.unix_seconds(self.config["start_date"]) if self.config.get("start_date") else None

    @cached_property
    def site(self) -> Site:
        """What the first call of the run told.

        Raises:
            Refusal: the site or the key is wrong.
        """
        return self.client.site()

    @cached_property
    def run_start(self) -> int:
        """The server's clock at the first call of the run, unix seconds.

        Raises:
            Refusal: the site, the key or the start date is wrong.
        """
        now = self.site.now
        if self.start_date is not None and self.start_date > now:
            raise Refusal("The setting `start_date` lies in the future.")
        return now

    @property
    def is_subset(self) -> bool:
        """Whether only some customers are read."""
        return bool(self.config.get("customer_limit") or self.config.get("customer_ids"))

    @cached_property
    def chosen_customers(self) -> list[str]:
        """The ids of the customers of a run over a part of the site."""
        if ids := self.config.get("customer_ids"):
            return list(dict.fromkeys(ids))
        pages = self.client.pages("/customers", {"sort_by[asc]": "created_at"})
        items = (item["customer"]["id"] for page in pages for item in page)
        return list(islice(items, self.config["customer_limit"]))

    def takes_deleted(self, name: str) -> bool:
        """Whether a list of records by some ids has the deleted ones too: the first N customers are live ones."""
        return name != "id" or not self.config.get("customer_limit")

    @cached_property
    def news(self) -> News:
        """What events tell of the selected streams since they were last read."""
        streams = [stream for stream in self._chargebee_streams() if stream.selected]
        following = {stream.resource: since for stream in streams if (since := stream.events_since) is not None}
        news = News(following)
        types = followed(following)
        if types:
            window = Window(min(following.values()), self.run_start)
            row = ROWS["events"]
            query = event_query(types, window)
            reading = Reading(self.crew, self.client, row, [query], key=(-1,), now=self.run_start, end=self.run_start)
            for page in reading:
                for item in page:
                    news.add(item.record())
        return news

    def _chargebee_streams(self) -> Iterator[ChargebeeStream]:
        return (stream for stream in self.streams.values() if isinstance(stream, ChargebeeStream))

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
            selected, start_date=self.start_date, completed_at=int(time.time() * 1000), subset=self.is_subset
        )
        bookmarks = self.state.setdefault("bookmarks", {})
        if self.is_subset:
            for name in [name for name, bookmark in bookmarks.items() if not bookmark]:
                del bookmarks[name]
        bookmarks[rules.MARKER] = marker
        self.state_writer.write_state(self.state)

    def _open(self) -> list[str]:
        """Send for the first page of every selected stream; their names, once all are there."""
        self._leave_out()
        opened = {stream: stream.open() for stream in self._chargebee_streams() if stream.selected}
        for stream, reading in opened.items():
            try:
                reading.wait()
            except NotOffered as error:
                if self.input_catalog is not None:
                    raise
                self.logger.warning("%s", error.message)
                stream.selected = False
        selected = {stream.name: reading for stream, reading in opened.items() if stream.selected}
        _ = self.news
        for reading in selected.values():
            reading.begin()
        return list(selected)

    def _leave_out(self) -> None:
        """Deselect what the site cannot have, or what does not belong to a part of it.

        Raises:
            Refusal: the catalog asks for what the site cannot have.
        """
        _ = self.run_start
        version = self.site.catalog
        for stream in self._chargebee_streams():
            if not stream.selected:
                continue
            if version is not None and version not in stream.resource.catalogs:
                if self.input_catalog is not None:
                    raise Refusal(rules.wrong_catalog(stream.name, self.config["site"], version))
                stream.selected = False
            elif self.is_subset and stream.resource.by_customer is None:
                self.logger.info("Left out: %s does not belong to a part of a site", stream.name)
                stream.selected = False

    def load_state(self, state: dict[str, Any]) -> None:
        """Take the last run's state over, bookmarks of others included.

        Raises:
            Refusal: it is no Singer state, a bookmark is no time, or it was left by another site.
        """
        _refuse(rules.state_problems(state))
        _refuse(rules.site_problems(state, self.config.get("site") or ""))
        super().load_state(state)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Refuse impossible settings in our words, then let the SDK check types and fill in the defaults."""
        self.append_builtin_config(self.config_jsonschema)
        if raise_errors:
            _refuse(rules.setting_problems(self._config, self.config_jsonschema["properties"]))
        errors = super()._validate_config(raise_errors=False)
        if raise_errors:
            _refuse(errors)
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
        super().invoke(
            state=_checked(state, "--state", rules.state_problems),
            catalog=_checked(catalog, "--catalog", partial(rules.catalog_problems, known=NAMES)),
            **options,
        )

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


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Refusal(" ".join(problems))


def _checked(file: IO[str] | None, option: str, problems: Callable[[object], list[str]]) -> IO[str] | None:
    """A file of the command line, once it is known to hold what it should."""
    if file is None:
        return None
    text = file.read()
    try:
        _refuse(problems(json.loads(text)))
    except ValueError as error:
        raise Refusal(f"The file of {option} is not JSON: {error}") from error
    return io.StringIO(text)
