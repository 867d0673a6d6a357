"""Meltano's own database, which Meltano creates with its first command."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from standpipe_console.project.environments import DATABASE

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project


def create_database(project: Project) -> None:
    """Let Meltano create its database before the first run.

    If two first runs created it at the same time, one of them would fail.
    """
    project.shared_dir.mkdir(parents=True, exist_ok=True)
    lock = os.open(project.shared_dir, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (project.get_variable("MELTANO_DATABASE_URI") or (project.shared_dir / DATABASE).exists()):
            # If this fails, the run fails too and says why.
            project.try_meltano("state", "list")
    finally:
        os.close(lock)
