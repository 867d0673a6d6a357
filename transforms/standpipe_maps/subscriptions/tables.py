"""The tables of map-subscriptions, and the migration of older ones.

A changed table needs another function in ``MIGRATIONS``, as stores of every earlier version stay in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, and_, insert, select

from standpipe_maps.persons import PersonColumns
from standpipe_maps.store import TEXT, StoreForm, add_columns, make_meta_table

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
        Column("id", TEXT, primary_key=True),
        Column("created_at", BigInteger, nullable=False),
        Column("known_at", BigInteger, nullable=False),
        Column("live", Integer, nullable=False),
        # The odd or missing members, see `models.write_notes`; null if there are none.
        Column("odd", TEXT),
        *columns,
        info={"version": ("created_at", "known_at", "live")},
    )


CUSTOMERS = _make_versioned_table(
    "customers",
    Column("match", TEXT),
    Column("generation", Integer, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Index("customers_by_match", "match", "id"),
)
SUBSCRIPTIONS = _make_versioned_table(
    "subscriptions",
    Column("customer_id", TEXT, index=True),
    Column("has_mrr", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
INVOICES = _make_versioned_table(
    "invoices",
    Column("customer_id", TEXT, index=True),
    Column("status", TEXT),
    Column("recurring", Integer, nullable=False),
    Column("date", BigInteger),
    Column("total", BigInteger),
    Column("amount_due", BigInteger),
    Column("currency_code", TEXT),
    Column("exchange_rate", TEXT),
    Column("base_currency_code", TEXT),
)
# The display names of plans (catalog 1) and item prices (catalog 2).
NAMES = _make_versioned_table("names", Column("name", TEXT))
# The first deleted customer with an id. `age` is -created_at, so that the earliest is the greatest version.
ENDED = Table(
    "ended",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("age", BigInteger, nullable=False),
    info={"version": ("age",)},
)
# The moments that the target has not confirmed yet. `body` is the record that is sent.
MOMENTS = Table(
    "moments",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("customer_id", TEXT, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
# A customer's earlier match values, as another customer with one of them may now be sent.
LEFT = Table(
    "left_matches",
    TABLES,
    Column("match", TEXT, primary_key=True),
    Column("generation", Integer, nullable=False),
    info={"version": ("generation",)},
)
# The subscriptions that may wait for their customer. The others are not looked at again.
WAITING = Table("waiting", TABLES, Column("id", TEXT, primary_key=True))
# The number of rows of a table, by its name.
COUNTS = Table("counts", TABLES, Column("name", TEXT, primary_key=True), Column("count", BigInteger, nullable=False))


def _add_odd(connection: Connection) -> None:
    for table in (CUSTOMERS, SUBSCRIPTIONS, INVOICES, NAMES):
        add_columns(table, "odd")(connection)


def _add_waiting(connection: Connection) -> None:
    for table in (WAITING, COUNTS):
        table.create(connection, checkfirst=True)
    connection.execute(insert(WAITING).from_select(["id"], select(SUBSCRIPTIONS.c.id).where(_IS_WAITING)))


def _add_moments(connection: Connection) -> None:
    MOMENTS.create(connection, checkfirst=True)


_IS_WAITING = and_(
    SUBSCRIPTIONS.c.customer_id.is_not(None),
    SUBSCRIPTIONS.c.customer_id.not_in(select(CUSTOMERS.c.id)),
)
MIGRATIONS: Sequence[Callable[[Connection], None]] = (TABLES.create_all, _add_odd, _add_waiting, _add_moments)
FORM = StoreForm(TABLES, MIGRATIONS, ("customers", "subscriptions", "invoices"))

PERSON_COLUMNS = PersonColumns(
    records=CUSTOMERS,
    named_by=(
        CUSTOMERS.c.id,
        CUSTOMERS.c.match,
        SUBSCRIPTIONS.c.customer_id,
        INVOICES.c.customer_id,
        ENDED.c.id,
        LEFT.c.match,
        MOMENTS.c.customer_id,
    ),
    counted_in=COUNTS,
)
