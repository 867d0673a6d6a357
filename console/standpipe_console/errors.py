"""The errors that end a command with one sentence."""

from __future__ import annotations

import click


class ConsoleError(click.ClickException):
    """A problem that the user can solve. The text says what it is, and how."""
