"""Further commands of a plugin, such as `target-intercom undo`. Without the name of one, the plugin runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .plugin import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .json_types import JsonValue
    from .plugin import Plugin


class PluginCommand(Command, click.Group):
    """A plugin's command, which runs the plugin unless the command line names another command."""


def add_commands(run: click.Command, plugin: type[Plugin], commands: Sequence[click.Command]) -> PluginCommand:
    """Return a plugin's command with further commands, which get the plugin with its settings."""

    @click.pass_context
    def run_or_prepare(ctx: click.Context, /, **arguments: JsonValue) -> None:
        if ctx.invoked_subcommand is None and run.callback:
            run.callback(**arguments)
        elif ctx.invoked_subcommand:
            given = arguments["config"]
            ctx.obj = plugin(config=given.config, parse_env_config=given.parse_env or not given.config)

    return PluginCommand(
        name=run.name,
        callback=run_or_prepare,
        invoke_without_command=True,
        context_settings=run.context_settings,
        params=run.params,
        help=run.help,
        logger=plugin.logger,
        commands=list(commands),
    )
