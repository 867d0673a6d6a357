"""The history for the pages. It is opened once, and new journals are loaded in the background."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from standpipe_console.history import open_history
from standpipe_console.history.settings import read_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from standpipe_console.history import History
    from standpipe_console.project.meltano import Project

#: Seconds between two loads of journals, and how long a page waits for one.
LOAD_EVERY, PATIENCE = 2.0, 0.5


class HistoryView:
    """Opens the history of a project.

    Args:
        project: the project.
        clock: seconds of a monotonic clock.
        patience: how long a page waits for new journals, in seconds.
    """

    def __init__(
        self, project: Project, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE
    ) -> None:
        self._project = project
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._history: History | None = None
        self._url = ""
        self._loading: threading.Thread | None = None
        self._loaded_at = float("-inf")

    def open(self, *, whole: bool = False) -> History:
        """Return the history, with what targets have written since.

        Args:
            whole: whether to wait until everything is loaded, as a download needs. A page does not wait for a long
                journal, because it can be reloaded.

        Raises:
            ConsoleError: it cannot be opened.
        """
        with self._lock:
            history = self._open()
            if not (self._loading and self._loading.is_alive()) and self._clock() - self._loaded_at > LOAD_EVERY:
                self._loaded_at = self._clock()
                self._loading = threading.Thread(target=history.try_load_journals, daemon=True)
                self._loading.start()
            loading = self._loading
        if loading:
            loading.join(None if whole else self._patience)
        return history

    def is_newer(self) -> bool:
        """Return whether a newer version of the console has changed the tables since they were opened."""
        try:
            return self._history is not None and self._history.is_newer()
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        """Close it."""
        if self._loading:
            self._loading.join()
        if self._history:
            self._history.close()

    def _open(self) -> History:
        url = read_url(self._project)
        if self._history is None or url != self._url:
            if self._history:
                self._history.close()
            self._history = open_history(self._project, load=False)
            self._url = url
        return self._history
