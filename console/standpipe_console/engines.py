"""Connections to the databases in the settings: SQLite, or PostgreSQL with the driver psycopg."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from standpipe_console.errors import ConsoleError

_DIALECTS = ("sqlite", "postgresql")
#: Seconds to wait for a server. Without a limit, the wait for a dead machine would take minutes.
_CONNECT_TIMEOUT = 10


def create_engine(setting: str, url: str, **options: Any) -> sa.Engine:
    """Return an engine for the address in a setting; nothing is connected yet.

    Raises:
        ConsoleError: the address is wrong, its database is of another kind, or its driver is missing.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "postgresql":
            options = {"connect_args": {"connect_timeout": _CONNECT_TIMEOUT}, **options}
        engine = sa.create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError):
        # The address itself is not shown: it may hold a password.
        raise ConsoleError(
            f"{setting} is not an address of a database, such as postgresql://USER:PASSWORD@HOST/NAME."
        ) from None
    except ModuleNotFoundError as error:
        raise ConsoleError(
            f"{setting} needs the driver {error.name}: put `-e ./console[postgres]` into the pip_url of the utility "
            "`standpipe` in meltano.yml, and run `meltano install utility standpipe`."
        ) from None
    if engine.dialect.name not in _DIALECTS:
        raise ConsoleError(f"{setting} names {engine.dialect.name}: use {' or '.join(_DIALECTS)}.")
    return engine
