"""Commands of a plugin beside its run, such as `target-intercom undo`; without one of their names it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .plugin import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .json_types import JsonValue
    from .plugin import Plugin


class PluginCommand(Command, click.Group):
    """The command of a plugin: without the name of another command it runs the plugin."""


def add_commands(run: click.Command, plugin: type[Plugin], commands: Sequence[click.Command]) -> PluginCommand:
    """Return the command that runs a plugin, with other commands that get the plugin and its settings."""

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
