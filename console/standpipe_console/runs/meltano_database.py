"""Meltano's own database, which Meltano creates with its first command."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from standpipe_console._kit.urls import is_loopback
from standpipe_console.errors import ConsoleError
from standpipe_console.history.tables import SCHEMA
from standpipe_console.project.environments import DATABASE

if TYPE_CHECKING:
    from sqlalchemy import URL

    from standpipe_console.project.meltano import Project


def check_database_user(project: Project) -> None:
    """Check that Meltano's user does not have the name of the history's schema in the same database.

    PostgreSQL looks for tables in the schema with the name of the user first, and there Meltano would find the
    history's table `runs` in the place of its own.

    Raises:
        ConsoleError: it has.
    """
    schema = project.database_schema or SCHEMA
    meltano, history = (_parse(project.get_variable(name)) for name in ("MELTANO_DATABASE_URI", "HISTORY_URL"))
    if meltano and history and meltano.username == schema and _locate(meltano) == _locate(history):
        raise ConsoleError(
            f"The user in MELTANO_DATABASE_URI is called `{schema}`, like the schema of the history in the same "
            "database (HISTORY_URL), so Meltano would take the history's tables for its own: give Meltano a user with "
            "another name, or the history another database."
        )


def _parse(url: str | None) -> URL | None:
    """Return the address of a PostgreSQL database; None for any other."""
    try:
        parsed = make_url(url or "")
    except ArgumentError:
        return None
    # A search path of its own decides where such a user looks first.
    return parsed if parsed.drivername.startswith("postgres") and "search_path" not in str(parsed.query) else None


def _locate(url: URL) -> tuple[str, int, str | None]:
    host = url.host or str(url.query.get("host", ""))
    return ("" if is_loopback(host) else host.casefold()), url.port or 5432, url.database


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
