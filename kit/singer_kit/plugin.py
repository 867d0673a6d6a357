"""Behaviour of every plugin: it reads settings, ends with one sentence, and keeps the SDK's messages out of the log."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from singer_sdk.about import AboutFormatter
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import PluginBase, SingerCommand

from .errors import UserError, explain_errors, raise_problems
from .settings import find_missing_settings, find_unknown_settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput

    from .json_types import JsonObject, JsonValue


CHATTER = ("Skipping deselected stream",)


class Command(SingerCommand):
    """A plugin's command. Any error while it parses its arguments or runs becomes one sentence."""

    def make_context(self, *args: JsonValue, **options: JsonValue) -> click.Context:
        """Parse the command line; `--discover` and `--test` do their work here."""
        with explain_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> JsonValue:
        """Run the plugin."""
        try:
            with explain_errors():
                return super().invoke(ctx)
        except UserError as refusal:
            # At exit Python would flush standard output once more and print a traceback after the sentence.
            if isinstance(refusal.__cause__, OSError):
                discard_output()
            raise


class Plugin(PluginBase):
    """The base of every tap, target and map."""

    missing_hints: ClassVar[Mapping[str, str]] = {}
    """For each required setting, what the user should do when it is missing."""

    def __init__(self, **arguments: JsonValue) -> None:
        super().__init__(**arguments)
        _quiet_sdk_logs(self.logger, self.metrics_logger)

    @classmethod
    def find_setting_problems(cls, config: Mapping[str, JsonValue]) -> list[str]:  # noqa: ARG003 for plugins with rules of their own
        """Return one sentence for each setting whose value has the right type but is impossible."""
        return []

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Read the settings, or reject them. Discovery does not need the required ones.

        Raises:
            UserError: a setting is unknown, unreadable, impossible or missing.
        """
        self.append_builtin_config(self.config_jsonschema)
        schemas = self.config_jsonschema["properties"]
        # A misspelt setting would silently keep its default.
        unknown = find_unknown_settings(self._config, schemas)
        self._config, unreadable = read_settings(self._config, schemas)
        raise_problems([*unknown, *unreadable])
        # The rules about impossible values need values of the right types, so they come last.
        missing = find_missing_settings(self._config, self.missing_hints)
        problems = [*(missing if raise_errors else ()), *self.find_setting_problems(self._config)]
        raise_problems(problems)
        return problems

    @classproperty
    def _env_var_config(cls) -> JsonObject:  # noqa: N805 the SDK's own shape
        """Return the settings from the environment as text. The SDK would read some types only."""
        cls.append_builtin_config(cls.config_jsonschema)
        texts = {name: {"type": "string"} for name in cls.config_jsonschema["properties"]}
        return parse_environment_config({"properties": texts}, cls._env_var_prefix)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the config files.

        Raises:
            UserError: a file is not there, or is not a JSON object.
        """
        with explain_config_file_errors():
            return super().cb_config(ctx, param, value)

    @classmethod
    @cache
    def get_plugin_version(cls) -> str:
        """Return the version of the plugin's package, which the SDK would read from its files each time."""
        return super().get_plugin_version()

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command as one that ends in one sentence."""
        made = super().get_singer_command()
        return Command(
            name=made.name,
            callback=made.callback,
            context_settings=made.context_settings,
            params=made.params,
            help=made.help,
            logger=cls.logger,
        )

    @classmethod
    def build_facts(cls) -> JsonObject:
        """Return facts that other programs need from the plugin, such as the texts of its reasons."""
        return {}

    @classmethod
    def print_about(cls, output_format: str | None = None) -> None:
        """Print the plugin's description and settings; in JSON with the member `facts`, if it has facts."""
        facts = cls.build_facts()
        if output_format != "json" or not facts:
            super().print_about(output_format)
            return
        about = json.loads(AboutFormatter.get_formatter("json").format_about(cls._get_about_info()))
        sys.stdout.write(json.dumps(about | {"facts": facts}, indent=2) + "\n")

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature of a handler
        """End with the signal's exit code. The SDK would print a STATE and exit with 0 (sdk#3775)."""
        ignore_signals()
        self.logger.warning("Signal %d: stopping; STATE does not confirm the unfinished work", signum)
        raise SystemExit(128 + signum)


@contextmanager
def explain_config_file_errors() -> Iterator[None]:
    """Turn any problem of a config file into one sentence.

    Raises:
        UserError: the file is not there, or is not a JSON object.
    """
    try:
        yield
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"The file of --config cannot be read as a JSON object: {error}") from error


def ignore_signals() -> None:
    """Ignore further signals while a run ends, as Meltano sends a SIGTERM after a SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _quiet_sdk_logs(logger: logging.Logger, metrics: logging.Logger) -> None:
    """Log the SDK's messages about each stream only at level `debug`."""
    if not logger.isEnabledFor(logging.DEBUG):
        metrics.setLevel(logging.WARNING)
    if _is_worth_reading not in logger.filters:
        logger.addFilter(_is_worth_reading)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(CHATTER) or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def discard_output() -> None:
    """Discard the remaining output at Python's exit, as its reader has ended."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
