"""What ends a command in one sentence."""

from __future__ import annotations

import click


class ConsoleError(click.ClickException):
    """Something is wrong that the user can put right; the text says what, and how."""
