"""The tables of the history. docs/history.md describes them for reports: change both together.

A change of a table needs a step in `migrations`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

#: The schema on PostgreSQL. SQLite has none.
SCHEMA = "standpipe"

METADATA = sa.MetaData()
#: Text that is compared byte by byte on every database, so that a prefix is a range of an index.
_TEXT: sa.types.TypeEngine[Any] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
#: SQLite numbers the rows of a table automatically only if the key is an INTEGER.
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("run_id", _TEXT, nullable=False, unique=True),
    sa.Column("plugin", _TEXT, nullable=False),
    sa.Column("job", _TEXT, nullable=False),
    sa.Column("environment", _TEXT, nullable=False),
    sa.Column("host", _TEXT, nullable=False),
    sa.Column("trigger", _TEXT, nullable=False),
    sa.Column("mode", _TEXT, nullable=False),
    sa.Column("is_subset", sa.Boolean, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("status", _TEXT, nullable=False),
    sa.Column("exit_code", sa.Integer),
    sa.Column("target_status", _TEXT, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("counts", _JSON, nullable=False),
    sa.Column("plugin_version", _TEXT, nullable=False),
    sa.Column("loaded_lines", sa.BigInteger, nullable=False),
    sa.Index("runs_by_start", "started_at"),
    sa.Index("runs_by_job", "job", "started_at"),
    sa.Index("runs_by_plugin", "plugin", "started_at"),
    sa.Index("runs_by_status", "status"),
    sqlite_autoincrement=True,  # the number of a run that is gone is given to no other run
)
RECORDS = sa.Table(
    "records",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("run", _ID, nullable=False),
    sa.Column("record_id", _TEXT, nullable=False),
    sa.Column("stream", _TEXT, nullable=False),
    sa.Column("remote_id", _TEXT, nullable=False),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("detail", _TEXT, nullable=False, default=""),
    sa.Column("at", sa.Double, nullable=False),
    sa.UniqueConstraint("run", "record_id", "stream"),
    sa.Index("records_by_record", "record_id", "at"),
)
CHANGES = sa.Table(
    "changes",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("record", _ID, nullable=False),
    sa.Column("action", _TEXT, nullable=False),
    sa.Column("remote_id", _TEXT, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("fields", _JSON, nullable=False),
    sa.Index("changes_by_record", "record"),
)
LAST_KNOWN = sa.Table(
    "last_known",
    METADATA,
    sa.Column("plugin", _TEXT, primary_key=True),
    sa.Column("record_id", _TEXT, primary_key=True),
    sa.Column("stream", _TEXT, primary_key=True),
    sa.Column("remote_id", _TEXT, nullable=False),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("run", _ID, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("name", _TEXT, nullable=False),
    sa.Column("email", _TEXT, nullable=False),
    sa.Column("company", _TEXT, nullable=False),
    sa.Index("last_known_by_at", "at"),
)
#: The columns by which a customer can be found, each with an index.
SEARCHED = tuple(LAST_KNOWN.c[name] for name in ("record_id", "remote_id", "email", "name", "company"))
for _column in SEARCHED:
    sa.Index(f"last_known_by_{_column.name}", sa.func.lower(_column))
REJECTS = sa.Table(
    "rejects",
    METADATA,
    sa.Column("plugin", _TEXT, primary_key=True),
    sa.Column("record_id", _TEXT, primary_key=True),
    sa.Column("stream", _TEXT, primary_key=True),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("detail", _TEXT, nullable=False, default=""),
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("last_at", sa.Double, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("last_run", _ID, nullable=False),
    sa.Column("resolved_at", sa.Double),
    sa.Index("rejects_by_state", "resolved_at", "plugin", "first_at"),
    sa.Index("rejects_by_age", "resolved_at", "first_at"),
    sa.Index("rejects_by_record", "record_id"),
)
PAUSES = sa.Table(
    "pauses",
    METADATA,
    sa.Column("job", _TEXT, primary_key=True),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("run_id", _TEXT, nullable=False),
)
ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("job", _TEXT, primary_key=True),
    sa.Column("situation", _TEXT, primary_key=True),
    sa.Column("cause", _TEXT, primary_key=True),
    sa.Column("channel", _TEXT, primary_key=True),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("sent_at", sa.Double),
)
SCHEMA_VERSION = sa.Table(
    "schema_version",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("since", sa.Double, nullable=False),
)
