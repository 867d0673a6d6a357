"""The notes of a run in the history: its start, its end, and its journals.

A history that cannot be written does not stop a run. A message says so once, and the journals stay for later.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.history.settings import read_days
from standpipe_console.history.store import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.history import History
    from standpipe_console.history.store import StartedRun
    from standpipe_console.project.meltano import Project

LOGGER = logging.getLogger(__name__)


@dataclass
class HistoryNotes:
    """Writes one run into the history.

    Args:
        project: the Meltano project.
    """

    project: Project
    _is_told: bool = field(default=False, init=False)

    def note_start(self, run: StartedRun) -> None:
        """Load the journals of earlier runs, then note the start of this run."""

        def write(history: History) -> None:
            history.load_journals()
            history.start_run(run)

        self._try(write)

    def note_end(self, run: StartedRun, exit_code: int, reason: str) -> None:
        """Load the target's journal, then note the end of the run, and delete old runs."""

        def write(history: History) -> None:
            history.load_journals()
            history.finish_run(run, time.time(), exit_code, reason)
            history.prune(time.time(), read_days(self.project))

        self._try(write)

    def _try(self, write: Callable[[History], None]) -> None:
        try:
            with open_history(self.project, load=False) as history:
                write(history)
        except (ConsoleError, SQLAlchemyError, OSError) as error:
            if not self._is_told:
                cause = error.message if isinstance(error, ConsoleError) else describe_error(error)
                LOGGER.warning(
                    "This run may be missing in the history, which cannot be written: %s. The journal stays, and is "
                    "loaded later.",
                    cause.rstrip("."),
                )
            self._is_told = True
