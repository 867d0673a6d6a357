"""A group of commands that imports each only when it runs, as `status` needs neither a web server nor prompts.

https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is used.

    Args:
        places: the module and the name of each command, as in `package.module:name`.
        options: the options of `click.Group`.
    """

    def __init__(self, *, places: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self._places})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none with this name."""
        place = self._places.get(cmd_name)
        return cast("click.Command", resolve_name(place)) if place else super().get_command(ctx, cmd_name)
