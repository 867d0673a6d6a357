"""Logs lasting problems: each once when it begins, and once when it ends."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger(__name__)


class Problems:
    """The current problems by subject. Each subject belongs to one thread."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def report(self, subject: str, sentence: str) -> None:
        """Log a problem, unless it was logged already."""
        if self._open.get(subject) != sentence:
            LOGGER.warning("%s: %s", subject, sentence)
        self._open[subject] = sentence

    def end(self, subject: str) -> None:
        """Log that something works again, if it did not."""
        if self._open.pop(subject, None):
            LOGGER.warning("%s: works again", subject)
