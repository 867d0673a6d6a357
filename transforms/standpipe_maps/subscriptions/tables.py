"""The tables of map-subscriptions, and the migration of older ones.

A changed table needs another function in ``MIGRATIONS``, as stores of every earlier version stay in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from standpipe_maps.persons import PersonColumns
from standpipe_maps.store import add_columns, make_meta_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.schema import SchemaItem

TABLES = MetaData()
make_meta_table(TABLES)


def _make_versioned_table(name: str, *columns: SchemaItem) -> Table:
    """Return a table of records by id that keeps the greatest version."""
    return Table(
        name,
        TABLES,
        Column("id", Text, primary_key=True),
        Column("created_at", BigInteger, nullable=False),
        Column("known_at", BigInteger, nullable=False),
        Column("live", Integer, nullable=False),
        # The odd or missing members, see `models.write_notes`; null if there are none.
        Column("odd", Text),
        *columns,
        info={"version": ("created_at", "known_at", "live")},
    )


CUSTOMERS = _make_versioned_table(
    "customers",
    Column("match", Text),
    Column("generation", Integer, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Index("customers_by_match", "match", "id"),
)
SUBSCRIPTIONS = _make_versioned_table(
    "subscriptions",
    Column("customer_id", Text, index=True),
    Column("has_mrr", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
INVOICES = _make_versioned_table(
    "invoices",
    Column("customer_id", Text, index=True),
    Column("status", Text),
    Column("recurring", Integer, nullable=False),
    Column("date", BigInteger),
    Column("total", BigInteger),
    Column("amount_due", BigInteger),
    Column("currency_code", Text),
    Column("exchange_rate", Text),
    Column("base_currency_code", Text),
)
# The display names of plans (catalog 1) and item prices (catalog 2).
NAMES = _make_versioned_table("names", Column("name", Text))
# The first deleted customer with an id. `age` is -created_at, so that the earliest is the greatest version.
ENDED = Table(
    "ended",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("age", BigInteger, nullable=False),
    info={"version": ("age",)},
)
# A customer's earlier match values, as another customer with one of them may now be sent.
LEFT = Table(
    "left_matches",
    TABLES,
    Column("match", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    info={"version": ("generation",)},
)


def _add_odd(connection: Connection) -> None:
    for table in (CUSTOMERS, SUBSCRIPTIONS, INVOICES, NAMES):
        add_columns(table, "odd")(connection)


MIGRATIONS: Sequence[Callable[[Connection], None]] = (TABLES.create_all, _add_odd)

PERSON_COLUMNS = PersonColumns(
    records=CUSTOMERS,
    named_by=(
        CUSTOMERS.c.id,
        CUSTOMERS.c.match,
        SUBSCRIPTIONS.c.customer_id,
        INVOICES.c.customer_id,
        ENDED.c.id,
        LEFT.c.match,
    ),
)
