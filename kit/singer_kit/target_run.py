"""How a target's run ends: by itself, by a signal, and with a summary that is complete once STATE is written."""

from __future__ import annotations

import abc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .json_types import JsonObject, JsonValue

STOPPED = "The run was stopped by a signal: no STATE was written, so the next run starts from the same point."


class RunBase(abc.ABC):
    """The end of a run; what it does before is the target's own."""

    summary: JsonValue

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._recording = self._stopping = self._is_done = False
        self._reports: JsonValue = None
        self._figures: JsonObject = {}

    @abc.abstractmethod
    def _build_figures(self, seconds: float) -> JsonObject:
        """Return the content of `summary.json` after this many seconds."""

    @abc.abstractmethod
    def _log_summary(self, reports: JsonValue) -> None:
        """Say in the log how the run went."""

    def stops_by_itself(self) -> bool:
        """Stop before the next write; False while there is nothing to record, so that the run may just be left."""
        self._stopping = True
        return self._recording

    def complete(self) -> None:
        """Say that everything was processed, once STATE is written: only that makes it true."""
        # A second call must not log the summary twice.
        if self._is_done and self.summary.status != "completed":
            self.summary.status = "completed"
            self._write_summary(self._reports)
            self._log_summary(self._reports)

    def _find_stop_reason(self) -> str | None:
        return STOPPED if self._stopping else None

    def _write_summary(self, reports: JsonValue) -> None:
        self._reports = reports
        self._figures = self._build_figures(time.monotonic() - self._started)
        reports.write_summary(self._figures)

    def _write_first_summary(self, reports: JsonValue) -> None:
        """Write the summary of a run whose STATE is still to be written, or never will be."""
        self._write_summary(reports)
        if not self._is_done or self.summary.status == "completed":
            self._log_summary(reports)
