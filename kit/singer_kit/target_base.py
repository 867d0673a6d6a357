"""Common code of the targets: they write at the end of the input, and print STATE only for written records."""

from __future__ import annotations

import abc
import sys
from typing import IO, TYPE_CHECKING, ClassVar, Protocol

from singer_sdk import Target
from singer_sdk.contrib.msgspec import encoder
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from singer_sdk.helpers.capabilities import PluginCapabilities

from .command_files import is_too_deep
from .commands import add_commands
from .errors import RUN_AGAIN, UserError
from .messages import LineReader
from .plugin import Plugin, ignore_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.plugin_base import _ConfigInput

    from .json_types import JsonObject, JsonValue


class Run(Protocol):
    """One run of a target."""

    def connect(self) -> None:
        """Check the key and the settings that only the vendor can judge."""

    def finish(self) -> None:
        """Write the records and the reports."""

    def complete(self) -> None:
        """Mark the summary as completed, as STATE is written."""

    def end(self, error: BaseException | None = None) -> None:
        """Note how the run ended, whatever ended it, and let the next run begin."""

    def stops_by_itself(self) -> bool:
        """Ask the run to stop before its next write.

        Return False if there is nothing to report, so that it may simply end.
        """


class TargetBase(Plugin, Target, abc.ABC):
    """A target that writes and confirms nothing before it has read its whole input."""

    message_reader_class = LineReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    vendor: ClassVar[str]
    record_refused: ClassVar[type[Exception]]
    """The error for one request that the vendor refused. It ends the run only if the run needs the reply to go on."""
    commands: ClassVar[Sequence[click.Command]] = ()
    """Further commands of the target, such as `undo`."""
    #: After this time the SDK would print STATE, but here neither writes nor STATE may come early.
    _MAX_RECORD_AGE_IN_MINUTES = float("inf")
    _signal = 0  #: that was received

    @property
    @abc.abstractmethod
    def run(self) -> Run:
        """The run of this process."""

    @property
    @abc.abstractmethod
    def is_validation(self) -> bool:
        """Whether the run only reports what it would do."""

    @abc.abstractmethod
    def count_rejects(self) -> int:
        """Return the number of refused records."""

    @property
    def refused_input(self) -> str | None:
        """The sentence that ends a run when no record could be used; None if the run may go on."""
        return None

    def process_endofpipe(self) -> None:
        """Write the records, then print STATE, except in mode `validate`.

        Raises:
            FatalAPIError: records were refused, and the setting `fail_on_rejects` makes that a failure.
        """
        try:
            self._finish()
        except BaseException as error:
            self._end_run(error)
            raise
        self._end_run(UserError(self.refused_input) if self.refused_input else None)

    def _finish(self) -> None:
        # After a signal, the process ends here with its reports but without STATE.
        try:
            self.run.finish()
        finally:
            self._exit_on_signal()
        # STATE confirms the input, but in these cases nothing was written.
        if self.is_validation or self.refused_input:
            self._latest_state = None
        super().process_endofpipe()
        try:
            self.run.complete()
        except ConfigurationError as error:
            # All records are written and STATE is printed, so a missing summary must not repeat them.
            self.logger.warning("The summary of this run could not be completed: %s", error)
        if self.config.get("fail_on_rejects") and self.count_rejects():
            raise FatalAPIError("Some records were refused, and `fail_on_rejects` is set: see rejects.jsonl.")

    def _process_schema_message(self, message_dict: JsonObject) -> None:
        """Take a SCHEMA message.

        Raises:
            UserError: it describes no record.
        """
        keys = message_dict.get("key_properties") or []
        properties = message_dict["schema"].get("properties")
        if not isinstance(properties, dict) or not all(isinstance(one, dict) for one in properties.values()):
            raise UserError(f"The SCHEMA of the stream {message_dict['stream']} has no `properties`: check the tap.")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise UserError(
                f"The SCHEMA of the stream {message_dict['stream']} has invalid `key_properties`: check the tap."
            )
        super()._process_schema_message(message_dict)

    def _process_activate_version_message(self, message_dict: JsonObject) -> None:
        """Do nothing, as versions of the tap's tables do not apply to the vendor's records."""

    def _process_batch_message(self, message_dict: JsonObject) -> None:
        """Refuse BATCH messages, as the target does not have this capability.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            f"{self.name} reads no BATCH messages: remove `batch_config` from the tap ({message_dict['stream']})."
        )

    def _process_state_message(self, message_dict: JsonObject) -> None:
        """Store a STATE with any content.

        Raises:
            UserError: it is nested too deeply to be written again.
        """
        if is_too_deep(message_dict["value"]):
            raise UserError("A STATE of the input is nested too deeply: no STATE was written, check the tap.")
        super()._process_state_message(message_dict)

    def _write_state_message(self, state: Mapping[str, JsonValue]) -> None:
        """Print STATE unchanged. The SDK would fail at a number with a fraction (sdk#3787)."""
        sys.stdout.write(encoder.encode(state).decode() + "\n")
        sys.stdout.flush()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature of a handler
        """Stop. The SDK's handler would print STATE for records that were not written (sdk#3775)."""
        ignore_signals()
        self._signal = signum
        self.logger.warning("Signal %d: stopping; STATE does not confirm the unfinished work", signum)
        if not self.run.stops_by_itself():
            self._exit_on_signal()

    def _exit_on_signal(self) -> None:
        if self._signal:
            raise SystemExit(128 + self._signal)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command, with the other commands of this target."""
        run = super().get_singer_command()
        return add_commands(run, cls, cls.commands) if cls.commands else run

    @classmethod
    def append_builtin_config(cls, config_jsonschema: JsonObject) -> None:
        """Leave out the SDK's settings for loading tables, which have no meaning here."""
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
        """Check the key before the first message is read.

        Raises:
            UserError: the vendor refused a request that every run needs, or no record could be taken.
        """
        super(Target, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        settings = config.config if config else {}
        target = cls(config=settings, validate_config=True, parse_env_config=bool(config and config.parse_env))
        target.read_input(file_input)
        if target.refused_input:
            raise UserError(target.refused_input)

    def read_input(self, file_input: IO[str] | None) -> None:
        """Check the key, then read the input and do the work.

        Raises:
            UserError: the vendor refused a request that every run needs.
        """
        run = self.run
        try:
            # So a wrong key ends the run before the tap reads for an hour.
            run.connect()
            self.listen(file_input)
        except self.record_refused as error:
            self._end_run(error)
            raise self._describe_refusal(error) from error
        except BaseException as error:
            self._end_run(error)
            raise

    def _end_run(self, error: BaseException | None) -> None:
        self.run.end(self._describe_refusal(error) if isinstance(error, self.record_refused) else error)

    def _describe_refusal(self, error: Exception) -> UserError:
        return UserError(f"{self.vendor} refused a request that every run needs ({error}): {RUN_AGAIN}")
