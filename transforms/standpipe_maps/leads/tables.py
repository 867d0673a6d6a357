"""The tables of map-leads, and the migration of older ones.

A changed table needs another function in ``MIGRATIONS``, as stores of every earlier version stay in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, text

from standpipe_maps.persons import PersonColumns
from standpipe_maps.store import TEXT, StoreForm, add_columns, make_meta_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

TABLES = MetaData()
make_meta_table(TABLES)
COMPANIES = Table(
    "companies",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("company_id", TEXT),
    # The last run in which the company came.
    Column("seen", Integer, nullable=False, server_default=text("0")),
    Column("body", LargeBinary, nullable=False),
    Index("companies_by_company_id", "company_id", "created_at", "id"),
    info={"version": ("updated_at",)},
)
CONTACTS = Table(
    "contacts",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("rank", Integer),
    Column("generation", Integer, nullable=False, index=True),
    # The last run in which the contact came, and the number of complete reads without it since then.
    Column("seen", Integer, nullable=False, server_default=text("0")),
    Column("absences", Integer, nullable=False, server_default=text("0")),
    Column("body", LargeBinary, nullable=False),
    info={"version": ("updated_at",)},
)
LINKS = Table(
    "links",
    TABLES,
    Column("contact_id", TEXT, primary_key=True),
    Column("company_id", TEXT, primary_key=True, index=True),
)
SENT_CUSTOMERS = Table(
    "sent_customers",
    TABLES,
    Column("external_id", TEXT, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
)
SENT_CONTACTS = Table(
    "sent_contacts",
    TABLES,
    Column("external_id", TEXT, primary_key=True),
    Column("contact_id", TEXT, nullable=False, index=True),
    Column("customer_external_id", TEXT),
    Column("digest", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("left_at", BigInteger),
    # The earlier external id under which it was written, if there was one.
    Column("previous", TEXT),
    # 1 if that id follows from the companies. In rows of an older store it may be one that was really written.
    Column("is_previous_derived", Integer, nullable=False, server_default=text("0")),
)
# Companies of users that no complete read has shown yet.
AWAITED = Table("awaited_companies", TABLES, Column("id", TEXT, primary_key=True))


MIGRATIONS: Sequence[Callable[[Connection], None]] = (
    TABLES.create_all,
    lambda connection: AWAITED.create(connection, checkfirst=True),
    add_columns(CONTACTS, "seen", "absences"),
    add_columns(SENT_CONTACTS, "previous"),
    add_columns(SENT_CONTACTS, "is_previous_derived"),
    add_columns(COMPANIES, "seen"),
)
FORM = StoreForm(TABLES, MIGRATIONS, ("companies", "contacts"))

PERSON_COLUMNS = PersonColumns(
    records=CONTACTS,
    named_by=(CONTACTS.c.id, LINKS.c.contact_id, SENT_CONTACTS.c.contact_id),
    sent_as=(SENT_CONTACTS.c.external_id, SENT_CONTACTS.c.previous),
)
