"""The steps from an older form of the tables to the present one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from standpipe_console.errors import ConsoleError

from .tables import METADATA, REJECTS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Step = Callable[[sa.Connection], None]

#: The number of an advisory lock, so that two programs on PostgreSQL do not migrate at the same time.
_ADVISORY_LOCK = 7_413_922_001


def _index_rejects_by_age(connection: sa.Connection) -> None:
    """Add the index from which a page of the longest refused records of all targets is read."""
    next(one for one in REJECTS.indexes if one.name == "rejects_by_age").create(connection)


#: What makes each version out of the one before it. Version 1 is the first one.
STEPS: Mapping[int, Step] = {2: _index_rejects_by_age}


def migrate(connection: sa.Connection, steps: Mapping[int, Step] = STEPS) -> None:
    """Bring the tables up to date within the transaction of this connection.

    Raises:
        ConsoleError: a newer version of the console wrote them.
    """
    newest = max(steps, default=1)
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        connection.execute(sa.schema.CreateSchema(_find_schema(connection), if_not_exists=True))
    present = _read_version(connection)
    if present is None:
        METADATA.create_all(connection)
    elif present > newest:
        raise ConsoleError(
            f"The history has version {present}, but this console only knows versions up to {newest}: update it "
            "with `meltano install utility standpipe`."
        )
    else:
        for version in range(present + 1, newest + 1):
            steps[version](connection)
    if present != newest:
        connection.execute(sa.insert(SCHEMA_VERSION).values(version=newest, since=time.time()))


def find_newer_version(connection: sa.Connection, steps: Mapping[int, Step] = STEPS) -> int | None:
    """Return the version of the tables if this console does not know it."""
    present = _read_version(connection)
    return present if present is not None and present > max(steps, default=1) else None


def _find_schema(connection: sa.Connection) -> Any:
    """Return the schema in which the connection has its tables; None on SQLite."""
    return connection.get_execution_options().get("schema_translate_map", {}).get(None)


def _read_version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(SCHEMA_VERSION.name, schema=_find_schema(connection)):
        return None
    found: int | None = connection.execute(sa.select(sa.func.max(SCHEMA_VERSION.c.version))).scalar_one()
    return found
