"""The errors that end a command with one sentence."""

from __future__ import annotations

import click


class ConsoleError(click.ClickException):
    """A problem that the user can solve. The text describes the problem and its solution."""
