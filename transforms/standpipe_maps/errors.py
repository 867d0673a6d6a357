"""How a map says no: one sentence, with the remedy."""

from __future__ import annotations

import logging
from typing import IO, Any

import click


class Refusal(click.ClickException):
    """One sentence for the user: it is logged as an error, and the command ends with exit code 1 and no traceback."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 the log is where a runner looks
        """Log the sentence."""
        logging.getLogger("standpipe-maps").error("%s", self.message)
