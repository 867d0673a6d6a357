"""The tap: its settings, its streams, and what it answers for when it ends."""

from __future__ import annotations

import io
import json
import signal
import time
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from tap_chargebee import rules
from tap_chargebee.client import ChargebeeClient
from tap_chargebee.errors import Refusal
from tap_chargebee.streams import STREAMS, ChargebeeStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput

NAMES = frozenset(resource.name for resource in STREAMS)


class TapChargebee(Tap):
    """Customers, subscriptions and invoices of a Chargebee site."""

    name = "tap-chargebee"
    package_name = "standpipe-tap-chargebee"
    message_writer_class = MsgSpecWriter
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
    config_jsonschema = th.PropertiesList(
        th.Property(
            "site",
            th.StringType,
            required=True,
            title="Site",
            description="Name of the Chargebee site: `acme` for https://acme.chargebee.com.",
        ),
        th.Property(
            "api_key",
            th.StringType,
            required=True,
            secret=True,
            title="API key",
            description="A key of that site; a read-only one (Read-only, All) is enough.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            title="API URL",
            description="The whole base of the API, when it is not https://{site}.chargebee.com/api/v2.",
        ),
        th.Property(
            "start_date",
            th.StringType,
            title="Start date",
            description="Read only what was created at or after this ISO 8601 date. Unset reads everything; "
            "a bound makes every join over the streams partial.",
        ),
        th.Property(
            "lookback",
            th.IntegerType(minimum=0),
            default=300,
            nullable=False,
            title="Lookback",
            description="Seconds to read back before the bookmark: Chargebee's lists are eventually consistent.",
        ),
        th.Property(
            "include_deleted",
            th.BooleanType,
            default=True,
            nullable=False,
            title="Include deleted",
            description="Read deleted records too; they carry `deleted: true`.",
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=100),
            default=100,
            nullable=False,
            title="Page size",
            description="Records a call, 1 to 100.",
        ),
        th.Property(
            "request_timeout",
            th.IntegerType(minimum=1),
            default=80,
            nullable=False,
            title="Request timeout",
            description="Seconds to wait for an answer before asking again.",
        ),
    ).to_dict()

    def discover_streams(self) -> Sequence[Stream]:
        """All streams; it takes no network to know them.

        Raises:
            Refusal: the catalog lists another.
        """
        if self.input_catalog is not None:
            _refuse(rules.catalog_problems(self.input_catalog.to_dict(), NAMES))
        return [ChargebeeStream(self, resource) for resource in STREAMS]

    @cached_property
    def client(self) -> ChargebeeClient:
        """The site."""
        return ChargebeeClient(
            site=self.config["site"],
            api_key=self.config["api_key"],
            api_url=self.config.get("api_url") or "",
            page_size=self.config["page_size"],
            timeout=self.config["request_timeout"],
        )

    @cached_property
    def start_date(self) -> int | None:
        """The bound of creation, unix seconds."""
        return rules.unix_seconds(self.config["start_date"]) if self.config.get("start_date") else None

    @cached_property
    def run_start(self) -> int:
        """The server's clock at the first call of the run, unix seconds.

        Raises:
            Refusal: the site, the key or the start date is wrong.
        """
        now = self.client.server_time()
        if self.start_date is not None and self.start_date > now:
            raise Refusal("The setting `start_date` lies in the future.")
        return now

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
        marker = rules.marker(selected, start_date=self.start_date, completed_at=int(time.time() * 1000))
        self.state.setdefault("bookmarks", {})[rules.MARKER] = marker
        self.state_writer.write_state(self.state)

    def _open(self) -> list[str]:
        """Send for the first page of every selected stream; their names, once all are there."""
        opened = {
            stream.name: stream.open()
            for stream in self.streams.values()
            if stream.selected and isinstance(stream, ChargebeeStream)
        }
        for pages in opened.values():
            pages.wait()
        return list(opened)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take the last run's state over, bookmarks of others included.

        Raises:
            Refusal: it is no Singer state, or a bookmark is no time.
        """
        _refuse(rules.state_problems(state))
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
