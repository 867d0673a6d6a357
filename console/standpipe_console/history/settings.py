"""The settings of the history, as variables of the shell or of `.env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from pathlib import Path

    from standpipe_console.project.meltano import Project

#: How long runs are kept, in days.
DAYS = 90


def read_url(project: Project) -> str:
    """Return the address of the database: `HISTORY_URL`, else a file in Meltano's folder."""
    return project.get_database_url("HISTORY_URL") or f"sqlite:///{find_folder(project) / 'history.db'}"


def read_days(project: Project) -> int:
    """Return how many days runs are kept: `HISTORY_DAYS`.

    Raises:
        ConsoleError: it is not a whole number of at least 1.
    """
    text = project.get_variable("HISTORY_DAYS") or str(DAYS)
    if not text.isdecimal() or int(text) < 1:
        raise ConsoleError(f"HISTORY_DAYS must be a whole number of at least 1, but is `{text}`.")
    return int(text)


def find_folder(project: Project) -> Path:
    """Return where the console keeps its own files."""
    return project.system_dir / "standpipe"


def find_journals(project: Project) -> Path:
    """Return where the targets write their journals."""
    return find_folder(project) / "journal"
