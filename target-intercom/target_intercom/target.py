"""The Singer target: its settings, its streams, and when it acknowledges."""

from __future__ import annotations

import signal
import sys
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigurationError,
    ConfigValidationError,
    FatalAPIError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities

from target_intercom._kit.messages import LineReader
from target_intercom.client import IntercomClient
from target_intercom.kinds import KINDS
from target_intercom.options import PROPERTIES
from target_intercom.reporting.not_sent import STREAM as NOT_SENT
from target_intercom.run import Run
from target_intercom.settings import misspelt, settings_from
from target_intercom.sinks import NotSentSink, RecordSink, UnknownStreamSink
from target_intercom.transport import RecordRefusedError

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.sinks import Sink

    from target_intercom.settings import Settings


class TargetIntercom(Target):
    """Keeps users and companies of Intercom in step with their streams: matches, decides, writes only what changed."""

    name = "target-intercom"
    package_name = "standpipe-target-intercom"
    config_jsonschema: ClassVar[dict[str, Any]] = PROPERTIES.to_dict()
    message_reader_class = LineReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    #: The SDK prints STATE whenever records get this old. Here nothing is written, or acknowledged, before the end.
    _MAX_RECORD_AGE_IN_MINUTES = float("inf")
    _signal = 0  #: that was received

    @cached_property
    def settings(self) -> Settings:
        """The settings in typed form."""
        return settings_from(self.config)

    @cached_property
    def run(self) -> Run:
        """The one run of this process."""
        settings = self.settings
        client = IntercomClient(
            settings.base_url,
            settings.access_token,
            settings.max_concurrency,
            request_timeout=settings.request_timeout,
            answer_timeout=settings.answer_timeout,
            max_missing=settings.max_missing,
        )
        return Run(client, self.settings, self.logger)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Choose the sink of a stream."""
        if stream_name == NOT_SENT:
            return NotSentSink
        return RecordSink if stream_name in KINDS else UnknownStreamSink

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Say where a missing token may come from, which the SDK's own sentence does not, refuse unknown settings."""
        self.append_builtin_config(self.config_jsonschema)
        sentences = misspelt(self._config, self.config_jsonschema["properties"])
        if not self._config.get("access_token"):
            sentences.append(
                "The setting `access_token` is missing: set it, or TARGET_INTERCOM_ACCESS_TOKEN and --config=ENV."
            )
        if raise_errors and sentences:
            raise ConfigValidationError(" ".join(sentences), errors=sentences, schema=self.config_jsonschema)
        return super()._validate_config(raise_errors=raise_errors)

    def process_endofpipe(self) -> None:
        """Do the work; STATE is printed after it, and never in mode `validate`."""
        try:
            self.run.finish()
        finally:
            self._exit_on_signal()
        if self.settings.validate or self.run.refused_input:
            self._latest_state = None
        super().process_endofpipe()
        if self.settings.fail_on_rejects and self.run.summary.rejected:
            raise FatalAPIError("Some records were refused, and `fail_on_rejects` is set: see rejects.jsonl.")

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's
        """Stop; the SDK's own handler would print STATE for records that were never written (meltano/sdk#3775).

        Meltano sends a SIGTERM after a SIGINT: the second must not break into recording what the first let finish.
        """
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        self._signal = signum
        self.logger.warning("Signal %d: stopping without acknowledging unfinished work", signum)
        if not self.run.stops_by_itself():
            self._exit_on_signal()

    def _exit_on_signal(self) -> None:
        if self._signal:
            raise SystemExit(128 + self._signal)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Leave out the SDK's settings for loading tables, which mean nothing here."""
        super(Target, cls).append_builtin_config(config_jsonschema)

    @classmethod
    def invoke(  # type: ignore[override]  # the SDK's own targets differ from PluginBase in the same way
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Check the token before the first message is read; end a failed run with a sentence, not a traceback."""
        super(Target, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        given = config.config if config else {}
        target = cls(config=given, validate_config=True, parse_env_config=bool(config and config.parse_env))
        try:
            target.run.connect()
            target.listen(file_input)
        except (ConfigurationError, FatalAPIError, RecordsWithoutSchemaException) as error:
            cls.logger.error("%s", error)  # noqa: TRY400 - the sentence is all the user needs
            sys.exit(1)
        except RecordRefusedError as error:
            cls.logger.error("Intercom refused what a run cannot do without (%s): nothing is acknowledged.", error)  # noqa: TRY400
            sys.exit(1)
        if target.run.refused_input:
            cls.logger.error("%s", target.run.refused_input)
            sys.exit(1)
